//! The manifests of `examples/in-cluster`: the server accepts them, their rights are the least, and the program runs as
//! they start it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{ControlPlane, Run, config_map, folder, git, run, strings, text};

const FILES: [&str; 4] = [
    "read-only.yaml",
    "remediate.yaml",
    "cronjob.yaml",
    "deployment.yaml",
];

fn file(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    text(&root.join("examples/in-cluster").join(name)).to_owned()
}

/// The control plane, with everything applied.
fn installed() -> &'static ControlPlane {
    static APPLIED: Once = Once::new();
    let plane = ControlPlane::running();
    APPLIED.call_once(|| {
        for name in FILES {
            plane.kubectl(&["apply", "--validate=strict", "-f", &file(name)]);
        }
    });
    plane
}

/// A `ConfigMap` in a namespace of its own.
fn settings(namespace: &str) -> String {
    let at = format!("{{name: settings, namespace: {namespace}}}");
    config_map("settings", "level", "info").replace("{name: settings}", &at)
}

/// Changes it behind Git's back.
fn drift(plane: &ControlPlane, namespace: &str) {
    let patch = r#"{"data":{"level":"debug"}}"#;
    plane.kubectl(&[
        "patch",
        "configmap",
        "settings",
        "-n",
        namespace,
        "-p",
        patch,
    ]);
}

fn pod_spec(plane: &ControlPlane, kind: &str) -> Value {
    let live = plane.get(kind, "gitops-drift", "gitops-drift");
    let spec = match kind {
        "cronjob" => &live["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        _ => &live["spec"]["template"]["spec"],
    };
    spec.clone()
}

/// A volume as git-sync leaves it: a repository, a worktree for the commit, and a link to that. The paths between them
/// are relative, so that they hold wherever the volume is mounted. The manifest is in the folder `at`.
fn git_volume(at: &str, manifest: &str) -> TempDir {
    let volume = tempfile::tempdir().unwrap();
    let path = volume.path();
    fs::create_dir_all(path.join(at)).unwrap();
    fs::write(path.join(at).join("all.yaml"), manifest).unwrap();
    git(path, &["init", "-q"]);
    git(path, &["add", at]);
    git(path, &["commit", "-q", "-m", "Deploy"]);
    let commit = commit(path);
    let worktree = format!(".worktrees/{commit}");
    git(path, &["worktree", "add", "-q", "--detach", &worktree]);
    let link = format!("gitdir: ../../.git/worktrees/{commit}\n");
    fs::write(path.join(&worktree).join(".git"), link).unwrap();
    symlink(&worktree, path.join("current")).unwrap();
    volume
}

fn commit(volume: &Path) -> String {
    git(volume, &["rev-parse", "HEAD"]).trim().to_owned()
}

/// The container with one more argument.
fn with_argument(container: &Value, argument: &str) -> Value {
    let mut container = container.clone();
    let args = container["args"].as_array_mut().unwrap();
    args.push(argument.into());
    container
}

/// What the standard `restricted` of the namespace `gitops-drift` says of a pod: it is enforced on pods, not on what
/// makes them.
fn admit(plane: &ControlPlane, name: &str, spec: &Value) {
    let pod = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "gitops-drift"},
        "spec": spec,
    });
    let create = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
    let told = plane.kubectl_with(&create, &pod.to_string());
    assert!(told.contains("created (server dry run)"), "{told}");
    for container in pod["spec"]["containers"].as_array().unwrap() {
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert!(container["resources"]["limits"]["memory"].is_string());
    }
}

#[test]
#[ignore = "needs the control plane"]
fn the_server_accepts_the_manifests_and_restricted_pods() {
    let plane = installed();
    for name in FILES {
        let dry = ["apply", "--dry-run=server", "--validate=strict", "-f"];
        plane.kubectl(&[&dry[..], &[&file(name)]].concat());
    }
    for kind in ["cronjob", "deployment"] {
        admit(plane, kind, &pod_spec(plane, kind));
    }
    let live = plane.get("deployment", "gitops-drift", "gitops-drift");
    assert_eq!(live["spec"]["strategy"]["type"], "Recreate");
}

#[test]
#[ignore = "needs the control plane"]
fn the_program_finds_its_own_manifests_in_sync() {
    let plane = installed();
    let folder = file("");
    for more in [&[][..], &["--strict"]] {
        let args = ["-f", folder.as_str(), "--once", "--fail-on-drift"];
        let run = plane.run_as("reader", &[&args[..], more].concat()).exits(0);
        assert!(
            run.stdout.contains("No drift in 2 resource(s)"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn the_roles_are_those_that_rbac_prints() {
    let rules = |text: &str, name: &str| {
        let role = text
            .split("---\n")
            .find(|document| document.contains("kind: ClusterRole\n"))
            .unwrap_or_else(|| panic!("no ClusterRole:\n{text}"));
        let head = format!("metadata:\n  name: {name}\nrules:\n");
        let (_, rules) = role.split_once(&head).unwrap_or_else(|| panic!("{role}"));
        rules.to_owned()
    };
    for (name, role, more) in [
        ("read-only.yaml", "gitops-drift", &[][..]),
        ("remediate.yaml", "gitops-drift-remediate", &["--remediate"]),
    ] {
        let args = ["rbac", "-f", "examples/desired", "--cluster-wide"];
        let printed = run(&[&args[..], more].concat()).exits(0).stdout;
        let written = fs::read_to_string(file(name)).unwrap();
        assert_eq!(
            rules(&written, role),
            rules(&printed, "gitops-drift"),
            "{name}"
        );
    }
}

#[test]
#[ignore = "needs the control plane"]
fn the_cron_job_tells_drift_by_its_exit_code() {
    let plane = installed();
    let spec = pod_spec(plane, "cronjob");
    let container = &spec["containers"][0];
    let namespace = plane.namespace();
    let volume = git_volume("deploy", &settings(&namespace));
    let pod = plane.pod("gitops-drift", spec["serviceAccountName"].as_str().unwrap());
    let start = |container: &Value| {
        let mut command = pod.container(container, &[("git", volume.path())]);
        Run::of(&command.output().unwrap())
    };
    plane.kubectl(&["apply", "-R", "-f", text(&volume.path().join("deploy"))]);
    let same = start(container).exits(0);
    assert!(same.stderr.contains("in-cluster"), "{}", same.stderr);
    let revision = format!("Git revision : {}", &commit(volume.path())[..12]);
    assert!(same.stdout.contains(&revision), "{}", same.stdout);
    drift(plane, &namespace);
    let drifted = start(container).exits(1);
    assert!(drifted.stdout.contains("data.level"), "{}", drifted.stdout);
    // It only reads, as a matter of rights.
    let refused = start(&with_argument(container, "--remediate")).exits(2);
    assert!(
        refused.stdout.contains("cannot update"),
        "{}",
        refused.stdout
    );
}

/// Runs a loop until it has touched the health file, and ends it with a signal.
fn first_cycle(mut command: Command, alive: &Path) -> Run {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    while !alive.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(50));
    }
    let id = child.id().to_string();
    let _ = Command::new("kill").arg(id).status();
    Run::of(&child.wait_with_output().unwrap())
}

#[test]
#[ignore = "needs the control plane"]
fn the_deployment_loops_shows_that_it_lives_and_repairs_when_told() {
    let plane = installed();
    let spec = pod_spec(plane, "deployment");
    let container = &spec["containers"][0];
    let namespace = plane.namespace();
    let git = git_volume("deploy", &settings(&namespace));
    let health = tempfile::tempdir().unwrap();
    let alive = health.path().join("alive");
    let volumes = [("git", git.path()), ("health", health.path())];
    plane.kubectl(&["apply", "-R", "-f", text(&git.path().join("deploy"))]);
    drift(plane, &namespace);
    let own = spec["serviceAccountName"].as_str().unwrap();
    let repairing = with_argument(container, "--remediate");
    for (account, container, level) in [
        (own, container, "debug"),
        ("gitops-drift-remediate", &repairing, "info"),
    ] {
        let pod = plane.pod("gitops-drift", account);
        let run = first_cycle(pod.container(container, &volumes), &alive).exits(0);
        assert!(run.stdout.contains("data.level"), "{}", run.stdout);
        assert!(is_alive(container, &volumes), "just touched");
        fs::remove_file(&alive).unwrap();
        assert!(!is_alive(container, &volumes), "no file");
        let live = plane.get("configmap", &namespace, "settings");
        assert_eq!(live["data"]["level"], level);
    }
}

/// What the liveness probe says, asked on this machine instead of in the container.
fn is_alive(container: &Value, volumes: &[(&str, &Path)]) -> bool {
    let probe = container["livenessProbe"]["exec"]["command"].as_array();
    let mut words = strings(probe.unwrap()).join("\0");
    for mount in container["volumeMounts"].as_array().unwrap() {
        let volume = volumes.iter().find(|(name, _)| mount["name"] == *name);
        words = words.replace(
            mount["mountPath"].as_str().unwrap(),
            text(volume.unwrap().1),
        );
    }
    let words: Vec<&str> = words.split('\0').collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stderr(Stdio::null());
    command.status().unwrap().success()
}

#[test]
#[ignore = "needs the control plane"]
fn each_pod_of_the_indexed_job_compares_the_cluster_of_its_number() {
    let plane = installed();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = root.join("examples/many-clusters/indexed-job.yaml");
    plane.kubectl(&["apply", "--validate=strict", "-f", text(&manifest)]);
    let job = plane.get("job", "gitops-drift", "drift");
    let spec = &job["spec"]["template"]["spec"];
    admit(plane, "indexed", spec);

    let namespace = plane.namespace();
    let git = git_volume("clusters/eu-2", &settings(&namespace));
    let clusters = folder(&[("list", "eu-1 clusters/eu-1\neu-2 clusters/eu-2\n")]);
    let kubeconfigs = tempfile::tempdir().unwrap();
    fs::copy(plane.kubeconfig("reader"), kubeconfigs.path().join("eu-2")).unwrap();
    let volumes = [
        ("git", git.path()),
        ("clusters", clusters.path()),
        ("kubeconfigs", kubeconfigs.path()),
    ];
    let pod = plane.pod("gitops-drift", "gitops-drift");
    let mut command = pod.container(&spec["containers"][0], &volumes);
    let output = command.env("JOB_COMPLETION_INDEX", "1").output();
    let report = Run::of(&output.unwrap()).exits(1).json();
    assert_eq!(report["resources"][0]["action"], "would-create (dry-run)");
    assert_eq!(report["cluster"]["context"], "reader");
}

#[test]
#[ignore = "needs the control plane"]
fn the_read_only_kubeconfig_reads_and_does_not_write() {
    let plane = installed();
    let namespace = plane.namespace();
    // The script uses the kubectl that it finds.
    let kubectl = format!("#!/bin/sh\nexec {} kubectl \"$@\"\n", text(plane.program()));
    let desired = settings(&namespace);
    let files = folder(&[("kubectl", &kubectl), ("settings.yaml", &desired)]);
    let runnable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(files.path().join("kubectl"), runnable).unwrap();
    let output = Command::new("bash")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["scripts/make-readonly-kubeconfig.sh", "--duration", "1h"])
        .env("PATH", format!("{}:/usr/bin:/bin", text(files.path())))
        .env("KUBECONFIG", plane.kubeconfig("admin"))
        .output();
    let kubeconfig = files.path().join("drift.kubeconfig");
    fs::write(&kubeconfig, Run::of(&output.unwrap()).exits(0).stdout).unwrap();

    plane.kubectl_with(&["apply", "-f", "-"], &desired);
    drift(plane, &namespace);
    let desired = files.path().join("settings.yaml");
    let args = [
        "--kubeconfig",
        text(&kubeconfig),
        "-f",
        text(&desired),
        "--once",
    ];
    let drifted = run(&[&args[..], &["--fail-on-drift"]].concat()).exits(1);
    assert!(
        drifted.stderr.contains("context gitops-drift@"),
        "{}",
        drifted.stderr
    );
    let refused = run(&[&args[..], &["--remediate"]].concat()).exits(2);
    assert!(
        refused
            .stdout
            .contains("system:serviceaccount:gitops-drift:gitops-drift")
            && refused.stdout.contains("cannot update"),
        "{}",
        refused.stdout
    );
    let live = plane.get("configmap", &namespace, "settings");
    assert_eq!(live["data"]["level"], "debug");
}
