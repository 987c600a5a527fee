//! Rows of the tables that need no types: feature gates, what cannot be changed, the order of lists, unions.

use serde_json::Value;

use crate::yaml::Node;

/// A row of the feature gates.
#[allow(
    clippy::struct_field_names,
    reason = "the name of a gate is what Kubernetes calls a feature gate"
)]
#[derive(Debug)]
pub(crate) struct Gate {
    /// The field.
    pub at: &'static str,
    /// The gate's name.
    pub name: &'static str,
    /// The minor version of Kubernetes 1 since which it is on by default; `None`: it is off in every version known.
    pub on_since: Option<u32>,
    /// Which declared values need the gate.
    pub when: fn(&DeclaredPosition<'_>) -> bool,
    /// What a server without the gate does.
    pub without: Without,
    /// What a message calls it, where the field's name does not say it.
    pub called: Option<&'static str>,
}

/// What a server does with a declared value whose feature gate is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// It drops the field.
    Drops,
    /// It drops the field, and what is around it that has nothing else in it.
    DropsEmptied,
    /// It drops the whole item of a list that has the field.
    DropsItem,
    /// It stores this value instead.
    Stores(&'static str),
    /// It drops the field; before this minor version it refuses the object.
    RefusesBefore(u32),
}

/// A declared value and the structs around it: what the conditions of the gates look at.
pub(crate) struct DeclaredPosition<'a> {
    /// The value.
    pub value: Node<'a>,
    /// The structs around it, from the object inwards, each with the field that it stands in or whose item it is.
    pub structs: &'a [(&'static str, Node<'a>)],
}

/// A row of what the server refuses to change.
#[derive(Debug)]
pub(crate) struct Immutable {
    /// The field.
    pub at: &'static str,
    /// When it is refused, told from the live object and from what it is to become.
    pub when: fn(live: &Value, planned: &Value) -> bool,
    /// What an operator can do.
    pub advice: &'static str,
}

/// What the order of a list's items means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
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
pub(crate) struct Union {
    /// The struct.
    pub of: &'static str,
    /// Which of its fields.
    pub members: Members,
    /// The member that is meant where none is declared.
    pub implied: Option<&'static str>,
}

impl Union {
    /// Whether this field is one of the members.
    #[must_use]
    pub(crate) fn has(&self, field: &str) -> bool {
        match self.members {
            Members::Fields(fields) => fields.contains(&field),
            Members::AllBut(fields) => !fields.contains(&field),
            Members::ByType(_) => false,
        }
    }
}

/// The members of a [`Union`].
#[derive(Debug)]
pub(crate) enum Members {
    /// These fields.
    Fields(&'static [&'static str]),
    /// All fields but these.
    AllBut(&'static [&'static str]),
    /// The value of the field `type` says which; with this default.
    ByType(Option<&'static str>),
}
