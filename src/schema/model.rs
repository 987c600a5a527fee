//! The elements of the tables: types and their fields, and the rows whose conditions depend on a struct.
//!
//! They refer to each other (a field has rows, and a row's condition takes a struct), so they are in one file. A row is
//! addressed by `Type.field` in Go's names, so that it applies wherever the type is used. Each row has an id (its table
//! and address), which every verdict "not drift" carries. Rows that need no types are in `rows`.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use serde_json::Value;

use super::rows::{Gate, Immutable, Order, Union};
use super::rule_id::RuleId;
use crate::yaml::{self, Node};

/// A Go struct.
#[derive(Debug)]
pub(crate) struct Struct {
    /// Its name in Go: `Container`.
    pub name: &'static str,
    /// Whether it is atomic: compared and replaced as one value.
    pub atomic: bool,
    /// Its fields, those of embedded structs included, by name.
    pub fields: Vec<Field>,
    /// The indices of the fields that have a default.
    pub defaulted: Vec<usize>,
    /// The indices of the fields that follow another one.
    pub followers: Vec<usize>,
    /// The union that its fields form, if any.
    pub union: Option<&'static Union>,
    /// A hash table from names to indices with linear probing. Fields are looked up for every key of every object, and
    /// this takes one comparison instead of the five of a binary search.
    slots: Vec<Option<u8>>,
    is_conditional: OnceLock<bool>,
}

/// No struct has more fields.
pub(crate) const MOST_FIELDS: usize = 64;

impl Struct {
    pub(super) fn new(
        name: &'static str,
        atomic: bool,
        fields: Vec<Field>,
        union: Option<&'static Union>,
    ) -> Self {
        assert!(
            fields.len() <= MOST_FIELDS,
            "{name} has {} fields",
            fields.len()
        );
        let places = |is_one: fn(&Field) -> bool| {
            let all = fields.iter().enumerate();
            all.filter(|(_, field)| is_one(field))
                .map(|(index, _)| index)
                .collect()
        };
        let mut slots = vec![None; (fields.len() * 4).next_power_of_two()];
        for (index, field) in (0..).zip(&fields) {
            let mut slot = first_slot(field.name) % slots.len();
            while slots[slot].is_some() {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = Some(index);
        }
        Self {
            name,
            atomic,
            defaulted: places(|field| field.rules.default.is_some()),
            followers: places(|field| field.rules.follows.is_some()),
            fields,
            union,
            slots,
            is_conditional: OnceLock::new(),
        }
    }

    /// Whether some servers do not store all that can be declared in it: a field of it, or one below, depends on the
    /// server's version or on a feature gate.
    #[must_use]
    pub(crate) fn is_conditional(&self) -> bool {
        let look = || {
            let mut fields = self.fields.iter();
            fields.any(|field| {
                field.rules.gate.is_some()
                    || field.versions != Versions::default()
                    || field.ty.structure().is_some_and(Self::is_conditional)
            })
        };
        *self.is_conditional.get_or_init(look)
    }

    /// The field with this name.
    #[must_use]
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.index(name).map(|i| &self.fields[i])
    }

    /// The index of the field with this name.
    #[must_use]
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        let last = self.slots.len() - 1;
        let mut slot = first_slot(name) & last;
        while let Some(index) = self.slots[slot] {
            if self.fields[usize::from(index)].name == name {
                return Some(index.into());
            }
            slot = (slot + 1) & last;
        }
        None
    }
}

/// The slot where the lookup of a name begins.
fn first_slot(name: &str) -> usize {
    let byte = |at: Option<&u8>| at.map_or(0, |byte| usize::from(*byte));
    let bytes = name.as_bytes();
    let middle = bytes.get(bytes.len() / 2);
    bytes.len() + 7 * byte(bytes.first()) + 31 * byte(bytes.last()) + 5 * byte(middle)
}

/// A field of a [`Struct`].
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Whether it is a pointer in Go, so that an explicit zero or `{}` is kept and differs from absence.
    pub pointer: bool,
    /// The minor versions of Kubernetes 1 that have it, if its struct exists in others too.
    pub versions: Versions,
    /// What the server does with it.
    pub rules: Rules,
}

/// A range of minor versions of Kubernetes 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    /// The first; `None` if the oldest known version already has it.
    pub since: Option<u32>,
    /// The last; `None` if the newest known version still has it.
    pub until: Option<u32>,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    /// A scalar.
    Scalar(Scalar),
    /// Anything; not compared.
    Any,
    /// A map with string keys.
    Map {
        /// The type of the values.
        value: Box<Type>,
        /// Whether it is compared and replaced as one value.
        atomic: bool,
    },
    /// A list.
    List {
        /// The type of the items.
        item: Box<Type>,
        /// What identifies the items.
        kind: ListKind,
    },
    /// A struct.
    Struct(StructRef),
}

impl Type {
    /// The struct that values of this type are, or that the items of such a list are.
    fn structure(&self) -> Option<&'static Struct> {
        match self {
            Self::Struct(ty) => Some(ty.get()),
            Self::List { item, .. } => item.structure(),
            Self::Scalar(_) | Self::Any | Self::Map { .. } => None,
        }
    }
}

/// The scalar types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// A string.
    String,
    /// `true` or `false`.
    Bool,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// A `resource.Quantity`, such as `500m`.
    Quantity,
    /// An integer or a string, such as a port or a percentage.
    IntOrString,
    /// An instant, to the second.
    Time,
    /// An instant, to the microsecond.
    MicroTime,
    /// Bytes in base64.
    Bytes,
}

/// What identifies the items of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// Nothing: the list is one value.
    Atomic,
    /// Their values.
    Set,
    /// The values of these fields.
    Keyed(Vec<&'static str>),
}

/// A reference to a [`Struct`]. Structs refer to each other, so references are reserved before the structs are read.
#[derive(Clone, Copy)]
pub(crate) struct StructRef(&'static OnceLock<Struct>);

impl StructRef {
    /// The struct.
    #[must_use]
    pub(crate) fn get(self) -> &'static Struct {
        self.0
            .get()
            .expect("references are handed out when all tables are read")
    }

    /// Reserves a reference to a struct that is still to be read.
    pub(super) fn reserve() -> Self {
        Self(Box::leak(Box::default()))
    }

    /// Sets the struct that this refers to.
    pub(super) fn fill(self, value: Struct) {
        let filled = self.0.set(value);
        assert!(filled.is_ok(), "each place is filled once");
    }
}

impl PartialEq for StructRef {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for StructRef {}

impl std::ops::Deref for StructRef {
    type Target = Struct;

    fn deref(&self) -> &Struct {
        self.get()
    }
}

impl fmt::Debug for StructRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get().map_or("(not read yet)", |it| it.name))
    }
}

/// Everything that the handwritten tables say about one field.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// What the server fills in if the field is absent.
    pub default: Option<&'static DefaultRow>,
    /// The sibling from which the server derives it if it is absent, and with which it must agree.
    pub follows: Option<&'static Follower>,
    /// The server or its controllers write it: never compared, never sent.
    pub owned: Option<RuleId>,
    /// Bookkeeping of other tools: compared if it is declared, ignored otherwise.
    pub foreign: Option<RuleId>,
    /// The server allocates it if it is absent or zero.
    pub allocated: Option<RuleId>,
    /// The server takes it from the live object if a PUT omits it.
    pub carried_over: bool,
    /// The server does not store the declared value under a condition.
    pub dropped: Option<&'static Dropped>,
    /// The feature gate without which the server does not store it, or some of its values.
    pub gate: Option<&'static Gate>,
    /// The server refuses to change it.
    pub immutable: Option<&'static Immutable>,
    /// The keys of a map that the server or other tools write.
    pub keys: &'static [KeyRow],
    /// The order of the list's items has a meaning.
    pub order: Order,
    /// Of several items with one key the last one takes effect.
    pub last_wins: bool,
    /// The server appends to the declared list.
    pub extended: Option<RuleId>,
    /// Quantities are rounded up to milli, not nano.
    pub milli: bool,
    /// Repairs never remove it, even if it was removed from Git.
    pub kept: Option<RuleId>,
    /// What else the server changes when this field is changed: paths from the same object.
    pub consequences: &'static [&'static str],
}

/// A row of the defaults.
#[derive(Debug)]
pub(crate) struct DefaultRow {
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
    pub(crate) fn id(&self) -> RuleId {
        RuleId {
            table: "default",
            at: self.at,
        }
    }
}

/// What a default fills in.
#[derive(Debug)]
pub(crate) enum Fill {
    /// A string.
    Text(&'static str),
    /// A number.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// An empty object, whose fields then have their own defaults.
    Object,
    /// A value that depends on the siblings.
    Computed(fn(&Siblings<'_>) -> Option<Value>),
}

impl Fill {
    /// The value that is filled in; `{}` for an object.
    #[must_use]
    pub(crate) fn value(&self, siblings: &Siblings<'_>) -> Option<Value> {
        Some(match self {
            Self::Text(text) => Value::from(*text),
            Self::Int(number) => Value::from(*number),
            Self::Bool(truth) => Value::from(*truth),
            Self::Object => Value::Object(serde_json::Map::new()),
            Self::Computed(compute) => return compute(siblings),
        })
    }
}

/// A row of the followers: values that become wrong if only the sibling is repaired.
#[derive(Debug)]
pub(crate) struct Follower {
    /// The field.
    pub at: &'static str,
    /// The sibling that it is derived from.
    pub from: &'static str,
    /// Whether the sibling decides even if the field is declared.
    pub overrides: bool,
    /// The derived value.
    pub fill: Fill,
}

impl Follower {
    /// The row's id.
    #[must_use]
    pub(crate) fn id(&self) -> RuleId {
        RuleId {
            table: "follower",
            at: self.at,
        }
    }
}

/// A row of the fields that the server does not store.
#[derive(Debug)]
pub(crate) struct Dropped {
    /// The field.
    pub at: &'static str,
    /// When it is dropped.
    pub when: fn(&Siblings<'_>) -> bool,
}

impl Dropped {
    /// The row's id.
    #[must_use]
    pub(crate) fn id(&self) -> RuleId {
        RuleId {
            table: "dropped",
            at: self.at,
        }
    }
}

/// A key of a map that somebody else writes.
#[derive(Debug)]
pub(crate) struct KeyRow {
    /// The key, or its beginning where it ends with `*`.
    pub key: &'static str,
    /// The only value to which the row applies, if any.
    pub value: Option<&'static str>,
    /// Whether it is not compared even if it is declared.
    pub owned: bool,
}

impl KeyRow {
    /// Whether the row applies to this key and value.
    #[must_use]
    pub(crate) fn applies_to(&self, key: &str, value: Option<&str>) -> bool {
        let same = match self.key.strip_suffix('*') {
            Some(beginning) => key.starts_with(beginning),
            None => key == self.key,
        };
        same && self.value.is_none_or(|wanted| value == Some(wanted))
    }

    /// The row's id.
    #[must_use]
    pub(crate) fn id(&self) -> RuleId {
        RuleId {
            table: if self.owned { "bookkeeping" } else { "mark" },
            at: self.key,
        }
    }
}

/// A struct on the declared side, which the conditions of the tables take.
#[derive(Clone, Copy)]
pub(crate) struct Siblings<'a> {
    /// Its type.
    pub ty: &'a Struct,
    /// What the manifest declares of it, if anything.
    pub declared: Option<Node<'a>>,
    /// The live struct, where the manifest no longer declares it but other managers keep it.
    pub kept: Option<&'a Value>,
}

impl<'a> Siblings<'a> {
    /// The declared value of a field, unless it is `null` or a zero that Go omits.
    #[must_use]
    pub(crate) fn declared(&self, field: &str) -> Option<Node<'a>> {
        let node = self.declared?.get(field)?;
        match node.value() {
            yaml::Value::Null => None,
            value if is_zero(value) && self.ty.field(field).is_none_or(|f| !f.pointer) => None,
            _ => Some(node),
        }
    }

    /// Whether a field is declared and not empty.
    #[must_use]
    pub(crate) fn has(&self, field: &str) -> bool {
        self.declared(field).is_some_and(|node| match node.value() {
            yaml::Value::List | yaml::Value::Map => !node.is_empty(),
            _ => true,
        })
    }

    /// The text of a scalar field: declared, kept by others or by default; empty if it has none.
    #[must_use]
    pub(crate) fn text(&self, field: &str) -> Cow<'a, str> {
        if let Some(node) = self.declared(field) {
            return scalar_text(node);
        }
        if let Some(text) = self.kept.and_then(|kept| kept.get(field)?.as_str()) {
            return Cow::Borrowed(text);
        }
        match self.default(field) {
            Some(Value::String(text)) => Cow::Owned(text),
            Some(Value::Object(_)) | None => Cow::Borrowed(""),
            Some(other) => Cow::Owned(other.to_string()),
        }
    }

    /// What the server fills in for a field that is not declared: a follower's value, or the default.
    #[must_use]
    pub(crate) fn default(&self, field: &str) -> Option<Value> {
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
pub(crate) fn scalar_text(node: Node<'_>) -> Cow<'_, str> {
    match node.value() {
        yaml::Value::String(text) => Cow::Borrowed(text),
        yaml::Value::Null | yaml::Value::List | yaml::Value::Map => Cow::Borrowed(""),
        _ => Cow::Owned(node.to_json().to_string()),
    }
}

/// Whether a value is the zero of its Go type.
#[must_use]
pub(super) fn is_zero(value: yaml::Value<'_>) -> bool {
    match value {
        yaml::Value::Null | yaml::Value::Bool(false) | yaml::Value::Int(0) => true,
        yaml::Value::String(text) => text.is_empty(),
        _ => false,
    }
}
