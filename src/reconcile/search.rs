//! The state of a cycle's search for live objects that no manifest declares.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::manifest::{Manifests, Selection, Selector};
use crate::report::SourceLocation;
use crate::schema::{Kind, ResourceId};

/// The search for unmanaged objects in one cycle.
pub(super) struct UnmanagedSearch<'c> {
    /// The kinds and namespaces to search; empty without `--unmanaged`.
    pub(super) places: Vec<(Kind, String)>,
    pub(super) declared: &'c HashSet<ResourceId>,
    pub(super) namespaces: &'c BTreeMap<String, Arc<str>>,
    /// The places that were searched.
    pub(super) listed: BTreeSet<(Kind, String)>,
    /// The places that could not be searched.
    pub(super) failed: BTreeSet<(Kind, String)>,
    /// The selectors of `--only` that have not matched anything yet.
    pub(super) unused: Vec<&'c Selector>,
}

impl<'c> UnmanagedSearch<'c> {
    /// A search in all namespaces of the manifests that the selection covers; `unused` are its selectors that match
    /// nothing declared.
    pub(super) fn new(
        manifests: &'c Manifests,
        only: &Selection,
        mut unused: Vec<&'c Selector>,
    ) -> Self {
        let places = manifests.places_of_undeclared(only);
        if !places.is_empty() {
            // Negated selectors are not listed, so it is unknown whether they match anything.
            unused.retain(|selector| !selector.is_negated());
        }
        Self {
            places,
            declared: &manifests.declared,
            namespaces: &manifests.namespaces,
            listed: BTreeSet::new(),
            failed: BTreeSet::new(),
            unused,
        }
    }

    /// The kinds and namespaces whose objects are all wanted.
    pub(super) fn places(&self) -> &[(Kind, String)] {
        &self.places
    }

    /// Whether any place was searched.
    pub(super) fn has_searched(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Whether this object would have been found.
    pub(super) fn has_searched_for(&self, id: &ResourceId) -> bool {
        let place = (id.kind, id.namespace.clone());
        self.listed.contains(&place) && !self.declared.contains(id)
    }

    /// Takes the selectors of `--only` that have matched nothing, and returns a warning for each.
    pub(super) fn take_unused(&mut self) -> Vec<String> {
        let unused = self.unused.drain(..);
        unused
            .map(|selector| format!("--only: `{}` matches no resource", selector.text()))
            .collect()
    }

    /// The first line of a manifest of this namespace, which serves as the source of an unmanaged object.
    pub(super) fn near(&self, namespace: &str) -> SourceLocation {
        let file = self.namespaces.get(namespace);
        SourceLocation {
            file: file.map(ToString::to_string).unwrap_or_default(),
            line: 1,
            column: 1,
            definition: None,
        }
    }
}
