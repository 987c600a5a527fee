//! kubectl's record of the last apply, compared without building a tree: as long as Git has not changed since, the
//! record agrees with the manifest and there is nothing to find.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::yaml::{self, Node, NodeId, Tree, Value};

/// Parses the record; an empty one is no record. Returns `None` if kubectl cannot read it either.
pub(super) fn read(record: &str) -> Option<(Tree, NodeId)> {
    let text = if record.is_empty() { "null" } else { record };
    let (tree, root) = yaml::read_json(text.to_owned())?;
    let is_object = matches!(tree.node(root).value(), Value::Map | Value::Null);
    is_object.then_some((tree, root))
}

/// Whether the manifest still declares everything in the record with the same value, so that nothing has been removed
/// from it.
pub(super) fn is_declared(record: &str, declared: Node<'_>) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(record);
    let place = RecordPart::Root;
    let seed = Declared {
        node: Some(declared),
        place,
    };
    seed.deserialize(&mut deserializer).is_ok() && deserializer.end().is_ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RecordPart {
    Root,
    Metadata,
    /// kubectl adds it if the manifest has none. It is part of the object's identity and cannot be removed.
    Namespace,
    Other,
}

/// Reads a value of the record. Fails if it differs from the declared one, or if nothing is declared for a value that
/// is not empty.
struct Declared<'n> {
    node: Option<Node<'n>>,
    place: RecordPart,
}

impl Declared<'_> {
    fn require<E: Error>(&self, same: impl FnOnce(Value<'_>) -> bool) -> Result<(), E> {
        match self.node {
            Some(node) if same(node.value()) => Ok(()),
            None if self.place == RecordPart::Namespace => Ok(()),
            _ => Err(E::custom("it differs")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Declared<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Declared<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what is declared")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.node {
            None => Ok(()),
            Some(_) => self.require(|value| value == Value::Null),
        }
    }

    fn visit_bool<E: Error>(self, own: bool) -> Result<(), E> {
        self.require(|value| value == Value::Bool(own))
    }

    fn visit_i64<E: Error>(self, own: i64) -> Result<(), E> {
        self.require(|value| value == Value::Int(own))
    }

    fn visit_u64<E: Error>(self, own: u64) -> Result<(), E> {
        let own = i64::try_from(own).map_or(Value::Uint(own), Value::Int);
        self.require(|value| value == own)
    }

    fn visit_f64<E: Error>(self, own: f64) -> Result<(), E> {
        self.require(|value| value == Value::Float(own))
    }

    fn visit_str<E: Error>(self, own: &str) -> Result<(), E> {
        self.require(|value| value == Value::String(own))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some(list) = self.node else {
            return match seq.next_element::<IgnoredAny>()? {
                None => Ok(()),
                Some(_) => self.require(|_| false),
            };
        };
        self.require(|value| value == Value::List)?;
        for item in list.items() {
            let seed = Declared {
                node: Some(item),
                place: RecordPart::Other,
            };
            if seq.next_element_seed(seed)?.is_none() {
                return self.require(|_| false);
            }
        }
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => self.require(|_| false),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.node.is_some() {
            self.require(|value| value == Value::Map)?;
        }
        while let Some(inner) = map.next_key_seed(KeySeed(&self))? {
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// Reads a key and finds what is declared there.
struct KeySeed<'s, 'n>(&'s Declared<'n>);

impl<'de, 'n> DeserializeSeed<'de> for KeySeed<'_, 'n> {
    type Value = Declared<'n>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Declared<'n>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for KeySeed<'_, 'n> {
    type Value = Declared<'n>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Declared<'n>, E> {
        let place = match (self.0.place, key) {
            (RecordPart::Root, "metadata") => RecordPart::Metadata,
            (RecordPart::Metadata, "namespace") => RecordPart::Namespace,
            _ => RecordPart::Other,
        };
        let node = self.0.node.and_then(|node| node.get(key));
        Ok(Declared { node, place })
    }
}

#[cfg(test)]
mod tests {
    use super::is_declared;

    #[test]
    fn what_has_left_is_noticed() {
        let manifest = "kind: A\nmetadata: {name: a}\nspec: {i: 1, f: 1.5, t: true, s: x, z: null, list: [a, {b: c, d: e}]}";
        let stream = crate::yaml::read(manifest.as_bytes().to_vec());
        let declared = stream.tree.node(stream.documents[0].root);
        for (record, expected) in [
            ("{}", true),
            (
                r#"{"kind":"A","metadata":{"annotations":{},"name":"a","namespace":"n"}}"#,
                true,
            ),
            (
                r#"{"spec":{"i":1,"f":1.5,"t":true,"s":"x","z":null,"y":null,"e":[],"list":["a",{"b":"c","d":"e"}]}}
            "#,
                true,
            ),
            (r#"{"spec":{"s":"\u0078","list":["a",{"d":"e"}]}}"#, true),
            (r#"{"metadata":{"labels":{"a":"b"}}}"#, false),
            (r#"{"spec":{"namespace":"n"}}"#, false),
            (r#"{"spec":{"i":2}}"#, false),
            (r#"{"spec":{"i":"1"}}"#, false),
            (r#"{"spec":{"z":1}}"#, false),
            (r#"{"spec":{"list":["a"]}}"#, false),
            (r#"{"spec":{"list":["a",{"b":"c"},"f"]}}"#, false),
            (r#"{"spec":{"list":["a",{"b":"other"}]}}"#, false),
            (r#"{"spec":{"list":["a",{"b":"c","x":{"y":0}}]}}"#, false),
            (r#"{"spec":{"list":{"a":"b"}}}"#, false),
            (r#"{"spec":[]}"#, false),
            (r#"{"more":[1]}"#, false),
            ("{} {}", false),
            ("{", false),
            ("kind: A", false),
        ] {
            assert_eq!(is_declared(record, declared), expected, "{record}");
        }
    }
}
