//! Repairs on the control plane: what is put back, and how it is told.

use serde_json::Value;

use crate::support::{ControlPlane, config_map, deployment, folder, text};

/// The first resource's action and reason.
pub(crate) fn action(report: &Value) -> (String, String) {
    let resource = &report["resources"][0];
    let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
    (text("action"), text("reason"))
}

/// Repairs what this manifest declares, and gives the report.
#[track_caller]
pub(crate) fn repair(
    plane: &ControlPlane,
    namespace: &str,
    manifest: &str,
    more: &[&str],
    exit: i32,
) -> Value {
    let manifests = folder(&[("m.yaml", manifest)]);
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        namespace,
        "--once",
        "--output",
        "json",
        "--remediate",
    ];
    plane
        .run_as("writer", &[&args[..], more].concat())
        .exits(exit)
        .json()
}

#[test]
#[ignore = "needs the control plane"]
fn only_the_reported_field_changes() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = deployment("web", "nginx:1.25");
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &manifest);
    plane.kubectl(&["scale", "-n", &namespace, "deployment/web", "--replicas=5"]);
    plane.kubectl(&["label", "-n", &namespace, "deployment/web", "team=blue"]);
    plane.kubectl(&[
        "patch",
        "-n",
        &namespace,
        "deployment/web",
        "-p",
        "{\"metadata\":{\"finalizers\":[\"example.com/x\"]}}",
    ]);
    plane.kubectl(&[
        "patch", "-n", &namespace, "deployment/web", "-p",
        "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"proxy\",\"image\":\"proxy:1\"}]}}}}",
    ]);
    plane.kubectl(&[
        "set",
        "image",
        "-n",
        &namespace,
        "deployment/web",
        "web=nginx:1.19",
    ]);
    let before = plane.get("deployment", &namespace, "web");
    let report = repair(plane, &namespace, &manifest, &["--fail-on-drift"], 0);
    assert_eq!(action(&report), ("remediated".to_owned(), String::new()));
    let mut after = plane.get("deployment", &namespace, "web");
    let web = after["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .position(|c| c["name"] == "web")
        .unwrap();
    assert_eq!(
        after["spec"]["template"]["spec"]["containers"][web]["image"],
        "nginx:1.25"
    );
    after["spec"]["template"]["spec"]["containers"][web]["image"] = "nginx:1.19".into();
    after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
    after["metadata"]["generation"] = before["metadata"]["generation"].clone();
    assert_eq!(after, before);
    let managers = plane.kubectl(&[
        "get",
        "deployment",
        "web",
        "-n",
        &namespace,
        "-o",
        "yaml",
        "--show-managed-fields",
    ]);
    assert!(managers.contains("manager: gitops-drift"), "{managers}");
}

#[test]
#[ignore = "needs the control plane"]
fn missing_objects_are_created_namespaces_first() {
    let plane = ControlPlane::running();
    let namespace = format!("{}-new", plane.namespace());
    let manifest = format!(
        "{}---\n{}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n",
        config_map("settings", "k", "v"),
        deployment("web", "nginx:1.25"),
    );
    let report = repair(plane, &namespace, &manifest, &[], 0);
    assert_eq!(report["summary"]["created"], 3, "{report:#}");
    assert_eq!(report["resources"][0]["fields"][0]["outcome"], "created");
    assert_eq!(
        plane.get("configmap", &namespace, "settings")["data"]["k"],
        "v"
    );
    let report = repair(plane, &namespace, &manifest, &[], 0);
    assert_eq!(
        (&report["summary"]["inSync"], &report["summary"]["drifted"]),
        (&3.into(), &0.into())
    );
}

#[test]
#[ignore = "needs the control plane"]
fn a_service_keeps_what_was_allocated() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: NodePort, selector: {app: web}, ports: [{name: http, port: 80}]}\n";
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], manifest);
    let before = plane.get("service", &namespace, "web");
    plane.kubectl(&[
        "patch",
        "service",
        "web",
        "-n",
        &namespace,
        "-p",
        "{\"spec\":{\"selector\":{\"app\":\"other\"}}}",
    ]);
    plane.kubectl(&[
        "patch",
        "service",
        "web",
        "-n",
        &namespace,
        "--type=json",
        "-p",
        "[{\"op\":\"replace\",\"path\":\"/spec/ports/0/port\",\"value\":81}]",
    ]);
    let report = repair(plane, &namespace, manifest, &[], 0);
    assert_eq!(action(&report).0, "remediated");
    assert_eq!(
        plane.get("service", &namespace, "web")["spec"],
        before["spec"]
    );
}

#[test]
#[ignore = "needs the control plane"]
fn ignored_fields_stay_as_they_are() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["create", "-n", &namespace, "-f", "-"],
        &config_map("a", "k", "w"),
    );
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {drift.gitops.io/ignore-fields: \"data.k, data.absent\"}}\ndata: {k: v, absent: x, other: z}\n";
    let report = repair(plane, &namespace, manifest, &[], 0);
    assert_eq!(action(&report).0, "remediated");
    assert_eq!(
        plane.get("configmap", &namespace, "a")["data"],
        serde_json::json!({"k": "w", "other": "z"})
    );
}

#[test]
#[ignore = "needs the control plane"]
fn what_cannot_be_changed_is_said_and_the_rest_is_repaired() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["create", "-n", &namespace, "-f", "-"],
        &deployment("web", "nginx:1.19"),
    );
    let manifest = deployment("web", "nginx:1.25")
        .replace(
            "matchLabels: {app: web}",
            "matchLabels: {app: web, tier: front}",
        )
        .replace("labels: {app: web}", "labels: {app: web, tier: front}");
    let report = repair(plane, &namespace, &manifest, &[], 2);
    let (action, reason) = action(&report);
    assert_eq!(action, "remediation-failed");
    assert!(
        reason.starts_with("2 of 3 fields repaired; spec.selector: it is immutable"),
        "{reason}"
    );
    assert_eq!(
        plane.get("deployment", &namespace, "web")["spec"]["template"]["spec"]["containers"][0]["image"],
        "nginx:1.25"
    );
}

#[test]
#[ignore = "needs the control plane"]
fn without_the_right_to_update_the_drift_is_still_told() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["create", "-n", &namespace, "-f", "-"],
        &config_map("a", "k", "w"),
    );
    let manifests = folder(&[("m.yaml", &config_map("a", "k", "v"))]);
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        &namespace,
        "--once",
        "--output",
        "json",
        "--remediate",
    ];
    let report = plane.run_as("reader", &args).exits(2).json();
    let (action, reason) = action(&report);
    assert_eq!(action, "remediation-failed");
    assert!(
        reason.contains("cannot update resource \"configmaps\""),
        "{reason}"
    );
    assert_eq!(report["resources"][0]["fields"][0]["path"], "data.k");
}

#[test]
#[ignore = "needs the control plane"]
fn extras_go_only_when_asked() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let extra = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {x: z}}\ndata: {k: v, more: w}\n";
    plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], extra);
    let manifest = config_map("a", "k", "v");
    let report = repair(plane, &namespace, &manifest, &["--strict"], 0);
    assert_eq!(action(&report).0, "drift-detected (extras-kept)");
    let report = repair(
        plane,
        &namespace,
        &manifest,
        &["--strict", "--remove-extras"],
        0,
    );
    assert_eq!(action(&report).0, "remediated");
    let live = plane.get("configmap", &namespace, "a");
    assert_eq!(
        (&live["data"], &live["metadata"]["labels"]),
        (&serde_json::json!({"k": "v"}), &Value::Null)
    );
    assert_eq!(report["resources"][0]["fields"][0]["outcome"], "removed");
}

#[test]
#[ignore = "needs the control plane"]
fn a_report_says_what_became_of_each_field() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let applied = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v, old: x}\n";
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], applied);
    let patch = "{\"data\":{\"k\":\"w\"}}";
    plane.kubectl(&["patch", "configmap", "a", "-n", &namespace, "-p", patch]);
    let manifest = config_map("a", "k", "v") + "---\n" + &config_map("b", "k", "v");
    let manifests = folder(&[("m.yaml", &manifest)]);
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        &namespace,
        "--once",
        "--remediate",
    ];
    let run = plane.run_as("writer", &args).exits(0);
    let shown: Vec<&str> = run
        .stdout
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("Action") || line.starts_with("was"))
        .collect();
    assert_eq!(
        shown,
        [
            "Action : remediated",
            "was     : w",
            "was     : x",
            "Action : created",
            "was     : <absent>",
        ],
        "{}",
        run.stdout
    );
}
