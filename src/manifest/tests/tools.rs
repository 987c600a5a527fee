//! Tests of manifests for other tools: hooks, encryption, variables that were not substituted.

use super::{check, container, said};
use crate::path::Pattern;

#[test]
fn hooks_are_skipped_and_counted() {
    let hook = |annotation: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: h, annotations: {{{annotation}}}}}\ndata: 1\n---\n"
        )
    };
    let text = [
        hook("helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-weight: \"-5\""),
        hook("helm.sh/hook: test"),
        hook("argocd.argoproj.io/hook: PreSync"),
        hook("helm.sh/hook: null, helm.sh/resource-policy: keep")
            .replace("data: 1", "data: {a: b}"),
        hook("x.helm.sh/hook: test")
            .replace("data: 1", "data: {c: d}")
            .replace("name: h", "name: i"),
    ];
    let checked = check(&text.concat());
    assert_eq!(checked.errors, []);
    let skipped: Vec<String> = checked
        .skipped
        .iter()
        .map(|s| s.place.to_string())
        .collect();
    assert_eq!(skipped, ["web.yaml:1:1", "web.yaml:6:1", "web.yaml:11:1"]);
    assert_eq!(checked.resources.len(), 2);
}

/// What SOPS adds to a document.
const RECORD: &str = "sops:\n  age: []\n  lastmodified: \"2026-01-01T00:00:00Z\"\n  mac: ENC[AES256_GCM,data:cc==,type:str]\n";

#[test]
fn an_encrypted_document_is_one_error_without_its_values() {
    let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {url: \"ENC[AES256_GCM,data:aa==]\"}\n";
    let whole = "apiVersion: ENC[AES256_GCM,data:bb==]\nkind: ENC[AES256_GCM,data:dd==]\nmetadata:\n  name: ENC[AES256_GCM,data:ee==]\n";
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n";
    for (text, said_of_it) in [
        (
            config_map,
            "web.yaml:1:1: ConfigMap/a: encrypted with SOPS; decrypt it first",
        ),
        (whole, "web.yaml:1:1: encrypted with SOPS; decrypt it first"),
        (list, "web.yaml:1:1: encrypted with SOPS; decrypt it first"),
    ] {
        let text = format!("{text}{RECORD}");
        assert_eq!(said(&text), [said_of_it], "{text}");
        assert!(check(&text).resources.is_empty());
    }
    let checked = check(&format!("{config_map}{RECORD}"));
    assert_eq!(checked.broken[0].0.to_string(), "ConfigMap/a (ns: default)");
    let other = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{RECORD}");
    assert_eq!(said(&other), [""; 0]);
    assert_eq!(check(&other).other_kinds.len(), 1);
    let plain = format!("{config_map}sops: {{}}\n");
    assert_eq!(
        said(&plain),
        ["web.yaml:5:1: ConfigMap/a: sops: unknown field"]
    );
}

#[test]
fn an_image_that_was_not_substituted_is_not_compared_and_prevents_writes() {
    let path = "spec.template.spec.containers[name=web]";
    let volume = "spec.template.spec.volumes[name=v].image";
    for (text, place, field, found, left_out) in [
        (
            container("image: registry.example/echo:${TAG}"),
            "9:16",
            format!("{path}.image"),
            "registry.example/echo:${TAG}",
            vec![format!("{path}.imagePullPolicy"), format!("{path}.image")],
        ),
        (
            container("image: $(IMAGE)\nimagePullPolicy: Always"),
            "9:16",
            format!("{path}.image"),
            "$(IMAGE)",
            vec![format!("{path}.image")],
        ),
        (
            container("image: a")
                + "      volumes:\n      - {name: v, image: {reference: \"a:${B}\"}}\n",
            "11:38",
            format!("{volume}.reference"),
            "a:${B}",
            vec![
                format!("{volume}.pullPolicy"),
                format!("{volume}.reference"),
            ],
        ),
    ] {
        let message = format!(
            "web.yaml:{place}: Deployment/web: {field}: \"{found}\" has a variable that was not substituted: substitute it first"
        );
        assert_eq!(said(&text), [message], "{text}");
        let checked = check(&text);
        let resource = &checked.resources[0];
        let patterns = resource.incomparable.iter().map(Pattern::text);
        assert_eq!(patterns.collect::<Vec<_>>(), left_out);
        let reason = "an image was not substituted";
        assert_eq!(resource.unwritable.as_deref(), Some(reason));
    }
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {url: \"${URL}\", image: \"$(X)\"}\n";
    assert_eq!(said(text), [""; 0]);
    assert_eq!(
        said(&container("image: \"a:$TAG\"\nargs: [\"$(X)\"]")),
        [""; 0]
    );
}
