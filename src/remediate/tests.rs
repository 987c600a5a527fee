//! The whole way of a plan: a manifest and a live object to the body of the write.

use serde_json::{Value, json};

use super::plan::body;
use crate::diff::{Desired, Finding, differences};
use crate::path::Pattern;
use crate::schema::Kind;
use crate::yaml;

/// The body that repairs `live`, with these paths ignored.
fn planned(manifest: &str, ignored: &str, live: &Value) -> Value {
    let stream = yaml::read(manifest.as_bytes().to_vec());
    let patterns = Pattern::parse_list(ignored).unwrap();
    let kind = live["kind"].as_str().unwrap();
    let subject = Desired {
        kind: Kind::ALL.into_iter().find(|k| k.name() == kind).unwrap(),
        declared: stream.tree.node(stream.documents[0].root),
        ignore: patterns.iter().collect(),
        ignore_managers: &[],
        strict: false,
        unstored: None,
        lists_suppressed: false,
    };
    let findings = differences(&subject, live, None).findings;
    let is_wanted = |f: &&Finding| !f.is_extra();
    let body = body(live, findings.iter().filter(is_wanted), &subject);
    let left = differences(&subject, &body, None).findings;
    assert!(left.is_empty(), "{left:?}");
    body
}

/// A Deployment whose pod is this.
fn deployment(pod: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": pod}}})
}

/// What is ignored stays as it is, or absent: in maps, in values that are written whole, in unions and below what is
/// missing. Only below an item that is created the declared value is taken.
#[test]
fn ignored_paths_stay() {
    let pod = "spec.template.spec";
    let cases = [
        // A key of an atomic map.
        (
            "{nodeSelector: {a: x, b: z}}",
            ".nodeSelector.b",
            json!({"nodeSelector": {"a": "0", "b": "0"}}),
            json!({"nodeSelector": {"a": "x", "b": "0"}}),
        ),
        (
            "{nodeSelector: {a: x, b: z}}",
            ".nodeSelector.b",
            json!({"nodeSelector": {"a": "0"}}),
            json!({"nodeSelector": {"a": "x"}}),
        ),
        (
            "{nodeSelector: {a: x, b: z}}",
            ".nodeSelector.b",
            json!({}),
            json!({"nodeSelector": {"a": "x"}}),
        ),
        (
            "{nodeSelector: {a: x, b: z}}",
            ".nodeSelector.*",
            json!({}),
            json!({}),
        ),
        (
            "{nodeSelector: {a: x}}",
            ".nodeSelector.b",
            json!({"nodeSelector": {"a": "0", "b": "0"}}),
            json!({"nodeSelector": {"a": "x", "b": "0"}}),
        ),
        (
            "{nodeSelector: {a.b/c: x, d: z}}",
            ".nodeSelector.a.b/c",
            json!({"nodeSelector": {"a.b/c": "0", "d": "0"}}),
            json!({"nodeSelector": {"a.b/c": "0", "d": "z"}}),
        ),
        // A struct that is missing.
        (
            "{securityContext: {runAsUser: 1, runAsGroup: 2}}",
            ".*.runAsUser",
            json!({}),
            json!({"securityContext": {"runAsGroup": 2}}),
        ),
        // A member of a union that is swapped.
        (
            "{volumes: [{name: v, configMap: {name: c, defaultMode: 256}}]}",
            ".volumes[name=v].configMap.defaultMode",
            json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
            json!({"volumes": [{"name": "v", "configMap": {"name": "c"}}]}),
        ),
        // The other fields of a union.
        (
            "{containers: [{name: c, livenessProbe: {periodSeconds: 5, tcpSocket: {port: 1}}}]}",
            ".containers[*].livenessProbe.periodSeconds",
            json!({"containers": [{"name": "c", "livenessProbe": {"periodSeconds": 9, "exec": {"command": ["x"]}}}]}),
            json!({"containers": [{"name": "c", "livenessProbe": {"periodSeconds": 9, "tcpSocket": {"port": 1}}}]}),
        ),
        // An item that is created.
        (
            "{containers: [{name: c, image: i, workingDir: /w}]}",
            ".containers[*].image, spec.template.spec.containers[name=c].workingDir",
            json!({"containers": [{"name": "other", "image": "o"}]}),
            json!({"containers": [{"name": "other", "image": "o"}, {"name": "c", "image": "i", "workingDir": "/w"}]}),
        ),
        // An item of which parts are ignored.
        (
            "{containers: [{name: c, image: i, workingDir: /w}]}",
            ".containers[image=o].image",
            json!({"containers": [{"name": "c", "image": "o", "workingDir": "/"}]}),
            json!({"containers": [{"name": "c", "image": "o", "workingDir": "/w"}]}),
        ),
    ];
    for (declared, ignored, live, expected) in cases {
        let manifest = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{template: {{spec: {declared}}}}}\n"
        );
        let body = planned(&manifest, &format!("{pod}{ignored}"), &deployment(&live));
        assert_eq!(body, deployment(&expected), "{declared} without {ignored}");
    }
}

/// What is live and not declared stays, whatever is repaired beside it.
#[test]
fn undeclared_values_stay() {
    let cases = [
        (
            "{containers: [{name: c, image: new, env: [{name: A, value: x}]}]}",
            json!({"initContainers": [{"name": "i"}], "unknown": 1.50, "containers": [
                {"name": "proxy"}, {"name": "c", "image": "old", "env": [{"name": "Z", "value": "z"}, {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}], "args": ["a"]}]}),
            json!({"initContainers": [{"name": "i"}], "unknown": 1.50, "containers": [
                {"name": "proxy"}, {"name": "c", "image": "new", "env": [{"name": "Z", "value": "z"}, {"name": "A", "value": "x"}], "args": ["a"]}]}),
        ),
        // A probe's own settings stay when its handler is swapped.
        (
            "{containers: [{name: c, livenessProbe: {tcpSocket: {port: 1}}}]}",
            json!({"containers": [{"name": "c", "livenessProbe": {"failureThreshold": 9, "exec": {"command": ["x"]}}}]}),
            json!({"containers": [{"name": "c", "livenessProbe": {"failureThreshold": 9, "tcpSocket": {"port": 1}}}]}),
        ),
    ];
    for (declared, live, expected) in cases {
        let manifest = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{template: {{spec: {declared}}}}}\n"
        );
        assert_eq!(
            planned(&manifest, "", &deployment(&live)),
            deployment(&expected),
            "{declared}"
        );
    }
}

/// What the server appended to a list stays behind what is declared of it.
#[test]
fn an_extended_list_keeps_its_extension() {
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: None, ipFamilies: [IPv4]}\n";
    let service = |families: &Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"clusterIP": "None", "clusterIPs": ["None"], "ipFamilies": families}});
    for (live, expected) in [
        (json!(["IPv6", "IPv4"]), json!(["IPv4", "IPv6"])),
        (json!(["IPv6"]), json!(["IPv4"])),
    ] {
        assert_eq!(planned(manifest, "", &service(&live)), service(&expected));
    }
}
