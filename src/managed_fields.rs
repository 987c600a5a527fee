//! `metadata.managedFields`: which client owns which fields of a live object.
//!
//! A client is identified by the name of its field manager, which it chooses itself and which does not identify a
//! person. Each entry has the set of fields that one client owns through one operation and subresource, in the API's
//! `FieldsV1` format.
//!
//! Nothing is compared here. The format is that of <https://github.com/kubernetes-sigs/structured-merge-diff>, `fieldpath`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::yaml::{self, Node, NodeId, Tree};

/// The `metadata.managedFields` of an object.
pub(crate) struct ManagedFields {
    tree: Tree,
    /// The list of entries; `None` if the text is not JSON.
    root: Option<NodeId>,
    /// The items of the lists that have been looked into. A list can have thousands, each of which may have drifted.
    lists: RefCell<HashMap<NodeId, ItemIndex>>,
}

/// The fields that one client owns through one operation and subresource.
#[derive(Clone, Copy)]
pub(crate) struct ManagedFieldsEntry<'s> {
    /// The name of the field manager.
    pub manager: &'s str,
    /// `Apply` or `Update`.
    pub operation: &'s str,
    /// `status` or `scale`, where it wrote through one of them; else empty.
    pub subresource: &'s str,
    /// When its set of fields last changed. Writes through `scale` leave none.
    pub time: Option<&'s str>,
    /// The fields.
    pub fields: FieldSet<'s>,
}

impl ManagedFields {
    /// Parses the JSON text of `metadata.managedFields`. There are no entries if it is invalid.
    #[must_use]
    pub(crate) fn read(text: &str) -> Self {
        let (tree, root) = yaml::read_json(text.to_owned()).unzip();
        Self {
            tree: tree.unwrap_or_default(),
            root,
            lists: RefCell::default(),
        }
    }

    /// The entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = ManagedFieldsEntry<'_>> {
        let list = self.root.map(|root| self.tree.node(root));
        let entries = list.into_iter().flat_map(Node::items);
        entries.map(|entry| {
            let text = |key| entry.get(key).and_then(Node::as_str);
            ManagedFieldsEntry {
                manager: text("manager").unwrap_or_default(),
                operation: text("operation").unwrap_or_default(),
                subresource: text("subresource").unwrap_or_default(),
                time: text("time"),
                fields: FieldSet {
                    of: self,
                    node: entry.get("fieldsV1"),
                },
            }
        })
    }
}

/// The JSON text of an object's `metadata.managedFields`, if present.
#[must_use]
pub(crate) fn within(object: &Value) -> Option<Cow<'static, str>> {
    let entries = object.pointer("/metadata/managedFields")?;
    Some(entries.to_string().into())
}

/// A client that owns a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Writer {
    /// The field manager's name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// `status` or `scale`, where it wrote through one of them; else empty.
    pub subresource: String,
    /// When it last changed any of its fields. Writes through `scale` leave none.
    pub time: Option<String>,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.manager, self.operation)?;
        if !self.subresource.is_empty() {
            write!(f, " through {}", self.subresource)?;
        }
        f.write_str(")")
    }
}

impl From<&ManagedFieldsEntry<'_>> for Writer {
    fn from(entry: &ManagedFieldsEntry<'_>) -> Self {
        Self {
            manager: entry.manager.to_owned(),
            operation: entry.operation.to_owned(),
            subresource: entry.subresource.to_owned(),
            time: entry.time.map(str::to_owned),
        }
    }
}

/// The names of field managers, with `*` for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagerPattern(String);

impl ManagerPattern {
    /// Reads a list of patterns, separated by commas.
    #[must_use]
    pub fn parse_list(text: &str) -> Vec<Self> {
        let names = text.split(',').map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .map(|name| Self(name.to_owned()))
            .collect()
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it matches this manager.
    #[must_use]
    pub fn matches(&self, manager: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return self.0 == manager;
        };
        let Some(mut left) = manager.strip_prefix(first) else {
            return false;
        };
        let mut parts: Vec<&str> = rest.split('*').collect();
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            let Some(at) = left.find(part) else {
                return false;
            };
            left = &left[at + part.len()..];
        }
        left.ends_with(last)
    }

    /// Whether it matches any manager that owns fields of this object.
    #[must_use]
    pub fn finds(&self, managed_fields: &str) -> bool {
        #[derive(Deserialize)]
        struct ManagerName<'a> {
            #[serde(borrow)]
            manager: Cow<'a, str>,
        }
        let named: Vec<ManagerName<'_>> = serde_json::from_str(managed_fields).unwrap_or_default();
        named.iter().any(|entry| self.matches(&entry.manager))
    }
}

/// A set of fields, as a tree: a field without children is in the set as a whole.
#[derive(Clone, Copy)]
pub(crate) struct FieldSet<'s> {
    of: &'s ManagedFields,
    /// The sets below it, by element: `f:` and a name, `k:` and the keys of a list item, `v:` and a value, `i:` and a
    /// position, or `.`. `None` if the entry has no set.
    node: Option<Node<'s>>,
}

impl<'s> FieldSet<'s> {
    /// Whether the set has the whole value here: a scalar, an atomic list or map, or an empty struct.
    #[must_use]
    pub(crate) fn is_whole(self) -> bool {
        self.node.is_none_or(Node::is_empty)
    }

    /// Whether the set has the list item or map itself (`.`), regardless of its fields.
    #[must_use]
    pub(crate) fn has_itself(self) -> bool {
        self.node.is_some_and(|node| node.get(".").is_some())
    }

    /// The part of the set below a field of a struct or a key of a map.
    #[must_use]
    pub(crate) fn key(self, key: &str) -> Option<Self> {
        let below = self.node?.get(&["f:", key].concat())?;
        Some(self.at(below))
    }

    /// The part of the set below a list item, which is identified by the list's keys, by value or by position.
    #[must_use]
    pub(crate) fn item(self, item: &Value, position: usize) -> Option<Self> {
        let list = self.node?;
        let mut lists = self.of.lists.borrow_mut();
        let items = lists.entry(list.id());
        let items = items.or_insert_with(|| ItemIndex::of(list));
        let below = items.find(item, position)?;
        Some(self.at(self.of.tree.node(below)))
    }

    /// The fields of a struct and the keys of a map that have a part of the set.
    pub(crate) fn keys(self) -> impl Iterator<Item = (&'s str, Self)> {
        self.elements()
            .filter_map(|(element, below)| Some((element.strip_prefix("f:")?, below)))
    }

    /// The items of keyed lists that have a part of the set.
    pub(crate) fn keyed_items(self) -> impl Iterator<Item = (ItemKey, Self)> {
        self.elements()
            .filter_map(|(element, below)| Some((item_key(element.strip_prefix("k:")?)?, below)))
    }

    /// What distinguishes this part of an object's sets from all others.
    #[must_use]
    pub(crate) fn id(self) -> Option<NodeId> {
        self.node.map(Node::id)
    }

    fn at(self, node: Node<'s>) -> Self {
        let node = Some(node);
        Self { node, ..self }
    }

    /// The next steps, with the part of the set below each.
    fn elements(self) -> impl Iterator<Item = (&'s str, Self)> {
        let entries = self.node.into_iter().flat_map(Node::entries);
        entries.map(move |entry| (entry.key, self.at(entry.value)))
    }
}
/// What identifies an item of a list: the list's keys, with the text of each.
pub(crate) type ItemKey = BTreeMap<String, String>;

/// The key of an item, by the names of the list's keys. The server leaves out an empty name.
#[must_use]
pub(crate) fn key_of<'n>(item: &Value, names: impl IntoIterator<Item = &'n str>) -> ItemKey {
    let text = |name: &str| item.get(name).map_or_else(String::new, text);
    let keys = names.into_iter().map(|name| (name.to_owned(), text(name)));
    with_protocol(keys.collect())
}

/// Parses the rest of an element `k:` of a set.
#[must_use]
pub(crate) fn item_key(keys: &str) -> Option<ItemKey> {
    let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
    let keys = keys.iter().map(|(key, value)| (key.clone(), text(value)));
    Some(with_protocol(keys.collect()))
}

/// An empty protocol, which a set keeps as it was applied, means the server's default.
fn with_protocol(mut key: ItemKey) -> ItemKey {
    if let Some(protocol) = key.get_mut("protocol").filter(|text| text.is_empty()) {
        "TCP".clone_into(protocol);
    }
    key
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What identifies an item of a list in a set.
#[derive(PartialEq, Eq, Hash)]
enum ItemIdentity {
    Keys(ItemKey),
    /// The JSON text of its value.
    Value(String),
    Position(usize),
}

impl ItemIdentity {
    /// Parses an element of a set.
    fn parse(element: &str) -> Option<Self> {
        let (sort, text) = element.split_once(':')?;
        match sort {
            "k" => item_key(text).map(Self::Keys),
            "v" => {
                let value: Value = serde_json::from_str(text).ok()?;
                Some(Self::Value(value.to_string()))
            }
            "i" => text.parse().ok().map(Self::Position),
            _ => None,
        }
    }
}

/// The items of a list that have a part of a set.
#[derive(Default)]
struct ItemIndex {
    items: HashMap<ItemIdentity, NodeId>,
    /// The names of the list's keys. An entry of another version of the API may have others.
    key_names: BTreeSet<Vec<String>>,
}

impl ItemIndex {
    fn of(list: Node<'_>) -> Self {
        let mut index = Self::default();
        for entry in list.entries() {
            let Some(identity) = ItemIdentity::parse(entry.key) else {
                continue;
            };
            if let ItemIdentity::Keys(key) = &identity
                && !index
                    .key_names
                    .iter()
                    .any(|names| names.iter().eq(key.keys()))
            {
                index.key_names.insert(key.keys().cloned().collect());
            }
            index.items.insert(identity, entry.value.id());
        }
        index
    }

    fn find(&self, item: &Value, position: usize) -> Option<NodeId> {
        let find = |identity| self.items.get(&identity).copied();
        let keyed = self.key_names.iter().find_map(|names| {
            let names = names.iter().map(String::as_str);
            find(ItemIdentity::Keys(key_of(item, names)))
        });
        // Only scalars are identified by value.
        let by_value = || {
            let is_scalar = !item.is_object() && !item.is_array();
            is_scalar.then(|| find(ItemIdentity::Value(item.to_string())))?
        };
        keyed
            .or_else(by_value)
            .or_else(|| find(ItemIdentity::Position(position)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_sort_of_element_finds_its_place() {
        let text = json!([{
            "manager": "m", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": {
                "f:metadata": {
                    "f:labels": {".": {}, "f:app.kubernetes.io/name": {}},
                    "f:finalizers": {"v:\"a.b/c\"": {}},
                },
                "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}},
                "f:imagePullSecrets": {"k:{\"name\":\"\"}": {}},
                "f:list": {"i:1": {}},
                "x:unknown": {"f:a": {}},
            },
        }])
        .to_string();
        let managed = ManagedFields::read(&text);
        let set = managed.entries().next().unwrap().fields;
        let metadata = set.key("metadata").unwrap();
        let labels = metadata.key("labels").unwrap();
        assert!(labels.has_itself() && !labels.is_whole());
        assert!(labels.key("app.kubernetes.io/name").unwrap().is_whole());
        assert!(labels.key("app").is_none());
        let finalizers = metadata.key("finalizers").unwrap();
        assert!(finalizers.item(&json!("a.b/c"), 0).is_some());
        assert!(finalizers.item(&json!("a.b/d"), 0).is_none());
        let ports = set.key("ports").unwrap();
        let (key, port) = ports.keyed_items().next().unwrap();
        assert_eq!(Some(key), item_key(r#"{"protocol":"TCP","port":80}"#));
        assert!(port.key("name").is_some());
        assert!(ports.item(&json!({"port": 80}), 0).is_some());
        let secrets = set.key("imagePullSecrets").unwrap();
        assert!(secrets.item(&json!({}), 0).is_some());
        let udp = json!({"port": 80, "protocol": "UDP"});
        assert!(ports.item(&udp, 0).is_none());
        let empty = item_key(r#"{"port":80,"protocol":""}"#);
        assert_eq!(empty, item_key(r#"{"port":80,"protocol":"TCP"}"#));
        let list = set.key("list").unwrap();
        assert!(list.item(&json!("x"), 1).is_some() && list.item(&json!("x"), 0).is_none());
        assert!(set.key("unknown").is_none());
    }

    #[test]
    fn names_of_managers_have_wildcards() {
        for (pattern, manager, expected) in [
            ("hpa", "hpa", true),
            ("hpa", "hpa2", false),
            ("kubectl*", "kubectl-edit", true),
            ("*-controller", "argocd-controller", true),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("ab*ba", "aba", false),
        ] {
            let patterns = ManagerPattern::parse_list(pattern);
            assert_eq!(
                patterns[0].matches(manager),
                expected,
                "{pattern} {manager}"
            );
        }
        let patterns = ManagerPattern::parse_list(" a, ,b*");
        assert_eq!(
            patterns
                .iter()
                .map(ManagerPattern::text)
                .collect::<Vec<_>>(),
            ["a", "b*"]
        );
        assert!(patterns[1].finds(r#"[{"manager":"x"},{"fieldsV1":{},"manager":"bc"}]"#));
        assert!(!patterns[0].finds(r#"[{"manager":"x"}]"#));
    }

    #[test]
    fn what_cannot_be_read_is_nobodys() {
        for text in ["", "null", "{}", "[{\"fieldsV1\": 1}]", "nonsense"] {
            let managed = ManagedFields::read(text);
            let owns = |entry: ManagedFieldsEntry<'_>| entry.fields.key("spec").is_some();
            assert!(!managed.entries().any(owns), "{text}");
        }
        // An entry of an older form has no set.
        let managed = ManagedFields::read("[{\"manager\": \"m\"}]");
        assert!(managed.entries().next().unwrap().fields.is_whole());
    }
}
