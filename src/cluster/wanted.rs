//! The objects that have not been found yet.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::{Kind, ResourceId};

/// Objects of one kind without a result, by namespace.
pub(super) struct Wanted {
    pub(super) kind: Kind,
    names: BTreeMap<String, BTreeSet<String>>,
}

impl Wanted {
    /// The objects of this kind among `ids`.
    pub(super) fn new(kind: Kind, ids: &[ResourceId]) -> Self {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for id in ids.iter().filter(|id| id.kind == kind) {
            names
                .entry(id.namespace.clone())
                .or_default()
                .insert(id.name.clone());
        }
        Self { kind, names }
    }

    /// Whether all objects have a result.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The number of objects.
    pub(super) fn count(&self) -> usize {
        self.names.values().map(BTreeSet::len).sum()
    }

    /// The number of their namespaces.
    pub(super) fn namespaces(&self) -> usize {
        self.names.len()
    }

    /// The first of their namespaces; `None` without objects.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.names
            .keys()
            .next()
            .map(String::as_str)
            .filter(|namespace| !namespace.is_empty())
    }

    /// Whether this object is one of them.
    pub(super) fn contains(&self, namespace: &str, name: &str) -> bool {
        self.names
            .get(namespace)
            .is_some_and(|names| names.contains(name))
    }

    /// Removes an object that has a result.
    pub(super) fn remove(&mut self, id: &ResourceId) {
        if let Some(names) = self.names.get_mut(&id.namespace) {
            names.remove(&id.name);
            if names.is_empty() {
                self.names.remove(&id.namespace);
            }
        }
    }

    /// The same objects, one namespace at a time.
    pub(super) fn by_namespace(self) -> impl Iterator<Item = Self> {
        let kind = self.kind;
        self.names.into_iter().map(move |entry| Self {
            kind,
            names: BTreeMap::from([entry]),
        })
    }

    /// The ids of the objects.
    pub(super) fn into_ids(self) -> impl Iterator<Item = ResourceId> {
        let kind = self.kind;
        self.names.into_iter().flat_map(move |(namespace, names)| {
            names.into_iter().map(move |name| ResourceId {
                kind,
                namespace: namespace.clone(),
                name,
            })
        })
    }
}
