//! Reads a kustomization: which files are its resources, and which files are not resources at all.

use std::fs;
use std::path::{Path, PathBuf};

use super::problem::{cause, one_line};
use crate::yaml::{self, Node, Severity, Value};

/// The names of a kustomization file. Source: kustomize `api/konfig/general.go`.
pub(super) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// The API group of kustomizations. Flux has a kind of the same name in a group of its own.
const GROUP: &str = "kustomize.config.k8s.io";

/// The fields with resources: files, or folders with a kustomization.
const RESOURCES: [&str; 2] = ["resources", "bases"];
/// The fields with files and folders that are not resources; [`ITEMS`] means each item of a list. Source: kustomize
/// `api/types/kustomization.go` and the types that it uses.
const OTHERS: [&[&str]; 20] = [
    &["components", ITEMS],
    &["patches", ITEMS, "path"],
    &["patchesStrategicMerge", ITEMS],
    &["patchesJson6902", ITEMS, "path"],
    &["replacements", ITEMS, "path"],
    &["configMapGenerator", ITEMS, "files", ITEMS],
    &["configMapGenerator", ITEMS, "envs", ITEMS],
    &["configMapGenerator", ITEMS, "env"],
    &["secretGenerator", ITEMS, "files", ITEMS],
    &["secretGenerator", ITEMS, "envs", ITEMS],
    &["secretGenerator", ITEMS, "env"],
    &["generators", ITEMS],
    &["transformers", ITEMS],
    &["validators", ITEMS],
    &["configurations", ITEMS],
    &["crds", ITEMS],
    &["openapi", "path"],
    &["helmCharts", ITEMS, "valuesFile"],
    &["helmCharts", ITEMS, "additionalValuesFiles", ITEMS],
    &["helmChartInflationGenerator", ITEMS, "values"],
];
const ITEMS: &str = "[]";

/// The content of a file with a kustomization's name.
#[derive(Debug)]
pub(super) enum Reading {
    Kustomization(NamedFiles),
    /// Another object in a file of that name.
    Manifest,
    /// A file that cannot be read, with the reason.
    Broken(String),
}

/// The files and folders that a kustomization names, with links resolved. Names that do not exist are left out: they
/// may be remote, or text in the kustomization itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NamedFiles {
    pub resources: Vec<PathBuf>,
    pub others: Vec<PathBuf>,
}

/// Reads a file that has a kustomization's name.
pub(super) fn read(path: &Path) -> Reading {
    let is_file = fs::metadata(path).map(|metadata| metadata.is_file());
    let bytes = match is_file {
        Ok(true) => fs::read(path),
        Ok(false) => return Reading::Broken("not a regular file".to_owned()),
        Err(error) => Err(error),
    };
    match bytes {
        Ok(bytes) => judge(path.parent().unwrap_or(Path::new("")), bytes),
        Err(error) => Reading::Broken(cause(&error)),
    }
}

fn judge(folder: &Path, bytes: Vec<u8>) -> Reading {
    let stream = yaml::read(bytes);
    let is_error = |problem: &&yaml::Diagnostic| problem.severity == Severity::Error;
    if let Some(problem) = stream.problems.iter().find(is_error) {
        let (at, message) = (problem.position, one_line(&problem.message));
        return Reading::Broken(format!("line {}: {message}", at.line));
    }
    let roots: Vec<Node<'_>> = (stream.documents.iter())
        .map(|document| stream.tree.node(document.root))
        .collect();
    match roots[..] {
        // kustomize refuses an empty one, and it changes nothing.
        [] => Reading::Kustomization(NamedFiles::default()),
        [root] if is_of_another_group(root) => Reading::Manifest,
        [root] if root.value() == Value::Map => named(folder, root),
        [_] => Reading::Broken("expected a map".to_owned()),
        _ => Reading::Broken(format!("expected one document, found {}", roots.len())),
    }
}

fn is_of_another_group(root: Node<'_>) -> bool {
    let version = root.get("apiVersion").and_then(Node::as_str);
    let group = version.and_then(|version| version.split_once('/'));
    group.is_some_and(|(group, _)| group != GROUP)
}

fn named(folder: &Path, root: Node<'_>) -> Reading {
    let mut named = NamedFiles::default();
    for field in RESOURCES {
        let Some(value) = root.get(field).filter(|node| !node.is_null()) else {
            continue;
        };
        let is_text = |item: Node<'_>| item.as_str().is_some() || item.is_null();
        if value.value() != Value::List || !value.items().all(is_text) {
            let line = value.position().line;
            return Reading::Broken(format!("line {line}: {field}: expected a list of paths"));
        }
        named.resources.extend(paths(folder, value, &[ITEMS]));
    }
    for field in OTHERS {
        named.others.extend(paths(folder, root, field));
    }
    Reading::Kustomization(named)
}

/// The existing paths in the folder that these fields below a node name.
fn paths(folder: &Path, node: Node<'_>, fields: &[&str]) -> Vec<PathBuf> {
    match fields {
        [] => node
            .as_str()
            .and_then(|text| there(folder, text))
            .into_iter()
            .collect(),
        [ITEMS, rest @ ..] if node.value() == Value::List => {
            let items = node.items();
            items.flat_map(|item| paths(folder, item, rest)).collect()
        }
        [field, rest @ ..] if node.value() == Value::Map => {
            let below = node.get(field).map(|below| paths(folder, below, rest));
            below.unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The real path that a text names: a path, or `KEY=PATH` in a generator. `None` if it does not exist.
fn there(folder: &Path, text: &str) -> Option<PathBuf> {
    let real = |text: &str| fs::canonicalize(folder.join(text)).ok();
    if text.is_empty() || text.contains('\n') {
        return None;
    }
    real(text).or_else(|| real(text.split_once('=')?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_names_files_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let here = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(here.join("sub")).unwrap();
        let cases = [
            ("resources: [FILE]", true),
            ("bases: [FILE]", true),
            ("components: [FILE]", false),
            ("patches: [{path: FILE, target: {kind: Deployment}}]", false),
            ("patchesStrategicMerge: [FILE]", false),
            (
                "patchesJson6902: [{target: {name: web}, path: FILE}]",
                false,
            ),
            ("replacements: [{path: FILE}]", false),
            ("configMapGenerator: [{name: a, files: [FILE]}]", false),
            ("configMapGenerator: [{name: a, files: [key=FILE]}]", false),
            ("configMapGenerator: [{name: a, envs: [FILE]}]", false),
            ("configMapGenerator: [{name: a, env: FILE}]", false),
            ("secretGenerator: [{name: a, files: [x.yaml=FILE]}]", false),
            ("secretGenerator: [{name: a, envs: [FILE]}]", false),
            ("secretGenerator: [{name: a, env: FILE}]", false),
            ("generators: [FILE]", false),
            ("transformers: [FILE]", false),
            ("validators: [FILE]", false),
            ("configurations: [FILE]", false),
            ("crds: [FILE]", false),
            ("openapi: {path: FILE}", false),
            ("helmCharts: [{name: a, valuesFile: FILE}]", false),
            ("helmCharts: [{additionalValuesFiles: [FILE]}]", false),
            ("helmChartInflationGenerator: [{values: FILE}]", false),
        ];
        for (at, (text, is_resource)) in cases.into_iter().enumerate() {
            for (name, shown) in [(format!("{at}.yaml"), "./"), (format!("sub/{at}"), "")] {
                fs::write(here.join(&name), "").unwrap();
                let text = text.replace("FILE", &format!("{shown}{name}"));
                let expected = vec![here.join(&name)];
                let Reading::Kustomization(named) = judge(&here, text.clone().into_bytes()) else {
                    panic!("{text}");
                };
                let found = if is_resource {
                    (named.resources, named.others)
                } else {
                    (named.others, named.resources)
                };
                assert_eq!(found, (expected, Vec::new()), "{text}");
            }
        }
    }

    #[test]
    fn names_that_are_not_files_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "",
            "resources:\n- https://example.com/base?ref=v1\n- github.com/org/repo//base\n- gone.yaml\n-\n",
            "patches:\n- patch: |-\n    kind: Deployment\n  target: {name: web}\n",
            "patchesStrategicMerge:\n- |-\n  kind: Deployment\n",
            "patchesJson6902: [{path: \"\"}]\nnamespace: .\n",
            "transformers: [{kind: Inline}]\nconfigMapGenerator: [{literals: [a=b]}]\n",
        ] {
            let reading = judge(folder.path(), text.as_bytes().to_vec());
            assert!(
                matches!(&reading, Reading::Kustomization(named) if *named == NamedFiles::default()),
                "{text}: {reading:?}"
            );
        }
    }

    #[test]
    fn an_unreadable_kustomization_gives_a_reason() {
        for (text, message) in [
            ("- a\n", "expected a map"),
            ("a: b\n---\nc: d\n", "expected one document, found 2"),
            (
                "a: b\nresources: base\n",
                "line 2: resources: expected a list of paths",
            ),
            (
                "resources: [{a: b}]\n",
                "line 1: resources: expected a list of paths",
            ),
            (
                "kind: Kustomization\nresources: [\n",
                "line 3: expected a value, found the end of the document",
            ),
        ] {
            match judge(Path::new(""), text.as_bytes().to_vec()) {
                Reading::Broken(cause) => assert_eq!(cause, message),
                other => panic!("{other:?}"),
            }
        }
        let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n";
        let reading = judge(Path::new(""), flux.as_bytes().to_vec());
        assert!(matches!(reading, Reading::Manifest));
    }
}
