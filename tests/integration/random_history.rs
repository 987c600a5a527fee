//! Random changes of what servers made of many manifests: each field that differs is of the commit that it is of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::repository::Repository;

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn one_of<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len())]
    }
}

/// A manifest and what a server made of it.
struct Case {
    name: String,
    manifest: Value,
    live: Value,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/servers");
    let unpacked = |path: &Path| {
        let output = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let answers: Value =
        serde_json::from_str(&unpacked(&folder.join("v1.37/answers.json.gz"))).unwrap();
    let live: BTreeMap<(String, String), &Value> = answers["server-side"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| (identity(object), object))
        .collect();
    let manifests = unpacked(&folder.join("manifests.yaml.gz"))
        + &fs::read_to_string(folder.join("by-hand.yaml")).unwrap();
    let mut cases = Vec::new();
    for (number, document) in serde_yaml::Deserializer::from_str(&manifests).enumerate() {
        let manifest: Value = serde::Deserialize::deserialize(document).unwrap();
        if let Some(live) = live.get(&identity(&manifest)) {
            let live = (*live).clone();
            cases.push(Case {
                name: format!("{number}.json"),
                manifest,
                live,
            });
        }
    }
    cases
}

/// The kind and the name.
fn identity(object: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// The pointers to all that may be changed in a value.
fn places(value: &Value, pointer: &str, places: &mut Vec<String>) {
    let is_fixed = [
        "/apiVersion",
        "/kind",
        "/metadata/name",
        "/metadata/namespace",
    ]
    .contains(&pointer);
    if is_fixed {
        return;
    }
    if !pointer.is_empty() && pointer != "/metadata" && pointer != "/spec" {
        places.push(pointer.to_owned());
    }
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            self::places(value, &format!("{pointer}/{}", escaped(key)), places);
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, value)| self::places(value, &format!("{pointer}/{at}"), places)),
        _ => {}
    }
}

fn change(manifest: &mut Value, numbers: &mut Numbers) {
    let mut all = Vec::new();
    places(manifest, "", &mut all);
    let Some(value) = manifest.pointer_mut(numbers.one_of::<String>(&all)) else {
        return;
    };
    match value {
        Value::Array(items) if items.len() > 1 && numbers.below(2) == 0 => {
            let (a, b) = (numbers.below(items.len()), numbers.below(items.len()));
            items.swap(a, b);
        }
        Value::Array(items) if !items.is_empty() => drop(items.remove(numbers.below(items.len()))),
        Value::Object(map) if numbers.below(2) == 0 => add(map),
        Value::Object(map) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            if !keys.is_empty() {
                map.remove(numbers.one_of(&keys));
            }
        }
        scalar => *scalar = other(scalar),
    }
}

/// Adds a key to a map of texts.
fn add(map: &mut Map<String, Value>) {
    if map.values().all(Value::is_string) && !map.is_empty() {
        map.insert("added".to_owned(), "added".into());
    }
}

/// Another scalar that the type of most fields takes.
fn other(scalar: &Value) -> Value {
    match scalar {
        Value::Bool(flag) => (!flag).into(),
        Value::Number(number) => (number.as_i64().unwrap_or_default() + 1).into(),
        Value::String(text) if text.ends_with('=') || text.ends_with('Z') => {
            text.replace('2', "3").into()
        }
        Value::String(text) if text.starts_with(|c: char| c.is_ascii_digit()) => "7".into(),
        Value::String(text) => format!("{text}x").into(),
        other => other.clone(),
    }
}

/// What the report says of each field, by its resource, its path and the live value.
type Verdicts = BTreeMap<(String, String, String), String>;

struct Outcome {
    verdicts: Verdicts,
    /// The resources with an error, which the change has made.
    wrong: BTreeSet<String>,
}

fn outcome(repository: &Repository, live: &[Value], args: &[&str]) -> Outcome {
    let args = [&["-n", "server-side", "-o", "json", "--no-redact"], args].concat();
    let report = repository.run(live, &args).json();
    let name = |entry: &Value| format!("{}/{}", entry["kind"], entry["name"]);
    let mut verdicts = Verdicts::new();
    for resource in report["resources"].as_array().unwrap() {
        for field in resource["fields"].as_array().unwrap() {
            let history = &field["history"];
            let words = [
                &history["verdict"],
                &history["commit"],
                &history["next"]["commit"],
            ]
            .map(|word| word.as_str().unwrap_or("-"));
            let key = (
                name(resource),
                field["path"].to_string(),
                field["live"].to_string(),
            );
            verdicts.insert(key, words.join(" "));
        }
    }
    let wrong = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(name)
        .collect();
    Outcome { verdicts, wrong }
}

/// Changes one scalar of a live object where both manifests have it as it is. Gives whether there is one.
fn change_live(live: &mut Value, [then, now]: [&Value; 2], numbers: &mut Numbers) -> bool {
    let mut all = Vec::new();
    places(then, "", &mut all);
    let is_same = |pointer: &String| {
        let scalar = then
            .pointer(pointer)
            .filter(|value| !value.is_object() && !value.is_array());
        // An owner is matched by its uid and named by its name, which are of two commits here.
        let is_uid = pointer.ends_with("/uid");
        let is_in_both = scalar == now.pointer(pointer) && scalar == live.pointer(pointer);
        scalar.is_some() && !is_uid && is_in_both
    };
    all.retain(is_same);
    if all.is_empty() {
        return false;
    }
    let place = live.pointer_mut(numbers.one_of::<String>(&all)).unwrap();
    *place = other(&other(place));
    if let Value::Number(number) = place {
        *place = (number.as_i64().unwrap_or_default() + 1000).into();
    }
    true
}

/// Commits all manifests, changes each at random, commits them. Live is the first commit.
fn check(seed: u64, args: &[&str], verdict: &str, second: &str) {
    let numbers = &mut Numbers(seed);
    let repository = Repository::new();
    let mut cases = cases();
    assert!(cases.len() > 150);
    let write = |cases: &[Case]| {
        for case in cases {
            repository.write(&case.name, &case.manifest.to_string());
        }
    };
    write(&cases);
    let first = repository.commit_at("2026-11-01T00:00:00Z", "First");
    // In a snapshot the server has no version, and the manifests are read as JSON: a few differ for that.
    let live = |cases: &[Case]| {
        cases
            .iter()
            .map(|case| case.live.clone())
            .collect::<Vec<_>>()
    };
    let before = outcome(&repository, &live(&cases), args);
    let is_in_sync = |case: &Case| {
        let (kind, name) = identity(&case.manifest);
        let name = format!("{}/{}", json!(kind), json!(name));
        !before.wrong.contains(&name)
            && !before
                .verdicts
                .keys()
                .any(|(resource, ..)| *resource == name)
    };
    cases.retain(is_in_sync);
    assert!(
        cases.len() > 150,
        "{:?} {:?}",
        before.wrong,
        before.verdicts
    );
    let originals: Vec<Value> = cases.iter().map(|case| case.manifest.clone()).collect();
    for case in &mut cases {
        for _ in 0..=numbers.below(3) {
            change(&mut case.manifest, numbers);
        }
    }
    write(&cases);
    let second = repository.commit_at(second, "Second");
    let expected = format!("{verdict} {first} {second}");
    let after = outcome(&repository, &live(&cases), args);
    let judged = after
        .verdicts
        .iter()
        .filter(|((resource, ..), _)| !after.wrong.contains(resource));
    let wrong: Vec<_> = judged
        .clone()
        .filter(|(_, found)| **found != expected)
        .collect();
    assert!(wrong.is_empty(), "expected {expected}: {wrong:#?}");
    assert!(
        judged.count() > 100,
        "{} {:?}",
        after.verdicts.len(),
        after.wrong
    );

    let mut changed = 0;
    for (case, original) in cases.iter_mut().zip(&originals) {
        if numbers.below(2) == 0 {
            changed += usize::from(change_live(
                &mut case.live,
                [original, &case.manifest],
                numbers,
            ));
        }
    }
    assert!(changed > 50);
    let both = outcome(&repository, &live(&cases), args);
    let mut by_hand = 0;
    for (key, found) in both
        .verdicts
        .iter()
        .filter(|((resource, ..), _)| !after.wrong.contains(resource))
    {
        if after.verdicts.contains_key(key) {
            assert_eq!(*found, expected, "{key:?}");
        } else {
            by_hand += 1;
            assert_eq!(found, "not-found - -", "{key:?}");
        }
    }
    assert!(by_hand > 50, "{by_hand}");
}

const BEFORE: &str = "2026-11-02T00:00:00Z";
const LATER: &str = "2027-01-01T00:00:00Z";

#[test]
fn random_changes_of_manifests_are_not_deployed_yet_and_changes_of_live_objects_are_found_nowhere()
{
    check(0x9e37_79b9_7f4a_7c15, &[], "not-deployed", LATER);
    check(0xd1b5_4a32_d192_ed03, &["--strict"], "not-deployed", LATER);
}

#[test]
fn random_changes_of_manifests_that_were_written_over_are_set_back() {
    check(0x2545_f491_4f6c_dd1d, &[], "set-back", BEFORE);
    check(0x5851_f42d_4c95_7f2d, &["--strict"], "set-back", BEFORE);
}
