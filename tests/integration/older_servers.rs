//! Against the oldest supported version of Kubernetes, or those that `KUBERNETES_VERSIONS` names ("1.34 1.35"): what such
//! a server does not store is said at its line, is no drift, and is never written.

use serde_json::{Value, json};

use crate::repair::repair;
use crate::support::{ControlPlane, folder, text};

const VERSIONS: &str = "KUBERNETES_VERSIONS";

fn versions() -> Vec<String> {
    let named = std::env::var(VERSIONS).unwrap_or_else(|_| "1.33".to_owned());
    named.split_whitespace().map(str::to_owned).collect()
}

/// Fields that arrived, or whose gate was turned on, since 1.33, each on a line of its own. The first two are those of a
/// regular container that only 1.33 refuses.
const RESTARTS: &str = "        restartPolicy: OnFailure
        restartPolicyRules:
        - action: Restart
          exitCodes: {operator: In, values: [42]}
";

fn manifest(restarts: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: newer}}
spec:
  selector: {{matchLabels: {{app: newer}}}}
  template:
    metadata: {{labels: {{app: newer}}}}
    spec:
      hostUsers: false
      hostnameOverride: abc
      volumes:
      - name: scratch
        emptyDir: {{mode: 0755}}
      - name: data
        image: {{reference: \"registry.example/data:1\"}}
      containers:
      - name: main
        image: registry.example/main:1
        lifecycle: {{stopSignal: SIGTERM}}
{restarts}"
    )
}

/// The lines that are listed as not stored.
fn unstored_lines(report: &Value) -> Vec<u64> {
    let errors = report["errors"].as_array().unwrap().iter();
    let unstored = errors.filter(|error| {
        let message = error["message"].as_str().unwrap();
        message.contains("not stored by this server")
    });
    unstored
        .map(|error| error["source"]["line"].as_u64().unwrap())
        .collect()
}

#[test]
#[ignore = "needs the control plane of an older Kubernetes"]
fn what_an_older_server_does_not_store_is_neither_drift_nor_written() {
    for version in versions() {
        let plane = ControlPlane::of_version(&version);
        let namespace = plane.namespace();
        let is_refused = version == "1.33";
        let manifest = manifest(if is_refused { "" } else { RESTARTS });
        // With the gates of 1.35, an image volume, a host name and a container's rules are stored.
        let lines: &[u64] = match version.as_str() {
            "1.33" => &[10, 13, 14, 19],
            "1.34" => &[10, 13, 14, 19, 20, 22],
            _ => &[13, 19],
        };
        plane.kubectl_with(
            &["create", "-n", &namespace, "--validate=false", "-f", "-"],
            &manifest,
        );
        let before = plane.get("deployment", &namespace, "newer");
        for mode in [&["--strict"][..], &[]] {
            let manifests = folder(&[("m.yaml", &manifest)]);
            let path = text(manifests.path());
            let args = ["-f", path, "-n", &namespace, "--once", "-o", "json"];
            let run = plane.run_as("reader", &[&args[..], mode].concat());
            let report = run.exits(2).json();
            assert_eq!(report["resources"], json!([]), "{version}: {report:#}");
            assert_eq!(unstored_lines(&report), lines, "{version}: {report:#}");
            assert_eq!(report["errors"].as_array().unwrap().len(), lines.len());
        }
        let report = repair(&plane, &namespace, &manifest, &[], 2);
        assert_eq!(report["resources"], json!([]), "{version}: {report:#}");
        let writes = plane.audit("writer", &namespace);
        let is_write = |line: &&Value| !["get", "list"].contains(&line["verb"].as_str().unwrap());
        assert_eq!(writes.iter().filter(is_write).count(), 0, "{version}");
        assert_eq!(plane.get("deployment", &namespace, "newer"), before);
    }
}

#[test]
#[ignore = "needs the control plane of an older Kubernetes"]
fn what_an_older_server_refuses_is_reported_in_its_words_and_the_rest_is_created() {
    for version in versions() {
        let plane = ControlPlane::of_version(&version);
        let namespace = plane.namespace();
        let is_refused = version == "1.33";
        let report = repair(&plane, &namespace, &manifest(RESTARTS), &[], 2);
        let resource = &report["resources"][0];
        if is_refused {
            assert_eq!(resource["action"], "remediation-failed", "{report:#}");
            let reason = resource["reason"].as_str().unwrap();
            assert!(reason.contains("restartPolicy"), "{reason}");
            let report = repair(&plane, &namespace, &manifest(""), &[], 2);
            assert_eq!(report["resources"][0]["action"], "created", "{report:#}");
        } else {
            assert_eq!(resource["action"], "created", "{version}: {report:#}");
        }
        let live = plane.get("deployment", &namespace, "newer");
        assert_eq!(live["spec"]["template"]["spec"]["hostUsers"], false);
    }
}
