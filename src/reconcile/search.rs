//! What a cycle knows of the search for live objects that no manifest declares.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::manifest::{Manifests, Selection, Selector};
use crate::report::SourceLocation;
use crate::schema::{Kind, ResourceId};

/// What a cycle looks for besides what is declared.
pub(super) struct UnmanagedSearch<'c> {
    /// Where it looks: nowhere, where nobody asks for it.
    pub(super) places: Vec<(Kind, String)>,
    pub(super) declared: &'c HashSet<ResourceId>,
    pub(super) namespaces: &'c BTreeMap<String, Arc<str>>,
    /// The places that were looked through.
    pub(super) listed: BTreeSet<(Kind, String)>,
    /// The places that could not be.
    pub(super) failed: BTreeSet<(Kind, String)>,
    /// The selectors of `--only` that have not matched anything yet.
    pub(super) unused: Vec<&'c Selector>,
}

impl<'c> UnmanagedSearch<'c> {
    /// A search in all namespaces of the manifests, as far as the selection reaches; `unused` are its selectors that
    /// match nothing declared.
    pub(super) fn new(
        manifests: &'c Manifests,
        only: &Selection,
        mut unused: Vec<&'c Selector>,
    ) -> Self {
        let places = manifests.places_of_undeclared(only);
        if !places.is_empty() {
            // What is left out is not listed, so nothing tells whether it exists.
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

    /// The kinds and namespaces of which all objects are wanted.
    pub(super) fn places(&self) -> &[(Kind, String)] {
        &self.places
    }

    /// Whether any place was looked through.
    pub(super) fn has_looked(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Whether this object would have been found.
    pub(super) fn has_looked_for(&self, id: &ResourceId) -> bool {
        let place = (id.kind, id.namespace.clone());
        self.listed.contains(&place) && !self.declared.contains(id)
    }

    /// Takes the selectors of `--only` that have not matched anything: a warning for each.
    pub(super) fn take_unused(&mut self) -> Vec<String> {
        let unused = self.unused.drain(..);
        unused
            .map(|selector| format!("--only: `{}` matches no resource", selector.text()))
            .collect()
    }

    /// The first line of a manifest of this namespace, where an object that no manifest declares can be shown.
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
