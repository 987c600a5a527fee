//! One difference in each style of YAML, and the text that comes of it.

use std::fs;

use serde_json::{Value, json};

use super::{PatchSubject, patch_file};
use crate::diff::{Desired, Finding, differences};
use crate::manifest::{Loader, ManifestOptions, Resource};

/// The text that declares these live objects, and why differences are not in it.
fn patched(text: &str, strict: bool, live: &[Value]) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    fs::write(&file, text).unwrap();
    let options = ManifestOptions {
        inputs: vec![file],
        exclude: Vec::new(),
        namespace: "default".to_owned(),
        with_declared: false,
    };
    let manifests = Loader::new(options).unwrap().load();
    assert!(manifests.problems.is_empty(), "{:?}", manifests.problems);
    let compare = |at: usize, resource: &Resource| -> Vec<Finding> {
        let subject = Desired {
            kind: resource.id.kind,
            declared: resource.node(),
            ignore: Vec::new(),
            ignore_managers: &[],
            strict,
            unstored: None,
            lists_suppressed: false,
        };
        differences(&subject, &live[at], None).findings
    };
    let subjects: Vec<PatchSubject<'_>> = manifests
        .resources
        .iter()
        .zip(live)
        .enumerate()
        .map(|(at, (resource, live))| PatchSubject {
            resource,
            live,
            paths: compare(at, resource)
                .iter()
                .map(|finding| finding.path.to_string())
                .collect(),
        })
        .collect();
    assert!(
        subjects.iter().any(|subject| !subject.paths.is_empty()),
        "nothing differs: {text}"
    );
    let file = patch_file(text, &subjects, &compare);
    let left_out = file.left_out.into_iter();
    let left_out = left_out.map(|left| format!("{}: {}", left.path, left.reason));
    (file.text, left_out.collect())
}

/// A ConfigMap with these lines below `data:`, and one with this data.
#[track_caller]
fn data(strict: bool, before: &str, live: &Value, after: &str) {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n";
    let immutable = before.contains("immutable").then_some(false);
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": live, "immutable": immutable,
    });
    let (text, left_out) = patched(&format!("{head}{before}"), strict, &[object]);
    assert_eq!(text, format!("{head}{after}"));
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn changed_values_are_replaced_in_place() {
    for (before, live, after) in [
        (
            "data:\n  a: x # why\n  b: w\n",
            json!({"a": "z", "b": "w"}),
            "data:\n  a: z # why\n  b: w\n",
        ),
        (
            "data:\n  a:   'x'\t# tab\n",
            json!({"a": "it's"}),
            "data:\n  a:   'it''s'\t# tab\n",
        ),
        (
            "data:\n    a: \"1\"\n",
            json!({"a": "2"}),
            "data:\n    a: \"2\"\n",
        ),
        (
            "data:\n  a: x\n",
            json!({"a": "yes"}),
            "data:\n  a: \"yes\"\n",
        ),
        (
            "data: {a: x, \"b\": w}\n",
            json!({"a": "p, q", "b": "w"}),
            "data: {a: \"p, q\", \"b\": w}\n",
        ),
        (
            "data:\n  a: |\n    one\n    two\n  b: w\n",
            json!({"a": "one\n2\n", "b": "w"}),
            "data:\n  a: |\n    one\n    2\n  b: w\n",
        ),
        (
            "data:\n  a: |-\n      one\n\n  b: w\n",
            json!({"a": "one\ntwo", "b": "w"}),
            "data:\n  a: |-\n      one\n      two\n\n  b: w\n",
        ),
        (
            "data:\n  a: >\n    one\n    two\n",
            json!({"a": "one\ntwo\n"}),
            "data:\n  a: |\n    one\n    two\n",
        ),
        (
            "data:\n  a: x\n",
            json!({"a": "one\ntwo"}),
            "data:\n  a: |-\n    one\n    two\n",
        ),
        (
            "data:\n  a: |\n    one\n",
            json!({"a": "one"}),
            "data:\n  a: one\n",
        ),
        (
            "data:\n  a: one\n    two\n  b: w\n",
            json!({"a": "three", "b": "w"}),
            "data:\n  a: three\n  b: w\n",
        ),
        (
            "data:\n  ? a\n  : x\n",
            json!({"a": "w"}),
            "data:\n  ? a\n  : w\n",
        ),
        (
            "data:\r\n  a: x\r\n  b: w",
            json!({"a": "one\ntwo\n", "b": "z"}),
            "data:\r\n  a: |\r\n    one\r\n    two\r\n  b: z",
        ),
        (
            "data:\n  a: !!str 1\n",
            json!({"a": "2"}),
            "data:\n  a: \"2\"\n",
        ),
        (
            "data:\n  a:\n  b: w\n",
            json!({"a": "x", "b": "w"}),
            "data:\n  a: x\n  b: w\n",
        ),
    ] {
        data(false, before, &live, after);
    }
}

#[test]
fn missing_values_are_taken_out_with_their_lines() {
    for (before, live, after) in [
        (
            "data:\n  a: x # why\n  # b\n  b: w\n",
            json!({"b": "w"}),
            "data:\n  # b\n  b: w\n",
        ),
        (
            "data:\n  a: x\n  b: |\n    w\n    z\n",
            json!({"a": "x"}),
            "data:\n  a: x\n",
        ),
        ("data:\n  a: x\n  b: w", json!({"a": "x"}), "data:\n  a: x"),
        (
            "data: {a: x, b: w, c: z}\n",
            json!({"b": "w"}),
            "data: {b: w}\n",
        ),
        (
            "data: {a: x, b: w, c: z}\n",
            json!({"a": "x", "c": "z"}),
            "data: {a: x, c: z}\n",
        ),
        (
            "data:\n  a: x\nimmutable: false\n",
            json!(null),
            "immutable: false\n",
        ),
        (
            "data:\n  a: x\nimmutable: false\n",
            json!({}),
            "data: {}\nimmutable: false\n",
        ),
    ] {
        data(false, before, &live, after);
    }
}

#[test]
fn added_values_are_put_in_where_their_map_stands() {
    for (before, live, after) in [
        (
            "data:\n  a: x\nimmutable: false\n",
            json!({"a": "x", "b": "on"}),
            "data:\n  a: x\n  b: \"on\"\nimmutable: false\n",
        ),
        (
            "data:\n  a: x",
            json!({"a": "x", "b": "1\n2\n"}),
            "data:\n  a: x\n  b: |\n    1\n    2",
        ),
        (
            "data: {a: x}\n",
            json!({"a": "x", "b.c": "w"}),
            "data: {a: x, b.c: w}\n",
        ),
        ("data: {}\n", json!({"a": "x"}), "data: {a: x}\n"),
        ("", json!({"a": "x"}), "data:\n  a: x\n"),
        ("data:\n", json!({"a": "x"}), "data:\n  a: x\n"),
    ] {
        data(true, before, &live, after);
    }
}
