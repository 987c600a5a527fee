//! The server-side apply that made an object, as its `managedFields` record it: the fields that the next apply of the
//! manifest will remove, because the manifest no longer declares them and no other manager owns them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::managed_fields::{FieldSet, ItemKey, ManagedFields, item_key, key_of};
use crate::schema::{ListKind, Rules, Siblings, Struct, StructRef, Type};
use crate::yaml::Node;

/// An entry that owns the annotation of client-side apply does not represent a manifest: kubectl keeps the annotation
/// under a separate manager, or has migrated everything that client-side apply owned to the next applier, even if that
/// one applied only a part.
const OF_CLIENT_SIDE_APPLY: &str = "\"f:kubectl.kubernetes.io/last-applied-configuration\"";

/// What only the manager of the manifest owns below one place.
#[derive(Default)]
pub(crate) struct Applied {
    /// The whole place: a field in which no other manager owns anything, or a list item that no other manager owns as
    /// an item, even if others own some of its fields.
    is_whole: bool,
    fields: HashMap<String, Applied>,
    items: HashMap<ItemKey, Applied>,
}

impl Applied {
    /// Finds the manager that applied the manifest: the one that owns most of what it declares. Returns `None` if there
    /// is no such manager, if two own equally much, or if it owns nothing beyond what is declared.
    pub(super) fn of(managed_fields: &str, ty: StructRef, declared: Node<'_>) -> Option<Self> {
        memchr::memmem::find(managed_fields.as_bytes(), b"\"Apply\"")?;
        let at = manager_of(managed_fields, ty.get(), declared)?;
        let managed = ManagedFields::read(managed_fields);
        let mut sets: Vec<FieldSet<'_>> = managed.entries().map(|entry| entry.fields).collect();
        if at >= sets.len() {
            return None;
        }
        let own = sets.swap_remove(at);
        Self::beside(own, &sets, false)
    }

    fn beside(own: FieldSet<'_>, others: &[FieldSet<'_>], is_item: bool) -> Option<Self> {
        let has_itself = |set: FieldSet<'_>| set.is_whole() || set.has_itself();
        let is_whole = if is_item {
            has_itself(own) && !others.iter().any(|set| has_itself(*set))
        } else {
            others.is_empty()
        };
        let of_fields = gathered(others.iter().flat_map(|set| set.keys()));
        let of_items = gathered(others.iter().flat_map(|set| set.keyed_items()));
        let beside = |set, others: Option<&Vec<_>>, is_item| {
            Self::beside(set, others.map_or(&[], Vec::as_slice), is_item)
        };
        let applied = Self {
            is_whole,
            fields: own
                .keys()
                .filter_map(|(name, set)| {
                    let applied = beside(set, of_fields.get(name), false)?;
                    Some((name.to_owned(), applied))
                })
                .collect(),
            items: own
                .keyed_items()
                .filter_map(|(key, set)| {
                    let applied = beside(set, of_items.get(&key), true)?;
                    Some((key, applied))
                })
                .collect(),
        };
        let is_something = is_whole || !applied.fields.is_empty() || !applied.items.is_empty();
        is_something.then_some(applied)
    }

    /// The same for a field of a struct or a key of a map.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.fields.get(name)
    }

    /// The same for a live item of a list.
    pub(super) fn item(&self, keys: &[&str], item: &Value) -> Option<&Self> {
        self.items.get(&key_of(item, keys.iter().copied()))
    }

    /// Whether the next apply removes all of it.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether the next apply leaves nothing in this struct. The server then removes the struct too, whoever owns it.
    pub(super) fn empties(&self, live: &Value) -> bool {
        let takes = |(name, value): (&String, &Value)| {
            self.field(name).is_some_and(|below| below.empties(value))
        };
        let is_emptied =
            |fields: &Map<String, Value>| !fields.is_empty() && fields.iter().all(takes);
        self.is_whole || live.as_object().is_some_and(is_emptied)
    }
}

/// Groups what several sets have at one place.
fn gathered<K: Eq + Hash, V>(parts: impl Iterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut gathered: HashMap<K, Vec<V>> = HashMap::new();
    for (key, part) in parts {
        gathered.entry(key).or_default().push(part);
    }
    gathered
}

/// The index of the entry of the manager that applied the manifest, if that manager owns something that is not
/// declared. If an Update owns more of what is declared, the object was not made by server-side apply: the managers that
/// apply parts of it are other clients.
fn manager_of(managed_fields: &str, ty: &'static Struct, declared: Node<'_>) -> Option<usize> {
    let entries: Vec<UnreadEntry<'_>> = serde_json::from_str(managed_fields).ok()?;
    let claims: Vec<(usize, OwnedFields)> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.is_candidate())
        .filter_map(|(at, entry)| Some((at, OwnedFields::of(entry, ty, declared)?)))
        .collect();
    let most = claims.iter().map(|(_, owned)| owned.declared).max()?;
    let mut best = claims.iter().filter(|(_, owned)| owned.declared == most);
    match (best.next(), best.next(), most) {
        (Some((at, owned)), None, 1..) if owned.has_more => {
            let mut updates = entries.iter().filter(|entry| entry.is_update());
            let owns_more = |entry| {
                OwnedFields::of(entry, ty, declared).is_some_and(|owned| owned.declared > most)
            };
            (!updates.any(owns_more)).then_some(*at)
        }
        _ => None,
    }
}

/// An entry whose set of fields has been scanned but not parsed, which is enough for nearly all objects.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UnreadEntry<'a> {
    #[serde(borrow)]
    operation: Cow<'a, str>,
    #[serde(borrow)]
    subresource: Cow<'a, str>,
    #[serde(borrow)]
    fields_v1: Option<&'a RawValue>,
}

impl UnreadEntry<'_> {
    fn is_update(&self) -> bool {
        self.operation == "Update" && self.subresource.is_empty()
    }

    fn is_candidate(&self) -> bool {
        self.operation == "Apply"
            && self.subresource.is_empty()
            && !self
                .fields_v1
                .is_some_and(|set| set.get().contains(OF_CLIENT_SIDE_APPLY))
    }
}

/// How many of an entry's fields are declared.
#[derive(Default)]
struct OwnedFields {
    declared: usize,
    /// Whether it owns something that is not declared and can be removed.
    has_more: bool,
}

impl OwnedFields {
    fn of(entry: &UnreadEntry<'_>, ty: &'static Struct, declared: Node<'_>) -> Option<Self> {
        let mut owned = Self::default();
        let place = DeclaredPlace {
            node: Some(declared),
            inside: Inside::Struct(ty),
            stays: false,
            is_item: false,
        };
        let mut deserializer = serde_json::Deserializer::from_str(entry.fields_v1?.get());
        let count = OwnedFieldsSeed {
            owned: &mut owned,
            place,
        };
        count.deserialize(&mut deserializer).ok()?;
        Some(owned)
    }

    fn count(&mut self, place: &DeclaredPlace<'_>) {
        if place.node.is_some() {
            self.declared += 1;
        } else {
            self.has_more |= !place.stays;
        }
    }
}

/// The place in the manifest that corresponds to an element of an entry's set of fields.
#[derive(Clone, Copy)]
struct DeclaredPlace<'n> {
    /// What is declared there.
    node: Option<Node<'n>>,
    inside: Inside,
    /// It stays in the object although the manifest does not declare it.
    stays: bool,
    is_item: bool,
}

#[derive(Clone, Copy)]
enum Inside {
    Struct(&'static Struct),
    Map(&'static Rules),
    List(&'static Struct, &'static [&'static str]),
    Nothing,
}

impl<'n> DeclaredPlace<'n> {
    fn field(&self, name: &str) -> Option<Self> {
        let node = self.node.and_then(|node| node.get(name));
        let (inside, stays) = match self.inside {
            Inside::Struct(ty) => {
                let field = ty.field(name)?;
                let rules = &field.rules;
                let stays = rules
                    .owned
                    .or(rules.foreign)
                    .or(rules.allocated)
                    .or(rules.kept);
                (Inside::of(&field.ty, rules), stays.is_some())
            }
            Inside::Map(rules) => {
                let is_others = rules.keys.iter().any(|row| row.applies_to(name, None));
                (Inside::Nothing, is_others)
            }
            Inside::List(..) | Inside::Nothing => return None,
        };
        Some(Self {
            node,
            inside,
            stays: self.stays || stays,
            is_item: false,
        })
    }

    fn item(&self, key: &str, items: &mut Option<DeclaredItems<'n>>) -> Option<Self> {
        let Inside::List(ty, keys) = self.inside else {
            return None;
        };
        let items = items.get_or_insert_with(|| DeclaredItems::of(ty, keys, self.node));
        Some(Self {
            node: items.find(&item_key(key)?),
            inside: Inside::Struct(ty),
            stays: self.stays,
            is_item: true,
        })
    }
}

impl Inside {
    fn of(ty: &'static Type, rules: &'static Rules) -> Self {
        match ty {
            Type::Struct(ty) => Self::Struct(ty.get()),
            Type::Map { .. } => Self::Map(rules),
            Type::List {
                item,
                kind: ListKind::Keyed(keys),
            } => match &**item {
                Type::Struct(ty) => Self::List(ty.get(), keys),
                _ => Self::Nothing,
            },
            Type::List { .. } | Type::Scalar(_) | Type::Any => Self::Nothing,
        }
    }
}

/// The declared items of a list, by key.
struct DeclaredItems<'n>(Vec<(ItemKey, Node<'n>)>);

impl<'n> DeclaredItems<'n> {
    fn of(ty: &'static Struct, keys: &[&'static str], list: Option<Node<'n>>) -> Self {
        let key = |item| {
            let siblings = Siblings {
                ty,
                declared: Some(item),
                kept: None,
            };
            let text = |key: &str| siblings.text(key).into_owned();
            keys.iter()
                .map(|key| ((*key).to_owned(), text(key)))
                .collect()
        };
        let nodes = list.into_iter().flat_map(Node::items);
        let mut items: Vec<(ItemKey, _)> = nodes.map(|item| (key(item), item)).collect();
        items.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self(items)
    }

    fn find(&self, key: &ItemKey) -> Option<Node<'n>> {
        let at = self.0.binary_search_by(|(own, _)| own.cmp(key)).ok()?;
        Some(self.0[at].1)
    }
}

/// Reads the fields owned below a place.
struct OwnedFieldsSeed<'c, 'n> {
    owned: &'c mut OwnedFields,
    place: DeclaredPlace<'n>,
}

impl<'de> DeserializeSeed<'de> for OwnedFieldsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OwnedFieldsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { owned, place } = self;
        let mut items = None;
        let mut is_value = true;
        while let Some(step) = map.next_key_seed(ElementSeed(&place, &mut items))? {
            is_value = false;
            match step {
                ElementTarget::Into(place) => {
                    map.next_value_seed(OwnedFieldsSeed { owned, place })?;
                }
                ElementTarget::Itself => {
                    map.next_value::<IgnoredAny>()?;
                    owned.has_more |= place.is_item && place.node.is_none() && !place.stays;
                }
                ElementTarget::Unknown => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if is_value {
            owned.count(&place);
        }
        Ok(())
    }
}

enum ElementTarget<'n> {
    Into(DeclaredPlace<'n>),
    Itself,
    Unknown,
}

/// Reads one path element and finds what is declared there.
struct ElementSeed<'s, 'n>(&'s DeclaredPlace<'n>, &'s mut Option<DeclaredItems<'n>>);

impl<'de, 'n> DeserializeSeed<'de> for ElementSeed<'_, 'n> {
    type Value = ElementTarget<'n>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<ElementTarget<'n>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for ElementSeed<'_, 'n> {
    type Value = ElementTarget<'n>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element of a path")
    }

    fn visit_str<E>(self, element: &str) -> Result<ElementTarget<'n>, E> {
        let Self(place, items) = self;
        let inner = match element.split_at_checked(2) {
            Some(("f:", name)) => place.field(name),
            Some(("k:", key)) => place.item(key, items),
            _ if element == "." => return Ok(ElementTarget::Itself),
            _ => None,
        };
        Ok(inner.map_or(ElementTarget::Unknown, ElementTarget::Into))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Kind, types};
    use crate::yaml;
    use serde_json::json;

    /// What of a ConfigMap's keys is owned alone by the manager of a manifest that declares these ones.
    fn alone(declared: &str, entries: &[(&str, &str, &[&str])]) -> Option<Vec<String>> {
        let manifest = yaml::read(format!("data: {{{declared}}}").into_bytes());
        let entries: Vec<Value> = entries
            .iter()
            .map(|(manager, operation, keys)| {
                let keys: Map<String, Value> = keys
                    .iter()
                    .map(|key| (format!("f:{key}"), json!({})))
                    .collect();
                json!({"manager": manager, "operation": operation, "fieldsV1": {"f:data": keys}})
            })
            .collect();
        let text = Value::from(entries).to_string();
        let declared = manifest.tree.node(manifest.documents[0].root);
        let applied = Applied::of(&text, types::root(Kind::ConfigMap), declared)?;
        let mut keys: Vec<String> = applied.field("data")?.fields.keys().cloned().collect();
        keys.sort();
        Some(keys)
    }

    #[test]
    fn the_manager_that_owns_most_of_the_manifest_counts() {
        let some = |keys: &[&str]| Some(keys.iter().map(|key| (*key).to_owned()).collect());
        let all: &[&str] = &["a", "b", "c"];
        for (entries, expected) in [
            (&[("m", "Apply", all)][..], some(all)),
            (&[("m", "Apply", &["a", "b"])], None),
            (&[("m", "Update", all)], None),
            (
                &[(
                    "m",
                    "Apply",
                    &[
                        "a",
                        "b",
                        "c",
                        "kubectl.kubernetes.io/last-applied-configuration",
                    ],
                )],
                None,
            ),
            // Others' keys are theirs.
            (
                &[("m", "Apply", all), ("n", "Update", &["c"])],
                some(&["a", "b"]),
            ),
            (
                &[("m", "Apply", &["a", "b"]), ("n", "Apply", &["b", "c"])],
                None,
            ),
            (
                &[
                    ("m", "Apply", &["a", "b", "d"]),
                    ("n", "Apply", &["b", "c"]),
                ],
                some(&["a", "d"]),
            ),
            // Nobody can tell whose manifest it is.
            (&[("m", "Apply", all), ("n", "Apply", &["a", "b"])], None),
            (&[("m", "Apply", &["c", "d"])], None),
            // An applier of a part of what another client made.
            (
                &[("n", "Update", &["a", "b"]), ("m", "Apply", &["a", "c"])],
                None,
            ),
            (
                &[("n", "Update", &["b"]), ("m", "Apply", &["a", "c"])],
                some(&["a", "c"]),
            ),
        ] {
            assert_eq!(alone("a: '1', b: '2'", entries), expected, "{entries:?}");
        }
    }
}
