//! What belongs to others survives the repair of another field.

use serde_json::{Value, json};

use crate::repair::{action, repair};
use crate::support::{ControlPlane, config_map, deployment, folder, text};

/// A Deployment as applied, with its image changed.
fn drifted_deployment(plane: &ControlPlane) -> (String, String) {
    deployment_made_by(plane, "apply")
}

/// A Deployment made by this command of kubectl, with its image changed.
fn deployment_made_by(plane: &ControlPlane, command: &str) -> (String, String) {
    let namespace = plane.namespace();
    let manifest = deployment("web", "nginx:1.25");
    plane.kubectl_with(&[command, "-n", &namespace, "-f", "-"], &manifest);
    let image = ["deployment/web", "web=nginx:1.19"];
    plane.kubectl(&[&["set", "image", "-n", &namespace], &image[..]].concat());
    (namespace, manifest)
}

/// Repairs the image, and gives the object afterwards. Nothing but the image may have changed.
#[track_caller]
fn image_repaired(plane: &ControlPlane, namespace: &str, manifest: &str, more: &[&str]) -> Value {
    let before = plane.get("deployment", namespace, "web");
    let report = repair(plane, namespace, manifest, more, 0);
    assert!(action(&report).0.starts_with("remediated"), "{report:#}");
    let mut after = plane.get("deployment", namespace, "web");
    let live = after.clone();
    for key in ["resourceVersion", "generation"] {
        after["metadata"][key] = before["metadata"][key].clone();
    }
    let at = "/spec/template/spec/containers/0/image";
    assert_eq!(after.pointer(at), Some(&json!("nginx:1.25")));
    *after.pointer_mut(at).unwrap() = json!("nginx:1.19");
    assert_eq!(after, before);
    live
}

#[test]
#[ignore = "needs the control plane"]
fn an_autoscalers_replicas() {
    let plane = ControlPlane::running();
    let (namespace, manifest) = drifted_deployment(plane);
    plane.kubectl(&["scale", "-n", &namespace, "deployment/web", "--replicas=7"]);
    let live = image_repaired(plane, &namespace, &manifest, &[]);
    assert_eq!(live["spec"]["replicas"], 7);
}

#[test]
#[ignore = "needs the control plane"]
fn an_autoscalers_replicas_when_extras_are_removed() {
    let plane = ControlPlane::running();
    let (namespace, manifest) = drifted_deployment(plane);
    plane.kubectl(&["scale", "-n", &namespace, "deployment/web", "--replicas=7"]);
    let all = ["--strict", "--remove-extras"];
    let live = image_repaired(plane, &namespace, &manifest, &all);
    assert_eq!(live["spec"]["replicas"], 7);
}

#[test]
#[ignore = "needs the control plane"]
fn an_injected_sidecar_with_its_volume() {
    let plane = ControlPlane::running();
    let (namespace, manifest) = drifted_deployment(plane);
    let sidecar = json!([
        {"op": "add", "path": "/spec/template/spec/containers/-",
         "value": {"name": "proxy", "image": "proxy:1", "volumeMounts": [{"name": "certs", "mountPath": "/certs"}]}},
        {"op": "add", "path": "/spec/template/spec/volumes",
         "value": [{"name": "certs", "secret": {"secretName": "certs"}}]},
        {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts",
         "value": [{"name": "certs", "mountPath": "/certs"}]},
    ])
    .to_string();
    let patch = [
        "patch",
        "deployment",
        "web",
        "--type=json",
        "-p",
        &sidecar,
        "-n",
        &namespace,
    ];
    plane.kubectl(&patch);
    image_repaired(plane, &namespace, &manifest, &[]);
}

#[test]
#[ignore = "needs the control plane"]
fn the_mark_of_a_restart() {
    let plane = ControlPlane::running();
    let (namespace, manifest) = drifted_deployment(plane);
    plane.kubectl(&["rollout", "restart", "-n", &namespace, "deployment/web"]);
    let live = image_repaired(plane, &namespace, &manifest, &[]);
    let annotations = &live["spec"]["template"]["metadata"]["annotations"];
    assert!(annotations["kubectl.kubernetes.io/restartedAt"].is_string());
}

#[test]
#[ignore = "needs the control plane"]
fn finalizers_owners_labels_and_annotations() {
    let plane = ControlPlane::running();
    let (namespace, manifest) = drifted_deployment(plane);
    let metadata = json!({"metadata": {
        "finalizers": ["example.com/x"],
        "labels": {"team": "blue"},
        "annotations": {"example.com/a": "b", "deployment.kubernetes.io/revision": "4"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u-1"}],
    }})
    .to_string();
    plane.kubectl(&[
        "patch",
        "deployment",
        "web",
        "-n",
        &namespace,
        "-p",
        &metadata,
    ]);
    image_repaired(plane, &namespace, &manifest, &[]);
    let free = [
        "patch",
        "deployment",
        "web",
        "-p",
        "{\"metadata\":{\"finalizers\":null}}",
    ];
    plane.kubectl(&[&free[..], &["-n", &namespace]].concat());
}

#[test]
#[ignore = "needs the control plane"]
fn allocated_addresses_and_node_ports() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: NodePort, selector: {app: web}, ports: [{name: a, port: 80}, {name: b, port: 81}]}\n";
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], manifest);
    let before = plane.get("service", &namespace, "web");
    let selector = "{\"spec\":{\"selector\":{\"app\":\"other\"}}}";
    plane.kubectl(&["patch", "service", "web", "-n", &namespace, "-p", selector]);
    let report = repair(plane, &namespace, manifest, &[], 0);
    assert_eq!(action(&report).0, "remediated");
    let after = plane.get("service", &namespace, "web");
    assert!(
        after["spec"]["clusterIP"].is_string() && after["spec"]["ports"][1]["nodePort"].is_i64()
    );
    assert_eq!(after["spec"], before["spec"]);
}

/// The fields that a manager owns, by its name and operation.
fn owned(plane: &ControlPlane, namespace: &str, kind: &str, manager: &str) -> Option<Value> {
    let args = [
        "get",
        kind,
        "web",
        "-n",
        namespace,
        "-o",
        "json",
        "--show-managed-fields",
    ];
    let object: Value = serde_json::from_str(&plane.kubectl(&args)).unwrap();
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .clone();
    let entry = entries
        .into_iter()
        .find(|entry| entry["manager"] == manager);
    entry.map(|entry| entry["fieldsV1"].clone())
}

#[test]
#[ignore = "needs the control plane"]
fn the_fields_of_an_apply_owner() {
    let plane = ControlPlane::running();
    // After a client-side apply kubectl would hand all of the manifest over to this manager.
    let (namespace, manifest) = deployment_made_by(plane, "create");
    let theirs =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {owner: them}}\n";
    let apply = [
        "apply",
        "--server-side",
        "--field-manager=them",
        "-n",
        &namespace,
        "-f",
        "-",
    ];
    plane.kubectl_with(&apply, theirs);
    let before = owned(plane, &namespace, "deployment", "them");
    assert!(before.is_some());
    image_repaired(plane, &namespace, &manifest, &[]);
    assert_eq!(owned(plane, &namespace, "deployment", "them"), before);
    let ours = owned(plane, &namespace, "deployment", "gitops-drift").unwrap();
    let image = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}});
    assert_eq!(ours, image);
}

/// What a repair means for others: it owns the field from then on.
#[test]
#[ignore = "needs the control plane"]
fn after_a_repair_a_server_side_apply_needs_force() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = config_map("web", "k", "v");
    let apply = ["apply", "--server-side", "-n", &namespace, "-f", "-"];
    plane.kubectl_with(&apply, &manifest);
    let other = "{\"data\":{\"k\":\"w\"}}";
    plane.kubectl(&["patch", "configmap", "web", "-n", &namespace, "-p", other]);
    repair(plane, &namespace, &manifest, &[], 0);
    let next = folder(&[("m.yaml", &config_map("web", "k", "next"))]);
    let admin = plane.kubeconfig("admin");
    let file = next.path().join("m.yaml");
    let apply = [
        "kubectl",
        "--kubeconfig",
        &admin,
        "apply",
        "--server-side",
        "-n",
        &namespace,
        "-f",
        text(&file),
    ];
    let refused = plane.command(&apply);
    assert_eq!(refused.exit, 1);
    assert!(
        refused.stderr.contains("conflict with \"gitops-drift\""),
        "{}",
        refused.stderr
    );
    plane
        .command(&[&apply[..], &["--force-conflicts"]].concat())
        .exits(0);
    assert_eq!(
        plane.get("configmap", &namespace, "web")["data"]["k"],
        "next"
    );
}
