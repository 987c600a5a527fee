//! Finds the last writer of a field in the object's `managedFields`.
//!
//! It names a client (a field manager), not a person, and the time is that of the client's last change to any of its
//! fields. Nobody owns a field that is absent, the order of a list, or what the server allocates.
//!
//! It guesses nothing: what `managedFields` do not say stays unknown. The rules are the server's:
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use crate::diff::{self, Desired, Differences, Edit, Finding, PointerToken};
use crate::managed_fields::{self, FieldSet, ManagedFields, ManagedFieldsEntry, Writer};
use crate::schema::RuleId;
use crate::yaml::NodeId;

/// Compares a live object with its manifest, and names the writers of each difference. Fields that only ignored
/// managers own are left out. `managed_fields` is the JSON text of the object's `metadata.managedFields` if `live` does
/// not contain it.
#[must_use]
pub(crate) fn differences(
    subject: &Desired<'_>,
    live: &Value,
    managed_fields: Option<&str>,
) -> Differences {
    let mut differences = diff::differences(subject, live, managed_fields);
    let is_in_sync = differences.findings.is_empty() && differences.not_stored.is_empty();
    if is_in_sync && differences.suppressed.is_empty() {
        return differences;
    }
    let within = || managed_fields::within(live);
    if let Some(text) = managed_fields.map(Cow::from).or_else(within) {
        let managed = ManagedFields::read(&text);
        let entries: Vec<ManagedFieldsEntry<'_>> = managed.entries().collect();
        for (finding, _) in &mut differences.suppressed {
            finding.writers = writers(&entries, live, finding);
        }
        attribute(&mut differences, &entries, live, subject);
    }
    differences
}

fn attribute(
    differences: &mut Differences,
    entries: &[ManagedFieldsEntry<'_>],
    live: &Value,
    subject: &Desired<'_>,
) {
    let is_ignored = |writer: &Writer| {
        let mut patterns = subject.ignore_managers.iter();
        patterns.any(|pattern| pattern.matches(&writer.manager))
    };
    let is_left_out = |finding: &mut Finding| {
        finding.writers = writers(entries, live, finding);
        !finding.writers.is_empty() && finding.writers.iter().all(is_ignored)
    };
    for finding in differences.findings.extract_if(.., is_left_out) {
        differences.ignored += 1;
        if subject.lists_suppressed {
            let suppressed = (finding, RuleId::IGNORED_MANAGER);
            differences.suppressed.push(suppressed);
        }
    }
}

/// The clients that own the differing live values at a finding's place, the last writer first. Several clients may have
/// applied the same value, and the parts of a value may belong to several.
fn writers(entries: &[ManagedFieldsEntry<'_>], live: &Value, finding: &Finding) -> Vec<Writer> {
    let (Some(found), false) = (&finding.live, matches!(finding.edit, Edit::Permute(_))) else {
        return Vec::new();
    };
    if finding.at.is_empty() {
        return Vec::new();
    }
    let (mut below, mut around) = (Vec::new(), Vec::new());
    for entry in entries {
        match at(entry.fields, live, &finding.at) {
            Some(At::Below(set)) => below.push(EntryPart { entry, set }),
            Some(At::Within { distance }) => around.push((distance, entry)),
            None => {}
        }
    }
    let mut owners = Vec::new();
    find_owners(&below, finding.desired.as_ref(), found, &mut owners);
    // The writer of an empty struct still owns it after others have filled it.
    if owners.is_empty() && finding.desired.is_none() {
        owners = below.iter().map(|part| part.entry).collect();
    }
    if owners.is_empty() {
        let nearest = around.iter().map(|(distance, _)| *distance).min();
        around.retain(|(distance, _)| Some(*distance) == nearest);
        owners = around.into_iter().map(|(_, entry)| entry).collect();
    }
    owners.sort_by(|a, b| recency(b).cmp(&recency(a)));
    let mut writers: Vec<Writer> = Vec::new();
    for writer in owners.into_iter().map(Writer::from) {
        if !writers.contains(&writer) {
            writers.push(writer);
        }
    }
    writers
}

/// Among owners with equal times, the Update is the last writer: it takes a field from the others, while an Apply may
/// share it.
fn recency<'s>(entry: &ManagedFieldsEntry<'s>) -> (Option<&'s str>, bool) {
    (entry.time, entry.operation == "Update")
}

/// How a set of fields relates to a place.
enum At<'s> {
    /// It has an enclosing value as a whole, so many steps above. Of several the nearest counts: the others only left
    /// theirs empty.
    Within { distance: usize },
    /// It has the place, or a part of it.
    Below(FieldSet<'s>),
}

/// Follows a place of a live object through a set.
fn at<'s>(set: FieldSet<'s>, live: &Value, place: &[PointerToken]) -> Option<At<'s>> {
    let Some((token, rest)) = place.split_first() else {
        return Some(At::Below(set));
    };
    let (below, live) = match token {
        PointerToken::Key(key) => (set.key(key)?, live.get(key).unwrap_or(&Value::Null)),
        PointerToken::Index(index) => {
            let item = live.get(index)?;
            (set.item(item, *index)?, item)
        }
    };
    if below.is_whole() && !rest.is_empty() {
        let distance = rest.len();
        return Some(At::Within { distance });
    }
    at(below, live, rest)
}

/// What one entry's set has at a place.
#[derive(Clone, Copy)]
struct EntryPart<'e, 's> {
    entry: &'e ManagedFieldsEntry<'s>,
    set: FieldSet<'s>,
}

impl<'s> EntryPart<'_, 's> {
    fn below(self, set: Option<FieldSet<'s>>) -> Option<Self> {
        set.map(|set| Self { set, ..self })
    }
}

/// Adds the entries that have something of a live value that differs from the desired one. Where some have its parts,
/// who has all of it only left it empty: others have filled it since.
fn find_owners<'e, 's>(
    sets: &[EntryPart<'e, 's>],
    desired: Option<&Value>,
    live: &Value,
    owners: &mut Vec<&'e ManagedFieldsEntry<'s>>,
) {
    if desired == Some(live) || live.is_null() {
        return;
    }
    let parts: Vec<EntryPart<'e, 's>> = sets
        .iter()
        .copied()
        .filter(|part| !part.set.is_whole())
        .collect();
    match live {
        Value::Object(map) if !map.is_empty() && !parts.is_empty() => {
            for (key, live) in map {
                let below: Vec<_> = parts
                    .iter()
                    .filter_map(|part| part.below(part.set.key(key)))
                    .collect();
                let desired = desired.and_then(|desired| desired.get(key));
                find_owners(&below, desired, live, owners);
            }
        }
        Value::Array(items) if !items.is_empty() && !parts.is_empty() => {
            let desired = desired.and_then(Value::as_array);
            let desired = desired_items(&parts, desired.map_or(&[], Vec::as_slice));
            for (index, live) in items.iter().enumerate() {
                let below: Vec<_> = parts
                    .iter()
                    .filter_map(|part| part.below(part.set.item(live, index)))
                    .collect();
                let mut ids = below.iter().filter_map(|part| part.set.id());
                let desired = ids.find_map(|id| desired.get(&id).copied());
                find_owners(&below, desired, live, owners);
            }
        }
        _ => owners.extend(sets.iter().map(|part| part.entry)),
    }
}

/// The desired items of a list, by the parts of the sets that identify them.
fn desired_items<'d>(
    parts: &[EntryPart<'_, '_>],
    desired: &'d [Value],
) -> HashMap<NodeId, &'d Value> {
    let mut items = HashMap::new();
    for (index, item) in desired.iter().enumerate() {
        let ids = parts
            .iter()
            .filter_map(|part| part.set.item(item, index)?.id());
        for id in ids {
            items.entry(id).or_insert(item);
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::{Class, Origin};
    use crate::path::Path;

    fn tokens(place: &str) -> Vec<PointerToken> {
        let token = |word: &str| match word.parse() {
            Ok(index) => PointerToken::Index(index),
            Err(_) => PointerToken::Key(word.to_owned()),
        };
        place.split(' ').map(token).collect()
    }

    fn finding(place: &str, desired: Option<Value>, live: &Value) -> Finding {
        let pointer = format!("/{}", place.replace('/', "~1").replace(' ', "/"));
        Finding {
            path: Path::root(),
            class: Class::Changed,
            declared: None,
            desired,
            origin: Origin::Declared,
            live: live.pointer(&pointer).cloned(),
            declared_pointer: None,
            at: tokens(place),
            in_manifest: Vec::new(),
            edit: Edit::Remove,
            immutable: None,
            kept: None,
            consequences: Vec::new(),
            writers: Vec::new(),
        }
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

    fn writers_in(managed: &Value, live: &Value, finding: &Finding) -> Vec<Writer> {
        let managed = ManagedFields::read(&managed.to_string());
        let entries: Vec<ManagedFieldsEntry<'_>> = managed.entries().collect();
        writers(&entries, live, finding)
    }

    /// The managers of a place, with commas.
    fn named(managed: &Value, live: &Value, finding: &Finding) -> String {
        let writers = writers_in(managed, live, finding).into_iter();
        let managers: Vec<String> = writers.map(|writer| writer.manager).collect();
        managers.join(",")
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
            entry(
                "kubectl-client-side-apply",
                "Update",
                Some("2026-01-01T00:00:00Z"),
                &json!({
                    "f:metadata": {"f:labels": {".": {}, "f:app.kubernetes.io/name": {}}, "f:finalizers": {".": {}, "v:\"a.b/c\"": {}}},
                    "f:spec": {"f:template": {"f:spec": {"f:tolerations": {}, "f:containers": {
                        "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:resources": {},
                            "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}},
                    }}}},
                })
            ),
            entry(
                "kubectl-set",
                "Update",
                Some("2026-01-02T00:00:00Z"),
                &json!({
                    "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                        "f:image": {}, "f:resources": {"f:limits": {"f:cpu": {}}}}}}}},
                })
            ),
            entry(
                "injector",
                "Apply",
                Some("2026-01-03T00:00:00Z"),
                &json!({
                    "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"proxy\"}": {".": {}, "f:image": {}}}}}},
                })
            ),
            entry(
                "hpa",
                "Update",
                None,
                &json!({"f:spec": {"f:replicas": {}}})
            ),
        ]);
        let containers = "spec template spec containers";
        for (place, expected) in [
            ("spec replicas", "hpa"),
            (
                "metadata labels app.kubernetes.io/name",
                "kubectl-client-side-apply",
            ),
            ("metadata labels other", ""),
            ("metadata finalizers 0", "kubectl-client-side-apply"),
            (&format!("{containers} 0 image"), "kubectl-set"),
            (
                &format!("{containers} 0 ports 0 containerPort"),
                "kubectl-client-side-apply",
            ),
            (
                &format!("{containers} 0 resources limits cpu"),
                "kubectl-set",
            ),
            (&format!("{containers} 1"), "injector"),
            (&format!("{containers} 7 image"), ""),
            (
                "spec template spec tolerations 0 key",
                "kubectl-client-side-apply",
            ),
            (containers, "injector,kubectl-set,kubectl-client-side-apply"),
            ("spec paused", ""),
        ] {
            let found = named(&managed, &live, &finding(place, None, &live));
            assert_eq!(found, expected, "{place}");
        }
    }

    #[test]
    fn of_a_value_with_parts_only_the_owners_of_what_differs_are_named() {
        let live = json!({"volumes": [{"name": "data", "hostPath": {"path": "/x", "type": ""}}]});
        let managed = json!([
            entry(
                "creator",
                "Update",
                Some("2026-01-09T00:00:00Z"),
                &json!({
                    "f:volumes": {".": {}, "k:{\"name\":\"data\"}": {".": {}, "f:name": {}}},
                })
            ),
            entry(
                "editor",
                "Update",
                Some("2026-01-02T00:00:00Z"),
                &json!({
                    "f:volumes": {"k:{\"name\":\"data\"}": {"f:hostPath": {".": {}, "f:path": {}, "f:type": {}}}},
                })
            ),
        ]);
        let desired = json!({"name": "data", "emptyDir": {}});
        let changed = finding("volumes 0", Some(desired), &live);
        assert_eq!(named(&managed, &live, &changed), "editor");
        let all = finding(
            "volumes",
            Some(json!([{"name": "data", "emptyDir": {}}])),
            &live,
        );
        assert_eq!(named(&managed, &live, &all), "editor");
        let extra = finding("volumes 0", None, &live);
        assert_eq!(named(&managed, &live, &extra), "creator,editor");
    }

    #[test]
    fn who_left_a_value_empty_does_not_own_what_others_have_put_into_it() {
        let live = json!({
            "metadata": {"finalizers": ["a.b/c"]},
            "profile": {"type": "RuntimeDefault"},
            "volume": {"projected": {"defaultMode": 420, "sources": null}},
            "owners": [{"uid": "u", "kind": "Widget"}],
        });
        let filled = json!({"f:metadata": {"f:finalizers": {"v:\"a.b/c\"": {}}}, "f:profile": {"f:type": {}},
            "f:volume": {"f:projected": {".": {}, "f:defaultMode": {}}}, "f:owners": {"k:{\"uid\":\"u\"}": {}}});
        let emptied = json!({"f:metadata": {"f:finalizers": {}}, "f:profile": {},
            "f:volume": {"f:projected": {"f:sources": {}}}, "f:owners": {}});
        let managed = json!([
            entry("filler", "Apply", Some("2026-01-01T00:00:00Z"), &filled),
            entry("emptier", "Update", Some("2026-01-01T00:00:00Z"), &emptied),
        ]);
        for (place, desired) in [
            ("metadata finalizers", json!(["a.b/d"])),
            ("profile", json!({"type": "Unconfined"})),
            ("volume", json!({"emptyDir": {}})),
            ("owners 0 kind", json!("Gadget")),
        ] {
            for desired in [Some(desired), None] {
                let finding = finding(place, desired, &live);
                assert_eq!(named(&managed, &live, &finding), "filler", "{place}");
            }
        }
    }

    #[test]
    fn of_several_owners_the_last_comes_first_and_each_once() {
        let live = json!({"spec": {"replicas": 3}});
        let fields = json!({"f:spec": {"f:replicas": {}}});
        let (first, second) = (Some("2026-01-01T00:00:00Z"), Some("2026-01-02T00:00:00Z"));
        let managed = json!([
            entry("a", "Apply", first, &fields),
            entry("b", "Apply", second, &fields),
            entry("b", "Apply", second, &fields),
            entry("c", "Update", second, &fields),
            entry("d", "Update", None, &fields),
        ]);
        let finding = finding("spec replicas", Some(json!(2)), &live);
        assert_eq!(named(&managed, &live, &finding), "c,b,a,d");
    }

    #[test]
    fn nobody_owns_what_is_absent_or_an_order() {
        let live = json!({"data": {"a": "1"}, "list": [{"name": "a"}, {"name": "b"}]});
        let fields = json!({"f:data": {"f:a": {}, "f:b": {}}, "f:list": {".": {},
            "k:{\"name\":\"a\"}": {".": {}, "f:name": {}}, "k:{\"name\":\"b\"}": {".": {}, "f:name": {}}}});
        let managed = json!([entry("m", "Update", None, &fields)]);
        let missing = finding("data b", Some(json!("2")), &live);
        assert_eq!(named(&managed, &live, &missing), "");
        let mut order = finding("list", Some(json!(["b", "a"])), &live);
        order.edit = Edit::Permute(vec![1, 0]);
        assert_eq!(named(&managed, &live, &order), "");
        // Changed in that something has gone: whoever took it out is not recorded.
        let emptied = finding("data", Some(json!({"a": "1", "b": "2"})), &live);
        assert_eq!(named(&managed, &live, &emptied), "");
    }

    #[test]
    fn a_group_of_equal_names_has_one_owner() {
        let live = json!({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]});
        let managed = json!([entry(
            "m",
            "Update",
            None,
            &json!({"f:env": {".": {}, "k:{\"name\":\"A\"}": {}}})
        )]);
        let second = finding("env 1 value", Some(json!("3")), &live);
        assert_eq!(named(&managed, &live, &second), "m");
    }

    #[test]
    fn a_writer_through_a_subresource_is_named_with_it() {
        let managed = json!([{
            "manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }]);
        let live = json!({"spec": {"replicas": 3}});
        let finding = finding("spec replicas", Some(json!(2)), &live);
        let writers = writers_in(&managed, &live, &finding);
        assert_eq!(writers[0].to_string(), "kubectl (Update through scale)");
    }
}
