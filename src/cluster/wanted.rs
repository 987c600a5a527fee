//! The objects that have not been found yet.

use std::collections::{BTreeMap, BTreeSet};

use super::object::Keep;
use crate::schema::{Kind, ResourceId};

/// Objects of one kind without a result, by namespace.
pub(super) struct Wanted {
    pub(super) kind: Kind,
    names: BTreeMap<String, BTreeSet<String>>,
    /// The namespaces whose objects are all wanted, with the names of those already returned, because a page may be
    /// read twice.
    whole: BTreeMap<String, BTreeSet<String>>,
}

impl Wanted {
    /// The objects of this kind among `ids`, and all of this kind in the namespaces that `whole` has for it.
    pub(super) fn new(kind: Kind, ids: &[ResourceId], whole: &[(Kind, String)]) -> Self {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for id in ids.iter().filter(|id| id.kind == kind) {
            names
                .entry(id.namespace.clone())
                .or_default()
                .insert(id.name.clone());
        }
        let whole = whole.iter().filter(|(of, _)| *of == kind);
        let whole = whole.map(|(_, namespace)| (namespace.clone(), BTreeSet::new()));
        Self {
            kind,
            names,
            whole: whole.collect(),
        }
    }

    /// Whether all objects have a result.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.whole.is_empty()
    }

    /// Whether all objects of a namespace are wanted, which requires a complete list.
    pub(super) fn is_whole(&self) -> bool {
        !self.whole.is_empty()
    }

    /// Takes the namespaces whose objects are all wanted.
    pub(super) fn take_whole(&mut self) -> impl Iterator<Item = String> + use<> {
        std::mem::take(&mut self.whole).into_keys()
    }

    /// The number of objects that are wanted by name.
    pub(super) fn count(&self) -> usize {
        self.names.values().map(BTreeSet::len).sum()
    }

    /// The number of their namespaces.
    pub(super) fn namespaces(&self) -> usize {
        let named = |namespace: &&String| self.names.contains_key(*namespace);
        self.names.len() + self.whole.keys().filter(|of| !named(of)).count()
    }

    /// The first of their namespaces; `None` without objects.
    pub(super) fn namespace(&self) -> Option<&str> {
        let first = self.names.keys().chain(self.whole.keys()).next();
        first
            .map(String::as_str)
            .filter(|namespace| !namespace.is_empty())
    }

    /// How much of this object is wanted: only the metadata of those that were not requested by name.
    pub(super) fn keep(&self, namespace: &str, name: &str) -> Keep {
        let has = |of: &BTreeMap<String, BTreeSet<String>>| {
            let names = of.get(namespace);
            names.map(|names| names.contains(name))
        };
        match (has(&self.names), has(&self.whole)) {
            (Some(true), _) => Keep::All,
            (_, Some(false)) => Keep::Metadata,
            _ => Keep::Nothing,
        }
    }

    /// Removes an object that has a result. Returns whether it was wanted by name.
    pub(super) fn remove(&mut self, id: &ResourceId) -> bool {
        if let Some(came) = self.whole.get_mut(&id.namespace) {
            came.insert(id.name.clone());
        }
        let Some(names) = self.names.get_mut(&id.namespace) else {
            return false;
        };
        let is_named = names.remove(&id.name);
        if names.is_empty() {
            self.names.remove(&id.namespace);
        }
        is_named
    }

    /// The same objects, one namespace at a time.
    pub(super) fn by_namespace(self) -> impl Iterator<Item = Self> {
        let Self { kind, names, whole } = self;
        let none = || Self {
            kind,
            names: BTreeMap::new(),
            whole: BTreeMap::new(),
        };
        let mut groups: BTreeMap<String, Self> = BTreeMap::new();
        for (namespace, names) in names {
            let group = groups.entry(namespace.clone()).or_insert_with(none);
            group.names.insert(namespace, names);
        }
        for (namespace, came) in whole {
            let group = groups.entry(namespace.clone()).or_insert_with(none);
            group.whole.insert(namespace, came);
        }
        groups.into_values()
    }

    /// The ids of the objects that are wanted by name.
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
