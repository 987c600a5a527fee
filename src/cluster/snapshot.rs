//! Live objects from saved output of `kubectl get … -o yaml` or `-o json`, in a file or a directory.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::schema::{Kind, ResourceId};
use crate::yaml::{self, Severity};

/// The path that means standard input.
const STDIN: &str = "-";

/// The objects of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    objects: HashMap<ResourceId, Value>,
    /// The kinds and namespaces of its objects.
    covered: BTreeSet<(Kind, String)>,
}

/// A snapshot that cannot be used.
#[derive(Debug)]
pub(crate) struct SnapshotError {
    path: PathBuf,
    cause: SnapshotCause,
}

#[derive(Debug)]
enum SnapshotCause {
    Unreadable(io::Error),
    NotRegular,
    Malformed(yaml::Diagnostic),
    /// It has no object of the kinds that are compared.
    Empty,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--live {}:", self.path.display())?;
        match &self.cause {
            SnapshotCause::Unreadable(error) => match error.kind() {
                io::ErrorKind::NotFound => f.write_str(" no such file or folder"),
                io::ErrorKind::PermissionDenied => f.write_str(" permission denied"),
                _ => write!(f, " {error}"),
            },
            SnapshotCause::NotRegular => f.write_str(" not a regular file"),
            SnapshotCause::Malformed(problem) => {
                let at = problem.position;
                write!(f, "{}:{}: {}", at.line, at.column, problem.message)
            }
            SnapshotCause::Empty => write!(f, " no {} in this snapshot", Kind::names("or")),
        }
    }
}

impl std::error::Error for SnapshotError {}

/// The snapshot has no object of this kind and namespace, perhaps because it was taken of others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotCovered {
    kind: Kind,
    namespace: String,
}

impl fmt::Display for NotCovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not compared: the snapshot has no {}", self.kind)?;
        match self.namespace.as_str() {
            "" => Ok(()),
            namespace => write!(f, " in namespace {namespace}"),
        }
    }
}

impl std::error::Error for NotCovered {}

impl Snapshot {
    /// Reads a file, all `.yaml`, `.yml` and `.json` files of a directory, or standard input (`-`). Fails with what
    /// cannot be read.
    pub(crate) fn read(path: &Path) -> Result<Self, SnapshotError> {
        let mut snapshot = Self::default();
        if path == Path::new(STDIN) {
            let mut bytes = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(|error| failed(path, error))?;
            snapshot.add_file(Path::new("<stdin>"), bytes)?;
        } else {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => {
                    snapshot.add_folder(path, &mut HashSet::new())?;
                }
                // This includes named pipes, such as a shell's `<(kubectl get …)`.
                Ok(_) => {
                    snapshot
                        .add_file(path, fs::read(path).map_err(|error| failed(path, error))?)?;
                }
                Err(error) => return Err(failed(path, error)),
            }
        }
        if snapshot.covered.is_empty() {
            return Err(SnapshotError {
                path: path.to_owned(),
                cause: SnapshotCause::Empty,
            });
        }
        Ok(snapshot)
    }

    /// The live object. Fails if the snapshot has no object of this kind in this namespace: it may have been taken of
    /// others, so that the state of this object is unknown.
    pub(crate) fn find(&self, id: &ResourceId) -> Result<Option<&Value>, NotCovered> {
        let object = self.objects.get(id);
        if object.is_some() || self.covered.contains(&(id.kind, id.namespace.clone())) {
            return Ok(object);
        }
        Err(NotCovered {
            kind: id.kind,
            namespace: id.namespace.clone(),
        })
    }

    /// Its objects, in no particular order.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&ResourceId, &Value)> {
        self.objects.iter()
    }

    /// Whether it has any object in this namespace.
    #[must_use]
    pub(crate) fn has_namespace(&self, namespace: &str) -> bool {
        self.covered.iter().any(|(_, of)| of == namespace)
    }

    /// Whether it has any object of this kind.
    #[must_use]
    pub(crate) fn has_kind(&self, kind: Kind) -> bool {
        self.covered.iter().any(|(of, _)| *of == kind)
    }

    /// Reads the files below a folder. `seen` has the folders already read, because links may lead back to them.
    fn add_folder(
        &mut self,
        folder: &Path,
        seen: &mut HashSet<PathBuf>,
    ) -> Result<(), SnapshotError> {
        let cannot = |error: io::Error| failed(folder, error);
        if !seen.insert(folder.canonicalize().map_err(cannot)?) {
            return Ok(());
        }
        let entries: io::Result<Vec<_>> = folder.read_dir().map_err(cannot)?.collect();
        let entries = entries.map_err(cannot)?.into_iter();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let is_wanted = (path.extension())
                .is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.add_folder(&path, seen)?,
                Ok(metadata) if is_wanted && !metadata.is_file() => {
                    return Err(SnapshotError {
                        path,
                        cause: SnapshotCause::NotRegular,
                    });
                }
                Ok(_) if is_wanted => {
                    let bytes = fs::read(&path).map_err(|error| failed(&path, error))?;
                    self.add_file(&path, bytes)?;
                }
                Err(error) if is_wanted => return Err(failed(&path, error)),
                // A dangling link without a suffix that is read.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, bytes: Vec<u8>) -> Result<(), SnapshotError> {
        let stream = yaml::read(bytes);
        let mut problems = stream.problems.into_iter();
        if let Some(problem) = problems.find(|problem| problem.severity == Severity::Error) {
            return Err(SnapshotError {
                path: path.to_owned(),
                cause: SnapshotCause::Malformed(problem),
            });
        }
        for document in &stream.documents {
            self.add(stream.tree.node(document.root).to_json(), None);
        }
        Ok(())
    }

    /// Adds an object, or each item of a list, which may omit its `apiVersion` and `kind`.
    fn add(&mut self, mut object: Value, of_list: Option<Kind>) {
        let text = |object: &Value, key: &str| {
            object
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (api_version, kind) = (text(&object, "apiVersion"), text(&object, "kind"));
        if let Some(item) = kind
            .strip_suffix("List")
            .filter(|_| object.get("items").is_some_and(Value::is_array))
        {
            let of_list = Kind::find(&api_version, item);
            if let Some(Value::Array(items)) = object.get_mut("items").map(Value::take) {
                for item in items {
                    self.add(item, of_list);
                }
            }
            return;
        }
        let Some(kind) = Kind::find(&api_version, &kind).or(of_list.filter(|_| kind.is_empty()))
        else {
            return;
        };
        let metadata = object.get("metadata").cloned().unwrap_or_default();
        let namespace = text(&metadata, "namespace");
        let namespace = match (kind.is_namespaced(), namespace.as_str()) {
            (false, _) => String::new(),
            (true, "") => "default".to_owned(),
            (true, _) => namespace,
        };
        self.covered.insert((kind, namespace.clone()));
        self.objects.insert(
            ResourceId {
                kind,
                namespace,
                name: text(&metadata, "name"),
            },
            object,
        );
    }
}

fn failed(path: &Path, error: io::Error) -> SnapshotError {
    SnapshotError {
        path: path.to_owned(),
        cause: SnapshotCause::Unreadable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(text: &str) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot
            .add_file(Path::new("live.yaml"), text.as_bytes().to_vec())
            .unwrap();
        snapshot
    }

    fn id(kind: Kind, namespace: &str, name: &str) -> ResourceId {
        ResourceId {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn an_object_is_missing_only_where_its_kind_and_namespace_were_saved() {
        let snapshot = snapshot(
            "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: ns}}]}\n\
             ---\n{apiVersion: apps/v1, kind: DeploymentList, items: [{metadata: {name: b, namespace: ns}}]}\n\
             ---\n{apiVersion: v1, kind: ServiceList, items: []}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: s}}",
        );
        let find = |kind, namespace, name| match snapshot.find(&id(kind, namespace, name)) {
            Ok(Some(_)) => "found".to_owned(),
            Ok(None) => "missing".to_owned(),
            Err(reason) => reason.to_string(),
        };
        for (kind, namespace, name, standing) in [
            (Kind::ConfigMap, "ns", "a", "found"),
            (Kind::Deployment, "ns", "b", "found"),
            (Kind::Deployment, "ns", "c", "missing"),
            (
                Kind::Deployment,
                "other",
                "b",
                "not compared: the snapshot has no Deployment in namespace other",
            ),
            (
                Kind::Service,
                "ns",
                "c",
                "not compared: the snapshot has no Service in namespace ns",
            ),
            (
                Kind::Namespace,
                "",
                "ns",
                "not compared: the snapshot has no Namespace",
            ),
        ] {
            assert_eq!(find(kind, namespace, name), standing);
        }
    }

    #[test]
    fn broken_files_are_named() {
        let error = Snapshot::default()
            .add_file(Path::new("live.yaml"), b"a: [".to_vec())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("--live live.yaml:"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn link_cycles_are_followed_once_and_only_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let object = "{apiVersion: v1, kind: Namespace, metadata: {name: a}}";
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/a.yaml"), object).unwrap();
        fs::write(folder.path().join("notes.txt"), "{").unwrap();
        for (target, name) in [
            (".", "self"),
            ("..", "sub/up"),
            ("x", "x"),
            ("gone", "y.txt"),
        ] {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        }
        let snapshot = Snapshot::read(folder.path()).unwrap();
        assert_eq!(snapshot.objects.len(), 1);
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("z.yaml")).unwrap();
        let error = Snapshot::read(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("z.yaml: not a regular file"), "{error}");
    }
}
