//! `--output patch`: real repositories, and git itself takes the patch.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::repository::{DAY, Repository};
use super::support::{Run, folder, git, program, run};

/// A Deployment as people write it.
const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web} # flow
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      # The server.
      - name: web
        image: nginx:1.25 # pinned
        args: [\"--port\", \"80\"]
        resources:
          limits:
            cpu: 0.5
";

/// What of that is live: other values, one missing, one more.
fn live() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{
                "name": "web", "image": "nginx:1.19", "args": ["--port", "8080"], "resources": {"limits": {"cpu": "1"}},
            }]}},
        },
    })
}

/// A repository with these files, and a snapshot beside it.
fn repository(files: &[(&str, &str)], live: &[Value]) -> (TempDir, TempDir) {
    (committed(files), snapshot(live))
}

/// A repository that has committed these files.
pub(crate) fn committed(files: &[(&str, &str)]) -> TempDir {
    let repository = folder(files);
    git(repository.path(), &["init", "-q"]);
    git(repository.path(), &["add", "-A"]);
    git(repository.path(), &["commit", "-q", "-m", "Begin"]);
    repository
}

/// These live objects, for `--live`.
pub(crate) fn snapshot(live: &[Value]) -> TempDir {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": live}).to_string();
    folder(&[("live.json", &list)])
}

/// Runs the program in a folder.
fn run_in(folder: &Path, snapshot: &TempDir, args: &[&str]) -> Run {
    let output = program()
        .current_dir(folder)
        .arg("--live")
        .arg(snapshot.path().join("live.json"))
        .args(args)
        .output();
    Run::of(&output.unwrap())
}

/// Gives a patch to `git apply` in a folder; it must take it.
#[track_caller]
pub(crate) fn apply(folder: &Path, patch: &str) {
    let mut child = Command::new("git")
        .args(["apply", "--allow-empty"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(patch.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}\n{patch}");
}

#[test]
fn git_takes_the_patch_in_the_root_in_a_folder_and_outside_of_a_repository() {
    for (place, input) in [
        ("", "deploy"),
        ("deploy", "."),
        ("deploy", "../deploy/web.yaml"),
    ] {
        for in_git in [true, false] {
            let (repository, snapshot) = repository(&[("deploy/web.yaml", WEB)], &[live()]);
            if !in_git {
                fs::remove_dir_all(repository.path().join(".git")).unwrap();
            }
            let here = repository.path().join(place);
            let patch = run_in(
                &here,
                &snapshot,
                &["-f", input, "-o", "patch", "--history", "0"],
            )
            .exits(0);
            assert!(patch.complaints().is_empty(), "{}", patch.stderr);
            apply(&here, &patch.stdout);
            let expected = WEB
                .replace("nginx:1.25", "nginx:1.19")
                .replace("\"80\"", "\"8080\"")
                .replace("cpu: 0.5", "cpu: 1");
            let file = fs::read_to_string(repository.path().join("deploy/web.yaml")).unwrap();
            assert_eq!(file, expected);
            let again = run_in(&here, &snapshot, &["-f", input, "-o", "patch"]).exits(0);
            assert_eq!(again.stdout, "");
            apply(&here, &again.stdout);
        }
    }
}

#[test]
fn a_patch_goes_to_a_file_beside_the_report_and_changes_no_exit_code() {
    let (repository, snapshot) = repository(&[("a b/ä.yaml", WEB)], &[live()]);
    let args = [
        "-f",
        "a b",
        "--fail-on-drift",
        "-o",
        "patch=p",
        "-o",
        "json",
        "--history",
        "0",
    ];
    let report = run_in(repository.path(), &snapshot, &args).exits(1).json();
    assert_eq!(report["summary"]["fields"], 3);
    let patch = fs::read_to_string(repository.path().join("p")).unwrap();
    let header = "--- \"a/a b/\\303\\244.yaml\"\n+++ \"b/a b/\\303\\244.yaml\"\n";
    assert!(patch.starts_with(header), "{patch}");
    apply(repository.path(), &patch);
    let left = run_in(repository.path(), &snapshot, &["-f", "a b", "-o", "json"]);
    assert_eq!(left.exits(0).json()["summary"]["fields"], 0);
}

#[test]
fn what_a_patch_cannot_say_is_left_out_by_name() {
    let files = [
        ("deploy/web.yaml", WEB),
        (
            "deploy/gone.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gone}\n",
        ),
        (
            "deploy/secret.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: secret}\ndata:\n  apiKey: x1\n  a: b\n",
        ),
        (
            "elsewhere/link.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: link}\ndata: {a: b}\n",
        ),
        ("base/kustomization.yaml", "resources: [base.yaml]\n"),
        (
            "base/base.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\ndata: {a: b}\n",
        ),
    ];
    let config_map = |name: &str, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data});
    let live = [
        config_map("secret", json!({"apiKey": "x2", "a": "c"})),
        config_map("link", json!({"a": "c"})),
        config_map("base", json!({"a": "c"})),
    ];
    let (repository, snapshot) = repository(&files, &live);
    std::os::unix::fs::symlink(
        "../elsewhere/link.yaml",
        repository.path().join("deploy/link.yaml"),
    )
    .unwrap();
    let here = repository.path().join("deploy");
    let args = [
        "-f",
        ".",
        "-f",
        "../base",
        "-o",
        "patch",
        "--history",
        "0",
        "--only",
        "cm/*",
    ];
    let run = run_in(&here, &snapshot, &args).exits(0);
    for (place, reason) in [
        (
            "ConfigMap/gone (ns: default): <resource>",
            "remove a whole resource",
        ),
        ("ConfigMap/secret (ns: default): data.apiKey", "secret"),
        (
            "ConfigMap/link (ns: default): data.a",
            "link.yaml is a symbolic link",
        ),
        ("ConfigMap/base (ns: default): data.a", "kustom"),
    ] {
        let mut lines = run.stderr.lines();
        let is_told = lines.any(|line| line.contains(place) && line.contains(reason));
        assert!(is_told, "{place}: {}", run.stderr);
    }
    assert!(!run.stdout.contains("x2"), "{}", run.stdout);
    apply(&here, &run.stdout);
    let changed = git(repository.path(), &["diff", "--name-only"]);
    assert_eq!(changed, "deploy/secret.yaml\n");
    let shown = run_in(&here, &snapshot, &[&args[..], &["--no-redact"]].concat()).exits(0);
    assert!(shown.stdout.contains("+  apiKey: x2"), "{}", shown.stdout);
    let outside = run_in(
        &here,
        &snapshot,
        &["-f", "../elsewhere", "-o", "patch", "--history", "0"],
    );
    assert!(
        outside.stderr.contains("outside the current directory"),
        "{}",
        outside.stderr
    );
    assert_eq!(outside.stdout, "");
}

#[test]
fn a_patch_and_a_repair_exclude_each_other() {
    let run = run(&["-f", "examples", "--once", "-o", "patch", "--remediate"]).exits(2);
    assert!(
        run.stderr.contains("`--output patch`") && run.stderr.contains("use one of them"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_a_commit_has_is_left_out_and_named_and_what_changed_in_the_cluster_is_kept() {
    let repository = Repository::new();
    let text = |k: &str, l: &str, m: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: app}}\ndata:\n  k: {k} # new\n  l: {l}\n  m: {m}\n  o: old\n"
        )
    };
    repository.write("app.yaml", &text("one", "one", "one"));
    repository.commit(1, "First");
    repository.write("app.yaml", &text("two", "two", "one"));
    repository.commit(3, "Second");
    repository.write("app.yaml", &text("two", "two", "two"));
    let writer = |hour: u32, key: &str| {
        json!({
            "manager": format!("at-{hour}"), "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "time": format!("{DAY}T{hour:02}:30:00Z"), "fieldsV1": {"f:data": {format!("f:{key}"): {}}},
        })
    };
    // `k` was written before the second commit, `l` later; `m` is as in it; `o` is in none.
    let live = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "one", "l": "one", "m": "one", "o": "by hand"},
        "metadata": {"name": "app", "namespace": "default", "managedFields": [
            writer(1, "k"), writer(4, "l"), writer(2, "m"), writer(2, "o"),
        ]},
    });
    let report = repository
        .run(std::slice::from_ref(&live), &["-o", "json"])
        .json();
    let fields = report["resources"][0]["fields"].as_array().unwrap();
    let verdicts = fields
        .iter()
        .map(|field| field["history"]["verdict"].as_str().unwrap());
    assert_eq!(
        verdicts.collect::<Vec<_>>(),
        ["not-deployed", "set-back", "uncommitted", "not-found"]
    );

    let patch = repository
        .run(std::slice::from_ref(&live), &["-o", "patch"])
        .exits(0);
    let named = "not in the patch: 3 field(s) whose live value is that of a commit \
                 (ConfigMap/app (ns: default): data.k, ConfigMap/app (ns: default): data.l, ConfigMap/app (ns: default): data.m)";
    assert!(patch.stderr.contains(named), "{}", patch.stderr);
    assert!(
        patch
            .stderr
            .contains("the patch has 1 of 4 field(s), in 1 file(s)"),
        "{}",
        patch.stderr
    );
    apply(&repository.root(), &patch.stdout);
    let file = || fs::read_to_string(repository.root().join("app.yaml")).unwrap();
    assert_eq!(
        file(),
        text("two", "two", "two").replace("o: old", "o: by hand")
    );

    let all = repository
        .run(&[live], &["-o", "patch", "--history", "0"])
        .exits(0);
    assert!(all.complaints().is_empty(), "{}", all.stderr);
    apply(&repository.root(), &all.stdout);
    assert_eq!(
        file(),
        text("one", "one", "one").replace("o: old", "o: by hand")
    );
}

#[test]
fn what_cannot_be_compared_is_told_beside_a_patch() {
    let wrong = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong}\ndata: {a: 1}\n";
    let (repository, snapshot) =
        self::repository(&[("m/web.yaml", WEB), ("m/wrong.yaml", wrong)], &[live()]);
    let run = run_in(
        repository.path(),
        &snapshot,
        &["-f", "m", "-o", "patch", "--history", "0"],
    )
    .exits(2);
    let told = "m/wrong.yaml:4:11: ConfigMap/wrong (ns: default): data.a: expected a string";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert!(
        run.stdout.contains("+        image: nginx:1.19"),
        "{}",
        run.stdout
    );
}
