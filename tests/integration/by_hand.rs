//! Manifests as people write them, terse and verbose: what the server makes of them is no drift.

use serde_json::Value;

use crate::support::ControlPlane;

const FOLDER: &str = "tests/cases/manifests";

/// The documents of the folder: each names its kind at the left margin, or as the first keys of a flow mapping.
fn documents() -> usize {
    let mut documents = 0;
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            documents += text
                .lines()
                .filter(|line| {
                    ["apiVersion:", "\"apiVersion\":", "{"]
                        .iter()
                        .any(|start| line.starts_with(start))
                })
                .count();
        }
    }
    documents
}

/// The namespace's objects differ from the folder in these fields, and nothing fails.
#[track_caller]
fn tells(plane: &ControlPlane, namespace: &str, expected: &[&str]) {
    for more in [&[][..], &["--strict"]] {
        let args = ["-f", FOLDER, "-n", namespace, "--once", "--output", "json"];
        let report = plane
            .run_as("reader", &[&args[..], more].concat())
            .exits(0)
            .json();
        let shown = serde_json::to_string_pretty(&report).unwrap();
        assert_eq!(paths_of_all(&report), expected, "{more:?}: {shown}");
        assert_eq!(report["summary"]["drifted"], expected.len(), "{shown}");
        assert_eq!(report["errors"].as_array().unwrap().len(), 0, "{shown}");
        assert_eq!(report["summary"]["compared"], documents(), "{shown}");
    }
}

fn paths_of_all(report: &Value) -> Vec<&str> {
    let resources = report["resources"].as_array().unwrap();
    resources
        .iter()
        .flat_map(|resource| resource["fields"].as_array().unwrap())
        .map(|field| field["path"].as_str().unwrap())
        .collect()
}

#[test]
#[ignore = "needs the control plane"]
fn manifests_as_people_write_them_are_silent() {
    assert!(documents() >= 60, "{}", documents());
    let plane = ControlPlane::running();
    let created = plane.namespace();
    plane.kubectl(&["create", "-n", &created, "-f", FOLDER]);
    tells(plane, &created, &[]);

    // A node port belongs to one Service of the cluster.
    plane.kubectl(&["delete", "services", "--all", "-n", &created]);
    let applied = plane.namespace();
    plane.kubectl(&["apply", "-n", &applied, "-f", FOLDER]);
    // A key without a value (`nothing:`) is created as the empty string; `kubectl apply` leaves it out.
    tells(plane, &applied, &[]);
}
