//! Patches of random live changes: git takes each, nothing else changes in the files, and no drift is left but what
//! standard error names.
//!
//! `PATCH_ROUNDS` is the number of rounds (1). Each has a seed of its own: the first that of `PATCH_SEED` (1), each other
//! the next. A round that fails prints its seed. `PATCH_SHOW` prints why fields are not in a patch.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::changed_lines::changed_places;
use super::patch::{apply, committed, snapshot};
use super::support::{ControlPlane, Run, program, text};
use gitops_drift::yaml;

/// A number that depends on the seed alone (splitmix64).
pub(crate) fn random(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % below.max(1)
}

/// The seeds of the rounds.
fn seeds() -> Range<u64> {
    let number = |name: &str| std::env::var(name).map_or(1, |text| text.parse().unwrap());
    let first: u64 = number("PATCH_SEED");
    first..first + number("PATCH_ROUNDS")
}

pub(crate) fn unpacked(file: &str) -> String {
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
        5 => (with_anchors(text), "yaml"),
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

/// An anchor at the first of each value that is there again, and an alias in the place of the others.
fn with_anchors(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(": ") else {
            lines.push(line.to_owned());
            continue;
        };
        let is_again = text.matches(&format!(": {value}\n")).count() > 1;
        if !is_again || value.starts_with(['|', '>', '{', '[']) {
            lines.push(line.to_owned());
        } else if let Some(at) = seen.iter().position(|seen| *seen == value) {
            lines.push(format!("{key}: *a{at}"));
        } else {
            lines.push(format!("{key}: &a{} {value}", seen.len()));
            seen.push(value);
        }
    }
    lines.join("\n") + "\n"
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

/// Changes an object in one of these parts, or in its labels where it has none of them.
pub(crate) fn change_object(object: &mut Value, seed: &mut u64) {
    let parts = ["spec", "spec", "data", "binaryData"];
    let part = parts[random(seed, parts.len())];
    if let Some(value) = object.get_mut(part) {
        change(value, part, seed);
    } else if let Some(labels) = object.pointer_mut("/metadata/labels") {
        change(labels, "labels", seed);
    }
}

/// Where the program runs, and from where its patch is applied.
#[derive(Clone, Copy, Debug)]
enum Place {
    Root,
    Subdirectory,
    Outside,
}

impl Place {
    fn of_turn(turn: u64) -> Self {
        [Self::Root, Self::Subdirectory, Self::Outside][usize::try_from(turn % 3).unwrap()]
    }
}

/// The live side of a comparison.
#[derive(Clone, Copy)]
enum Live<'l> {
    Snapshot(&'l TempDir),
    Server(&'l ControlPlane),
}

impl Live<'_> {
    fn run_in(self, folder: &Path, args: &[&str]) -> Run {
        let mut program = program();
        program.current_dir(folder).args(args);
        match self {
            Self::Snapshot(folder) => program.arg("--live").arg(folder.path().join("live.json")),
            Self::Server(plane) => {
                program.args(["--once", "--kubeconfig", &plane.kubeconfig("reader")])
            }
        };
        Run::of(&program.output().unwrap())
    }
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

/// A pointer without positions, and without the item of a `kind: List` at its beginning.
fn skeleton(pointer: &str) -> String {
    let tokens = pointer.split('/').skip(1);
    let is_position = |token: &str| !token.is_empty() && token.bytes().all(|c| c.is_ascii_digit());
    let tokens = tokens.map(|token| if is_position(token) { "*" } else { token });
    let pointer = tokens
        .map(|token| format!("/{token}"))
        .collect::<Vec<_>>()
        .concat();
    pointer
        .strip_prefix("/items/*")
        .map_or(pointer.clone(), str::to_owned)
}

/// The places of a file's fields, as a report has them.
fn reported(report: &Value, file: &str) -> Vec<String> {
    let resources = report["resources"].as_array().unwrap().iter();
    let here =
        resources.filter(|resource| resource["source"]["file"].as_str().unwrap().ends_with(file));
    let fields = here.flat_map(|resource| resource["fields"].as_array().unwrap());
    let pointers = fields.flat_map(|field| {
        let pointer = &field["pointer"];
        [&pointer["desired"], &pointer["live"]]
            .into_iter()
            .filter_map(Value::as_str)
    });
    pointers.map(skeleton).collect()
}

/// How much was changed, how many fields differed then, and how many of them are not in the patch.
#[derive(Clone, Copy, Default)]
struct Counts {
    changes: usize,
    all: usize,
    left: usize,
}

impl Counts {
    fn add(&mut self, more: Self) {
        self.changes += more.changes;
        self.all += more.all;
        self.left += more.left;
    }
}

/// Applies the patch of a repository's manifests from a place, and compares again.
fn patched(
    files: &[(&str, &str)],
    live: Live<'_>,
    namespace: &str,
    strict: bool,
    place: Place,
) -> Counts {
    let repository = committed(files);
    let root = repository.path();
    let (here, input, below) = match place {
        Place::Root => (root.to_owned(), "m", "m/"),
        Place::Subdirectory => (root.join("m"), ".", ""),
        Place::Outside => {
            fs::remove_dir_all(root.join(".git")).unwrap();
            (root.to_owned(), "m", "m/")
        }
    };
    let compare = |more: &[&str]| {
        let mut args = vec![
            "-f",
            input,
            "-n",
            namespace,
            "--history",
            "0",
            "--no-redact",
        ];
        args.extend(strict.then_some("--strict"));
        args.extend(more);
        live.run_in(&here, &args)
    };
    let patch = compare(&["-o", "json=before.json", "-o", "patch"]);
    let before: Value =
        serde_json::from_str(&fs::read_to_string(here.join("before.json")).unwrap()).unwrap();
    fs::remove_file(here.join("before.json")).unwrap();
    assert!(!patch.stderr.contains("panicked"), "{}", patch.stderr);
    apply(&here, &patch.stdout);
    for (name, old) in files {
        let new = fs::read_to_string(root.join(name)).unwrap();
        if new == *old {
            continue;
        }
        let header = format!("--- a/{}{}\n", below, name.trim_start_matches("m/"));
        assert!(patch.stdout.contains(&header), "{header}{}", patch.stdout);
        let wanted = reported(&before, name.trim_start_matches("m/"));
        // A missing item is reported as one.
        let is_replaced = |pointer: &str| wanted.contains(&skeleton(pointer));
        for changed in changed_places(old, &new, &is_replaced) {
            let changed = skeleton(&changed);
            let is_wanted = wanted.iter().any(|field| is_around(&changed, field));
            assert!(is_wanted, "{name}: {changed} changes, of {wanted:?}");
        }
    }
    let after = compare(&["-o", "json"]).json();
    let left = fields(&after);
    for field in &left {
        // A renamed item has another path then.
        let named = format!("{field}: not in the patch");
        let is_named = patch.stderr.contains(&named) || field.contains("[name=");
        assert!(
            is_named,
            "{field} is left, and not named:\n{}",
            patch.stderr
        );
    }
    let lines = patch.stderr.lines();
    let named: Vec<&str> = lines
        .filter(|line| line.contains(": not in the patch: "))
        .collect();
    if std::env::var_os("PATCH_SHOW").is_some() {
        for line in &named {
            println!("{line}");
        }
    }
    assert_eq!(named.len(), left.len(), "{left:#?}\n{}", patch.stderr);
    let errors = |report: &Value| report["errors"].as_array().unwrap().len();
    assert!(errors(&after) <= errors(&before), "{:#}", after["errors"]);
    // No server leaves out what it fills in.
    let impossible = patch.stderr.matches("cannot say that it is absent").count();
    Counts {
        changes: 0,
        all: fields(&before).len() - impossible,
        left: left.len() - impossible,
    }
}

/// At least 95 % of the fields are in the patches of both modes, and there are some.
#[track_caller]
fn assert_enough(what: &str, both: [Counts; 2]) {
    let mut sum = Counts::default();
    for (mode, counts) in ["by default", "with --strict"].iter().zip(both) {
        let Counts { changes, all, left } = counts;
        println!("{what}, {mode}: {changes} changes, {all} fields, {left} not in the patch");
        assert!(all > 20, "{what}: {all} fields");
        sum.add(counts);
    }
    let Counts { all, left, .. } = sum;
    assert!(
        left * 20 <= all,
        "{what}: {left} of {all} fields are not in the patch"
    );
}

#[test]
fn random_changes_are_kept_by_the_patch_or_named() {
    let text = unpacked("tests/cases/servers/manifests.yaml.gz");
    let manifests = text
        .split("\n---\n")
        .map(|text| text.trim_start_matches("---\n"));
    let manifests: Vec<(String, String)> = manifests
        .enumerate()
        .filter(|(_, text)| !values(text).is_empty())
        .map(|(at, text)| {
            let (text, end) = in_style(&format!("{text}\n"), at % 7);
            (format!("m/{at}.{end}"), text)
        })
        .collect();
    let files: Vec<(&str, &str)> = manifests
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let answers = unpacked("tests/cases/servers/v1.37/answers.json.gz");
    let answers: Value = serde_json::from_str(&answers).unwrap();
    let of = |way: &str| answers[way]["items"].as_array().unwrap().clone();
    let objects = [of("created"), of("namespaces")].concat();
    let mut both = [Counts::default(); 2];
    for ((turn, strict), counts) in [(0, false), (1, true)].into_iter().zip(&mut both) {
        for seed in seeds() {
            println!("strict {strict}: PATCH_SEED={seed}");
            let place = Place::of_turn(seed + turn);
            let (mut seed, mut objects) = (seed, objects.clone());
            for object in &mut objects {
                for _ in 0..random(&mut seed, 3) {
                    change_object(object, &mut seed);
                    counts.changes += 1;
                }
            }
            let snapshot = snapshot(&objects);
            let live = Live::Snapshot(&snapshot);
            counts.add(patched(&files, live, "created", strict, place));
        }
    }
    assert_enough("what a server made of manifests", both);
}

/// All live objects of the kinds that are compared, without what only the server writes.
fn live_objects(plane: &ControlPlane, namespace: &str) -> Vec<Value> {
    let mut objects = Vec::new();
    for kind in ["deployments", "services", "configmaps", "namespaces"] {
        objects.extend(plane.get_all(kind, namespace));
    }
    objects.retain(|object| {
        object["kind"] != "Namespace"
            || object["metadata"]["name"]
                .as_str()
                .unwrap()
                .starts_with("byhand")
    });
    for object in &mut objects {
        object["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        object.as_object_mut().unwrap().remove("status");
    }
    objects
}

#[test]
#[ignore = "needs the control plane"]
fn random_changes_on_a_server_are_kept_by_the_patch_of_manifests_as_people_write_them() {
    // Each round changes all objects so often, since the server refuses what is invalid.
    const TURNS: usize = 8;
    let plane = ControlPlane::alone();
    let namespace = plane.namespace();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/manifests");
    plane.kubectl(&["apply", "-n", &namespace, "-f", text(&folder)]);
    let original = live_objects(&plane, &namespace);
    let mut manifests = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "yaml") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            manifests.push((format!("m/{name}"), fs::read_to_string(path).unwrap()));
        }
    }
    manifests.sort();
    let files: Vec<(&str, &str)> = manifests
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let scratch = tempfile::tempdir().unwrap();
    let replace = |objects: &[Value]| {
        let file = scratch.path().join("objects.json");
        fs::write(
            &file,
            json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string(),
        )
        .unwrap();
        // It goes on behind an object that the server refuses.
        let run = plane.command(&[
            "kubectl",
            "--kubeconfig",
            &plane.kubeconfig("admin"),
            "replace",
            "-f",
            text(&file),
        ]);
        run.stdout.matches(" replaced").count()
    };
    let mut counts = [Counts::default(); 2];
    for first in seeds() {
        println!("PATCH_SEED={first}");
        let (mut seed, mut changes) = (first, 0);
        for _ in 0..TURNS {
            let mut objects = live_objects(&plane, &namespace);
            for object in &mut objects {
                change_object(object, &mut seed);
            }
            changes += replace(&objects);
        }
        for (at, strict) in [false, true].into_iter().enumerate() {
            let from = Place::of_turn(2 * first + at as u64);
            let live = Live::Server(&plane);
            let more = patched(&files, live, &namespace, strict, from);
            counts[at].add(Counts { changes, ..more });
        }
        let mut objects = original.clone();
        for object in &mut objects {
            object["metadata"]
                .as_object_mut()
                .unwrap()
                .remove("resourceVersion");
        }
        replace(&objects);
    }
    assert_enough("manifests as people write them", counts);
}

/// Whether one of two places is around the other.
pub(crate) fn is_around(a: &str, b: &str) -> bool {
    let is_within = |a: &str, b: &str| {
        a.strip_prefix(b)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    is_within(a, b) || is_within(b, a)
}
