//! Rows of the tables that need no types: feature gates, immutable fields, the order of lists, unions.

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
    /// The minor version of Kubernetes 1 since which it is on by default; `None` if it is off in every known version.
    pub on_since: Option<u32>,
    /// Which declared values need the gate.
    pub when: fn(&DeclaredPosition<'_>) -> bool,
    /// What a server without the gate does.
    pub without: Without,
    /// What a message calls it, if the field's name is not clear.
    pub called: Option<&'static str>,
}

/// What a server does with a declared value if the feature gate is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// It drops the field.
    Drops,
    /// It drops the field, and the structs around it that have nothing else.
    DropsEmptied,
    /// It drops the whole list item that has the field.
    DropsItem,
    /// It stores this value instead.
    Stores(&'static str),
    /// It drops the field; before this minor version it refuses the object.
    RefusesBefore(u32),
}

/// A declared value and the structs around it, which the conditions of the gates take.
pub(crate) struct DeclaredPosition<'a> {
    /// The value.
    pub value: Node<'a>,
    /// The structs around it, from the outside in, each with the name of the field that contains it.
    pub structs: &'a [(&'static str, Node<'a>)],
}

/// A row of the fields that the server refuses to change.
#[derive(Debug)]
pub(crate) struct Immutable {
    /// The field.
    pub at: &'static str,
    /// When the server refuses it, depending on the live object and on the object after the repair.
    pub when: fn(live: &Value, planned: &Value) -> bool,
    /// What an operator can do.
    pub advice: &'static str,
}

/// The meaning of the order of a list's items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Nothing.
    #[default]
    Free,
    /// Every position counts.
    Whole,
    /// It counts from the first item on that refers to another one by `$(NAME)`.
    References,
}

/// Fields of a struct of which at most one is set.
#[derive(Debug)]
pub(crate) struct Union {
    /// The struct.
    pub of: &'static str,
    /// Which of its fields.
    pub members: Members,
    /// The member that is implied if none is declared.
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
    /// All fields except these.
    AllBut(&'static [&'static str]),
    /// The field `type` selects the member; this is its default.
    ByType(Option<&'static str>),
}
