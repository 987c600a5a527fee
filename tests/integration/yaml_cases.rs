//! YAML and JSON, read as kubectl reads them: `tests/cases/yaml` holds what kubectl made of each case.

use std::fs;
use std::path::{Path, PathBuf};

use gitops_drift::yaml::{self, Severity};
use serde_json::Value;

/// Files where kubectl's answer is not about YAML, but about what stands in it.
///
/// kubectl refuses the file; we count the document as no Kubernetes object and compare nothing of it, so that none of
/// them can hide or invent a difference.
const ABOUT_OBJECTS: [(&str, &str); 3] = [
    ("scalar_doc.yaml", "a string is no object"),
    ("seq_doc.yaml", "a list is no object"),
    ("seq_noindent.yaml", "`items` that are no objects"),
];

/// The items of a `List`, as kubectl unpacks it, or the document itself.
fn unpacked(document: Value) -> Vec<Value> {
    match document.get("items") {
        Some(Value::Array(items)) if document["kind"] == "List" => items.clone(),
        _ => vec![document],
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/yaml")
}

/// Numbers as kubectl compares them: whole ones that fit exactly, others as floats.
fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) if !number.is_i64() => number.as_f64().into(),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), normal(value)));
            Value::Object(entries.collect())
        }
        _ => value.clone(),
    }
}

/// Tells how our reading differs from kubectl's, which stops at the first document it cannot read.
fn difference(bytes: &[u8], documents: &Value, error: bool) -> Option<String> {
    let stream = yaml::read(bytes.to_vec());
    let first_error = stream
        .problems
        .iter()
        .find(|p| p.severity == Severity::Error);
    if first_error.is_some() != error {
        return Some(format!("kubectl fails: {error}; we: {first_error:?}"));
    }
    let ours: Vec<Value> = stream
        .documents
        .iter()
        .filter(|document| first_error.is_none_or(|error| document.index < error.document))
        .flat_map(|document| unpacked(normal(&stream.tree.node(document.root).to_json())))
        .collect();
    let theirs: Vec<Value> = documents
        .as_array()
        .into_iter()
        .flatten()
        .map(normal)
        .collect();
    // A bad separator costs kubectl the document above it, too.
    let same = if error {
        ours.starts_with(&theirs) && ours.len() <= theirs.len() + 1
    } else {
        ours == theirs
    };
    (!same).then(|| {
        let (ours, theirs) = (Value::from(ours), Value::from(theirs));
        format!("kubectl reads {theirs}\n     we read {ours}")
    })
}

#[test]
fn whole_files_are_read_as_kubectl_reads_them() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        count += 1;
        if ABOUT_OBJECTS.iter().any(|(name, _)| path.ends_with(name)) {
            continue;
        }
        let expected = fs::read(path.with_extension("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let error = expected.get("error").is_some();
        let bytes = fs::read(&path).unwrap();
        if let Some(why) = difference(&bytes, &expected["documents"], error) {
            wrong.push(format!("{}: {why}", path.display()));
        }
    }
    println!(
        "{} of {count} files are read as kubectl reads them",
        count - ABOUT_OBJECTS.len() - wrong.len()
    );
    assert_eq!(count, 110);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn corners_are_read_as_kubectl_reads_them() {
    let corners = fs::read_to_string(folder().join("corners.jsonl")).unwrap();
    let mut wrong = Vec::new();
    for line in corners.lines() {
        let corner: Value = serde_json::from_str(line).unwrap();
        let text = corner["yaml"].as_str().unwrap();
        let error = corner.get("error").is_some();
        if let Some(why) = difference(text.as_bytes(), &corner["documents"], error) {
            wrong.push(format!("{text:?}: {why}"));
        }
    }
    assert!(corners.lines().count() > 2_000);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
