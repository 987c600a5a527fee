//! Tests of the annotations that control this program.

use super::super::Policy;
use super::{check, container, said};
use crate::path::Pattern;

fn annotated(annotation: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  annotations:\n    {annotation}\ndata: {{a: b}}\n"
    )
}

#[test]
fn instructions_are_read() {
    let checked = check(&annotated(
        "drift.gitops.io/ignore-fields: \" data.a, metadata.labels.app.x/y,\"\n    drift.gitops.io/remediation-policy: alert\n    \
         drift.gitops.io/skip: \"false\"",
    ));
    let resource = &checked.resources[0];
    assert_eq!(checked.errors, []);
    assert_eq!(resource.policy, Policy::Alert);
    let texts: Vec<&str> = resource.ignore.iter().map(Pattern::text).collect();
    assert_eq!(texts, ["data.a", "metadata.labels.app.x/y"]);
    assert_eq!(resource.unwritable, None);
}

#[test]
fn a_skipped_resource_is_not_checked() {
    let text = annotated("drift.gitops.io/skip: \"true\"\n    drift.gitops.io/nonsense: 5")
        .replace("name: c", "generateName: c-");
    let checked = check(&text);
    assert!(
        checked.resources.is_empty() && checked.errors.is_empty() && checked.warnings.is_empty()
    );
    assert_eq!(checked.skipped[0].place.to_string(), "web.yaml:1:1");
    assert_eq!(checked.skipped[0].resource.kind, "ConfigMap");
    assert_eq!(checked.skipped[0].resource.namespace, "default");
}

#[test]
fn a_misspelt_instruction_is_an_error_and_prevents_writes() {
    let key = |name: &str| format!("metadata.annotations[\"drift.gitops.io/{name}\"]");
    for (annotation, name, place, message) in [
        (
            "skip: \"yes\"",
            "skip",
            "6:27",
            "expected \"true\" or \"false\", found \"yes\"",
        ),
        (
            "skip: \"True\"",
            "skip",
            "6:27",
            "expected \"true\" or \"false\", found \"True\", did you mean \"true\"?",
        ),
        (
            "skp: \"true\"",
            "skp",
            "6:5",
            "did you mean drift.gitops.io/skip?",
        ),
        (
            "nonsense: \"true\"",
            "nonsense",
            "6:5",
            "unknown annotation",
        ),
        (
            "ignore-fields: data..b",
            "ignore-fields",
            "6:36",
            "bad field path `data..b`: expected a key after `.`",
        ),
        (
            "remediation-policy:",
            "remediation-policy",
            "6:40",
            "expected \"auto\" or \"alert\", found \"\"",
        ),
        (
            "remediation-policy: alrt",
            "remediation-policy",
            "6:41",
            "expected \"auto\" or \"alert\", found \"alrt\", did you mean \"alert\"?",
        ),
    ] {
        let text = annotated(&format!("drift.gitops.io/{annotation}"));
        assert_eq!(
            said(&text),
            [format!(
                "web.yaml:{place}: ConfigMap/c: {}: {message}",
                key(name)
            )]
        );
        let unwritable = check(&text).resources[0].unwritable.clone();
        assert_eq!(unwritable, Some(format!("{} is not valid", key(name))));
    }
}

#[test]
fn an_unquoted_boolean_is_a_wrong_type() {
    assert_eq!(
        said(&annotated("drift.gitops.io/skip: true")),
        [
            "web.yaml:6:27: ConfigMap/c: metadata.annotations[\"drift.gitops.io/skip\"]: expected a string, found true; \
             write \"true\""
        ]
    );
}

#[test]
fn an_item_of_an_atomic_list_cannot_be_ignored() {
    let text = container("image: x").replace(
        "{name: web}",
        "{name: web, annotations: {drift.gitops.io/ignore-fields: 'spec.template.spec.containers[*].args[0]'}}",
    );
    assert_eq!(
        said(&text),
        [
            "web.yaml:3:68: Deployment/web: metadata.annotations[\"drift.gitops.io/ignore-fields\"]: bad field path \
             `spec.template.spec.containers[*].args[0]`: it names an item of a list that is compared as a whole: end the path at the list"
        ]
    );
}

#[test]
fn an_instruction_in_the_template_is_misplaced() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\n\
                spec: {template: {metadata: {annotations: {drift.gitops.io/skip: \"true\"}}}}\n";
    assert_eq!(
        said(text),
        [
            "web.yaml:4:44: Deployment/w: spec.template.metadata.annotations[\"drift.gitops.io/skip\"]: no effect here; move it \
             to metadata.annotations of the Deployment"
        ]
    );
    assert!(check(text).resources[0].unwritable.is_some());
}

#[test]
fn a_misspelt_prefix_is_a_warning_and_prevents_writes() {
    let text = annotated("drift.gitop.io/remediation-policy: alert");
    let key = "metadata.annotations[\"drift.gitop.io/remediation-policy\"]";
    assert_eq!(
        said(&text),
        [format!(
            "web.yaml:6:5: ConfigMap/c: {key}: did you mean drift.gitops.io/?"
        )]
    );
    assert_eq!(
        check(&text).resources[0].unwritable,
        Some(format!("{key} is not valid"))
    );
    assert_eq!(
        said(&annotated("drift.example.com/skip: \"true\"")),
        [""; 0]
    );
}
