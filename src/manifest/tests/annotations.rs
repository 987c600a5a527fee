//! The annotations with which a manifest instructs the program.

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
fn what_is_misspelt_is_an_error_and_nothing_is_written() {
    let key = |name: &str| format!("metadata.annotations[\"drift.gitops.io/{name}\"]");
    for (annotation, name, place, message) in [
        (
            "skip: \"yes\"",
            "skip",
            "6:27",
            "\"true\" or \"false\" expected, \"yes\" stands here",
        ),
        (
            "skip: \"True\"",
            "skip",
            "6:27",
            "\"true\" or \"false\" expected, \"True\" stands here, did you mean \"true\"?",
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
            "there is no such annotation",
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
            "\"auto\" or \"alert\" expected, \"\" stands here",
        ),
        (
            "remediation-policy: alrt",
            "remediation-policy",
            "6:41",
            "\"auto\" or \"alert\" expected, \"alrt\" stands here, did you mean \"alert\"?",
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
        assert_eq!(unwritable, Some(format!("{} is not understood", key(name))));
    }
}

#[test]
fn an_unquoted_truth_is_a_wrong_type() {
    assert_eq!(
        said(&annotated("drift.gitops.io/skip: true")),
        [
            "web.yaml:6:27: ConfigMap/c: metadata.annotations[\"drift.gitops.io/skip\"]: a string expected, true stands here; \
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
             `spec.template.spec.containers[*].args[0]`: it names an item of a list that is compared as a whole; end it at the list"
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
            "web.yaml:4:44: Deployment/w: spec.template.metadata.annotations[\"drift.gitops.io/skip\"]: no effect here, it \
             belongs in metadata.annotations of the Deployment"
        ]
    );
    assert!(check(text).resources[0].unwritable.is_some());
}

#[test]
fn a_misspelt_prefix_is_a_warning_and_nothing_is_written() {
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
        Some(format!("{key} is not understood"))
    );
    assert_eq!(
        said(&annotated("drift.example.com/skip: \"true\"")),
        [""; 0]
    );
}
