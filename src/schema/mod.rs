//! What Kubernetes knows about the four kinds, as tables: the fields, their types, and what the server does with them.
//!
//! Everything that the program knows about a field is here. This module does no comparisons and reads no files:
//! `manifest` checks documents against the tables, and `diff` walks along them.

use std::fmt;

/// A kind that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1` ConfigMap.
    ConfigMap,
    /// `apps/v1` Deployment.
    Deployment,
    /// `v1` Namespace.
    Namespace,
    /// `v1` Service.
    Service,
}

impl Kind {
    /// All of them, in the order of reports (by name).
    pub const ALL: [Self; 4] = [
        Self::ConfigMap,
        Self::Deployment,
        Self::Namespace,
        Self::Service,
    ];

    /// The kind of this `apiVersion` and `kind`, if it is one of the four.
    #[must_use]
    pub fn find(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|k| k.api_version() == api_version && k.name() == kind)
    }

    /// `Deployment`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Deployment => "Deployment",
            Self::Namespace => "Namespace",
            Self::Service => "Service",
        }
    }

    /// `apps/v1`.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Deployment => "apps/v1",
            Self::ConfigMap | Self::Namespace | Self::Service => "v1",
        }
    }

    /// The name of the collection in the API's paths: `deployments`.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Deployment => "deployments",
            Self::Namespace => "namespaces",
            Self::Service => "services",
        }
    }

    /// kubectl's short name: `deploy`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        match self {
            Self::ConfigMap => "cm",
            Self::Deployment => "deploy",
            Self::Namespace => "ns",
            Self::Service => "svc",
        }
    }

    /// The kind that kubectl understands by this word: its name, plural or short name, in any case, with or without the
    /// API group (`deployments.apps`).
    #[must_use]
    pub fn called(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Self::ALL.into_iter().find(|kind| {
            let group = kind
                .api_version()
                .split_once('/')
                .map_or("", |(group, _)| group);
            let bare = match word.split_once('.') {
                Some((bare, of)) if of == group => bare,
                _ => &word,
            };
            [
                &*kind.name().to_ascii_lowercase(),
                kind.plural(),
                kind.short_name(),
            ]
            .contains(&bare)
        })
    }

    /// Whether its objects live in a namespace.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        self != Self::Namespace
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Identifies an object by kind, namespace and name. Reports use its order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// The kind.
    pub kind: Kind,
    /// The namespace; empty for a cluster-scoped kind.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)?;
        if self.kind.is_namespaced() {
            write!(f, " (ns: {})", self.namespace)?;
        }
        Ok(())
    }
}

mod defaults;
mod deletion;
mod gates;
mod image;
mod lists;
mod model;
mod owners;
mod ownership;
pub(crate) mod quantity;
mod rows;
mod rule_id;
mod rules;
mod secrets;
pub(crate) mod types;
mod unions;
mod versions;
mod writes;

#[cfg(test)]
pub(crate) use defaults::DEFAULTS;
pub(crate) use deletion::being_deleted;
pub(crate) use lists::MATCHED_IN_ORDER;
pub(crate) use model::{
    DefaultRow, Field, Follower, KeyRow, ListKind, MOST_FIELDS, Rules, Scalar, Siblings, Struct,
    StructRef, Type, Versions, scalar_text,
};
pub(crate) use owners::{CONTROLLERS, OWNERS, OwnerRow, Sign};
pub(crate) use ownership::RECORDS;
pub(crate) use rows::{DeclaredPosition, Immutable, Members, Order, Union, Without};
pub(crate) use rule_id::RuleId;
pub(crate) use secrets::{NamedBy, is_secret, named_by};
pub(crate) use versions::{Need, Server};
pub(crate) use writes::{exclusive_sibling, forbidden, is_selected, restarts_pods};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::types::structs;
    use super::{RuleId, defaults, gates, lists, ownership, secrets, unions, writes};

    #[test]
    fn each_row_has_a_short_id_of_its_own() {
        let columns = |rules: &super::Rules| {
            [
                rules.default.map(super::DefaultRow::id),
                rules.follows.map(super::Follower::id),
                rules.owned,
                rules.foreign,
                rules.allocated,
                rules.dropped.map(super::model::Dropped::id),
                rules.extended,
            ]
        };
        let rules = || structs().flat_map(|ty| ty.fields.iter().map(|field| &field.rules));
        let keys = rules().flat_map(|rules| rules.keys.iter().map(super::KeyRow::id));
        let rows: BTreeSet<RuleId> = rules().flat_map(columns).flatten().chain(keys).collect();
        let ids: BTreeSet<String> = rows.iter().map(RuleId::to_string).collect();
        assert!(rows.len() > 100 && ids.len() == rows.len(), "{ids:#?}");
        for (id, row) in ids.iter().zip(&rows) {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(id.chars().all(is_plain) && !id.contains("--"), "{id}");
            assert_ne!(
                row.reason(),
                "a field that this version does not know",
                "{id}"
            );
        }
    }

    /// A row that names no field would be a rule that never applies.
    #[test]
    fn every_row_names_a_field() {
        let exists = |at: &str| {
            let (owner, name) = at.split_once('.').unwrap();
            structs().any(|s| (owner == "*" || s.name == owner) && s.field(name).is_some())
        };
        let rows = defaults::DEFAULTS
            .iter()
            .map(|row| row.at)
            .chain(defaults::FOLLOWERS.iter().map(|row| row.at))
            .chain(defaults::ROUNDED_TO_MILLI.iter().copied())
            .chain(ownership::OWNED.iter().copied())
            .chain(ownership::FOREIGN.iter().copied())
            .chain(ownership::ALLOCATED.iter().copied())
            .chain(ownership::CARRIED_OVER.iter().copied())
            .chain(ownership::KEPT.iter().copied())
            .chain(ownership::DROPPED.iter().map(|row| row.at))
            .chain(ownership::KEYS.iter().map(|(at, _)| *at))
            .chain(gates::GATES.iter().map(|row| row.at))
            .chain(lists::ORDERED.iter().map(|(at, _)| *at))
            .chain(lists::LAST_WINS.iter().copied())
            .chain(lists::EXTENDED.iter().copied())
            .chain(secrets::NAMED.iter().map(|(at, _)| *at))
            .chain(writes::IMMUTABLE.iter().map(|row| row.at))
            .chain(writes::CONSEQUENCES.iter().map(|(at, _)| *at));
        for at in rows {
            assert!(exists(at), "no field {at}");
        }
        for union in unions::UNIONS {
            assert!(
                structs().any(|s| s.name == union.of),
                "no type {}",
                union.of
            );
        }
        for name in super::MATCHED_IN_ORDER {
            assert!(structs().any(|s| s.name == *name), "no type {name}");
        }
    }
}
