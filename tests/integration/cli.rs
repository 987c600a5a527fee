//! The command line, bad input and exit codes, without a server.

use std::fs;

use crate::support::{config_map, folder, program, run, run_with_input, text};

/// The program's last word about a run that failed.
#[track_caller]
fn complaint(args: &[&str]) -> String {
    let run = run(args).exits(2);
    let complaints = run.complaints();
    assert_eq!(complaints.len(), 1, "{}", run.stderr);
    complaints[0]
        .trim_start()
        .trim_start_matches("ERROR ")
        .trim_start_matches("error: ")
        .to_owned()
}

#[test]
fn help_and_version() {
    let help = run(&["--help"]).exits(0);
    for option in [
        "--manifests",
        "--exclude",
        "--namespace",
        "--dry-run",
        "--no-dry-run",
        "--remediate",
        "--once",
        "--interval",
        "--kubeconfig",
        "--context",
        "--request-timeout",
        "--live",
        "--ignore-fields",
        "--output",
        "--log-level",
        "--fail-on-drift",
        "--strict",
    ] {
        assert!(help.stdout.contains(option), "{option}");
    }
    let version = run(&["-V"]).exits(0);
    assert_eq!(
        version.stdout,
        format!("gitops-drift {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn usage_errors_are_one_line_and_exit_2() {
    for args in [
        &[][..],
        &["-f", ".", "--log-level", "loud"],
        &["-f", ".", "--ignore-fields", "a[b"],
        &["-f", ".", "--remediate", "--dry-run"],
        &["-f", ".", "--remediate", "--no-dry-run"],
        &["-f", ".", "--live", "x", "--remediate"],
        &["-f", ".", "--live", "x", "--context", "y"],
        &["-f", "-"],
        &["-f", ".", "--interval", "0"],
        &["-f", ".", "--nonsense"],
    ] {
        complaint(args);
    }
}

#[test]
fn an_index_into_an_atomic_list_cannot_be_ignored() {
    let message = complaint(&[
        "-f",
        ".",
        "--live",
        ".",
        "--ignore-fields",
        "spec.template.spec.tolerations[0]",
    ]);
    assert!(
        message.starts_with("--ignore-fields: ") && message.contains("tolerations"),
        "{message}"
    );
}

#[test]
fn a_cluster_that_cannot_be_found() {
    let folder = folder(&[
        ("a.yaml", &config_map("a", "k", "v")),
        ("broken", "clusters: [\n"),
    ]);
    let manifests = text(folder.path()).to_owned();
    let no_file = complaint(&[
        "-f",
        &manifests,
        "--once",
        "--kubeconfig",
        "/nonexistent/config",
    ]);
    assert!(no_file.contains("/nonexistent/config"), "{no_file}");
    let broken = folder.path().join("broken");
    let message = complaint(&["-f", &manifests, "--once", "--kubeconfig", text(&broken)]);
    assert!(message.contains("broken"), "{message}");
    let nothing = complaint(&["-f", &manifests, "--once"]);
    assert!(nothing.contains("kubeconfig"), "{nothing}");
}

const UNREACHABLE: &str = "\
apiVersion: v1
kind: Config
current-context: there
clusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: there, context: {cluster: c, user: u}}]
";

#[test]
fn an_unknown_context_names_those_that_exist() {
    let folder = folder(&[
        ("a.yaml", &config_map("a", "k", "v")),
        ("config", UNREACHABLE),
    ]);
    let config = folder.path().join("config");
    let message = complaint(&[
        "-f",
        text(folder.path()),
        "--once",
        "--kubeconfig",
        text(&config),
        "--context",
        "nope",
    ]);
    assert!(
        message.contains("nope") && message.contains("there"),
        "{message}"
    );
}

#[test]
fn an_unreachable_server_is_said_once() {
    let folder = folder(&[
        ("m/a.yaml", &config_map("a", "k", "v")),
        ("m/b.yaml", &config_map("b", "k", "v")),
        ("config", UNREACHABLE),
    ]);
    let (config, manifests) = (folder.path().join("config"), folder.path().join("m"));
    let run = run(&[
        "-f",
        text(&manifests),
        "--once",
        "--kubeconfig",
        text(&config),
    ])
    .exits(2);
    assert!(
        run.stderr.contains("http://127.0.0.1:1") && run.stderr.contains("context there"),
        "{}",
        run.stderr
    );
    assert_eq!(
        run.stdout
            .matches("cannot reach http://127.0.0.1:1")
            .count(),
        1,
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("2 resource(s) not compared"),
        "{}",
        run.stdout
    );
    let run = program()
        .env("KUBECONFIG", &config)
        .args(["-f", text(&manifests), "--once", "--output", "json"])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["summary"]["compared"], 0);
    assert_eq!(report["errors"].as_array().unwrap().len(), 1);
}

#[test]
fn nothing_to_compare_says_why() {
    let empty = folder(&[("notes.txt", "x")]);
    let live = "examples/live";
    for (path, reason) in [
        (text(empty.path()).to_owned(), "no manifest was found"),
        ("/nonexistent/folder".to_owned(), "/nonexistent/folder: "),
    ] {
        let run = run(&["-f", &path, "--live", live]).exits(2);
        assert!(run.stdout.contains(reason), "{}", run.stdout);
    }
    let others = folder(&[(
        "a.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n",
    )]);
    let run = run(&["-f", text(others.path()), "--live", live]).exits(2);
    assert!(
        run.stdout
            .contains("no ConfigMap, Deployment, Namespace or Service to compare; read 1 file(s) with objects of other kinds: 1"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("Not compared: 1 of v1 Secret"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_broken_file_costs_only_itself() {
    let folder = folder(&[
        ("m/good.yaml", &config_map("a", "k", "v")),
        ("m/broken.yaml", "a: [\n"),
        ("live.yaml", &config_map("a", "k", "w")),
    ]);
    let (manifests, live) = (folder.path().join("m"), folder.path().join("live.yaml"));
    let run = run(&["-f", text(&manifests), "--live", text(&live)]).exits(2);
    assert!(
        run.stdout.contains("ConfigMap/a (ns: default)"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("broken.yaml:"), "{}", run.stdout);
}

#[test]
fn a_skipped_resource_is_only_counted() {
    let skipped = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {drift.gitops.io/skip: \"true\"}}\n";
    let run = run_with_input(&["-f", "-", "--live", "examples/live"], skipped.as_bytes()).exits(0);
    assert!(
        run.stdout
            .ends_with("Nothing was checked: all 1 resource(s) are skipped by annotation\nSkipped: 1 resource(s): ConfigMap/a (ns: default)\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_kind_that_the_snapshot_lacks_is_not_missing() {
    let folder = folder(&[("live.yaml", &config_map("a", "k", "v"))]);
    let live = folder.path().join("live.yaml");
    let run = run_with_input(
        &["-f", "-", "--live", text(&live)],
        b"apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
    )
    .exits(2);
    assert!(
        run.stdout
            .contains("not compared: the snapshot has no Namespace"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("<stdin>:1:1: "), "{}", run.stdout);
}

#[test]
fn a_missing_object_of_a_snapshot() {
    let folder = folder(&[("live.yaml", &config_map("a", "k", "v"))]);
    let live = folder.path().join("live.yaml");
    let run = run_with_input(
        &["-f", "-", "--live", text(&live), "--fail-on-drift"],
        config_map("b", "k", "v").as_bytes(),
    )
    .exits(1);
    let block = "ConfigMap/b (ns: default)\n  Action : would-create (dry-run)\n  Fields : 1 drifted\n    <resource>\n      desired : present\n      live    : <absent>\n      source  : <stdin>:1\n";
    assert!(run.stdout.contains(block), "{}", run.stdout);
    let ignored = run_with_input(
        &[
            "-f",
            "-",
            "--live",
            text(&live),
            "--fail-on-drift",
            "--ignore-fields",
            "<resource>",
        ],
        config_map("b", "k", "v").as_bytes(),
    );
    ignored.exits(0);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    use std::process::Stdio;
    let mut child = program()
        .args(["-f", "examples/desired", "--live", "examples/live"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn an_ignore_rule_that_matches_nothing_is_warned_about() {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-config, annotations: {drift.gitops.io/ignore-fields: \"data.LOG_LEVEL, data.NOPE\"}}\ndata: {LOG_LEVEL: x}\n";
    let run = run_with_input(
        &[
            "-f",
            "-",
            "--live",
            "examples/live",
            "--ignore-fields",
            "spec.nope",
        ],
        manifest.as_bytes(),
    )
    .exits(0);
    assert!(
        run.stderr.contains("`data.NOPE` matches nothing in it"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("`spec.nope` matched no resource"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("LOG_LEVEL`"), "{}", run.stderr);
}

#[test]
fn the_revision_is_that_of_the_manifests() {
    let folder = folder(&[("m/a.yaml", &config_map("app-config", "k", "v"))]);
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let manifests = folder.path().join("m");
    let revision = || {
        let run = run(&["-f", text(&manifests), "--live", "examples/live"]);
        run.stdout
            .lines()
            .nth(1)
            .unwrap()
            .trim_start_matches("  Git revision : ")
            .to_owned()
    };
    assert_eq!(revision(), "unknown");
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "x"]);
    let commit = git(&["rev-parse", "HEAD"]);
    assert_eq!(revision(), commit[..12]);
    fs::write(manifests.join("a.yaml"), config_map("app-config", "k", "w")).unwrap();
    assert_eq!(revision(), format!("{}-dirty", &commit[..12]));
}
