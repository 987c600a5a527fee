//! Help, completion, the manual page, kubectl's plugin, and the least rights.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::support::{ControlPlane, Run, config_map, deployment, folder, run, text};

#[test]
fn short_help_fits_a_screen_and_long_help_has_all() {
    let short = run(&["-h"]).exits(0).stdout;
    assert!(short.lines().count() <= 24, "{short}");
    let width = short.lines().map(|line| line.chars().count()).max();
    assert!(width.is_some_and(|width| width <= 100), "{short}");
    let long = run(&["--help"]).exits(0).stdout;
    for option in [
        "--manifests",
        "--only",
        "--output",
        "--fail-on-drift",
        "--remediate",
    ] {
        assert!(short.contains(option) && long.contains(option), "{option}");
    }
    for option in [
        "--exclude",
        "--baseline",
        "--no-redact",
        "--ignore-managers",
    ] {
        assert!(!short.contains(option) && long.contains(option), "{option}");
    }
    assert!(long.contains("Exit codes:") && !short.contains("Exit codes:"));
}

#[test]
fn each_shell_has_its_completion() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["completion", shell]).exits(0).stdout;
        assert!(
            script.contains("gitops-drift") && script.contains("fail-on-drift"),
            "{shell}"
        );
    }
    let run = run(&["completion", "tcsh"]).exits(2);
    assert!(
        run.stderr
            .contains("[possible values: bash, elvish, fish, powershell, zsh]"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_manual_page_is_there_and_hidden() {
    let page = run(&["man"]).exits(0).stdout;
    assert!(
        page.contains(".TH gitops-drift") && page.contains("baseline"),
        "{page}"
    );
    assert!(!run(&["--help"]).stdout.contains("manual page"));
}

#[test]
fn as_a_plugin_it_speaks_of_kubectl_drift() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("kubectl-drift");
    symlink(env!("CARGO_BIN_EXE_gitops-drift"), &plugin).unwrap();
    let help = Run::of(&Command::new(&plugin).arg("--help").output().unwrap())
        .exits(0)
        .stdout;
    assert!(help.contains("Usage: kubectl drift"), "{help}");
    assert!(
        help.contains("\n  kubectl drift -f deploy/ --once\n"),
        "{help}"
    );
    assert!(!help.contains("gitops-drift"), "{help}");
    let script = Run::of(
        &Command::new(&plugin)
            .args(["completion", "bash"])
            .output()
            .unwrap(),
    );
    assert!(script.exits(0).stdout.contains("kubectl-drift"));
}

#[test]
#[ignore = "needs the control plane"]
fn the_least_rights_are_enough_and_no_more() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(
        &["apply", "-n", &namespace, "-f", "-"],
        &deployment("web", "web:1"),
    );
    let alert = "drift.gitops.io/remediation-policy: alert";
    let manifests = [
        deployment("web", "web:2"),
        config_map("new", "k", "v"),
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: svc, annotations: {{{alert}}}}}\nspec: {{ports: [{{port: 80}}]}}\n"
        ),
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
    ];
    let files = folder(&[("all.yaml", &manifests.join("---\n"))]);
    let manifests = ["-f", text(files.path()), "-n", &namespace];
    let rights = |more: &[&str]| {
        let printed = run(&[&["rbac"], &manifests[..], more].concat()).exits(0);
        // Other tests have a ClusterRole of the printed name.
        let own = format!("\n  name: {namespace}\n");
        printed.stdout.replace("\n  name: gitops-drift\n", &own)
    };
    let check = |more: &[&str]| {
        let options = ["--once", "-o", "json"];
        plane.run_as("nobody", &[&manifests[..], &options, more].concat())
    };
    check(&[]).exits(2);
    plane.kubectl_with(&["apply", "-f", "-"], &rights(&[]));
    let bind = |kind: &str, role: &str, more: &[&str]| {
        plane.kubectl(&[&["create", kind, &namespace, role, "--user=nobody"], more].concat());
    };
    let role = |option: &str| format!("--{option}={namespace}");
    bind("rolebinding", &role("role"), &["-n", &namespace]);
    bind("clusterrolebinding", &role("clusterrole"), &[]);
    assert_eq!(check(&[]).exits(0).json()["summary"]["drifted"], 3);
    check(&["--remediate"]).exits(2);
    plane.kubectl_with(&["apply", "-f", "-"], &rights(&["--remediate"]));
    let report = check(&["--remediate"]).exits(0).json();
    let summary = &report["summary"];
    assert_eq!(
        (
            &summary["remediated"],
            &summary["created"],
            &summary["blocked"]
        ),
        (&1.into(), &1.into(), &1.into())
    );
    // What is never written needs no right to be.
    let role = rights(&["--remediate"]);
    assert!(!role.contains("[services]\n  verbs: [create]"), "{role}");
    plane.kubectl(&["delete", "clusterrolebinding", &namespace]);
}

#[test]
fn rights_are_for_the_manifests_that_can_be_read() {
    let files = folder(&[(
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n---\nkind: [\n",
    )]);
    let run = run(&["rbac", "-f", text(files.path())]).exits(2);
    assert_eq!(
        run.stdout,
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: gitops-drift\n  namespace: \"shop\"\nrules:\n\
         - apiGroups: [\"\"]\n  resources: [configmaps]\n  verbs: [get, list]\n"
    );
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    crate::support::run(&["rbac", "-f", "/nonexistent"]).exits(2);
    crate::support::run(&["rbac"]).exits(2);
}

#[test]
fn a_selector_without_a_match_is_a_warning_and_a_selection_of_nothing_is_an_error() {
    let files = folder(&[("a.yaml", &config_map("a", "k", "v"))]);
    let rights = |only: &[&str]| {
        let args = [&["rbac", "-f", text(files.path())], only].concat();
        crate::support::run(&args)
    };
    let warning = "warning: --only: `Service/*` matches no resource\n";
    let some = rights(&["--only", "ConfigMap/*", "--only", "Service/*"]).exits(0);
    assert_eq!(some.stderr, warning);
    assert!(some.stdout.contains("[configmaps]"), "{}", some.stdout);
    let none = rights(&["--only", "Service/*"]).exits(2);
    assert_eq!(
        (&*none.stdout, none.stderr.strip_prefix(warning)),
        (
            "",
            Some("error: --only or --ignore-fields leave out all 1 resource(s)\n")
        )
    );
}

#[test]
fn what_is_remembered_of_warnings_is_bounded() {
    let fields = (0..1100).map(|n| (format!("unknown{n}"), json!(1)));
    let mut live: Map<String, Value> = fields.collect();
    live.extend([
        ("apiVersion".to_owned(), json!("v1")),
        ("kind".to_owned(), json!("ConfigMap")),
        (
            "metadata".to_owned(),
            json!({"name": "a", "namespace": "default"}),
        ),
        ("data".to_owned(), json!({"k": "v"})),
    ]);
    let files = folder(&[
        ("a.yaml", &config_map("a", "k", "v")),
        ("live.json", &Value::Object(live).to_string()),
    ]);
    let (manifest, live) = (files.path().join("a.yaml"), files.path().join("live.json"));
    let inputs = ["-f", text(&manifest), "--live", text(&live)];
    let args = [&inputs[..], &["--strict", "-o", "json"]].concat();
    let run = run(&args).exits(0);
    let warned = run.complaints();
    let about_fields = warned
        .iter()
        .filter(|line| line.contains("has the field unknown"));
    assert_eq!(about_fields.count(), 1000, "{}", run.stderr);
    let last = "1000 warnings in this run; further warnings are not logged";
    assert!(run.stderr.contains(last), "{}", run.stderr);
    let warnings = run.json()["warnings"].as_array().unwrap().len();
    assert_eq!(warnings, 1000);
}
