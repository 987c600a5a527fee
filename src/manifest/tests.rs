//! The exact message for each kind of bad input, and what is read from good ones.

use std::sync::Arc;

use super::file::{self, Checked, Surroundings};

/// Reads one file.
fn check(text: &str) -> Checked {
    let surroundings = Surroundings {
        path: None,
        shown: "web.yaml".into(),
        namespace: "default",
        unwritable: None,
    };
    file::check(text.as_bytes().to_vec(), &surroundings)
}

/// All that is said of one file: errors, then what is an error unless the server is newer, then warnings.
fn said(text: &str) -> Vec<String> {
    let checked = check(text);
    let unknown = checked.resources.iter().flat_map(|r| &r.unknown_fields);
    let problems = checked
        .errors
        .iter()
        .chain(unknown)
        .chain(&checked.warnings);
    problems.map(ToString::to_string).collect()
}

#[test]
fn a_good_manifest_is_a_resource() {
    let checked = check("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n");
    assert!(checked.errors.is_empty() && checked.warnings.is_empty());
    let [resource] = &checked.resources[..] else {
        panic!("{:?}", checked.resources)
    };
    assert_eq!(resource.id.to_string(), "ConfigMap/web (ns: default)");
    assert_eq!(resource.place().to_string(), "web.yaml:1:1");
    let value = resource
        .node()
        .get("data")
        .and_then(|d| d.get("a"))
        .unwrap();
    assert_eq!(resource.place_of(value).to_string(), "web.yaml:4:11");
    assert!(resource.unwritable.is_none());
    assert_eq!(Arc::strong_count(&resource.file), 1);
}

#[test]
fn wrong_types_and_unknown_fields_are_found() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: three\n  template:\n    \
                spec:\n      containers:\n      - name: web\n        imagePullPolice: Always\n";
    assert_eq!(
        said(text),
        [
            "web.yaml:6:13: Deployment/web: spec.replicas: a whole number expected, \"three\" stands here",
            "web.yaml:11:9: Deployment/web: spec.template.spec.containers[name=web].imagePullPolice: unknown field, \
             did you mean `imagePullPolicy`?",
        ]
    );
}
