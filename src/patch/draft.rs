//! Converts differences to changes of the manifest: the declared values become the live ones, only at the places of the
//! differences.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::change::{Change, EntryChange, ItemChange};
use super::obstacle::Obstacle;
use crate::diff::{Edit, Finding, ManifestStep, PointerToken};
use crate::yaml::{self, Node};

/// How exactly a live value is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exactness {
    /// As people write it: without the server's additions to items, and in the type of the old value.
    Meant,
    /// As it is, in the parts that differ.
    Exact,
    /// As it is, as one value.
    Whole,
}

impl Exactness {
    /// The next one to try.
    pub(super) fn next(self) -> Option<Self> {
        match self {
            Self::Meant => Some(Self::Exact),
            Self::Exact => Some(Self::Whole),
            Self::Whole => None,
        }
    }
}

/// The planned change of a value, to which differences are still added.
#[derive(Debug, Default)]
pub(super) enum Draft {
    #[default]
    Kept,
    Gone,
    Value(Value),
    Map(BTreeMap<String, Draft>),
    List(ListDraft),
}

/// The planned change of a list.
#[derive(Debug, Default)]
pub(super) struct ListDraft {
    /// Declared items, each with the position of its live one.
    old: BTreeMap<usize, (Option<usize>, Draft)>,
    /// New items, by their positions in the live list, each with the declared item that it follows.
    new: BTreeMap<usize, (Option<usize>, Draft)>,
    /// The declared items in their new order.
    order: Option<Vec<usize>>,
}

impl Draft {
    /// Adds a difference: the manifest is to declare what is live there. Fails where it cannot.
    pub(super) fn add(
        &mut self,
        root: Node<'_>,
        finding: &Finding,
        exactness: Exactness,
    ) -> Result<(), Obstacle> {
        let mut node = Some(root);
        let mut draft = self;
        for (depth, step) in finding.in_manifest.iter().enumerate() {
            let Some(inner) = draft.inner(step, finding.at.get(depth)) else {
                // The value around it is copied as a whole.
                return Ok(());
            };
            draft = inner;
            node = node.and_then(|node| match step {
                ManifestStep::Key(key) => node.get(key),
                ManifestStep::Item(index) => node.items().nth(*index),
                ManifestStep::NewItem { .. } => None,
            });
        }
        if let Edit::Permute(order) = &finding.edit {
            let count = node.map_or(0, Node::len);
            return draft.reorder(order, count);
        }
        let new = match (&finding.live, node) {
            (None, None) => return Err(Obstacle::Absent),
            (None, Some(_)) => Self::Gone,
            (Some(live), None) => Self::Value(live.clone()),
            (Some(live), Some(node)) => match &finding.edit {
                Edit::Set(Value::Array(all)) if exactness == Exactness::Meant => {
                    without_absent(node, live, all)
                        .unwrap_or_else(|| merged(node, live, exactness, 0))
                }
                _ => merged(node, live, exactness, 0),
            },
        };
        draft.lay(new);
        Ok(())
    }

    /// Puts a change over what is there already. What lies below it stays where it is more than that.
    fn lay(&mut self, new: Self) {
        match (&mut *self, new) {
            (_, Self::Kept) => {}
            (Self::Map(own), Self::Map(entries)) => {
                for (key, entry) in entries {
                    own.entry(key).or_default().lay(entry);
                }
            }
            (_, new) => *self = new,
        }
    }

    /// What is to become of what is one step further. `None` where that is part of what changes as one value.
    fn inner(&mut self, step: &ManifestStep, live: Option<&PointerToken>) -> Option<&mut Self> {
        if matches!(self, Self::Kept) {
            *self = match step {
                ManifestStep::Key(_) => Self::Map(BTreeMap::new()),
                _ => Self::List(ListDraft::default()),
            };
        }
        match (self, step) {
            (Self::Map(entries), ManifestStep::Key(key)) => {
                Some(entries.entry(key.clone()).or_default())
            }
            (Self::List(list), ManifestStep::Item(index)) => {
                let live = match live {
                    Some(PointerToken::Index(live)) => Some(*live),
                    _ => None,
                };
                let (_, item) = list.old.entry(*index).or_insert((live, Self::Kept));
                Some(item)
            }
            (Self::List(list), ManifestStep::NewItem { live, after }) => {
                let (_, item) = list.new.entry(*live).or_insert((*after, Self::Kept));
                Some(item)
            }
            _ => None,
        }
    }

    /// Puts the declared items in the order of the live ones. `live` lists their live positions, in declared order.
    fn reorder(&mut self, live: &[usize], count: usize) -> Result<(), Obstacle> {
        if live.len() != count {
            return Err(Obstacle::NotAllLive);
        }
        if matches!(self, Self::Kept) {
            *self = Self::List(ListDraft::default());
        }
        if let Self::List(list) = self {
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by_key(|at| live[*at]);
            list.order = Some(order);
        }
        Ok(())
    }

    /// The change that this comes to. `None` where the value stays, an error where it goes as a whole.
    pub(super) fn finish(self, node: Option<Node<'_>>, live: Option<&Value>) -> Finished {
        match (self, node) {
            (Self::Kept, _) => Finished::Kept,
            (Self::Gone, _) => Finished::Gone,
            (Self::Value(value), _) => Finished::Changed(Change::Value(value)),
            (Self::Map(entries), Some(node)) if node.value() == yaml::Value::Map => {
                finish_map(entries, node, live)
            }
            (Self::List(list), Some(node)) if node.value() == yaml::Value::List => {
                list.finish(node, live)
            }
            (draft, _) => match draft.into_new() {
                Some(value) => Finished::Changed(Change::Value(value)),
                None => Finished::Kept,
            },
        }
    }

    /// The value of a place that the manifest does not have.
    fn into_new(self) -> Option<Value> {
        match self {
            Self::Kept | Self::Gone => None,
            Self::Value(value) => Some(value),
            Self::Map(entries) => {
                let entries = entries.into_iter();
                let map: Map<String, Value> = entries
                    .filter_map(|(key, entry)| Some((key, entry.into_new()?)))
                    .collect();
                (!map.is_empty()).then_some(Value::Object(map))
            }
            Self::List(list) => {
                let items = list.new.into_values();
                let items: Vec<Value> = items.filter_map(|(_, item)| item.into_new()).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
        }
    }
}

/// The result of a draft.
#[derive(Debug)]
pub(super) enum Finished {
    Kept,
    Gone,
    Changed(Change),
}

impl Finished {
    /// An emptied collection is removed, unless an empty one is live.
    fn emptied(empty: Value, live: Option<&Value>) -> Self {
        match live {
            None | Some(Value::Null) => Self::Gone,
            Some(_) => Self::Changed(Change::Value(empty)),
        }
    }
}

fn finish_map(entries: BTreeMap<String, Draft>, node: Node<'_>, live: Option<&Value>) -> Finished {
    let mut changes = BTreeMap::new();
    let mut left = node.len();
    for (key, draft) in entries {
        let declared = node.get(&key);
        let inner = live.and_then(|live| live.get(&key));
        let change = match (draft.finish(declared, inner), declared) {
            (Finished::Kept, _) | (Finished::Gone, None) => continue,
            (Finished::Gone, Some(_)) => {
                left -= 1;
                EntryChange::Gone
            }
            (Finished::Changed(change), Some(_)) => EntryChange::Inside(change),
            (Finished::Changed(change), None) => {
                left += 1;
                EntryChange::New(change.applied(&Value::Null))
            }
        };
        changes.insert(key, change);
    }
    match (changes.is_empty(), left) {
        (true, _) => Finished::Kept,
        (false, 0) => Finished::emptied(Value::Object(Map::new()), live),
        (false, _) => Finished::Changed(Change::Map(changes)),
    }
}

impl ListDraft {
    fn finish(mut self, node: Node<'_>, live: Option<&Value>) -> Finished {
        let nodes: Vec<Node<'_>> = node.items().collect();
        let order = self
            .order
            .take()
            .unwrap_or_else(|| (0..nodes.len()).collect());
        let mut items: Vec<ItemChange> = Vec::new();
        let mut new = self.new.into_values().collect::<Vec<_>>();
        let mut put = |behind: Option<usize>, items: &mut Vec<ItemChange>| {
            for (_, draft) in new.extract_if(.., |(after, _)| *after == behind) {
                items.extend(draft.into_new().map(ItemChange::New));
            }
        };
        put(None, &mut items);
        for index in order {
            let (at, draft) = self.old.remove(&index).unwrap_or_default();
            let item = at.and_then(|at| live?.get(at));
            match draft.finish(Some(nodes[index]), item) {
                Finished::Kept => items.push(ItemChange::Old(index, None)),
                Finished::Gone => {}
                Finished::Changed(change) => items.push(ItemChange::Old(index, Some(change))),
            }
            put(Some(index), &mut items);
        }
        if items.is_empty() {
            return Finished::emptied(Value::Array(Vec::new()), live);
        }
        Finished::Changed(Change::List(items))
    }
}

/// A list without the items that are not live, where that is all that differs: `all` are the live items and those.
fn without_absent(node: Node<'_>, live: &Value, all: &[Value]) -> Option<Draft> {
    let absent = all.strip_prefix(&live.as_array()?[..])?;
    let mut list = ListDraft::default();
    for (at, item) in node.items().enumerate() {
        if absent.contains(&item.to_json()) {
            list.old.insert(at, (None, Draft::Gone));
        }
    }
    (!list.old.is_empty()).then_some(Draft::List(list))
}

/// What makes a declared value the live one, in as few parts as `exactness` allows.
fn merged(node: Node<'_>, live: &Value, exactness: Exactness, depth: usize) -> Draft {
    match (node.value(), live) {
        _ if exactness == Exactness::Whole => {}
        (yaml::Value::Map, Value::Object(live)) if !live.is_empty() => {
            return merged_map(node, live, exactness, depth);
        }
        (yaml::Value::List, Value::Array(live)) if !live.is_empty() => {
            return merged_list(node, live, exactness, depth);
        }
        _ => {}
    }
    if node.to_json() == *live {
        return Draft::Kept;
    }
    Draft::Value(meant(node, live, exactness))
}

/// The live value, with the type of the declared one where that means the same: a quantity may be a number.
fn meant(node: Node<'_>, live: &Value, exactness: Exactness) -> Value {
    let is_number = matches!(
        node.value(),
        yaml::Value::Int(_) | yaml::Value::Uint(_) | yaml::Value::Float(_)
    );
    match live {
        Value::String(text) if is_number && exactness == Exactness::Meant => {
            match serde_json::from_str::<Value>(text) {
                Ok(number @ Value::Number(_)) => number,
                _ => live.clone(),
            }
        }
        _ => live.clone(),
    }
}

fn merged_map(
    node: Node<'_>,
    live: &Map<String, Value>,
    exactness: Exactness,
    depth: usize,
) -> Draft {
    let mut entries = BTreeMap::new();
    for entry in node.entries() {
        let draft = match live.get(entry.key) {
            Some(value) => merged(entry.value, value, exactness, depth + 1),
            None if entry.value.is_null() => Draft::Kept,
            None => Draft::Gone,
        };
        if !matches!(draft, Draft::Kept) {
            entries.insert(entry.key.to_owned(), draft);
        }
    }
    if depth == 0 || exactness != Exactness::Meant {
        let new = live.iter().filter(|(key, _)| node.get(key).is_none());
        entries.extend(new.map(|(key, value)| (key.clone(), Draft::Value(value.clone()))));
    }
    if entries.is_empty() {
        Draft::Kept
    } else {
        Draft::Map(entries)
    }
}

/// Items that are the same stay, those between them are paired in order.
fn merged_list(node: Node<'_>, live: &[Value], exactness: Exactness, depth: usize) -> Draft {
    let nodes: Vec<Node<'_>> = node.items().collect();
    let is_same = |i: usize, j: usize| is_alike(nodes[i], &live[j], exactness);
    let mut list = ListDraft::default();
    let (mut i, mut j) = (0, 0);
    let pairs = common(nodes.len(), live.len(), is_same);
    for (next_i, next_j) in pairs.into_iter().chain([(nodes.len(), live.len())]) {
        while i < next_i && j < next_j {
            let draft = merged(nodes[i], &live[j], exactness, depth + 1);
            if !matches!(draft, Draft::Kept) {
                list.old.insert(i, (Some(j), draft));
            }
            (i, j) = (i + 1, j + 1);
        }
        for gone in i..next_i {
            list.old.insert(gone, (None, Draft::Gone));
        }
        for (at, item) in live.iter().enumerate().take(next_j).skip(j) {
            let after = i.checked_sub(1);
            list.new.insert(at, (after, Draft::Value(item.clone())));
        }
        (i, j) = (next_i + 1, next_j + 1);
    }
    if list.old.is_empty() && list.new.is_empty() {
        Draft::Kept
    } else {
        Draft::List(list)
    }
}

/// Whether a declared item equals the live one, except for the server's additions.
fn is_alike(node: Node<'_>, live: &Value, exactness: Exactness) -> bool {
    match (node.value(), live) {
        (yaml::Value::Map, Value::Object(live)) if exactness == Exactness::Meant => {
            !node.is_empty()
                && node.entries().all(|entry| {
                    let value = live.get(entry.key);
                    value.is_some_and(|value| is_alike(entry.value, value, exactness))
                })
        }
        _ => node.to_json() == *live,
    }
}

/// The longest sequence of pairs of equal items, in order on both sides.
fn common(a: usize, b: usize, is_same: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    /// Longer lists are only compared from both ends.
    const MOST: usize = 1000;
    let before = (0..a.min(b)).take_while(|at| is_same(*at, *at)).count();
    let left = a.min(b) - before;
    let behind = (1..=left)
        .take_while(|back| is_same(a - back, b - back))
        .count();
    let (rows, columns) = (a - before - behind, b - before - behind);
    let mut pairs: Vec<(usize, usize)> = (0..before).map(|at| (at, at)).collect();
    if rows <= MOST && columns <= MOST {
        let mut lengths = vec![vec![0_u32; columns + 1]; rows + 1];
        for i in (0..rows).rev() {
            for j in (0..columns).rev() {
                lengths[i][j] = if is_same(before + i, before + j) {
                    lengths[i + 1][j + 1] + 1
                } else {
                    lengths[i + 1][j].max(lengths[i][j + 1])
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < rows && j < columns {
            if is_same(before + i, before + j) {
                pairs.push((before + i, before + j));
                (i, j) = (i + 1, j + 1);
            } else if lengths[i + 1][j] >= lengths[i][j + 1] {
                i += 1;
            } else {
                j += 1;
            }
        }
    }
    pairs.extend((1..=behind).rev().map(|back| (a - back, b - back)));
    pairs
}
