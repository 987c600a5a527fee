//! The scripts of `examples/ci`, on real repositories. What talks to a forge is answered by a script in its place.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gitops_drift::yaml::Severity;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{ControlPlane, Run, config_map, git, text};

fn example(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("examples").join(name)
}

/// A repository whose branch `production` has this manifest, and whose head has another.
struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new(deployed: &str, head: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Self { folder };
        repository.git(&["init", "-q", "-b", "main"]);
        repository.commit(deployed);
        repository.git(&["branch", "production"]);
        repository.commit(head);
        repository
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn commit(&self, manifest: &str) {
        fs::create_dir_all(self.path().join("deploy")).unwrap();
        fs::write(self.path().join("deploy/all.yaml"), manifest).unwrap();
        self.git(&["add", "deploy"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "Deploy"]);
    }

    fn git(&self, args: &[&str]) -> String {
        git(self.path(), args)
    }

    /// Runs a script of `examples/ci` here, with this program on PATH, in front of what `more` has.
    fn script(&self, name: &str, args: &[&str], more: &[(&str, &str)]) -> Run {
        let program = Path::new(env!("CARGO_BIN_EXE_gitops-drift"));
        let own = text(program.parent().unwrap());
        let path = format!("{}:{own}:/usr/local/bin:/usr/bin:/bin", text(self.path()));
        let mut command = Command::new("bash");
        command
            .arg(example("ci").join(name))
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", "/nonexistent")
            .env("PATH", path)
            .envs(more.iter().copied());
        Run::of(&command.output().unwrap())
    }

    fn report(&self, name: &str) -> String {
        fs::read_to_string(self.path().join("drift-report").join(name)).unwrap()
    }
}

/// What a cluster returned: a `ConfigMap` with one key.
fn snapshot(repository: &Repository, level: &str) -> String {
    let path = repository.path().join("snapshot.yaml");
    let live = config_map("settings", "level", level);
    fs::write(
        &path,
        live.replace(
            "{name: settings}",
            "{name: settings, namespace: default, uid: u1}",
        ),
    )
    .unwrap();
    text(&path).to_owned()
}

#[test]
fn the_gate_compares_with_what_is_deployed_and_leaves_nothing_behind() {
    let deployed = config_map("settings", "level", "info");
    // The head of a pull request: the change is intended, and not deployed.
    let repository = Repository::new(&deployed, &config_map("settings", "level", "debug"));
    let gate = |live: &str, more: &[(&str, &str)]| {
        let live = snapshot(&repository, live);
        let args = ["production", "deploy", "--live", &live];
        repository.script("gate.sh", &args, more)
    };
    let same = gate("info", &[]).exits(0);
    assert!(
        same.stdout
            .ends_with("gate.sh: the cluster is what production says\n"),
        "{}",
        same.stdout
    );
    let drift = gate("warning", &[]).exits(1);
    assert!(
        drift.stdout.contains("deploy/all.yaml:4"),
        "{}",
        drift.stdout
    );
    let json: Value = serde_json::from_str(&repository.report("drift.json")).unwrap();
    assert_eq!(json["resources"][0]["fields"][0]["live"], "warning");
    assert_eq!(
        json["revision"],
        repository.git(&["rev-parse", "production"]).trim()
    );
    let sarif: Value = serde_json::from_str(&repository.report("drift.sarif")).unwrap();
    let place = "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri";
    assert_eq!(sarif.pointer(place).unwrap(), "deploy/all.yaml");
    assert!(repository.report("drift.md").contains("data.level"));
    assert!(repository.report("drift.xml").contains("<testsuite"));
    assert!(repository.report("drift.txt").starts_with("Drift Report"));

    // Who wants to keep the change, takes the patch on a branch of what is deployed.
    repository.git(&["switch", "-q", "-c", "keep", "production"]);
    let patch = repository.path().join("drift-report/drift.patch");
    repository.git(&["apply", "--allow-empty", text(&patch)]);
    let kept = fs::read_to_string(repository.path().join("deploy/all.yaml")).unwrap();
    assert_eq!(kept, config_map("settings", "level", "warning"));
    repository.git(&["commit", "-q", "-a", "-m", "Keep"]);
    let live = snapshot(&repository, "warning");
    let args = ["keep", "deploy", "--live", &live];
    repository.script("gate.sh", &args, &[]).exits(0);
    assert_eq!(repository.report("drift.patch"), "");
    repository.git(&["apply", "--allow-empty", text(&patch)]);

    let annotated = gate("warning", &[("GITHUB_ACTIONS", "true")]).exits(1);
    assert!(
        annotated
            .stdout
            .contains("::error file=deploy/all.yaml,line=4"),
        "{}",
        annotated.stdout
    );
    let worktrees = repository.git(&["worktree", "list"]);
    assert_eq!(worktrees.lines().count(), 1, "{worktrees}");
}

#[test]
fn a_gate_that_cannot_check_is_no_green_one() {
    let manifest = config_map("settings", "level", "info");
    let repository = Repository::new(&manifest, &manifest);
    let live = snapshot(&repository, "info");
    for (args, told) in [
        (
            &["nowhere", "deploy", "--live", live.as_str()][..],
            "nowhere",
        ),
        (
            &["production", "missing", "--live", &live],
            "no such file or folder",
        ),
        (&["production"], "usage: gate.sh REVISION PATH"),
    ] {
        let run = repository.script("gate.sh", args, &[]).exits(2);
        assert!(
            run.stderr.contains(told) || run.stdout.contains(told),
            "{}\n{}",
            run.stdout,
            run.stderr
        );
    }
}

#[test]
fn a_gate_that_cannot_check_says_so_in_its_report_and_leaves_none_of_before() {
    let manifest = config_map("settings", "level", "info");
    let repository = Repository::new(&manifest, &manifest);
    let live = snapshot(&repository, "warning");
    let gate = |args: &[&str], more: &[(&str, &str)]| repository.script("gate.sh", args, more);
    let without_program = [("PATH", "/usr/bin:/bin")];
    for (args, environment, told) in [
        (
            &["nowhere", "deploy"][..],
            &[][..],
            "gate.sh: cannot check out 'nowhere': fatal: invalid reference: nowhere",
        ),
        (
            &["production", "deploy"],
            &without_program,
            "gate.sh: gitops-drift is not on PATH",
        ),
        (
            &["production", "deploy", "--bogus"],
            &[],
            "wrote no report and ended with exit code 2",
        ),
        (&["production"], &[], "usage: gate.sh REVISION PATH"),
    ] {
        gate(&["production", "deploy", "--live", &live], &[]).exits(1);
        assert!(repository.report("drift.md").contains("data.level"));
        gate(args, environment).exits(2);
        let report = repository.report("drift.md");
        assert!(
            report.starts_with("### Nothing was checked\n") && report.contains(told),
            "{report}"
        );
        let folder = fs::read_dir(repository.path().join("drift-report")).unwrap();
        assert_eq!(folder.count(), 1, "{args:?}");
    }
}

#[test]
#[ignore = "needs the control plane"]
fn the_gate_takes_a_kubeconfig_from_a_secret() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    let manifest = config_map("settings", "level", "info");
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &manifest);
    let repository = Repository::new(&manifest, &manifest);
    let kubeconfig = fs::read_to_string(plane.kubeconfig("reader")).unwrap();
    let secret = [("DRIFT_KUBECONFIG", kubeconfig.as_str())];
    let args = ["production", "deploy", "--namespace", &namespace];
    repository.script("gate.sh", &args, &secret).exits(0);
    repository.script("gate.sh", &args, &[]).exits(2);
}

#[test]
fn the_issue_is_opened_kept_up_to_date_and_closed() {
    let manifest = config_map("settings", "level", "info");
    let repository = Repository::new(&manifest, &manifest);
    fs::write(repository.path().join("drift.md"), "a table").unwrap();
    // Stands in for gh: notes what it is asked for, and keeps one issue as a file.
    let gh = repository.path().join("gh");
    let script = "#!/bin/sh\necho \"$@\" >>calls\ncase $2 in\nlist) cat issue 2>/dev/null ;;\ncreate) echo 7 >issue ;;\nclose) rm issue ;;\nesac\nexit 0\n";
    fs::write(&gh, script).unwrap();
    fs::set_permissions(&gh, fs::Permissions::from_mode(0o755)).unwrap();
    for (status, asked) in [
        ("0", None),
        ("2", None),
        (
            "1",
            Some("issue create --title The cluster has drifted --label drift --body-file drift.md"),
        ),
        ("1", Some("issue edit 7 --body-file drift.md")),
        ("2", None),
        ("0", Some("issue close 7 --comment The drift has gone.")),
        ("0", None),
    ] {
        let calls = repository.path().join("calls");
        let _ = fs::remove_file(&calls);
        repository
            .script("drift-issue.sh", &[status, "drift.md"], &[])
            .exits(0);
        let calls = fs::read_to_string(&calls).unwrap();
        let after_list: Vec<&str> = calls.lines().skip(1).collect();
        assert_eq!(
            after_list,
            asked.into_iter().collect::<Vec<_>>(),
            "status {status}"
        );
    }
}

/// All commands of a workflow: the texts of `run`, `before_script` and `script`.
fn commands(workflow: &Value) -> Vec<String> {
    match workflow {
        Value::Array(items) => items.iter().flat_map(commands).collect(),
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value) {
                ("run", Value::String(text)) => vec![text.clone()],
                ("before_script" | "script", Value::Array(items)) => {
                    let items = items.iter().filter_map(Value::as_str);
                    vec![items.collect::<Vec<_>>().join("\n")]
                }
                _ => commands(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_workflows_call_the_gate_in_commands_that_a_shell_can_read() {
    for name in ["github.yml", "gitlab.yml"] {
        let stream = gitops_drift::yaml::read(fs::read(example("ci").join(name)).unwrap());
        let mut problems = stream.problems.iter();
        assert!(
            problems.all(|problem| problem.severity != Severity::Error),
            "{name}: {:?}",
            stream.problems
        );
        let workflow = stream.tree.node(stream.documents[0].root).to_json();
        let commands = commands(&workflow);
        for command in &commands {
            let checked = Command::new("bash").args(["-n", "-c", command]).output();
            Run::of(&checked.unwrap()).exits(0);
        }
        let gate = "ci/gate.sh \"$DEPLOYED\" \"$MANIFESTS\"";
        assert!(commands.join("\n").contains(gate), "{name}: {commands:?}");
    }
}
