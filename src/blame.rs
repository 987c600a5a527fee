//! Who wrote a field last: what `metadata.managedFields` tells of a place in a live object.
//!
//! It names a client (a field manager), not a person, and the time is that of the client's last change to any of its
//! fields. Nobody owns a field that is absent, and what the server allocates belongs to nobody.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::diff::Token;

/// A client that wrote a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The field manager's name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// `status` or `scale`, where it wrote through one of them; else empty.
    pub subresource: String,
    /// When it last changed any of its fields. Writes through `scale` leave none.
    pub time: Option<String>,
}

impl std::fmt::Display for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}", self.manager, self.operation)?;
        if !self.subresource.is_empty() {
            write!(f, " of {}", self.subresource)?;
        }
        f.write_str(")")
    }
}

/// An entry of `managedFields`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Entry {
    manager: String,
    operation: String,
    subresource: String,
    time: Option<String>,
    fields_v1: Map<String, Value>,
}

/// The last writer of a place in a live object, if that is recorded. `managed_fields` is the JSON text of
/// `metadata.managedFields`. Where several own it, or parts of it, the one that wrote last.
#[must_use]
pub fn last_writer(managed_fields: &str, live: &Value, at: &[Token]) -> Option<Writer> {
    let entries: Vec<Entry> = serde_json::from_str(managed_fields).ok()?;
    let owners = entries.into_iter().filter_map(|entry| {
        let hold = hold(&entry.fields_v1, live, at)?;
        Some((hold, entry))
    });
    let (_, entry) = owners.max_by(|(a, x), (b, y)| {
        // An Update takes a field from the others; an Apply may share it.
        let rank =
            |hold: &Hold, entry: &Entry| (*hold, entry.time.clone(), entry.operation == "Update");
        rank(a, x).cmp(&rank(b, y))
    })?;
    Some(Writer {
        manager: entry.manager,
        operation: entry.operation,
        subresource: entry.subresource,
        time: entry.time,
    })
}

/// How much an entry has to do with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    /// It owns something around it as one value.
    Around,
    /// It owns the place or something in it.
    Here,
}

/// Follows a place through the set of an entry's fields.
fn hold(fields: &Map<String, Value>, live: &Value, at: &[Token]) -> Option<Hold> {
    let Some((token, rest)) = at.split_first() else {
        return Some(Hold::Here);
    };
    if fields.is_empty() {
        return Some(Hold::Around);
    }
    let (below, live) = match token {
        Token::Key(key) => (
            fields.get(&format!("f:{key}"))?,
            live.get(key).unwrap_or(&Value::Null),
        ),
        Token::Index(index) => {
            let item = live.get(index)?;
            (item_of(fields, item, *index)?, item)
        }
    };
    hold(below.as_object()?, live, rest)
}

/// What an entry owns of an item of a list: by key, by value, or by position.
fn item_of<'f>(fields: &'f Map<String, Value>, item: &Value, index: usize) -> Option<&'f Value> {
    fields.iter().find_map(|(element, below)| {
        let (sort, text) = element.split_once(':')?;
        let is_it = match sort {
            "k" => is_keyed(item, text),
            "v" => serde_json::from_str::<Value>(text).ok()? == *item,
            "i" => text.parse() == Ok(index),
            _ => false,
        };
        is_it.then_some(below)
    })
}

/// Whether the item has all these keys, with the protocol that the server fills in.
fn is_keyed(item: &Value, keys: &str) -> bool {
    let Ok(keys) = serde_json::from_str::<Map<String, Value>>(keys) else {
        return false;
    };
    keys.iter().all(|(key, wanted)| match item.get(key) {
        Some(value) => value == wanted,
        None => key == "protocol" && wanted == "TCP",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(path: &str) -> Vec<Token> {
        path.split(' ')
            .map(|token| {
                token
                    .parse()
                    .map_or_else(|_| Token::Key(token.to_owned()), Token::Index)
            })
            .collect()
    }

    fn entry(manager: &str, operation: &str, time: Option<&str>, fields: &Value) -> Value {
        let mut entry = json!({
            "manager": manager, "operation": operation, "apiVersion": "apps/v1",
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        if let Some(time) = time {
            entry["time"] = time.into();
        }
        entry
    }

    #[test]
    fn the_last_writer_of_each_place() {
        let live = json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "web"}, "finalizers": ["a.b/c"]},
            "spec": {"replicas": 3, "template": {"spec": {"tolerations": [{"key": "x"}], "containers": [
                {"name": "web", "image": "a", "ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": "1"}}},
                {"name": "proxy", "image": "b"},
            ]}}},
        });
        let managed = json!([
            entry("kubectl-client-side-apply", "Update", Some("2026-01-01T00:00:00Z"), &json!({
                "f:metadata": {"f:labels": {".": {}, "f:app.kubernetes.io/name": {}}, "f:finalizers": {".": {}, "v:\"a.b/c\"": {}}},
                "f:spec": {"f:template": {"f:spec": {"f:tolerations": {}, "f:containers": {
                    "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:resources": {},
                        "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}},
                }}}},
            })),
            entry("kubectl-set", "Update", Some("2026-01-02T00:00:00Z"), &json!({
                "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                    "f:image": {}, "f:resources": {"f:limits": {"f:cpu": {}}}}}}}},
            })),
            entry("injector", "Apply", Some("2026-01-03T00:00:00Z"), &json!({
                "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"proxy\"}": {".": {}, "f:image": {}}}}}},
            })),
            entry("hpa", "Update", None, &json!({"f:spec": {"f:replicas": {}}})),
        ])
        .to_string();
        let containers = "spec template spec containers";
        for (path, expected) in [
            ("spec replicas", Some("hpa")),
            (
                "metadata labels app.kubernetes.io/name",
                Some("kubectl-client-side-apply"),
            ),
            ("metadata labels other", None),
            ("metadata finalizers 0", Some("kubectl-client-side-apply")),
            (&format!("{containers} 0 image"), Some("kubectl-set")),
            (
                &format!("{containers} 0 ports 0 containerPort"),
                Some("kubectl-client-side-apply"),
            ),
            (
                &format!("{containers} 0 resources limits cpu"),
                Some("kubectl-set"),
            ),
            (&format!("{containers} 1"), Some("injector")),
            (&format!("{containers} 1 image"), Some("injector")),
            (&format!("{containers} 7 image"), None),
            (
                "spec template spec tolerations 0 key",
                Some("kubectl-client-side-apply"),
            ),
            (containers, Some("injector")),
            ("spec paused", None),
        ] {
            let writer = last_writer(&managed, &live, &at(path));
            assert_eq!(
                writer.map(|writer| writer.manager).as_deref(),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn a_writer_through_a_subresource_is_told_as_such() {
        let managed = json!([{
            "manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }])
        .to_string();
        let live = json!({"spec": {"replicas": 3}});
        let writer = last_writer(&managed, &live, &at("spec replicas")).unwrap();
        assert_eq!(writer.to_string(), "kubectl (Update of scale)");
        assert_eq!(last_writer("nonsense", &live, &at("spec replicas")), None);
    }
}
