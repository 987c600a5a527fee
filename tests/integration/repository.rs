//! A real Git repository of manifests, and live objects from a snapshot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Run, program, text};

/// A repository in a temporary folder, beside the live objects.
pub(crate) struct Repository {
    pub(crate) folder: TempDir,
}

/// A commit is made at each hour of this day, from 01:00 on.
pub(crate) const DAY: &str = "2026-11-20";

/// The time of that hour.
pub(crate) fn at(hour: u32) -> String {
    format!("{DAY}T{hour:02}:00:00Z")
}

impl Repository {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        let repository = Self { folder };
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.root(), args, &at(0))
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Commits all there is, as if at this hour. Gives the commit.
    pub(crate) fn commit(&self, hour: u32, subject: &str) -> String {
        self.commit_at(&at(hour), subject)
    }

    /// Commits all there is, as if at this time. Gives the commit.
    pub(crate) fn commit_at(&self, time: &str, subject: &str) -> String {
        self.git(&["add", "--all"]);
        git(
            &self.root(),
            &["commit", "-q", "--allow-empty", "-m", subject],
            time,
        );
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits these versions of a file, one an hour. Gives the commits.
    pub(crate) fn commits(&self, path: &str, versions: &[String]) -> Vec<String> {
        let mut commits = Vec::new();
        for (version, hour) in versions.iter().zip(1..) {
            self.write(path, version);
            commits.push(self.commit(hour, &format!("Version {hour}")));
        }
        commits
    }

    pub(crate) fn live(&self, objects: &[Value]) -> String {
        let path = self.folder.path().join("live.json");
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        fs::write(&path, list.to_string()).unwrap();
        text(&path).to_owned()
    }

    pub(crate) fn run(&self, live: &[Value], args: &[&str]) -> Run {
        let live = self.live(live);
        let mut program = program();
        program.current_dir(self.root());
        if !args.contains(&"-f") {
            program.args(["-f", "."]);
        }
        Run::of(&program.args(["--live", &live]).args(args).output().unwrap())
    }
}

/// A live object that one client wrote at this time.
pub(crate) fn written_at(mut object: Value, time: &str) -> Value {
    let mut fields = owned(&object);
    for fixed in ["f:apiVersion", "f:kind", "f:status"] {
        fields.as_object_mut().unwrap().remove(fixed);
    }
    object["metadata"]["managedFields"] = json!([{
        "manager": "kubectl", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "time": time, "fieldsV1": fields,
    }]);
    object
}

/// Owns all keys of a map.
fn owned(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (format!("f:{key}"), owned(value)))
            .collect(),
        _ => json!({}),
    }
}

/// Runs git, as if at this time; it must succeed.
pub(crate) fn git(folder: &Path, args: &[&str], time: &str) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Ana",
            "-c",
            "user.email=ana@example.com",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(args)
        .current_dir(folder)
        .env("GIT_AUTHOR_DATE", time)
        .env("GIT_COMMITTER_DATE", time)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
