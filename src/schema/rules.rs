//! The columns of the hand-written tables, and how a field finds its rows.
//!
//! A row is addressed by `Type.field` in Go's names, so that one row holds wherever the type is used. Each row has an
//! id (its table and address), which every verdict "not drift" carries.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::types::Struct;
use super::{defaults, gates, lists, ownership, unions, writes};
use crate::yaml::{self, Node};

/// The id of a table's row: why something is not drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// The table.
    pub table: &'static str,
    /// The row's address: `Container.imagePullPolicy`.
    pub at: &'static str,
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.table, self.at)
    }
}

/// All that the hand-written tables say of one field.
#[derive(Debug, Default)]
pub struct Rules {
    /// What the server fills in where the field is absent.
    pub default: Option<&'static DefaultRow>,
    /// The sibling that the server derives it from where it is absent, and that it must agree with.
    pub follows: Option<&'static Follower>,
    /// The server or its controllers write it: never compared, never sent.
    pub owned: Option<RuleId>,
    /// Bookkeeping of others: compared where it is declared, never counted where it is not.
    pub foreign: Option<RuleId>,
    /// The server allocates it where it is absent or zero.
    pub allocated: Option<RuleId>,
    /// The server does not store what is declared, on a condition.
    pub dropped: Option<&'static Dropped>,
    /// The feature gate without which the server does not store it.
    pub gate: Option<&'static Gate>,
    /// The server refuses to change it.
    pub immutable: Option<&'static Immutable>,
    /// The keys of a map that the server or other tools write.
    pub keys: &'static [KeyRow],
    /// The order of the list's items has a meaning.
    pub order: Order,
    /// The server appends to the declared list.
    pub extended: Option<RuleId>,
    /// Quantities are rounded up to milli, not nano.
    pub milli: bool,
    /// Never taken out although it has left Git.
    pub kept: Option<RuleId>,
    /// What else the server changes when this field is changed: paths from the same object.
    pub consequences: &'static [&'static str],
}

/// Looks up all rows of `owner.name`.
pub(super) fn of(owner: &'static str, name: &'static str) -> Rules {
    let at = |row: &str| {
        row.split_once('.')
            .is_some_and(|(o, n)| (o == owner || o == "*") && n == name)
    };
    let id = |table: &'static str, rows: &'static [&'static str]| {
        rows.iter()
            .find(|row| at(row))
            .map(|row| RuleId { table, at: row })
    };
    Rules {
        default: defaults::DEFAULTS.iter().find(|row| at(row.at)),
        follows: defaults::FOLLOWERS.iter().find(|row| at(row.at)),
        owned: id("owned", ownership::OWNED),
        foreign: id("foreign", ownership::FOREIGN),
        allocated: id("allocated", ownership::ALLOCATED),
        dropped: ownership::DROPPED.iter().find(|row| at(row.at)),
        gate: gates::GATES.iter().find(|row| at(row.at)),
        immutable: writes::IMMUTABLE.iter().find(|row| at(row.at)),
        keys: ownership::KEYS
            .iter()
            .find(|(row, _)| at(row))
            .map_or(&[], |(_, keys)| keys),
        order: lists::ORDERED
            .iter()
            .find(|(row, _)| at(row))
            .map_or(Order::Free, |(_, order)| *order),
        extended: id("extended", lists::EXTENDED),
        milli: defaults::ROUNDED_TO_MILLI.iter().any(|row| at(row)),
        kept: id("kept", ownership::KEPT),
        consequences: writes::CONSEQUENCES
            .iter()
            .find(|(row, _)| at(row))
            .map_or(&[], |(_, paths)| paths),
    }
}

/// The union that fields of this struct form.
pub(super) fn union_of(owner: &str) -> Option<&'static Union> {
    unions::UNIONS.iter().find(|union| union.of == owner)
}

/// A row of the defaults.
#[derive(Debug)]
pub struct DefaultRow {
    /// The field.
    pub at: &'static str,
    /// When the default applies.
    pub when: fn(&Siblings<'_>) -> bool,
    /// What is filled in.
    pub fill: Fill,
}

impl DefaultRow {
    /// The row's id.
    #[must_use]
    pub fn id(&self) -> RuleId {
        RuleId {
            table: "default",
            at: self.at,
        }
    }
}

/// The rows of the defaults.
pub fn defaults() -> impl Iterator<Item = &'static DefaultRow> {
    defaults::DEFAULTS.iter()
}

/// What a default fills in.
#[derive(Debug)]
pub enum Fill {
    /// A text.
    Text(&'static str),
    /// A number.
    Int(i64),
    /// A truth.
    Bool(bool),
    /// An empty object, whose fields then have their own defaults.
    Object,
    /// A value that depends on the siblings.
    Computed(fn(&Siblings<'_>) -> Option<Value>),
}

impl Fill {
    /// The value that is filled in; `{}` for an object.
    #[must_use]
    pub fn value(&self, siblings: &Siblings<'_>) -> Option<Value> {
        Some(match self {
            Self::Text(text) => Value::from(*text),
            Self::Int(number) => Value::from(*number),
            Self::Bool(truth) => Value::from(*truth),
            Self::Object => Value::Object(serde_json::Map::new()),
            Self::Computed(compute) => return compute(siblings),
        })
    }
}

/// A row of the followers: values that go wrong when the sibling is repaired and they are not.
#[derive(Debug)]
pub struct Follower {
    /// The field.
    pub at: &'static str,
    /// The sibling that it is derived from.
    pub from: &'static str,
    /// Whether the sibling decides even where the field is declared.
    pub overrides: bool,
    /// The derived value.
    pub fill: Fill,
}

impl Follower {
    /// The row's id.
    #[must_use]
    pub fn id(&self) -> RuleId {
        RuleId {
            table: "follower",
            at: self.at,
        }
    }
}

/// A row of what the server does not store.
#[derive(Debug)]
pub struct Dropped {
    /// The field.
    pub at: &'static str,
    /// When it is dropped.
    pub when: fn(&Siblings<'_>) -> bool,
}

impl Dropped {
    /// The row's id.
    #[must_use]
    pub fn id(&self) -> RuleId {
        RuleId {
            table: "dropped",
            at: self.at,
        }
    }
}

/// A row of the feature gates.
#[derive(Debug)]
pub struct Gate {
    /// The field.
    pub at: &'static str,
    /// The gate's name.
    pub gate: &'static str,
    /// The minor version of Kubernetes 1 since which it is on by default; `None`: it is off in every version known.
    pub on_since: Option<u32>,
}

/// A row of what the server refuses to change.
#[derive(Debug)]
pub struct Immutable {
    /// The field.
    pub at: &'static str,
    /// When it is refused, told from the live object and from what it is to become.
    pub when: fn(live: &Value, planned: &Value) -> bool,
    /// What an operator can do.
    pub advice: &'static str,
}

/// A key of a map that somebody else writes.
#[derive(Debug)]
pub struct KeyRow {
    /// The key, or its beginning where it ends with `*`.
    pub key: &'static str,
    /// The only value that is meant, where there is one.
    pub value: Option<&'static str>,
    /// Whether it is left out even where it is declared.
    pub owned: bool,
}

impl KeyRow {
    /// Whether the row is about this key and value.
    #[must_use]
    pub fn is_about(&self, key: &str, value: Option<&str>) -> bool {
        let same = match self.key.strip_suffix('*') {
            Some(beginning) => key.starts_with(beginning),
            None => key == self.key,
        };
        same && self.value.is_none_or(|wanted| value == Some(wanted))
    }

    /// The row's id.
    #[must_use]
    pub fn id(&self) -> RuleId {
        RuleId {
            table: if self.owned {
                "owned key"
            } else {
                "foreign key"
            },
            at: self.key,
        }
    }
}

/// What the order of a list's items means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    #[default]
    Free,
    /// Each item's place counts.
    Whole,
    /// It counts from the first item on that refers to another by `$(NAME)`.
    References,
}

/// Fields of a struct of which one at most is set.
#[derive(Debug)]
pub struct Union {
    /// The struct.
    pub of: &'static str,
    /// Which of its fields.
    pub members: Members,
    /// The member that is meant where none is declared.
    pub implied: Option<&'static str>,
}

impl Union {
    /// The row's id.
    #[must_use]
    pub fn id(&self) -> RuleId {
        RuleId {
            table: "union",
            at: self.of,
        }
    }

    /// Whether this field is one of the members.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        match self.members {
            Members::Fields(fields) => fields.contains(&field),
            Members::AllBut(fields) => !fields.contains(&field),
            Members::ByType(_) => false,
        }
    }
}

/// The members of a [`Union`].
#[derive(Debug)]
pub enum Members {
    /// These fields.
    Fields(&'static [&'static str]),
    /// All fields but these.
    AllBut(&'static [&'static str]),
    /// The value of the field `type` says which; with this default.
    ByType(Option<&'static str>),
}

/// A struct on the declared side: what the conditions of the tables look at.
#[derive(Clone, Copy)]
pub struct Siblings<'a> {
    /// Its type.
    pub ty: &'a Struct,
    /// What the manifest declares of it, if anything.
    pub declared: Option<Node<'a>>,
}

impl<'a> Siblings<'a> {
    /// The declared value of a field, where it declares something: neither `null` nor a zero that Go leaves out.
    #[must_use]
    pub fn declared(&self, field: &str) -> Option<Node<'a>> {
        let node = self.declared?.get(field)?;
        match node.value() {
            yaml::Value::Null => None,
            value if is_zero(value) && self.ty.field(field).is_none_or(|f| !f.pointer) => None,
            _ => Some(node),
        }
    }

    /// Whether a field is declared and not empty.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.declared(field).is_some_and(|node| match node.value() {
            yaml::Value::List | yaml::Value::Map => !node.is_empty(),
            _ => true,
        })
    }

    /// The text of a scalar field, declared or by default; empty where there is neither.
    #[must_use]
    pub fn text(&self, field: &str) -> Cow<'a, str> {
        if let Some(node) = self.declared(field) {
            return scalar_text(node);
        }
        match self.default(field) {
            Some(Value::String(text)) => Cow::Owned(text),
            Some(Value::Object(_)) | None => Cow::Borrowed(""),
            Some(other) => Cow::Owned(other.to_string()),
        }
    }

    /// What the server fills into a field that is not declared: a follower's value, or the default.
    #[must_use]
    pub fn default(&self, field: &str) -> Option<Value> {
        let rules = &self.ty.field(field)?.rules;
        if let Some(follower) = rules.follows
            && self.has(follower.from)
        {
            return follower.fill.value(self);
        }
        rules
            .default
            .filter(|row| (row.when)(self))
            .and_then(|row| row.fill.value(self))
    }
}

/// The text of a scalar.
#[must_use]
pub fn scalar_text(node: Node<'_>) -> Cow<'_, str> {
    match node.value() {
        yaml::Value::String(text) => Cow::Borrowed(text),
        yaml::Value::Null | yaml::Value::List | yaml::Value::Map => Cow::Borrowed(""),
        _ => Cow::Owned(node.to_json().to_string()),
    }
}

/// Whether a value is the zero of its Go type.
#[must_use]
pub fn is_zero(value: yaml::Value<'_>) -> bool {
    match value {
        yaml::Value::Null | yaml::Value::Bool(false) | yaml::Value::Int(0) => true,
        yaml::Value::String(text) => text.is_empty(),
        _ => false,
    }
}
