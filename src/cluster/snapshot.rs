//! Live objects from a saved answer of the API: `kubectl get … -o yaml` or `-o json`, in a file or a directory.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde_json::Value;

use crate::schema::{Kind, ResourceId};
use crate::yaml::{self, Severity};

/// The objects of a snapshot.
#[derive(Debug, Default)]
pub struct Snapshot {
    objects: HashMap<ResourceId, Value>,
    /// The kinds of which it has objects, or a list without any.
    kinds: BTreeSet<Kind>,
}

impl Snapshot {
    /// Reads a file, or all `.yaml`, `.yml` and `.json` files of a directory. Fails with what cannot be read.
    pub fn read(path: &Path) -> Result<Self, String> {
        let mut snapshot = Self::default();
        snapshot.add_path(path, true)?;
        if snapshot.kinds.is_empty() {
            return Err(format!(
                "{}: no object of the four kinds in this snapshot",
                path.display()
            ));
        }
        Ok(snapshot)
    }

    /// The live object. Fails when the snapshot has no objects of its kind, so that nothing is known of it.
    pub fn find(&self, id: &ResourceId) -> Result<Option<&Value>, String> {
        match self.objects.get(id) {
            None if !self.kinds.contains(&id.kind) => Err(format!(
                "not compared: the snapshot has no object of kind {}",
                id.kind
            )),
            object => Ok(object),
        }
    }

    fn add_path(&mut self, path: &Path, is_named: bool) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        if path.is_dir() {
            let entries: Result<Vec<_>, _> = path.read_dir().map_err(failed)?.collect();
            let mut paths: Vec<_> = entries
                .map_err(failed)?
                .into_iter()
                .map(|entry| entry.path())
                .collect();
            paths.sort();
            return paths.iter().try_for_each(|path| self.add_path(path, false));
        }
        let is_wanted = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if is_named || is_wanted {
            self.add_file(path, std::fs::read(path).map_err(failed)?)?;
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, bytes: Vec<u8>) -> Result<(), String> {
        let stream = yaml::read(bytes);
        if let Some(problem) = stream
            .problems
            .iter()
            .find(|problem| problem.severity == Severity::Error)
        {
            let at = problem.position;
            return Err(format!(
                "{}:{}:{}: {}",
                path.display(),
                at.line,
                at.column,
                problem.message
            ));
        }
        for document in &stream.documents {
            self.add(stream.tree.node(document.root).to_json(), None);
        }
        Ok(())
    }

    /// Adds an object, or each item of a list, which may leave out what it is.
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
            self.kinds.extend(of_list);
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
        self.kinds.insert(kind);
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
    fn objects_and_lists_are_found() {
        let snapshot = snapshot(
            "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: ns}}]}\n\
             ---\n{apiVersion: apps/v1, kind: DeploymentList, items: [{metadata: {name: b, namespace: ns}}]}\n\
             ---\n{apiVersion: v1, kind: ServiceList, items: []}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: s}}",
        );
        assert!(
            snapshot
                .find(&id(Kind::ConfigMap, "ns", "a"))
                .unwrap()
                .is_some()
        );
        assert!(
            snapshot
                .find(&id(Kind::Deployment, "ns", "b"))
                .unwrap()
                .is_some()
        );
        assert!(
            snapshot
                .find(&id(Kind::Deployment, "ns", "c"))
                .unwrap()
                .is_none()
        );
        assert!(
            snapshot
                .find(&id(Kind::Service, "ns", "c"))
                .unwrap()
                .is_none()
        );
        assert_eq!(
            snapshot.find(&id(Kind::Namespace, "", "ns")).unwrap_err(),
            "not compared: the snapshot has no object of kind Namespace"
        );
    }

    #[test]
    fn broken_files_are_named() {
        let error = Snapshot::default()
            .add_file(Path::new("live.yaml"), b"a: [".to_vec())
            .unwrap_err();
        assert!(error.starts_with("live.yaml:"), "{error}");
    }
}
