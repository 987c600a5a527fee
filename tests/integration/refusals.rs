//! What is not repaired, and the message that says why.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::repair::{action, repair};
use crate::support::{ControlPlane, config_map, deployment, folder, text};

/// A repair that fails: gives the reason.
#[track_caller]
fn refused(plane: &ControlPlane, namespace: &str, manifest: &str) -> String {
    let report = repair(plane, namespace, manifest, &[], 2);
    let (action, reason) = action(&report);
    assert_eq!(action, "remediation-failed", "{report:#}");
    reason
}

/// Compares without a repair.
fn report(plane: &ControlPlane, namespace: &str, manifest: &str) -> Value {
    let manifests = folder(&[("m.yaml", manifest)]);
    let path = text(manifests.path());
    let args = ["-f", path, "-n", namespace, "--once", "--output", "json"];
    plane.run_as("reader", &args).exits(0).json()
}

fn create(plane: &ControlPlane, namespace: &str, manifest: &str) {
    plane.kubectl_with(&["create", "-n", namespace, "-f", "-"], manifest);
}

/// The number of writes that the program made in a namespace.
fn writes(plane: &ControlPlane, namespace: &str) -> usize {
    let lines = plane.audit("writer", namespace);
    lines
        .iter()
        .filter(|line| !["get", "list"].contains(&line["verb"].as_str().unwrap()))
        .count()
}

#[test]
#[ignore = "needs the control plane"]
fn a_selector_takes_the_labels_with_it() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    create(plane, &namespace, &deployment("web", "nginx:1.19"));
    // The labels of the template must go on matching the selector that cannot be changed.
    let manifest = deployment("web", "nginx:1.25").replace("{app: web}", "{app: new}");
    let reason = refused(plane, &namespace, &manifest);
    assert_eq!(
        reason,
        "1 of 3 fields repaired; spec.selector: it is immutable: delete and recreate the object; \
         spec.template.metadata.labels.app: spec.selector requires the live value and is immutable: delete and recreate the object"
    );
    assert_eq!(writes(plane, &namespace), 1);
}

/// A manifest that the server refuses is not written in part: not what is right in it either.
#[test]
#[ignore = "needs the control plane"]
fn nothing_of_a_refused_manifest_is_written() {
    let plane = ControlPlane::running();
    let service = |spec: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{selector: {{app: web}}, {spec}}}\n"
        )
    };
    let before = service("ports: [{port: 80}]");
    let labelled =
        |manifest: String| manifest.replace("{name: web}", "{name: web, labels: {a: b}}");
    let limits = deployment("web", "nginx:1.25").replace(
        "image:",
        "resources: {requests: {cpu: 1}, limits: {cpu: 500m}}\n        image:",
    );
    for (kind, before, manifest, words) in [
        (
            "service",
            &before,
            service("type: LoadBalancr, ports: [{port: 80}]"),
            "spec.type: Unsupported value: \"LoadBalancr\"",
        ),
        (
            "service",
            &before,
            service("ports: [{port: 99999}]"),
            "spec.ports[0].port: Invalid value: 99999",
        ),
        (
            "service",
            &before,
            service("type: NodePort, ports: [{port: 80, nodePort: 80}]"),
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range",
        ),
        (
            "deployment",
            &deployment("web", "nginx:1.19"),
            limits,
            "must be less than or equal to cpu limit",
        ),
    ] {
        let namespace = plane.namespace();
        create(plane, &namespace, before);
        let live = plane.get(kind, &namespace, "web");
        let reason = refused(plane, &namespace, &labelled(manifest));
        assert!(
            reason.contains(words) && !reason.contains("repaired"),
            "{reason}"
        );
        assert_eq!(plane.get(kind, &namespace, "web"), live);
        assert_eq!(writes(plane, &namespace), 1);
    }
}

#[test]
#[ignore = "needs the control plane"]
fn a_cluster_ip() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let service = |ip: &str, port: u16| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{{ip}ports: [{{port: {port}}}]}}\n"
        )
    };
    create(plane, &namespace, &service("", 80));
    let reason = refused(plane, &namespace, &service("clusterIP: None, ", 80));
    assert!(
        reason.starts_with("0 of ")
            && reason.contains("spec.clusterIP: it is immutable: delete and recreate the object"),
        "{reason}"
    );
    assert_eq!(writes(plane, &namespace), 0);
    let reason = refused(plane, &namespace, &service("clusterIP: None, ", 81));
    assert!(!reason.starts_with("0 of "), "{reason}");
    assert_eq!(
        plane.get("service", &namespace, "web")["spec"]["ports"][0]["port"],
        81
    );
}

#[test]
#[ignore = "needs the control plane"]
fn the_first_ip_family_of_a_service_with_a_cluster_ip_is_not_sent() {
    let plane = ControlPlane::dual_stack();
    let namespace = plane.namespace();
    let service = |name: &str, spec: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}, ports: [{{port: 80}}]}}\n"
        )
    };
    let dual = "ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6]";
    let live = [
        service("dual", dual),
        service(
            "headless",
            &format!("clusterIP: None, selector: {{a: b}}, {dual}"),
        ),
        service("single", "ipFamilies: [IPv4]"),
    ]
    .join("---\n");
    create(&plane, &namespace, &live);
    let manifest = live
        .replace("[IPv4, IPv6]", "[IPv6, IPv4]")
        .replace("[IPv4]", "[IPv6]");
    let report = repair(&plane, &namespace, &manifest, &[], 2);
    let resources = report["resources"].as_array().unwrap();
    let told: Vec<(&str, &str)> = resources
        .iter()
        .map(|resource| {
            let reason = resource["reason"].as_str().unwrap_or_default();
            (resource["action"].as_str().unwrap(), reason)
        })
        .collect();
    let immutable = "0 of 1 fields repaired; spec.ipFamilies: the first IP family of a Service with a cluster IP is \
                     immutable: delete and recreate the object";
    assert_eq!(
        told,
        [
            ("remediation-failed", immutable),
            ("remediated", ""),
            ("remediation-failed", immutable),
        ]
    );
    assert_eq!(writes(&plane, &namespace), 1);
}

#[test]
#[ignore = "needs the control plane"]
fn an_immutable_config_map() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    create(
        plane,
        &namespace,
        &(config_map("web", "k", "w") + "immutable: true\n"),
    );
    let manifest = config_map("web", "k", "v")
        .replace("{name: web}", "{name: web, labels: {a: b}}")
        + "immutable: true\n";
    assert_eq!(
        refused(plane, &namespace, &manifest),
        "1 of 2 fields repaired; data.k: the ConfigMap is immutable: give it a new name, or delete and recreate it"
    );
    let live = plane.get("configmap", &namespace, "web");
    assert_eq!(
        (&live["metadata"]["labels"]["a"], &live["data"]["k"]),
        (&json!("b"), &json!("w"))
    );
    let report = repair(plane, &namespace, &manifest, &[], 2);
    assert_eq!(report["resources"][0]["fields"][0]["outcome"], "refused");
}

#[test]
#[ignore = "needs the control plane"]
fn an_object_that_is_being_deleted() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let held = config_map("web", "k", "w")
        .replace("{name: web}", "{name: web, finalizers: [example.com/x]}");
    create(plane, &namespace, &held);
    plane.kubectl(&[
        "delete",
        "configmap",
        "web",
        "-n",
        &namespace,
        "--wait=false",
    ]);
    let reason = refused(plane, &namespace, &config_map("web", "k", "v"));
    assert_eq!(reason, "being deleted");
    assert_eq!(writes(plane, &namespace), 0);
}

#[test]
#[ignore = "needs the control plane"]
fn a_namespace_that_is_missing_or_ends() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let missing = format!("{namespace}-none");
    let manifest = config_map("web", "k", "v");
    let reason = refused(plane, &missing, &manifest);
    assert_eq!(reason, format!("namespaces \"{missing}\" not found"));
    // Without its controller it never comes to its end.
    plane.kubectl(&["delete", "namespace", &namespace, "--wait=false"]);
    let reason = refused(plane, &namespace, &manifest);
    assert!(
        reason.contains(&format!(
            "namespace {namespace} because it is being terminated"
        )),
        "{reason}"
    );
}

/// Namespace, then what was in it, as an operator would see it over some hours.
#[test]
#[ignore = "needs the control plane"]
fn a_namespace_that_hangs_in_termination_and_then_goes() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n---\n{}---\n{}",
        config_map("a", "k", "v"),
        deployment("d", "i:1")
    );
    // Its objects are gone, but a finalizer holds it.
    plane.kubectl(&["delete", "namespace", &namespace, "--wait=false"]);
    let actions = |report: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let resources = report["resources"].as_array().unwrap().iter();
        resources
            .map(|resource| (text(&resource["kind"]), text(&resource["action"])))
            .collect()
    };
    let with_kinds = |actions: [&str; 3]| {
        let kinds = ["ConfigMap", "Deployment", "Namespace"];
        let pairs = kinds.iter().zip(actions);
        pairs
            .map(|(kind, action)| ((*kind).to_owned(), action.to_owned()))
            .collect::<Vec<_>>()
    };
    let found = report(plane, &namespace, &manifest);
    assert_eq!(
        actions(&found),
        with_kinds([
            "would-create (dry-run)",
            "would-create (dry-run)",
            "drift-detected (dry-run)"
        ])
    );
    let held = &found["resources"][2]["fields"][0]["live"];
    assert!(
        held.as_str()
            .unwrap()
            .ends_with("held by the finalizer kubernetes"),
        "{held}"
    );
    let failed = repair(plane, &namespace, &manifest, &[], 2);
    assert_eq!(actions(&failed), with_kinds(["remediation-failed"; 3]));
    for resource in &failed["resources"].as_array().unwrap()[..2] {
        let reason = resource["reason"].as_str().unwrap();
        assert!(
            reason.contains("because it is being terminated"),
            "{reason}"
        );
    }
    assert_eq!(failed["resources"][2]["reason"], "being deleted");
    // What holds it lets go.
    let mut object = plane.get("namespace", "default", &namespace);
    object["spec"]["finalizers"] = json!([]);
    let finalize = format!("/api/v1/namespaces/{namespace}/finalize");
    plane.kubectl_with(
        &["replace", "--raw", &finalize, "-f", "-"],
        &object.to_string(),
    );
    assert_eq!(
        actions(&report(plane, &namespace, &manifest)),
        with_kinds(["would-create (dry-run)"; 3])
    );
    let repaired = repair(plane, &namespace, &manifest, &["--fail-on-drift"], 0);
    assert_eq!(actions(&repaired), with_kinds(["created"; 3]));
    assert_eq!(report(plane, &namespace, &manifest)["resources"], json!([]));
}

#[test]
#[ignore = "needs the control plane"]
fn a_quota() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl(&[
        "create",
        "quota",
        "q",
        "-n",
        &namespace,
        "--hard=count/services=0",
    ]);
    // As its controller would.
    let status =
        json!({"status": {"hard": {"count/services": "0"}, "used": {"count/services": "0"}}})
            .to_string();
    let patch = [
        "patch",
        "quota",
        "q",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    plane.kubectl(&[&patch[..], &["-n", &namespace]].concat());
    let manifest =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
    let reason = refused(plane, &namespace, manifest);
    assert!(reason.contains("exceeded quota: q"), "{reason}");
}

/// Waits until a policy is at work: until the server makes of a ConfigMap what it should.
fn wait_for_policy(plane: &ControlPlane, namespace: &str, is_at_work: impl Fn(&str) -> bool) {
    let admin = plane.kubeconfig("admin");
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let annotate = [
            "annotate",
            "configmap",
            "web",
            "probe=1",
            "--overwrite",
            "--dry-run=server",
        ];
        let run = plane.command(
            &[
                &["kubectl", "--kubeconfig", &admin, "-n", namespace][..],
                &annotate,
                &["-o", "yaml"],
            ]
            .concat(),
        );
        if is_at_work(&(run.stdout + &run.stderr)) {
            return;
        }
        assert!(Instant::now() < end, "the policy is not at work");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A policy and its binding, for the ConfigMaps of one namespace.
fn policy(sort: &str, namespace: &str, spec: &Value) -> String {
    let version = "admissionregistration.k8s.io/v1";
    let mut spec = spec.clone();
    spec["matchConstraints"] = json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}],
    });
    let mut binding = json!({"policyName": namespace});
    if sort == "Validating" {
        binding["validationActions"] = json!(["Deny"]);
    }
    let object = |kind: &str, spec: &Value| json!({"apiVersion": version, "kind": kind, "metadata": {"name": namespace}, "spec": spec});
    let items = [
        object(&format!("{sort}AdmissionPolicy"), &spec),
        object(&format!("{sort}AdmissionPolicyBinding"), &binding),
    ];
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

#[test]
#[ignore = "needs the control plane"]
fn a_policy_that_forbids_the_value() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    create(plane, &namespace, &config_map("web", "k", "w"));
    let spec = json!({
        "failurePolicy": "Fail",
        "validations": [{"expression": "!has(object.metadata.annotations) && object.data.k != 'v'", "message": "no v here"}],
    });
    create(plane, &namespace, &policy("Validating", &namespace, &spec));
    wait_for_policy(plane, &namespace, |text| text.contains("no v here"));
    let two = config_map("web", "k", "v").replace("{name: web}", "{name: web, labels: {a: b}}");
    let reason = refused(plane, &namespace, &two);
    assert!(
        reason.starts_with("configmaps \"web\" is forbidden: ")
            && reason.ends_with("denied request: no v here"),
        "{reason}"
    );
    let live = plane.get("configmap", &namespace, "web");
    assert_eq!(live["metadata"]["labels"], Value::Null);
}

#[test]
#[ignore = "needs the control plane"]
fn a_policy_that_sets_the_value_back() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    create(plane, &namespace, &config_map("web", "k", "w"));
    let spec = json!({
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "ApplyConfiguration",
            "applyConfiguration": {"expression": "Object{data: {\"k\": \"set by policy\"}}"}}],
    });
    create(plane, &namespace, &policy("Mutating", &namespace, &spec));
    wait_for_policy(plane, &namespace, |text| text.contains("set by policy"));
    let two = config_map("web", "k", "v").replace("{name: web}", "{name: web, labels: {a: b}}");
    let report = repair(plane, &namespace, &two, &[], 2);
    let (action, reason) = action(&report);
    assert_eq!(
        (action.as_str(), reason.as_str()),
        (
            "remediation-failed",
            "1 of 2 fields repaired; the server or a webhook did not keep data.k"
        )
    );
    let outcomes: Vec<&Value> = report["resources"][0]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| &field["outcome"])
        .collect();
    assert_eq!(outcomes, ["changed-back", "set"]);
    // The same on creation.
    let reason = refused(plane, &namespace, &config_map("new", "k", "v"));
    assert_eq!(
        reason,
        "created, but the server or a webhook did not keep data.k"
    );
}

/// Neither what its manifest forbids to write nor what has an error in it, over the whole run of the tests.
#[test]
#[ignore = "needs the control plane"]
fn alerts_skips_and_errors_are_never_written() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let declared = |name: &str, annotation: &str, more: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: never-written-{name}, annotations: {{drift.gitops.io/{annotation}}}}}\ndata: {{k: v}}\n{more}"
        )
    };
    let manifest = [
        declared("alert", "remediation-policy: alert", ""),
        declared("alert-missing", "remediation-policy: alert", ""),
        declared("skip", "skip: \"true\"", ""),
        declared("typo", "remediation-polic: alert", ""),
        declared("unknown-field", "ignore-fields: data.x", "dat: {k: v}\n"),
        declared("twice", "ignore-fields: data.x", ""),
        declared("twice", "ignore-fields: data.x", ""),
        declared("undecodable", "ignore-fields: data.x", "immutable: 3\n"),
    ]
    .join("---\n");
    let live = [
        "alert",
        "skip",
        "typo",
        "unknown-field",
        "twice",
        "undecodable",
    ];
    for name in live {
        create(
            plane,
            &namespace,
            &config_map(&format!("never-written-{name}"), "k", "w"),
        );
    }
    for more in [&[][..], &["--strict", "--remove-extras"]] {
        let report = repair(plane, &namespace, &manifest, more, 2);
        let resources = report["resources"].as_array().unwrap();
        let actions: Vec<(&str, &str)> = resources
            .iter()
            .map(|r| (r["name"].as_str().unwrap(), r["action"].as_str().unwrap()))
            .collect();
        assert_eq!(
            actions,
            [
                (
                    "never-written-alert",
                    "drift-detected (remediation-blocked)"
                ),
                (
                    "never-written-alert-missing",
                    "would-create (remediation-blocked)"
                ),
                ("never-written-typo", "remediation-failed"),
                ("never-written-unknown-field", "remediation-failed"),
            ]
        );
    }
    for name in live {
        let live = plane.get("configmap", &namespace, &format!("never-written-{name}"));
        assert_eq!(live["data"]["k"], "w");
    }
    for user in ["admin", "reader", "writer", "nobody"] {
        for line in plane.audit(user, "") {
            let name = line["objectRef"]["name"].as_str().unwrap_or_default();
            let verb = line["verb"].as_str().unwrap();
            assert!(!name.contains("never-written") || verb == "get", "{line:#}");
        }
    }
    // A creation's name stands in its body, not in the log: there must be none here.
    assert_eq!(writes(plane, &namespace), 0);
}
