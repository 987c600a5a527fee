//! Tests with the recorded responses of each supported version of Kubernetes to the manifests in `tests/cases/servers`:
//! no findings as recorded, and one for each change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::blame::differences;
use crate::diff::{Desired, Differences, Unstored, pointer};
use crate::schema::{Field, Kind, RuleId, Server, Struct, Type, types};
use crate::yaml::{self, Node, NodeId, Stream};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/servers")
}

/// A file without its compression.
fn unpacked(path: &Path) -> Vec<u8> {
    let output = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", path.display());
    output.stdout
}

/// The manifests, in two streams.
fn manifests() -> [Stream; 2] {
    let by_hand = fs::read(folder().join("by-hand.yaml")).unwrap();
    let generated = unpacked(&folder().join("manifests.yaml.gz"));
    [generated, by_hand].map(yaml::read)
}

/// The objects of the manifests, each with its kind and name.
fn documents(streams: &[Stream; 2]) -> Vec<(Kind, &str, Node<'_>)> {
    let nodes = streams.iter().flat_map(|stream| {
        let documents = stream.documents.iter();
        documents.map(|document| stream.tree.node(document.root))
    });
    nodes
        .map(|node| {
            let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap();
            let kind = Kind::find(text("apiVersion"), text("kind")).unwrap();
            let name = node.get("metadata").unwrap().get("name").unwrap();
            (kind, name.as_str().unwrap(), node)
        })
        .collect()
}

/// The responses of one server to the manifests.
struct ServerAnswers {
    /// The name of its folder: `v1.33`.
    name: String,
    server: Server,
    /// The objects by way, kind and name.
    live: BTreeMap<(String, Kind, String), Value>,
}

fn records() -> Vec<ServerAnswers> {
    let mut records = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_dir() {
            continue;
        }
        let answers = unpacked(&entry.path().join("answers.json.gz"));
        let answers: Value = serde_json::from_slice(&answers).unwrap();
        let version = answers["version"].as_str().unwrap();
        let minor = version.split('.').nth(1).unwrap().parse().unwrap();
        let name = entry.file_name().into_string().unwrap();
        let server = Server::of(minor);
        let server = if name.ends_with("-beta-off") {
            server.without_gates()
        } else {
            server
        };
        let mut live = BTreeMap::new();
        for (way, list) in answers.as_object().unwrap() {
            for object in list["items"].as_array().into_iter().flatten() {
                let text = |pointer: &str| object.pointer(pointer).unwrap().as_str().unwrap();
                let kind = Kind::find(text("/apiVersion"), text("/kind")).unwrap();
                let name = text("/metadata/name").to_owned();
                live.insert((way.clone(), kind, name), object.clone());
            }
        }
        records.push(ServerAnswers { name, server, live });
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    records
}

fn compared(
    (kind, declared): (Kind, Node<'_>),
    live: &Value,
    strict: bool,
    unstored: Option<&Unstored>,
) -> Differences {
    differences(&desired((kind, declared), strict, unstored), live, None)
}

fn desired<'a>(
    (kind, declared): (Kind, Node<'a>),
    strict: bool,
    unstored: Option<&'a Unstored>,
) -> Desired<'a> {
    Desired {
        kind,
        declared,
        ignore: Vec::new(),
        ignore_managers: &[],
        strict,
        unstored,
        lists_suppressed: false,
    }
}

fn unstored(kind: Kind, declared: Node<'_>, server: Server) -> Unstored {
    Unstored::of(kind, declared, &crate::path::Ignore::default(), server)
}

fn sorted(nodes: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
    let nodes: BTreeSet<NodeId> = nodes.into_iter().collect();
    nodes.into_iter().collect()
}

#[test]
fn what_each_version_made_of_the_manifests_is_silent_in_both_modes() {
    let streams = manifests();
    let documents = documents(&streams);
    assert!(documents.len() >= 150, "{}", documents.len());
    let mut wrong = Vec::new();
    for record in records() {
        let mut count = 0;
        for (kind, name, node) in &documents {
            let unstored = unstored(*kind, *node, record.server);
            let objects = record
                .live
                .iter()
                .filter(|((_, k, n), _)| k == kind && n == name);
            for ((way, ..), live) in objects {
                for strict in [false, true] {
                    count += 1;
                    let found = compared((*kind, *node), live, strict, Some(&unstored));
                    let at = format!("{} {way} {kind}/{name} strict={strict}", record.name);
                    for finding in &found.findings {
                        wrong.push(format!(
                            "{at}: {} {:?}: live {:?}, desired {:?}",
                            finding.path, finding.class, finding.live, finding.desired
                        ));
                    }
                    for path in &found.unknown_live {
                        wrong.push(format!("{at}: unknown {path}"));
                    }
                    // What is not stored is not there, and the other way round.
                    if sorted(found.not_stored) != sorted(unstored.places()) {
                        wrong.push(format!("{at}: something is said not to be stored, and is"));
                    }
                }
            }
        }
        assert!(count >= 300, "{}: {count}", record.name);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(30)].join("\n")
    );
}

/// The places of what has no parts in a value, empty lists and maps included.
fn ends(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                ends(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                ends(value, &format!("{at}/{index}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Whether a place (RFC 6901) is another one, or is in it.
fn is_at_or_below(place: &str, other: &str) -> bool {
    let below = place.strip_prefix(other);
    below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

#[test]
fn each_value_that_a_version_made_is_declared_or_passed_over_by_one_rule() {
    let streams = manifests();
    let documents = documents(&streams);
    let mut wrong = BTreeMap::new();
    for record in records() {
        let mut count = 0;
        for (number, (kind, name, node)) in documents.iter().enumerate() {
            let unstored = unstored(*kind, *node, record.server);
            let (declared, stored) = (node.to_json(), unstored.stored(*node));
            // Of these another value may be live.
            let reasons = unstored.places().filter_map(|id| unstored.reason(id));
            let not_stored: Vec<String> = reasons
                .filter_map(|(path, _)| Some(format!("/{}", path.to_string().rsplit_once('.')?.1)))
                .collect();
            let objects = record
                .live
                .iter()
                .filter(|((_, k, n), _)| k == kind && n == name);
            // Each object that one way made; all ways would take long.
            for ((way, ..), live) in objects.skip(number % 3).step_by(3) {
                let mut values = Vec::new();
                ends(live, "", &mut values);
                count += values.len();
                for strict in [false, true] {
                    let mut desired = desired((*kind, *node), strict, Some(&unstored));
                    desired.lists_suppressed = true;
                    let found = differences(&desired, live, None);
                    let passed: Vec<(String, &RuleId)> = found
                        .suppressed
                        .iter()
                        .filter(|(_, rule)| *rule != RuleId::FREE_ORDER)
                        .map(|(finding, rule)| (pointer(&finding.at), rule))
                        .collect();
                    for value in &values {
                        let rules: Vec<String> = passed
                            .iter()
                            .filter(|(at, _)| is_at_or_below(value, at))
                            .map(|(_, rule)| rule.to_string())
                            .collect();
                        let is_declared = stored.pointer(value) == live.pointer(value);
                        let is_not_stored = || {
                            let is_emptied = live.pointer(value).is_some_and(is_empty)
                                && declared.pointer(value).is_some_and(Value::is_object);
                            is_emptied || not_stored.iter().any(|key| value.ends_with(key))
                        };
                        let is_right = match &rules[..] {
                            [] => is_declared || is_not_stored(),
                            [rule] => !is_declared && rule != "not-declared",
                            _ => false,
                        };
                        if !is_right {
                            let case = format!("{kind} {value} strict={strict}: {rules:?}");
                            wrong.entry(case).or_insert_with(|| {
                                format!("{} {way} {name}: {:?}", record.name, live.pointer(value))
                            });
                        }
                    }
                }
            }
        }
        assert!(count >= 3000, "{}: {count}", record.name);
    }
    let wrong: Vec<String> = wrong
        .iter()
        .map(|(case, at)| format!("{case} ({at})"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(60)].join("\n")
    );
}

/// The places of a value's scalars.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                leaves(value, &format!("{at}/{index}"), found);
            }
        }
        Value::Null => {}
        _ => found.push(at.to_owned()),
    }
}

fn change(value: &mut Value) {
    *value = match value {
        Value::Bool(truth) => Value::Bool(!*truth),
        Value::Number(number) => Value::from(number.as_i64().unwrap_or(0) + 1),
        Value::String(text) => Value::from(format!("{text}x")),
        _ => Value::Null,
    };
}

#[test]
fn one_change_to_what_each_version_made_is_found_in_both_modes() {
    let streams = manifests();
    let documents = documents(&streams);
    let mut wrong = Vec::new();
    for record in records() {
        let mut count = 0;
        for (number, (kind, name, node)) in documents.iter().enumerate() {
            let unstored = unstored(*kind, *node, record.server);
            let declared = node.to_json();
            let mut places = Vec::new();
            for part in ["spec", "data", "binaryData"] {
                leaves(&declared[part], &format!("/{part}"), &mut places);
            }
            let objects = record
                .live
                .iter()
                .filter(|((_, k, n), _)| k == kind && n == name);
            for (turn, ((way, ..), live)) in objects.enumerate() {
                let is_kept = |place: &&String| {
                    // What tells items apart makes another item of it.
                    !place.ends_with("/name") && declared.pointer(place) == live.pointer(place)
                };
                let kept: Vec<&String> = places.iter().filter(is_kept).collect();
                if kept.is_empty() || *kind == Kind::Namespace {
                    continue;
                }
                let place = kept[(number * 7 + turn * 13) % kept.len()];
                let mut live = live.clone();
                change(live.pointer_mut(place).unwrap());
                for strict in [false, true] {
                    count += 1;
                    let found = compared((*kind, *node), &live, strict, Some(&unstored));
                    let is_there = found.findings.iter().any(|finding| {
                        let at = pointer(&finding.at);
                        place.starts_with(&at) || at.starts_with(place.as_str())
                    });
                    if !is_there {
                        let paths: Vec<String> =
                            found.findings.iter().map(|f| f.path.to_string()).collect();
                        wrong.push(format!(
                            "{} {way} {kind}/{name} strict={strict}: {place} is not in {paths:?}",
                            record.name
                        ));
                    }
                }
            }
        }
        assert!(count >= 300, "{}: {count}", record.name);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(30)].join("\n")
    );
}

/// One line for each sort of place that a server does not store. Each row about versions or gates has one, so that this
/// fails when a row goes: those of gates that every version has on by default are in the list of the server without them.
#[test]
fn what_each_server_does_not_store_and_why_is_as_recorded() {
    let streams = manifests();
    let mut text = String::new();
    for record in records() {
        let mut lines = BTreeSet::new();
        for (kind, _, node) in documents(&streams) {
            let unstored = unstored(kind, node, record.server);
            for (path, reason) in unstored.places().filter_map(|id| unstored.reason(id)) {
                let name = &record.name[1..];
                lines.insert(format!("{name} {}: {reason}\n", path.of_any_item()));
            }
        }
        text.extend(lines);
    }
    let file = folder().join("not-stored.txt");
    if std::env::var_os("RECORD").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let recorded = fs::read_to_string(file).unwrap();
    assert!(
        text == recorded,
        "tests/cases/servers/not-stored.txt is out of date; look at the difference after RECORD=1 cargo test --lib servers::"
    );
}

/// Notes each field of a Go type that a node declares.
fn declared_fields(ty: &'static Struct, node: Node<'_>, found: &mut BTreeSet<String>) {
    for entry in node.entries().filter(|entry| !entry.value.is_null()) {
        let Some(field) = ty.field(entry.key) else {
            continue;
        };
        found.insert(format!("{}.{}", ty.name, field.name));
        match &field.ty {
            Type::Struct(ty) => declared_fields(ty.get(), entry.value, found),
            Type::List { item, .. } => {
                if let Type::Struct(ty) = &**item {
                    for item in entry.value.items() {
                        declared_fields(ty.get(), item, found);
                    }
                }
            }
            Type::Scalar(_) | Type::Any | Type::Map { .. } => {}
        }
    }
}

#[test]
fn the_recorded_manifests_declare_every_field() {
    let streams = manifests();
    let mut declared = BTreeSet::new();
    for (kind, _, node) in documents(&streams) {
        declared_fields(types::root(kind).get(), node, &mut declared);
    }
    // No manifest can have them: the server's own, and what it refuses in a template.
    let is_impossible = |ty: &Struct, field: &Field| {
        field.rules.owned.is_some()
            || matches!(ty.name, "EphemeralContainer" | "ManagedFieldsEntry")
            || matches!(
                (ty.name, field.name),
                ("PodSpec", "activeDeadlineSeconds" | "ephemeralContainers")
                    | ("RootMeta" | "ObjectMeta", "generateName")
            )
    };
    let missing: Vec<String> = types::structs()
        .flat_map(|ty| ty.fields.iter().map(move |field| (ty, field)))
        .filter(|(ty, field)| !is_impossible(ty, field))
        .map(|(ty, field)| format!("{}.{}", ty.name, field.name))
        .filter(|field| !declared.contains(field))
        .collect();
    assert!(missing.is_empty(), "no manifest declares {missing:#?}");
}
