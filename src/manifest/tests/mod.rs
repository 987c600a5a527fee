//! The exact message for each kind of bad input, and what is read from good ones.

mod annotations;
mod heads;
mod sources;
mod tools;
mod types;
mod typos;

use std::sync::Arc;

use super::Policy;
use super::file::{self, Checked, Surroundings};

/// Reads one file.
fn check(text: &str) -> Checked {
    let surroundings = Surroundings {
        path: None,
        shown: "web.yaml".into(),
        namespace: "default",
        unwritable: None,
    };
    file::check(text.as_bytes().to_vec(), 0, &surroundings)
}

/// All messages about one file: errors, then unknown fields, then warnings.
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

/// Checks the messages about some files, without the name of the file.
#[track_caller]
fn assert_said(cases: &[(&str, &[&str])]) {
    for (text, messages) in cases {
        let said: Vec<String> = said(text)
            .iter()
            .map(|s| s.replacen("web.yaml:", "", 1))
            .collect();
        assert_eq!(said, *messages, "{text}");
    }
}

/// A Deployment with these lines in its container.
fn container(lines: &str) -> String {
    let head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      \
                containers:\n      - name: web";
    let lines = lines.lines().map(|line| format!("        {line}"));
    let all: Vec<String> = std::iter::once(head.to_owned()).chain(lines).collect();
    all.join("\n") + "\n"
}

#[test]
fn a_valid_manifest_becomes_a_resource() {
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
    assert_eq!(resource.document_pointer(), "");
    assert_eq!(resource.policy, Policy::Auto);
    assert!(resource.unwritable.is_none() && resource.ignore.is_empty());
    assert_eq!(Arc::strong_count(&resource.file), 1);
}

#[test]
fn lists_are_unpacked() {
    let text = "# a comment\n---\nkind: List\napiVersion: v1\nitems:\n- &a {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n\
                - {apiVersion: v1, kind: Pod, metadata: {name: b}}\n---\nkind: NamespaceList\napiVersion: v1\nitems:\n\
                - metadata: {name: c}\n---\n{apiVersion: v1, kind: PodList, items: [{metadata: {name: d}}]}\n";
    let checked = check(text);
    let found: Vec<_> = checked
        .resources
        .iter()
        .map(|r| {
            (
                r.id.to_string(),
                r.document_pointer().to_owned(),
                r.place().to_string(),
            )
        })
        .collect();
    assert_eq!(checked.errors, []);
    assert_eq!(
        found,
        [
            (
                "ConfigMap/a (ns: default)".to_owned(),
                "/items/0".to_owned(),
                "web.yaml:6:3".to_owned()
            ),
            (
                "Namespace/c".to_owned(),
                "/items/0".to_owned(),
                "web.yaml:12:3".to_owned()
            ),
        ]
    );
    assert_eq!(
        checked.other_kinds.into_iter().collect::<Vec<_>>(),
        [("v1 Pod".to_owned(), 2)]
    );
}

#[test]
fn fields_that_only_the_server_sets_give_one_warning() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  uid: x\n  resourceVersion: \"1\"\n  \
                creationTimestamp: \"2024-01-01T00:00:00Z\"\n  annotations: {deployment.kubernetes.io/revision: \"1\"}\n---\n\
                apiVersion: v1\nkind: Namespace\nmetadata: {name: b, uid: y, creationTimestamp: null}\n\
                spec: {finalizers: [kubernetes]}\nstatus: {phase: Active}\n---\n\
                apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: c, creationTimestamp: null}\nstatus: {}\n";
    let fields = "metadata.uid, metadata.resourceVersion, metadata.creationTimestamp, \
                  metadata.annotations[\"deployment.kubernetes.io/revision\"], spec.finalizers, status";
    assert_eq!(
        said(text),
        [format!(
            "web.yaml:5:8: ConfigMap/a: {fields}: not compared, because only the API server sets them"
        )]
    );
    let one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, uid: x}\n";
    let uid = "metadata.uid: not compared, because only the API server sets it";
    assert_eq!(said(one), [format!("web.yaml:3:26: ConfigMap/a: {uid}")]);
}

#[test]
fn problems_of_reading_yaml_are_reported() {
    assert_said(&[
        (
            "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n\
             - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {x: y, x: z}}\n",
            &["5:71: ConfigMap/b: duplicate key \"x\": first on line 5; this value is used"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.name }}\n",
            &[
                "4:10: expected a key, found a map (`{{` begins a template, which must be rendered first)",
            ],
        ),
        (
            "kind: ConfigMap\n{{ if .Values.x }}\na: b\n",
            &[
                "2:1: expected `:` after the key `{{ if .Values.x }}` (`{{` begins a template, which must be rendered first)",
            ],
        ),
        (
            "apiVersion: v1\nkind: Pod\nx: {a: 1, a: 2}\n---\nx: {a: 1, a: 2}\n",
            &[],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
            &[
                "4:1: expected spaces for the indentation, found a tab",
                "8:11: ConfigMap: metadata.name: missing",
            ],
        ),
    ]);
}
