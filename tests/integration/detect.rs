//! Detection on the control plane: what is found, with which rights, in which requests.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{ControlPlane, config_map, deployment, folder, paths, program, run, text};

#[test]
#[ignore = "needs the control plane"]
fn what_was_applied_is_in_sync_and_only_read() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifests = folder(&[
        ("d.yaml", &deployment("web", "nginx:1.25")),
        ("c.yaml", &config_map("settings", "k", "v")),
        (
            "s.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
        ),
        (
            "n.yaml",
            &format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ),
    ]);
    let path = text(manifests.path());
    plane.kubectl(&["apply", "-n", &namespace, "-f", path]);
    let run = plane
        .run_as(
            "reader",
            &["-f", path, "-n", &namespace, "--once", "--output", "json"],
        )
        .exits(0);
    let report = run.json();
    assert_eq!(
        (&report["summary"]["compared"], &report["summary"]["inSync"]),
        (&4.into(), &4.into())
    );
    let log = plane.audit("reader", &namespace);
    assert!(!log.is_empty(), "the audit log shows nothing");
    for line in log {
        assert!(
            matches!(line["verb"].as_str(), Some("get" | "list")),
            "{line}"
        );
        let resource = line["objectRef"]["resource"].as_str().unwrap();
        assert!(
            matches!(
                resource,
                "deployments" | "services" | "configmaps" | "namespaces"
            ),
            "{line}"
        );
    }
}

#[test]
#[ignore = "needs the control plane"]
fn all_sorts_of_drift_are_found() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifests = folder(&[
        ("d.yaml", &deployment("web", "nginx:1.25")),
        ("c.yaml", &config_map("settings", "k", "v")),
    ]);
    let path = text(manifests.path());
    plane.kubectl(&["apply", "-n", &namespace, "-f", path]);
    plane.kubectl(&[
        "set",
        "image",
        "-n",
        &namespace,
        "deployment/web",
        "web=nginx:1.19",
    ]);
    plane.kubectl(&["scale", "-n", &namespace, "deployment/web", "--replicas=3"]);
    plane.kubectl(&["delete", "-n", &namespace, "configmap", "settings"]);
    let args = ["-f", path, "-n", &namespace, "--once", "--output", "json"];
    let report = plane.run_as("reader", &args).exits(0).json();
    let resources = report["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 2);
    assert_eq!(
        (&resources[0]["kind"], &resources[0]["action"]),
        (&"ConfigMap".into(), &"would-create (dry-run)".into())
    );
    let fields = resources[1]["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 1, "{fields:?}");
    assert_eq!(
        fields[0]["path"],
        "spec.template.spec.containers[name=web].image"
    );
    let strict = plane
        .run_as("reader", &[&args[..], &["--strict"]].concat())
        .exits(0)
        .json();
    let fields: Vec<&str> = strict["resources"][1]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "spec.replicas",
            "spec.template.spec.containers[name=web].image"
        ]
    );
    plane
        .run_as("reader", &[&args[..], &["--fail-on-drift"]].concat())
        .exits(1);
}

#[test]
#[ignore = "needs the control plane"]
fn what_has_left_the_manifest_is_removed() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v, old: w}\n",
    );
    plane.kubectl(&[
        "patch",
        "configmap",
        "a",
        "-n",
        &namespace,
        "-p",
        "{\"data\":{\"foreign\":\"x\"}}",
    ]);
    let manifests = folder(&[("c.yaml", &config_map("a", "k", "v"))]);
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        &namespace,
        "--once",
        "--output",
        "json",
    ];
    let report = plane.run_as("reader", &args).exits(0).json();
    assert_eq!(paths(&report), ["data.old"]);
    assert_eq!(report["resources"][0]["fields"][0]["class"], "removed");
}

#[test]
#[ignore = "needs the control plane"]
fn a_missing_right_is_a_listed_gap() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifests = folder(&[
        ("d.yaml", &deployment("web", "nginx:1.25")),
        ("c.yaml", &config_map("settings", "k", "v")),
    ]);
    let path = text(manifests.path());
    plane.kubectl(&["apply", "-n", &namespace, "-f", path]);
    plane.kubectl(&[
        "create",
        "role",
        "some",
        "-n",
        &namespace,
        "--verb=get,list",
        "--resource=configmaps",
    ]);
    plane.kubectl(&[
        "create",
        "rolebinding",
        "some",
        "-n",
        &namespace,
        "--role=some",
        "--user=nobody",
    ]);
    let report = plane
        .run_as(
            "nobody",
            &["-f", path, "-n", &namespace, "--once", "--output", "json"],
        )
        .exits(2)
        .json();
    assert_eq!(report["summary"]["compared"], 1);
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(
        (errors.len(), &errors[0]["kind"]),
        (1, &"Deployment".into())
    );
    let message = errors[0]["message"].as_str().unwrap();
    assert!(
        message.contains("deployments")
            && message.contains("is forbidden: User \"nobody\" cannot "),
        "{message}"
    );
}

#[test]
#[ignore = "needs the control plane"]
fn a_refused_token_is_one_clear_line() {
    let plane = ControlPlane::running();
    let config = fs::read_to_string(plane.kubeconfig("reader")).unwrap();
    let config: String = config
        .lines()
        .map(|line| {
            if line.trim_start().starts_with("token:") {
                "    token: expired\n".to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let files = folder(&[
        ("config", &config),
        ("m/c.yaml", &config_map("a", "k", "v")),
    ]);
    let (config, manifests) = (files.path().join("config"), files.path().join("m"));
    let run = run(&[
        "-f",
        text(&manifests),
        "--once",
        "--kubeconfig",
        text(&config),
    ])
    .exits(2);
    assert_eq!(
        run.stdout.matches("401 Unauthorized").count(),
        1,
        "{}",
        run.stdout
    );
}

#[test]
#[ignore = "needs the control plane"]
fn one_bad_manifest_never_stops_the_others() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifests = folder(&[
        ("a.yaml", &config_map("good", "k", "v")),
        ("b.yaml", "a: [\n"),
        (
            "c.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: three}\n",
        ),
        (
            "d.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: typo}\ndate: {k: v}\n",
        ),
    ]);
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        &config_map("good", "k", "w"),
    );
    let args = [
        "-f",
        text(manifests.path()),
        "-n",
        &namespace,
        "--once",
        "--output",
        "json",
    ];
    let report = plane.run_as("reader", &args).exits(2).json();
    let names: BTreeSet<&str> = report["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(["good", "typo"]));
    assert_eq!(report["summary"]["errors"], 3, "{:#}", report["errors"]);
    assert_eq!(report["summary"]["compared"], 2);
}

/// In a pod there is no kubeconfig, but a ServiceAccount's token beside the server's certificate.
#[test]
#[ignore = "needs the control plane"]
fn a_pods_own_service_account_is_the_last_resort() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        &config_map("a", "k", "v"),
    );
    plane.kubectl(&["create", "serviceaccount", "checker", "-n", &namespace]);
    plane.kubectl(&[
        "create",
        "role",
        "checker",
        "-n",
        &namespace,
        "--verb=get,list",
        "--resource=configmaps",
    ]);
    plane.kubectl(&[
        "create",
        "rolebinding",
        "checker",
        "-n",
        &namespace,
        "--role=checker",
        &format!("--serviceaccount={namespace}:checker"),
    ]);
    let pod = plane.pod(&namespace, "checker");
    let manifests = folder(&[("c.yaml", &config_map("a", "k", "v"))]);
    let run = pod
        .run(&["-f", text(manifests.path()), "-n", &namespace, "--once"])
        .exits(0);
    assert!(run.stderr.contains("in-cluster"), "{}", run.stderr);
    assert!(
        run.stdout.contains("No drift in 1 resource(s)"),
        "{}",
        run.stdout
    );
}

#[test]
#[ignore = "needs the control plane"]
fn the_loop_reads_manifests_again_and_ends_on_a_signal() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        &config_map("a", "k", "v"),
    );
    let manifests = folder(&[("c.yaml", &config_map("a", "k", "v"))]);
    let out = tempfile::NamedTempFile::new().unwrap();
    let mut child = program()
        .args([
            "--kubeconfig",
            &plane.kubeconfig("reader"),
            "-f",
            text(manifests.path()),
            "-n",
            &namespace,
        ])
        .args(["--interval", "1", "--output", "json", "--fail-on-drift"])
        .stdout(out.reopen().unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let cycles = || -> Vec<serde_json::Value> {
        fs::read_to_string(out.path())
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let wait_for = |what: &dyn Fn(&[serde_json::Value]) -> bool| {
        for _ in 0..200 {
            if what(&cycles()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{:?}", cycles());
    };
    wait_for(&|cycles| {
        cycles
            .last()
            .is_some_and(|cycle| cycle["summary"]["drifted"] == 0)
    });
    fs::write(manifests.path().join("c.yaml"), config_map("a", "k", "w")).unwrap();
    wait_for(&|cycles| {
        cycles
            .last()
            .is_some_and(|cycle| cycle["summary"]["drifted"] == 1)
    });
    assert!(
        std::process::Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
#[ignore = "needs the control plane"]
fn what_is_fetched_early_changes_no_result() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let config_map = |name: &str, rest: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  {rest}\n")
    };
    // So many bytes that fetching begins before they are read.
    let large = format!("k: v\n# {}", "x".repeat(300 * 1024));
    let seen = ["a", "b", "c", "d"].map(|name| config_map(name, "k: v"));
    let hidden = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hidden}\ndata: {k: v}\n";
    let applied = [&seen[..], &[hidden.to_owned()]].concat().join("---\n");
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &applied);
    let skipped = config_map("skipped", "k: v").replace(
        "\ndata:",
        "\n  annotations:\n    drift.gitops.io/skip: 'true'\ndata:",
    );
    let manifests = folder(&[
        ("a.yaml", &config_map("a", &large)),
        ("b.yaml", &config_map("b", "k: changed")),
        ("c.yaml", &config_map("c", "k: [broken]")),
        ("d1.yaml", &seen[3]),
        ("d2.yaml", &seen[3]),
        ("hidden.yaml", &hidden.replace("k: v", "k: other")),
        ("missing.yaml", &config_map("missing", "k: v")),
        ("skipped.yaml", &skipped),
    ]);
    let path = text(manifests.path());
    let report = plane
        .run_as(
            "reader",
            &["-f", path, "-n", &namespace, "--once", "--output", "json"],
        )
        .exits(2)
        .json();
    let summary = &report["summary"];
    assert_eq!(
        [
            "compared", "inSync", "drifted", "missing", "skipped", "errors"
        ]
        .map(|key| &summary[key]),
        [4, 1, 3, 1, 1, 2],
        "{report:#}"
    );
    let names: Vec<_> = report["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["b", "hidden", "missing"]);
    for line in plane.audit("reader", &namespace) {
        assert_ne!(line["objectRef"]["name"], "skipped", "{line}");
    }
}
