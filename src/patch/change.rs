//! Changes of a document's values, as a tree parallel to its nodes, and the resulting document.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::yaml::{Layout, Node, NodeId, Tree, WrittenEntry};

/// The change of one value of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// It becomes this one.
    Value(Value),
    /// These entries of the map change.
    Map(BTreeMap<String, EntryChange>),
    /// The list has these items.
    List(Vec<ItemChange>),
}

/// The change of an entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum EntryChange {
    /// It is removed.
    Gone,
    /// It is added.
    New(Value),
    /// Its value changes.
    Inside(Change),
}

/// An item of a changed list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ItemChange {
    /// The item at this position of the old list, with its change.
    Old(usize, Option<Change>),
    /// A new item.
    New(Value),
}

impl Change {
    /// The value after the change.
    pub(super) fn applied(&self, old: &Value) -> Value {
        match self {
            Self::Value(new) => new.clone(),
            Self::Map(entries) => {
                let mut map = old.as_object().cloned().unwrap_or_default();
                for (key, entry) in entries {
                    let new = match entry {
                        EntryChange::Gone => {
                            map.remove(key);
                            continue;
                        }
                        EntryChange::New(value) => value.clone(),
                        EntryChange::Inside(change) => {
                            change.applied(map.get(key).unwrap_or(&Value::Null))
                        }
                    };
                    map.insert(key.clone(), new);
                }
                Value::Object(map)
            }
            Self::List(items) => {
                let old = old.as_array().map_or(&[][..], Vec::as_slice);
                let item = |index: &usize| old.get(*index).unwrap_or(&Value::Null);
                items
                    .iter()
                    .map(|change| match change {
                        ItemChange::Old(index, None) => item(index).clone(),
                        ItemChange::Old(index, Some(change)) => change.applied(item(index)),
                        ItemChange::New(value) => value.clone(),
                    })
                    .collect()
            }
        }
    }

    /// Notes what becomes of each value that this changes where it is written, not of what an alias or `<<` leads to.
    pub(super) fn note_results<'t>(
        &self,
        node: Node<'t>,
        (tree, layout): (&'t Tree, &Layout),
        results: &mut HashMap<NodeId, Value>,
    ) {
        if node.is_alias() || node.id() != node.defined().id() {
            return;
        }
        results.insert(node.id(), self.applied(&node.to_json()));
        match self {
            Self::Value(_) => {}
            Self::Map(entries) => {
                let written = layout.entries(tree, node);
                for (key, entry) in entries {
                    let at = entry_of(&written, node, key);
                    if let (EntryChange::Inside(change), Some(at)) = (entry, at) {
                        change.note_results(written[at].value, (tree, layout), results);
                    }
                }
            }
            Self::List(items) => {
                let nodes: Vec<Node<'_>> = node.items().collect();
                for item in items {
                    if let ItemChange::Old(index, Some(change)) = item
                        && let Some(node) = nodes.get(*index)
                    {
                        change.note_results(*node, (tree, layout), results);
                    }
                }
            }
        }
    }
}

/// The entry of a map that a key has its value from; `None` where `<<` gives it.
pub(super) fn entry_of(entries: &[WrittenEntry<'_>], map: Node<'_>, key: &str) -> Option<usize> {
    let value = map.get(key)?.id();
    let has = |entry: &WrittenEntry<'_>| entry.value.id() == value && !entry.is_merge;
    entries.iter().position(has)
}
