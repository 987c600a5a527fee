//! The items of keyed lists: which declared item is which live one, and what is said of each.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::walk::{IGNORED, Spot, Step, Walk};
use super::{Class, Edit, Place, Verdict};
use crate::path::Segment;
use crate::schema::MATCHED_IN_ORDER;
use crate::schema::rules::{Rules, Siblings, scalar_text};
use crate::schema::types::{Struct, Type};
use crate::yaml::Node;

/// A list's items as far as telling them apart goes.
pub(super) struct Identities<'a> {
    /// Each item's name; empty where it has none.
    names: Vec<Cow<'a, str>>,
    /// Each item's key, the server's defaults filled in.
    keys: Vec<Vec<Cow<'a, str>>>,
}

impl<'a> Identities<'a> {
    pub(super) fn of_declared(ty: &'a Struct, keys: &[&str], items: &[Node<'a>]) -> Self {
        let siblings = |node: &Node<'a>| Siblings {
            ty,
            declared: Some(*node),
        };
        Self {
            names: items
                .iter()
                .map(|node| node.get("name").map_or(Cow::Borrowed(""), scalar_text))
                .collect(),
            keys: items
                .iter()
                .map(|node| keys.iter().map(|key| siblings(node).text(key)).collect())
                .collect(),
        }
    }

    pub(super) fn of_live(keys: &[&str], items: &'a [Value]) -> Self {
        Self {
            names: items.iter().map(|item| live_text(item, "name")).collect(),
            keys: items
                .iter()
                .map(|item| keys.iter().map(|key| live_text(item, key)).collect())
                .collect(),
        }
    }

    fn len(&self) -> usize {
        self.names.len()
    }

    /// How a path names an item: by its name where no other item has that, else by its key, else by its position.
    fn segment(&self, index: usize, keys: &[&str]) -> Segment {
        let name = &self.names[index];
        if !name.is_empty() && self.names.iter().filter(|n| *n == name).count() == 1 {
            return Segment::Item(vec![("name".to_owned(), name.clone().into_owned())]);
        }
        let key = &self.keys[index];
        let is_whole = key.iter().all(|value| !value.is_empty());
        if is_whole && self.keys.iter().filter(|k| *k == key).count() == 1 {
            let pairs = keys.iter().zip(key);
            return Segment::Item(
                pairs
                    .map(|(k, v)| ((*k).to_owned(), v.clone().into_owned()))
                    .collect(),
            );
        }
        Segment::Index(index)
    }
}

fn live_text<'a>(item: &'a Value, key: &str) -> Cow<'a, str> {
    match item.get(key) {
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(Value::Null) | None => Cow::Borrowed(""),
        Some(other) => Cow::Owned(other.to_string()),
    }
}

/// For each item of the first list its partner in the second. Matched in passes over what is still unmatched: by a
/// name that is unique on both sides; by key, the k-th duplicate with the k-th; and, where `in_order` says so, what is
/// left in order, if both sides have equally many left. So a renamed port is one changed name, never an item missing
/// and one too many. Nothing is matched twice.
pub(super) fn pair(a: &Identities<'_>, b: &Identities<'_>, in_order: bool) -> Vec<Option<usize>> {
    let mut pairs = Pairs {
        partner: vec![None; a.len()],
        taken: vec![false; b.len()],
    };
    each_alike(&a.names, &b.names, pairs.left(), |i, j| {
        if let ([i], [j]) = (i, j)
            && !a.names[*i].is_empty()
        {
            pairs.join(*i, *j);
        }
    });
    each_alike(&a.keys, &b.keys, pairs.left(), |i, j| {
        for (i, j) in i.iter().zip(j) {
            pairs.join(*i, *j);
        }
    });
    let (left_a, left_b) = pairs.left();
    if in_order && left_a.len() == left_b.len() {
        for (i, j) in left_a.into_iter().zip(left_b) {
            pairs.join(i, j);
        }
    }
    pairs.partner
}

/// Who has a partner.
struct Pairs {
    /// Of each item of the first list.
    partner: Vec<Option<usize>>,
    /// Each item of the second.
    taken: Vec<bool>,
}

impl Pairs {
    fn join(&mut self, i: usize, j: usize) {
        self.partner[i] = Some(j);
        self.taken[j] = true;
    }

    /// The positions in either list of what has no partner yet.
    fn left(&self) -> (Vec<usize>, Vec<usize>) {
        let in_a = (0..self.partner.len()).filter(|i| self.partner[*i].is_none());
        let in_b = (0..self.taken.len()).filter(|j| !self.taken[*j]);
        (in_a.collect(), in_b.collect())
    }
}

/// Tells for each value that is found on both sides at which of the given positions it stands.
fn each_alike<K: Ord>(
    a: &[K],
    b: &[K],
    (mut at_a, mut at_b): (Vec<usize>, Vec<usize>),
    mut tell: impl FnMut(&[usize], &[usize]),
) {
    at_a.sort_by_key(|i| &a[*i]);
    at_b.sort_by_key(|j| &b[*j]);
    let (mut left_a, mut left_b) = (&at_a[..], &at_b[..]);
    while let ([i, ..], [j, ..]) = (left_a, left_b) {
        match a[*i].cmp(&b[*j]) {
            Ordering::Less => left_a = &left_a[1..],
            Ordering::Greater => left_b = &left_b[1..],
            Ordering::Equal => {
                let same_a = left_a.partition_point(|k| a[*k] == a[*i]);
                let same_b = left_b.partition_point(|k| b[*k] == a[*i]);
                tell(&left_a[..same_a], &left_b[..same_b]);
                (left_a, left_b) = (&left_a[same_a..], &left_b[same_b..]);
            }
        }
    }
}

impl<'a> Walk<'_, 'a> {
    /// The items of a keyed list.
    pub(super) fn items(
        &mut self,
        item: &'static Type,
        keys: &[&'static str],
        rules: &'static Rules,
        spot: &Spot<'a>,
    ) {
        let Type::Struct(ty) = item else { return };
        let ty_ref = *ty;
        let ty: &'static Struct = ty_ref.get();
        let declared: Vec<Node<'a>> = spot.declared.into_iter().flat_map(Node::items).collect();
        let last: Vec<Node<'a>> = spot.last.into_iter().flat_map(Node::items).collect();
        let live = spot.live_items();
        let of_declared = Identities::of_declared(ty, keys, &declared);
        let of_live = Identities::of_live(keys, live);
        let in_order = MATCHED_IN_ORDER.contains(&ty.name);
        let partner = pair(&of_declared, &of_live, in_order);
        let mut last_of_live = vec![None; live.len()];
        let of_last = Identities::of_declared(ty, keys, &last);
        for (k, j) in pair(&of_last, &of_live, in_order).into_iter().enumerate() {
            if let Some(j) = j {
                last_of_live[j] = Some(last[k]);
            }
        }
        for (i, node) in declared.iter().enumerate() {
            let live_at = partner[i];
            let inner = Spot {
                declared: Some(*node),
                live: live_at.map(|j| &live[j]),
                last: live_at.and_then(|j| last_of_live[j]),
                ignore: spot.ignore.item(
                    |at| at == i,
                    |key, text| {
                        of_item(ty, *node, key) == text
                            || live_at.is_some_and(|j| live_text(&live[j], key) == text)
                    },
                ),
            };
            self.steps.push(Step::Item {
                segment: of_declared.segment(i, keys),
                declared: Some(i),
                live: live_at,
            });
            if inner.ignore.here() {
                self.not_drift(IGNORED);
            } else if live_at.is_some() {
                self.structure(ty_ref, &inner);
            } else {
                self.missing_item(i, &partner, &inner);
            }
            self.steps.pop();
        }
        for (j, item) in live
            .iter()
            .enumerate()
            .filter(|(j, _)| !partner.contains(&Some(*j)))
        {
            let ignore = spot
                .ignore
                .item(|at| at == j, |key, text| live_text(item, key) == text);
            let inner = Spot {
                declared: None,
                live: Some(item),
                last: last_of_live[j],
                ignore,
            };
            self.steps.push(Step::Item {
                segment: of_live.segment(j, keys),
                declared: None,
                live: Some(j),
            });
            if inner.ignore.here() {
                self.not_drift(IGNORED);
            } else if inner.last.is_some() {
                self.taken_out(Class::Removed, &inner);
            } else {
                self.extra(&inner);
            }
            self.steps.pop();
        }
        self.order(&of_declared.names, &declared, &partner, rules, spot);
    }

    /// An item that is not live goes where the manifest has it: behind the item that it stands behind there.
    fn missing_item(&mut self, index: usize, partner: &[Option<usize>], spot: &Spot<'a>) {
        let before = partner[..index].iter().rev().find_map(|j| *j);
        let after = partner[index + 1..].iter().find_map(|j| *j);
        let place = match (before, after) {
            (Some(j), _) => Place::After(j),
            (None, Some(j)) => Place::Before(j),
            (None, None) => Place::End,
        };
        let item = spot.declared.map(Node::to_json).unwrap_or_default();
        let edit = Edit::Insert {
            item: item.clone(),
            place,
        };
        let mut finding = self.finding(Class::Missing, spot, Some(item), edit);
        finding.at.pop();
        self.say(Verdict::Drift(finding));
    }
}

/// The text of an item's field, declared or by default.
fn of_item<'a>(ty: &'a Struct, node: Node<'a>, key: &str) -> Cow<'a, str> {
    Siblings {
        ty,
        declared: Some(node),
    }
    .text(key)
}
