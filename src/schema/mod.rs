//! What Kubernetes knows about the four kinds, as tables: the fields, their types, and what the server does with them.
//!
//! Everything that the program knows about a field is here. This module does no comparisons and reads no files:
//! `manifest` checks documents against the tables, and `diff` walks along them.

use std::fmt;

/// A kind that is compared. A kind has a line here and a row in `KINDS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    ConfigMap,
    Deployment,
    Namespace,
    Service,
}

/// What the API says about a kind.
struct KindRow {
    kind: Kind,
    api_version: &'static str,
    name: &'static str,
    plural: &'static str,
    short_name: &'static str,
    repair_rank: u8,
}

const fn kind(
    kind: Kind,
    api_version: &'static str,
    [name, plural, short_name]: [&'static str; 3],
    repair_rank: u8,
) -> KindRow {
    KindRow {
        kind,
        api_version,
        name,
        plural,
        short_name,
        repair_rank,
    }
}

/// In the order of [`Kind`].
#[rustfmt::skip]
const KINDS: &[KindRow] = &[
    kind(Kind::ConfigMap, "v1", ["ConfigMap", "configmaps", "cm"], 1),
    kind(Kind::Deployment, "apps/v1", ["Deployment", "deployments", "deploy"], 3),
    kind(Kind::Namespace, "v1", ["Namespace", "namespaces", "ns"], 0),
    kind(Kind::Service, "v1", ["Service", "services", "svc"], 2),
];

impl Kind {
    /// All of them, in the order of reports (by name).
    pub const ALL: [Self; KINDS.len()] = {
        let mut all = [Self::ConfigMap; KINDS.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = KINDS[at].kind;
            at += 1;
        }
        all
    };

    /// The kind of this `apiVersion` and `kind`, if it is one of them.
    #[must_use]
    pub fn find(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|k| k.api_version() == api_version && k.name() == kind)
    }

    fn row(self) -> &'static KindRow {
        &KINDS[self as usize]
    }

    /// `Deployment`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// `apps/v1`.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        self.row().api_version
    }

    /// The name of the collection in the API's paths: `deployments`.
    #[must_use]
    pub fn plural(self) -> &'static str {
        self.row().plural
    }

    /// kubectl's short name: `deploy`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        self.row().short_name
    }

    /// Its place in the order of repairs: Namespaces first, and what others refer to before these.
    #[must_use]
    pub fn repair_rank(self) -> u8 {
        self.row().repair_rank
    }

    /// The names of all kinds, with `last` before the last one: `ConfigMap, Deployment, Namespace or Service`.
    #[must_use]
    pub fn names(last: &str) -> String {
        let names = Self::ALL.map(Self::name);
        let (end, names) = names.split_last().expect("there are kinds");
        format!("{} {last} {end}", names.join(", "))
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
pub(crate) use defaults::leader;
pub(crate) use deletion::being_deleted;
pub(crate) use gates::is_stored_instead;
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
    use super::{KINDS, Kind, RuleId, defaults, gates, lists, ownership, secrets, unions, writes};

    #[test]
    fn the_kinds_have_their_rows_in_their_order_by_name() {
        assert!(Kind::ALL.iter().all(|kind| kind.row().kind == *kind));
        assert!(KINDS.is_sorted_by_key(|row| row.name));
        assert_eq!(
            Kind::names("or"),
            "ConfigMap, Deployment, Namespace or Service"
        );
    }

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
