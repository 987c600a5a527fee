//! Matches the items of the two sides of a keyed list.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use serde_json::Value;

use crate::schema::{Siblings, Struct, scalar_text};
use crate::yaml::Node;

/// What identifies the items of a list.
pub(super) struct Identities<'a> {
    /// Each item's name; empty if it has none.
    pub(super) names: Vec<Cow<'a, str>>,
    /// Each item's key, with the server's defaults filled in.
    pub(super) keys: Vec<Vec<Cow<'a, str>>>,
}

impl<'a> Identities<'a> {
    pub(super) fn of_declared(ty: &'a Struct, keys: &[&str], items: &[Node<'a>]) -> Self {
        let siblings = |node: &Node<'a>| Siblings {
            ty,
            declared: Some(*node),
            kept: None,
        };
        let name = |node: &Node<'a>| node.get("name").map_or(Cow::Borrowed(""), scalar_text);
        let key = |node| keys.iter().map(|key| siblings(node).text(key)).collect();
        Self {
            names: items.iter().map(name).collect(),
            keys: items.iter().map(key).collect(),
        }
    }

    pub(super) fn of_live(keys: &[&str], items: &'a [Value]) -> Self {
        let key = |item: &'a Value| keys.iter().map(|key| live_text(item, key)).collect();
        Self {
            names: items.iter().map(|item| live_text(item, "name")).collect(),
            keys: items.iter().map(key).collect(),
        }
    }

    fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether each item has a unique name.
    fn are_named(&self) -> bool {
        !self.names.iter().any(|name| name.is_empty()) && are_different(&self.names)
    }
}

/// Up to this length a list is searched faster than it is hashed. Nearly all lists are shorter.
const SHORT_LIST: usize = 16;

/// Whether no value is there twice.
fn are_different<K: Eq + Hash>(values: &[K]) -> bool {
    if values.len() <= SHORT_LIST {
        let mut each = values.iter().enumerate();
        return each.all(|(i, value)| !values[..i].contains(value));
    }
    let mut seen = HashSet::new();
    values.iter().all(|value| seen.insert(value))
}

/// The text of an item's field, declared or filled in by default.
pub(super) fn of_item<'a>(ty: &'a Struct, node: Node<'a>, key: &str) -> Cow<'a, str> {
    Siblings {
        ty,
        declared: Some(node),
        kept: None,
    }
    .text(key)
}

pub(super) fn live_text<'a>(item: &'a Value, key: &str) -> Cow<'a, str> {
    match item.get(key) {
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(Value::Null) | None => Cow::Borrowed(""),
        Some(other) => Cow::Owned(other.to_string()),
    }
}

/// The matching items of two lists, by position.
pub(super) struct Matching {
    /// For each item of the first list, its match in the second.
    pub(super) of_first: Vec<Option<usize>>,
    /// For each item of the second list, its match in the first.
    pub(super) of_second: Vec<Option<usize>>,
}

impl Matching {
    /// Matches the items of two lists in passes over those still unmatched: by a name that is unique on both sides,
    /// unless the key that the first list gives the item is that of another, unmatched item of the second; by key, the
    /// k-th duplicate with the k-th, or, with `from_end`, the k-th last with the k-th last; and with `in_order` the rest
    /// by position, if both sides have equally many left. So a renamed port is one changed name, not a missing item and
    /// an extra one. No item is matched twice.
    pub(super) fn of(
        a: &Identities<'_>,
        b: &Identities<'_>,
        from_end: bool,
        in_order: bool,
    ) -> Self {
        if a.names == b.names && a.are_named() {
            return Self::in_place(a.len());
        }
        let mut pairs = Self {
            of_first: vec![None; a.len()],
            of_second: vec![None; b.len()],
        };
        each_alike(&a.names, &b.names, pairs.left(), |i, j| {
            if let ([i], [j]) = (i, j)
                && !a.names[*i].is_empty()
            {
                pairs.join(*i, *j);
            }
        });
        pairs.leave_taken_keys(a, b);
        each_alike(&a.keys, &b.keys, pairs.left(), |i, j| {
            let count = i.len().min(j.len());
            let (i, j) = if from_end {
                (&i[i.len() - count..], &j[j.len() - count..])
            } else {
                (i, j)
            };
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
        pairs
    }

    /// Matches each item with the one at the same position.
    fn in_place(count: usize) -> Self {
        let positions: Vec<Option<usize>> = (0..count).map(Some).collect();
        Self {
            of_first: positions.clone(),
            of_second: positions,
        }
    }

    /// Undoes matches by name where an unmatched item of the second list has the key of the item of the first. Both items
    /// would have that key after a repair, which the server refuses, as for a device path that another device has taken.
    fn leave_taken_keys(&mut self, a: &Identities<'_>, b: &Identities<'_>) {
        let others = self.of_first.iter().enumerate();
        let mut moved: HashMap<&[Cow<'_, str>], usize> = others
            .filter(|(i, j)| j.is_some_and(|j| a.keys[*i] != b.keys[j]))
            .map(|(i, _)| (&a.keys[i][..], i))
            .collect();
        if moved.is_empty() {
            return;
        }
        let (_, mut unmatched) = self.left();
        while let Some(taker) = unmatched.pop() {
            let Some(i) = moved.remove(&b.keys[taker][..]) else {
                continue;
            };
            if let Some(j) = self.of_first[i].take() {
                self.of_second[j] = None;
                unmatched.push(j);
            }
        }
    }

    fn join(&mut self, i: usize, j: usize) {
        self.of_first[i] = Some(j);
        self.of_second[j] = Some(i);
    }

    /// The positions of the unmatched items in either list.
    fn left(&self) -> (Vec<usize>, Vec<usize>) {
        let left = |side: &[Option<usize>]| {
            let positions = side.iter().enumerate().filter(|(_, other)| other.is_none());
            positions.map(|(at, _)| at).collect()
        };
        (left(&self.of_first), left(&self.of_second))
    }
}

/// Calls `each` for each value that both sides have, with its positions among the given ones.
fn each_alike<K: Ord>(
    a: &[K],
    b: &[K],
    (mut at_a, mut at_b): (Vec<usize>, Vec<usize>),
    mut each: impl FnMut(&[usize], &[usize]),
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
                each(&left_a[..same_a], &left_b[..same_b]);
                (left_a, left_b) = (&left_a[same_a..], &left_b[same_b..]);
            }
        }
    }
}
