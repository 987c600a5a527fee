//! The body of a repair: the live object with the differences repaired and nothing else changed.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::diff::{Desired, Edit, Finding, InsertAt, PointerToken};
use crate::path::Ignore;
use crate::schema::{self, RECORDS, ResourceId, Struct, Type, exclusive_sibling, types};

/// The body that repairs these differences: `live` with their edits applied, and without fields that the server does
/// not allow with them.
#[must_use]
pub(crate) fn body<'f>(
    live: &Value,
    findings: impl IntoIterator<Item = &'f Finding>,
    subject: &Desired<'_>,
) -> Value {
    let mut body = edited(live, findings);
    remove_forbidden(&mut body, live, subject);
    body
}

/// Removes fields that the object may no longer have after its repair, such as source ranges when a load balancer
/// becomes another type of Service. Keeps declared and ignored ones: then the manifest is wrong, and the server says
/// so.
fn remove_forbidden(body: &mut Value, live: &Value, subject: &Desired<'_>) {
    let before: Vec<_> = schema::forbidden(live).collect();
    let new: Vec<_> = schema::forbidden(body)
        .filter(|at| !before.contains(at))
        .collect();
    if new.is_empty() {
        return;
    }
    let declared = subject.declared.to_json();
    for at in new {
        let ignore = Ignore::new(subject.ignore.iter().copied());
        if !has_value(&declared, at) && !is_ignored(ignore, at) {
            remove_at(body, at);
        }
    }
}

/// Whether there is a value other than a zero at this place.
fn has_value(value: &Value, at: &[&str]) -> bool {
    match (at, value) {
        (["*", rest @ ..], Value::Array(items)) => items.iter().any(|item| has_value(item, rest)),
        ([key, rest @ ..], _) => value.get(key).is_some_and(|value| has_value(value, rest)),
        ([], Value::Number(number)) => number.as_i64() != Some(0),
        ([], Value::String(text)) => !text.is_empty(),
        ([], value) => !value.is_null(),
    }
}

fn is_ignored(ignore: Ignore<'_>, at: &[&str]) -> bool {
    let below = at.iter().try_fold(ignore, |ignore, key| {
        (!ignore.here()).then(|| match *key {
            "*" => ignore.item(|_| true, |_| true),
            key => ignore.key(key),
        })
    });
    below.is_none_or(|ignore| ignore.here())
}

fn remove_at(value: &mut Value, at: &[&str]) {
    match (at, value) {
        (["*", rest @ ..], Value::Array(items)) => {
            for item in items {
                remove_at(item, rest);
            }
        }
        ([key], Value::Object(map)) => drop(map.remove(*key)),
        ([key, rest @ ..], Value::Object(map)) => {
            if let Some(value) = map.get_mut(*key) {
                remove_at(value, rest);
            }
        }
        _ => {}
    }
}

/// `live` with the edits of these differences applied.
fn edited<'f>(live: &Value, findings: impl IntoIterator<Item = &'f Finding>) -> Value {
    let mut body = live.clone();
    let mut lists: HashMap<&[PointerToken], ListEdits<'_>> = HashMap::new();
    for finding in findings {
        match &finding.edit {
            Edit::Set(value) => {
                set(&mut body, &finding.at, value.clone());
                remove_from_sibling(&mut body, &finding.at);
            }
            Edit::Remove => match finding.at.split_last() {
                Some((PointerToken::Key(key), parent)) => {
                    if let Some(Value::Object(map)) = find(&mut body, parent) {
                        map.remove(key);
                    }
                }
                Some((PointerToken::Index(index), list)) => {
                    lists.entry(list).or_default().removed.insert(*index);
                }
                None => {}
            },
            Edit::Nothing => {}
            Edit::Insert { item, place, rank } => {
                let edits = lists.entry(&finding.at).or_default();
                edits
                    .inserted
                    .entry(*place)
                    .or_default()
                    .push((*rank, item));
            }
            Edit::Permute(order) => lists.entry(&finding.at).or_default().order = Some(order),
        }
    }
    // Inner lists first, because the positions that lead to them are those of the live object.
    let mut lists: Vec<_> = lists.into_iter().collect();
    lists.sort_by_key(|(at, _)| std::cmp::Reverse(at.len()));
    for (at, edits) in lists {
        edits.apply(at, &mut body);
    }
    body
}

/// Removes a key from the other of two maps that must not share keys.
fn remove_from_sibling(body: &mut Value, at: &[PointerToken]) {
    let [PointerToken::Key(map), PointerToken::Key(key)] = at else {
        return;
    };
    let kind = body.get("kind").and_then(Value::as_str).unwrap_or_default();
    if let Some(Value::Object(other)) =
        exclusive_sibling(kind, map).and_then(|other| body.get_mut(other))
    {
        other.remove(key);
    }
}

fn find<'v>(value: &'v mut Value, at: &[PointerToken]) -> Option<&'v mut Value> {
    at.iter().try_fold(value, |value, token| match token {
        PointerToken::Key(key) => value.get_mut(key),
        PointerToken::Index(index) => value.get_mut(index),
    })
}

/// Sets a value, and creates the objects around it that are missing.
fn set(value: &mut Value, at: &[PointerToken], new: Value) {
    let mut place = value;
    for token in at {
        place = match token {
            PointerToken::Key(key) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                let Value::Object(map) = place else { return };
                map.entry(key.as_str()).or_insert(Value::Null)
            }
            PointerToken::Index(index) => match place.get_mut(index) {
                Some(item) => item,
                None => return,
            },
        };
    }
    *place = new;
}

/// The edits of one list.
#[derive(Default)]
struct ListEdits<'f> {
    removed: HashSet<usize>,
    inserted: HashMap<InsertAt, Vec<(usize, &'f Value)>>,
    /// The positions of the declared items, in declared order.
    order: Option<&'f [usize]>,
}

impl ListEdits<'_> {
    fn apply(mut self, at: &[PointerToken], body: &mut Value) {
        if find(body, at).is_none_or(|list| !list.is_array()) {
            set(body, at, Value::Array(Vec::new()));
        }
        let Some(Value::Array(items)) = find(body, at) else {
            return;
        };
        let mut left: Vec<Option<Value>> = items.drain(..).map(Some).collect();
        for place in self.places(left.len()) {
            items.extend(self.inserted_at(InsertAt::Before(place)));
            if let Some(item) = left[place]
                .take()
                .filter(|_| !self.removed.contains(&place))
            {
                items.push(item);
            }
            items.extend(self.inserted_at(InsertAt::After(place)));
        }
        items.extend(self.inserted_at(InsertAt::End));
    }

    /// The positions of the live items in their new order: the declared ones keep the places that they occupy together.
    fn places(&self, count: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..count).collect();
        if let Some(order) = self.order {
            let mut held = order.to_vec();
            held.sort_unstable();
            for (place, item) in held.into_iter().zip(order) {
                places[place] = *item;
            }
        }
        places
    }

    /// The items inserted at this place, in declared order.
    fn inserted_at(&mut self, place: InsertAt) -> impl Iterator<Item = Value> {
        let mut inserted = self.inserted.remove(&place).unwrap_or_default();
        inserted.sort_by_key(|(rank, _)| *rank);
        inserted.into_iter().map(|(_, item)| item.clone())
    }
}

/// The body that creates a missing object: the manifest without fields that only the server writes.
#[must_use]
pub(crate) fn created(id: &ResourceId, subject: &Desired<'_>) -> Value {
    let root = types::root(id.kind);
    let mut body = without_owned(&root, subject.stored());
    body.insert("apiVersion".to_owned(), id.kind.api_version().into());
    body.insert("kind".to_owned(), id.kind.name().into());
    if let Some(metadata) = body
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
    {
        metadata.insert("name".to_owned(), id.name.as_str().into());
        if id.kind.is_namespaced() {
            metadata.insert("namespace".to_owned(), id.namespace.as_str().into());
        }
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.retain(|key, _| !RECORDS.contains(&key.as_str()));
        }
    }
    Value::Object(body)
}

/// An object without the fields that belong to the server.
fn without_owned(ty: &Struct, value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else {
        return Map::new();
    };
    map.into_iter()
        .filter(|(key, _)| {
            ty.field(key)
                .is_none_or(|field| field.rules.owned.is_none())
        })
        .map(|(key, value)| match ty.field(&key).map(|field| &field.ty) {
            Some(Type::Struct(inner)) if value.is_object() => {
                let inner = without_owned(inner, value);
                (key, Value::Object(inner))
            }
            _ => (key, value),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remediate::refusal::tests::finding;
    use serde_json::json;

    fn planned(live: &Value, edits: Vec<(&[&str], Edit)>) -> Value {
        let findings: Vec<Finding> = edits
            .into_iter()
            .map(|(tokens, edit)| Finding {
                edit,
                ..finding(&tokens.join("."))
            })
            .collect();
        edited(live, &findings)
    }

    #[test]
    fn values_are_set_and_taken_out() {
        let live = json!({"a": {"b": 1, "c": 2}, "l": [{"x": 1}]});
        let edits: Vec<(&[&str], Edit)> = vec![
            (&["a", "b"], Edit::Set(json!(3))),
            (&["a", "c"], Edit::Remove),
            (&["l", "0", "y", "z"], Edit::Set(json!("new"))),
            (&["m", "k"], Edit::Set(json!("v"))),
            (&["gone", "k"], Edit::Remove),
        ];
        let expected = json!({"a": {"b": 3}, "l": [{"x": 1, "y": {"z": "new"}}], "m": {"k": "v"}});
        assert_eq!(planned(&live, edits), expected);
    }

    #[test]
    fn lists_are_edited_by_the_positions_of_the_live_object() {
        let live = json!({"l": ["a", "b", "c", {"i": ["x", "y"]}]});
        let insert = |item: &str, place| Edit::Insert {
            item: json!(item),
            place,
            rank: usize::from(item == "B2"),
        };
        let edits: Vec<(&[&str], Edit)> = vec![
            (&["l", "1"], Edit::Remove),
            (&["l"], insert("B2", InsertAt::After(0))),
            (&["l"], insert("B1", InsertAt::After(0))),
            (&["l"], insert("A0", InsertAt::Before(0))),
            (&["l"], insert("Z", InsertAt::End)),
            (&["l", "3", "i", "0"], Edit::Remove),
            (&["l", "3", "i"], insert("w", InsertAt::End)),
            (&["new"], insert("n", InsertAt::End)),
        ];
        let expected =
            json!({"l": ["A0", "a", "B1", "B2", "c", {"i": ["y", "w"]}, "Z"], "new": ["n"]});
        assert_eq!(planned(&live, edits), expected);
    }

    #[test]
    fn declared_items_are_permuted_within_their_places() {
        let live = json!({"l": ["x", "b", "y", "a"]});
        let edits: Vec<(&[&str], Edit)> = vec![
            (&["l"], Edit::Permute(vec![3, 1])),
            (
                &["l"],
                Edit::Insert {
                    item: json!("a2"),
                    place: InsertAt::After(3),
                    rank: 1,
                },
            ),
        ];
        assert_eq!(
            planned(&live, edits),
            json!({"l": ["x", "a", "a2", "y", "b"]})
        );
    }

    /// Whoever looks at each edit for each item does not live to see the end of this.
    #[test]
    fn many_edits_of_long_lists_are_made_in_linear_time() {
        const MANY: usize = 100_000;
        let live = json!({"l": (0..MANY).collect::<Vec<_>>(), "m": vec![json!([0]); MANY]});
        let finding_at = |at: Vec<PointerToken>, edit| Finding {
            at,
            edit,
            ..finding("l")
        };
        let list = || vec![PointerToken::Key("l".to_owned())];
        let mut findings = Vec::new();
        for i in 0..MANY {
            let insert = |place| Edit::Insert {
                item: json!("new"),
                place,
                rank: i,
            };
            let at = [list(), vec![PointerToken::Index(i)]].concat();
            findings.push(finding_at(at, Edit::Remove));
            findings.push(finding_at(list(), insert(InsertAt::After(i))));
            let inner = vec![PointerToken::Key("m".to_owned()), PointerToken::Index(i)];
            findings.push(finding_at(inner, insert(InsertAt::End)));
        }
        findings.push(finding_at(list(), Edit::Permute((0..MANY).rev().collect())));
        let body = edited(&live, &findings);
        assert_eq!(body["l"], json!(vec!["new"; MANY]));
        assert_eq!(body["m"], json!(vec![json!([0, "new"]); MANY]));
    }

    #[test]
    fn a_key_is_in_one_map_only() {
        let live = json!({"kind": "ConfigMap", "binaryData": {"k": "AA==", "l": "AA=="}});
        let edits: Vec<(&[&str], Edit)> = vec![(&["data", "k"], Edit::Set(json!("text")))];
        let expected =
            json!({"kind": "ConfigMap", "binaryData": {"l": "AA=="}, "data": {"k": "text"}});
        assert_eq!(planned(&live, edits), expected);
    }
}
