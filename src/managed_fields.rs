//! `metadata.managedFields`: which client owns which fields of a live object.
//!
//! A client is identified by the name of its field manager, which it chooses itself and which does not identify a
//! person. Each entry has the set of fields that one client owns through one operation and subresource, in the API's
//! `FieldsV1` format.
//!
//! Nothing is compared here. The format is that of <https://github.com/kubernetes-sigs/structured-merge-diff>, `fieldpath`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The fields that one client owns through one operation and subresource.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ManagedFieldsEntry<'a> {
    /// The name of the field manager.
    #[serde(borrow)]
    pub manager: Cow<'a, str>,
    /// `Apply` or `Update`.
    #[serde(borrow)]
    pub operation: Cow<'a, str>,
    /// `status` or `scale`, where it wrote through one of them; else empty.
    #[serde(borrow)]
    pub subresource: Cow<'a, str>,
    /// When its set of fields last changed. Writes through `scale` leave none.
    #[serde(borrow)]
    pub time: Option<Cow<'a, str>>,
    /// The fields.
    #[serde(borrow)]
    pub fields_v1: FieldSet<'a>,
}

/// Parses the JSON text of `metadata.managedFields`. Returns no entries if it is invalid.
#[must_use]
pub(crate) fn entries(text: &str) -> Vec<ManagedFieldsEntry<'_>> {
    serde_json::from_str(text).unwrap_or_default()
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
            manager: entry.manager.to_string(),
            operation: entry.operation.to_string(),
            subresource: entry.subresource.to_string(),
            time: entry.time.as_ref().map(ToString::to_string),
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
#[derive(Debug, Default)]
pub(crate) struct FieldSet<'a>(Vec<(Cow<'a, str>, FieldSet<'a>)>);

impl FieldSet<'_> {
    /// Whether the set has the whole value here: a scalar, an atomic list or map, or an empty struct.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the set has the list item or map itself (`.`), regardless of its fields.
    #[must_use]
    pub(crate) fn has_itself(&self) -> bool {
        self.0.iter().any(|(element, _)| element == ".")
    }

    /// The part of the set below a field of a struct or a key of a map.
    #[must_use]
    pub(crate) fn key(&self, key: &str) -> Option<&Self> {
        let is_it = |element: &str| element.strip_prefix("f:") == Some(key);
        self.find(is_it)
    }

    /// The part of the set below a list item, which is identified by the list's keys, by value or by position.
    #[must_use]
    pub(crate) fn item(&self, item: &Value, index: usize) -> Option<&Self> {
        self.find(|element| is_item(element, item, index))
    }

    /// The fields of a struct and the keys of a map that have a part of the set.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.0
            .iter()
            .filter_map(|(element, below)| Some((element.strip_prefix("f:")?, below)))
    }

    /// The item of another list that the set identifies with this one.
    #[must_use]
    pub(crate) fn same_item<'l>(
        &self,
        item: &Value,
        index: usize,
        others: &'l [Value],
    ) -> Option<&'l Value> {
        let set = self.item(item, index)?;
        let is_same = |(index, other): &(usize, &Value)| {
            let other = self.item(other, *index);
            other.is_some_and(|other| std::ptr::eq(other, set))
        };
        let mut others = others.iter().enumerate();
        others.find(is_same).map(|(_, other)| other)
    }

    /// The items of keyed lists that have a part of the set.
    pub(crate) fn keyed_items(&self) -> impl Iterator<Item = (ItemKey, &Self)> {
        self.0
            .iter()
            .filter_map(|(element, below)| Some((item_key(element.strip_prefix("k:")?)?, below)))
    }

    fn find(&self, is_it: impl Fn(&str) -> bool) -> Option<&Self> {
        let mut elements = self.0.iter();
        elements
            .find(|(element, _)| is_it(element))
            .map(|(_, below)| below)
    }
}

/// What identifies an item of a list: the list's keys, with the text of each.
pub(crate) type ItemKey = BTreeMap<String, String>;

/// Parses the rest of an element `k:` of a set. An empty protocol, which the set keeps as it was applied, means the
/// server's default.
#[must_use]
pub(crate) fn item_key(keys: &str) -> Option<ItemKey> {
    let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let mut keys: ItemKey = keys.into_iter().map(|(key, v)| (key, text(v))).collect();
    if let Some(protocol) = keys.get_mut("protocol").filter(|text| text.is_empty()) {
        "TCP".clone_into(protocol);
    }
    Some(keys)
}

/// Whether an element of a set refers to this item of a list.
fn is_item(element: &str, item: &Value, index: usize) -> bool {
    let Some((sort, text)) = element.split_once(':') else {
        return false;
    };
    match sort {
        "k" => has_keys(item, text),
        "v" => serde_json::from_str::<Value>(text).is_ok_and(|value| value == *item),
        "i" => text.parse() == Ok(index),
        _ => false,
    }
}

/// Whether the item has all these keys: the server fills in the protocol, and leaves out an empty name.
fn has_keys(item: &Value, keys: &str) -> bool {
    let Ok(keys) = serde_json::from_str::<Map<String, Value>>(keys) else {
        return false;
    };
    keys.iter().all(|(key, wanted)| match item.get(key) {
        Some(value) => value == wanted,
        None => wanted == "" || key == "protocol" && wanted == "TCP",
    })
}

impl<'de: 'a, 'a> Deserialize<'de> for FieldSet<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldSetVisitor)
    }
}

struct FieldSetVisitor;

/// A key, borrowed from the text where it has no escapes.
#[derive(Deserialize)]
struct Element<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for FieldSetVisitor {
    type Value = FieldSet<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut below = Vec::new();
        while let Some((Element(element), set)) = map.next_entry()? {
            below.push((element, set));
        }
        Ok(FieldSet(below))
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
        let entries = entries(&text);
        let set = &entries[0].fields_v1;
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
            assert!(entries(text).is_empty(), "{text}");
        }
        // An entry of an older form has no set.
        assert!(entries("[{\"manager\": \"m\"}]")[0].fields_v1.is_whole());
    }
}
