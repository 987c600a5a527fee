//! Decodes one live object, without the parts that are never compared.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::schema::Kind;

/// A live object without its `status` and `metadata.managedFields`. It can be changed and sent back: the server then
/// keeps both.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// The object, with `apiVersion` and `kind`.
    pub value: Value,
    /// Its `metadata.managedFields`, undecoded, because they are needed for few objects.
    managed_fields: Option<Box<RawValue>>,
}

impl Live {
    /// The JSON text of its `metadata.managedFields`.
    #[must_use]
    pub(crate) fn managed_fields(&self) -> Option<&str> {
        self.managed_fields.as_deref().map(RawValue::get)
    }
}

/// How much of an object is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    All,
    /// The metadata only.
    Metadata,
    Nothing,
}

/// Decodes as much of an object of this kind as `keep` returns for its namespace (empty if it has none) and name. Only
/// the metadata is decoded of an object that is not kept as a whole.
///
/// Fails when the text is not JSON, or is an object of another kind.
pub(super) fn decode(
    text: &[u8],
    kind: Kind,
    keep: impl FnOnce(&str, &str) -> Keep,
) -> Result<Option<Live>, serde_json::Error> {
    // Checks UTF-8 once for the whole text instead of for each string.
    let text = std::str::from_utf8(text).map_err(serde::de::Error::custom)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let live = ObjectSeed { kind, keep }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(live)
}

struct ObjectSeed<F> {
    kind: Kind,
    keep: F,
}

impl<'de, F: FnOnce(&str, &str) -> Keep> DeserializeSeed<'de> for ObjectSeed<F> {
    type Value = Option<Live>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnOnce(&str, &str) -> Keep> Visitor<'de> for ObjectSeed<F> {
    type Value = Option<Live>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {}", self.kind)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self { kind, keep } = self;
        let mut keep = Some(keep);
        let mut object = Map::new();
        let mut managed_fields = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "status" => drop(map.next_value::<IgnoredAny>()?),
                "metadata" => {
                    let metadata = map.next_value_seed(MetadataSeed)?;
                    let text = |key| {
                        metadata
                            .object
                            .get(key)
                            .and_then(Value::as_str)
                            .unwrap_or_default()
                    };
                    let keep = keep.take();
                    let kept =
                        keep.map_or(Keep::Nothing, |keep| keep(text("namespace"), text("name")));
                    managed_fields = metadata.managed_fields;
                    object.insert(key, Value::Object(metadata.object));
                    if kept != Keep::All {
                        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                    }
                    if kept == Keep::Nothing {
                        return Ok(None);
                    }
                }
                _ => drop(object.insert(key, map.next_value()?)),
            }
        }
        if object.get("kind").is_some_and(|given| given != kind.name()) {
            return Err(serde::de::Error::custom("it is of another kind"));
        }
        // The items of a list have no `apiVersion` and `kind`.
        object.insert("apiVersion".to_owned(), kind.api_version().into());
        object.insert("kind".to_owned(), kind.name().into());
        Ok(keep.is_none().then_some(Live {
            value: Value::Object(object),
            managed_fields,
        }))
    }
}

struct Metadata {
    object: Map<String, Value>,
    managed_fields: Option<Box<RawValue>>,
}

struct MetadataSeed;

impl<'de> DeserializeSeed<'de> for MetadataSeed {
    type Value = Metadata;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Metadata, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MetadataSeed {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("metadata")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
        let mut metadata = Metadata {
            object: Map::new(),
            managed_fields: None,
        };
        while let Some(key) = map.next_key::<String>()? {
            if key == "managedFields" {
                metadata.managed_fields = map.next_value()?;
            } else {
                metadata.object.insert(key, map.next_value()?);
            }
        }
        Ok(metadata)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ITEM: &str = r#"{"metadata":{"name":"a","namespace":"n","managedFields":[{"manager":"m"}],"labels":{"x":"y"}},
        "data":{"k":"v"},"status":{"huge":[1,2,3]}}"#;

    #[test]
    fn what_is_wanted_comes_without_status_and_with_its_kind() {
        let live = decode(ITEM.as_bytes(), Kind::ConfigMap, |namespace, name| {
            assert_eq!((namespace, name), ("n", "a"));
            Keep::All
        })
        .unwrap()
        .unwrap();
        let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"},
            "metadata": {"name": "a", "namespace": "n", "labels": {"x": "y"}}});
        assert_eq!(live.value, wanted);
        assert_eq!(live.managed_fields(), Some(r#"[{"manager":"m"}]"#));
    }

    #[test]
    fn what_is_foreign_is_passed_over() {
        assert!(
            decode(ITEM.as_bytes(), Kind::ConfigMap, |_, _| Keep::Nothing)
                .unwrap()
                .is_none()
        );
        let live = decode(ITEM.as_bytes(), Kind::ConfigMap, |_, _| Keep::Metadata)
            .unwrap()
            .unwrap();
        let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "n", "labels": {"x": "y"}}});
        assert_eq!(live.value, wanted);
        assert_eq!(live.managed_fields(), Some(r#"[{"manager":"m"}]"#));
    }

    #[test]
    fn what_is_no_such_object_is_refused() {
        for text in [
            "[]",
            "<html>",
            "{",
            r#"{"metadata":{}} x"#,
            r#"{"metadata":[]}"#,
            r#"{"kind":"Service","metadata":{}}"#,
        ] {
            assert!(
                decode(text.as_bytes(), Kind::ConfigMap, |_, _| Keep::All).is_err(),
                "{text}"
            );
        }
        assert!(
            decode(b"{}", Kind::ConfigMap, |_, _| Keep::All)
                .unwrap()
                .is_none()
        );
    }
}
