//! `--output patch`: real repositories, and git itself takes the patch.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Run, folder, git, program, run};
use gitops_drift::yaml;

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
    let repository = folder(files);
    git(repository.path(), &["init", "-q"]);
    git(repository.path(), &["add", "-A"]);
    git(repository.path(), &["commit", "-q", "-m", "Begin"]);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": live}).to_string();
    let snapshot = folder(&[("live.json", &list)]);
    (repository, snapshot)
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
fn apply(folder: &Path, patch: &str) {
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
            "no whole resource",
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
        outside.stderr.contains("outside of the current directory"),
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

/// A number that depends on the seed alone (splitmix64).
fn random(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % below.max(1)
}

fn unpacked(file: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let output = Command::new("gzip").arg("-dc").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The values of a text's documents.
fn values(text: &str) -> Vec<Value> {
    let stream = yaml::read(text.as_bytes().to_vec());
    let documents = stream.documents.iter();
    documents
        .map(|document| stream.tree.node(document.root).to_json())
        .collect()
}

/// A manifest in one of several styles that mean the same, and the end of its file's name.
fn in_style(text: &str, style: usize) -> (String, &'static str) {
    let value = values(text).remove(0);
    let styled = match style {
        0 => (serde_json::to_string_pretty(&value).unwrap() + "\n", "json"),
        1 => (text.replace('\n', "\r\n"), "yaml"),
        2 => (format!("# flow\n{value}\n"), "yaml"),
        3 => (with_comments(text), "yaml"),
        4 => (text.trim_end().to_owned(), "yaml"),
        _ => (text.to_owned(), "yaml"),
    };
    if values(&styled.0) == [value] {
        styled
    } else {
        (text.to_owned(), "yaml")
    }
}

/// A comment behind each value in one line, with a tab between them.
fn with_comments(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(": ") {
        Some((_, value)) if !value.starts_with(['|', '>', '"', '\'']) => format!("{line}\t# why"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// Changes a value somewhere: another value, one less, one more, another order.
fn change(value: &mut Value, part: &str, seed: &mut u64) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = keys[random(seed, keys.len())].clone();
            let texts = map.values().all(Value::is_string);
            match random(seed, 12) {
                0 => drop(map.remove(&key)),
                1 if texts => drop(map.insert(
                    format!("new-{}", random(seed, 99)),
                    if part == "binaryData" { "AAEC" } else { "yes" }.into(),
                )),
                _ => change(&mut map[&key], part, seed),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = random(seed, items.len());
            match random(seed, 12) {
                0 => drop(items.remove(at)),
                1 => items.swap(at, 0),
                2 => {
                    let mut item = items[at].clone();
                    if let Some(name) = item.get_mut("name") {
                        *name = format!("new-{}", random(seed, 99)).into();
                    }
                    items.insert(random(seed, items.len() + 1), item);
                }
                _ => change(&mut items[at], part, seed),
            }
        }
        Value::Bool(truth) => *truth = !*truth,
        Value::Number(number) => *value = (number.as_i64().unwrap_or(0) + 1).into(),
        Value::String(text) if part == "binaryData" => "AAEC".clone_into(text),
        Value::String(text) => match random(seed, 6) {
            _ if part != "data" => text.push('x'),
            0 => text.push_str(": #x"),
            1 => text.push_str("\nand more\n"),
            2 => *text = random(seed, 999).to_string(),
            _ => text.push('x'),
        },
        _ => {}
    }
}

/// What each object is, with random changes.
fn changed(live: &[Value], seed: &mut u64) -> Vec<Value> {
    let mut live = live.to_vec();
    for object in &mut live {
        for _ in 0..random(seed, 3) {
            let parts = ["spec", "spec", "data", "binaryData"];
            let part = parts[random(seed, parts.len())];
            if let Some(value) = object.get_mut(part) {
                change(value, part, seed);
            } else if let Some(labels) = object.pointer_mut("/metadata/labels") {
                change(labels, "labels", seed);
            }
        }
    }
    live
}

/// The fields of a report, as `KIND/NAME (ns: NAMESPACE): PATH`.
fn fields(report: &Value) -> Vec<String> {
    let resources = report["resources"].as_array().unwrap();
    let fields = resources.iter().flat_map(|resource| {
        let of = |key: &str| resource[key].as_str().unwrap().to_owned();
        let namespace = format!(" (ns: {})", of("namespace")).replace(" (ns: )", "");
        let head = format!("{}/{}{namespace}: ", of("kind"), of("name"));
        let fields = resource["fields"].as_array().unwrap().iter();
        fields.map(move |field| format!("{head}{}", field["path"].as_str().unwrap()))
    });
    fields.collect()
}

/// Applies the patches of random live changes, and compares again. Gives how many fields differed and how many are left.
fn patched_at_random(
    manifests: &[(String, String)],
    live: &[Value],
    strict: bool,
    seed: &mut u64,
) -> (usize, usize) {
    let files: Vec<(&str, &str)> = manifests
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let (repository, snapshot) = repository(&files, &changed(live, seed));
    let mut args = vec![
        "-f",
        "m",
        "-n",
        "created",
        "--history",
        "0",
        "--no-redact",
        "-o",
        "json=before.json",
        "-o",
        "patch",
    ];
    args.extend(strict.then_some("--strict"));
    let patch = run_in(repository.path(), &snapshot, &args);
    assert!(!patch.stderr.contains("panicked"), "{}", patch.stderr);
    apply(repository.path(), &patch.stdout);
    let before = fs::read_to_string(repository.path().join("before.json")).unwrap();
    let before: Value = serde_json::from_str(&before).unwrap();
    let mut args = vec!["-f", "m", "-n", "created", "--history", "0", "-o", "json"];
    args.extend(strict.then_some("--strict"));
    let after = run_in(repository.path(), &snapshot, &args).json();
    let left = fields(&after);
    for field in &left {
        let named = format!("{field}: not in the patch");
        // A renamed item has another path then.
        assert!(
            patch.stderr.contains(&named) || field.contains("[name="),
            "{field} is left, and not named:\n{}",
            patch.stderr
        );
    }
    let named = patch
        .stderr
        .lines()
        .filter(|line| line.contains(": not in the patch: "));
    if std::env::var_os("PATCH_SHOW").is_some() {
        named.clone().for_each(|line| println!("{line}"));
    }
    assert_eq!(named.count(), left.len(), "{left:#?}\n{}", patch.stderr);
    let errors = |report: &Value| report["errors"].as_array().unwrap().len();
    assert!(errors(&after) <= errors(&before), "{:#}", after["errors"]);
    // No server leaves out what it fills in.
    let impossible = patch.stderr.matches("cannot say that it is absent").count();
    (fields(&before).len() - impossible, left.len() - impossible)
}

#[test]
fn random_changes_are_kept_by_the_patch_or_named() {
    let number = |name: &str, or: u64| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    let (mut seed, rounds) = (number("PATCH_SEED", 1), number("PATCH_ROUNDS", 1));
    let text = unpacked("tests/cases/servers/manifests.yaml.gz");
    let manifests = text
        .split("\n---\n")
        .map(|text| text.trim_start_matches("---\n"));
    let manifests: Vec<(String, String)> = manifests
        .enumerate()
        .filter(|(_, text)| !values(text).is_empty())
        .map(|(at, text)| {
            let (text, end) = in_style(&format!("{text}\n"), at % 6);
            (format!("m/{at}.{end}"), text)
        })
        .collect();
    let answers = unpacked("tests/cases/servers/v1.37/answers.json.gz");
    let answers: Value = serde_json::from_str(&answers).unwrap();
    let of = |way: &str| answers[way]["items"].as_array().unwrap().clone();
    let live = [of("created"), of("namespaces")].concat();
    let mut own = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/manifests");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "yaml") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            own.push((format!("m/{name}"), fs::read_to_string(path).unwrap()));
        }
    }
    own.sort();
    let declared: Vec<Value> = own
        .iter()
        .flat_map(|(_, text)| values(text))
        .flat_map(|value| {
            value["items"]
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![value])
        })
        .map(|mut object| {
            if object["kind"] != "Namespace" && object["metadata"]["namespace"].is_null() {
                object["metadata"]["namespace"] = "created".into();
            }
            object
        })
        .collect();
    for (what, what_is_whole, manifests, live, modes) in [
        (
            "what a server made of manifests",
            &true,
            &manifests,
            &live,
            &[false, true][..],
        ),
        (
            "manifests as people write them",
            &false,
            &own,
            &declared,
            &[false],
        ),
    ] {
        for strict in modes {
            let (mut all, mut left) = (0, 0);
            for _ in 0..rounds {
                let (found, kept_out) = patched_at_random(manifests, live, *strict, &mut seed);
                (all, left) = (all + found, left + kept_out);
            }
            println!("{what}, strict {strict}: {all} fields, {left} not in the patch");
            // What people wrote has no defaults beside it here: a value derived from another is then missing.
            let most = if *what_is_whole { 20 } else { 2 };
            assert!(
                all > 20 && left * most <= all,
                "{what}, strict {strict}: {left} of {all} fields are left"
            );
        }
    }
}
