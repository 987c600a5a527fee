//! Beside Kubernetes' own controllers: what they, an autoscaler and `kubectl rollout` write is not drift.

use std::time::Duration;

use serde_json::Value;

use crate::support::{ControlPlane, deployment, folder, text};

fn told(plane: &ControlPlane, manifest: &str, more: &[&str]) -> Vec<String> {
    let manifests = folder(&[("m.yaml", manifest)]);
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        "own",
        "--once",
        "--output",
        "json",
    ];
    let report = plane
        .run_as("reader", &[&args[..], more].concat())
        .exits(0)
        .json();
    let fields = report["resources"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|r| r["fields"].as_array().unwrap());
    fields
        .map(|field| field["path"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until the deployment controller has seen the last change.
fn settled(plane: &ControlPlane) -> Value {
    for _ in 0..200 {
        let live = plane.get("deployment", "own", "web");
        let revision = &live["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        if live["status"]["observedGeneration"] == live["metadata"]["generation"]
            && revision.is_string()
        {
            return live;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the deployment controller did not come to rest");
}

#[test]
#[ignore = "needs the control plane"]
fn a_deployment_that_controllers_and_an_autoscaler_work_on() {
    let (plane, _controllers) = ControlPlane::with_controllers();
    plane.kubectl(&["create", "namespace", "own"]);
    let manifest = deployment("web", "nginx:1.25");
    plane.kubectl_with(&["apply", "-n", "own", "-f", "-"], &manifest);
    settled(&plane);
    assert_eq!(
        told(&plane, &manifest, &["--strict"]),
        [""; 0],
        "rolled out"
    );

    plane.kubectl(&["scale", "-n", "own", "deployment/web", "--replicas=3"]);
    settled(&plane);
    assert_eq!(told(&plane, &manifest, &[]), [""; 0], "scaled by hand");
    assert_eq!(
        told(&plane, &manifest, &["--strict"]),
        ["spec.replicas"],
        "scaled by hand"
    );

    // What an autoscaler does: it writes the scale subresource.
    plane.kubectl(&[
        "patch",
        "deployment",
        "web",
        "-n",
        "own",
        "--subresource=scale",
        "--type=merge",
        "-p",
        r#"{"spec": {"replicas": 5}}"#,
    ]);
    plane.kubectl(&["rollout", "restart", "-n", "own", "deployment/web"]);
    settled(&plane);
    assert_eq!(
        told(&plane, &manifest, &[]),
        [""; 0],
        "autoscaled and restarted"
    );
    assert_eq!(
        told(&plane, &manifest, &["--strict"]),
        ["spec.replicas"],
        "autoscaled and restarted"
    );
    let with_replicas = manifest.replace("spec:\n  selector", "spec:\n  replicas: 2\n  selector");
    assert_eq!(
        told(&plane, &with_replicas, &[]),
        ["spec.replicas"],
        "declared replicas"
    );

    // An object saved from the cluster is its own manifest, also after the next roll-out.
    let saved = plane.kubectl(&["get", "deployment", "web", "-n", "own", "-o", "yaml"]);
    assert_eq!(told(&plane, &saved, &["--strict"]), [""; 0], "saved");
    // The restart is noted by the second: two in one are one.
    std::thread::sleep(Duration::from_millis(1100));
    plane.kubectl(&["rollout", "restart", "-n", "own", "deployment/web"]);
    settled(&plane);
    assert_eq!(told(&plane, &saved, &[]), [""; 0], "saved, then rolled out");
    assert_eq!(
        told(&plane, &saved, &["--strict"]),
        [""; 0],
        "saved, then rolled out"
    );
}
