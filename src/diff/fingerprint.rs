//! A number that is equal for values with the same meaning. Only values with equal fingerprints need to be compared, so
//! that finding each item of a long list in another one takes linear time.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::normalize::Plain;
use crate::schema::{Field, Scalar, Type, Versions};
use crate::yaml::Node;

/// A value of either side.
#[derive(Clone, Copy)]
pub(super) enum Side<'a> {
    Declared(Node<'a>),
    Live(&'a Value),
}

impl<'a> Side<'a> {
    fn plain(self) -> Plain<'a> {
        match self {
            Self::Declared(node) => node.into(),
            Self::Live(value) => value.into(),
        }
    }

    fn for_each_item(self, mut take: impl FnMut(Self)) {
        match self {
            Self::Declared(node) => node.items().for_each(|node| take(Self::Declared(node))),
            Self::Live(value) => {
                let items = value.as_array().into_iter().flatten();
                items.for_each(|value| take(Self::Live(value)));
            }
        }
    }

    fn for_each_entry(self, mut take: impl FnMut(&'a str, Self)) {
        match self {
            Self::Declared(node) => node
                .entries()
                .for_each(|entry| take(entry.key, Self::Declared(entry.value))),
            Self::Live(value) => {
                let entries = value.as_object().into_iter().flatten();
                entries.for_each(|(key, value)| take(key, Self::Live(value)));
            }
        }
    }
}

/// The fingerprint of a value; 0 if it may mean the same as absence. It does not depend on order, nor on anything that
/// the server may fill in, omit or spell differently.
pub(super) fn of(ty: &Type, value: Side<'_>) -> u64 {
    let mut sum = 0_u64;
    match ty {
        Type::Scalar(scalar) => return of_scalar(*scalar, value.plain()),
        Type::List { item, .. } => {
            value.for_each_item(|value| sum = sum.wrapping_add(mixed("", of(item, value))));
        }
        Type::Map { value: ty, .. } => value.for_each_entry(|key, value| {
            sum = sum.wrapping_add(mixed(key, of(ty, value)));
        }),
        Type::Struct(ty) => value.for_each_entry(|key, value| {
            let field = ty.field(key).filter(|field| is_plain(field));
            let of_field = field.map_or(0, |field| of(&field.ty, value));
            sum = sum.wrapping_add(mixed(key, of_field));
        }),
        Type::Any => {}
    }
    sum
}

/// Whether no row of the tables affects how a field is compared.
fn is_plain(field: &Field) -> bool {
    let rules = &field.rules;
    field.versions == Versions::default()
        && rules.default.is_none()
        && rules.follows.is_none()
        && rules.owned.is_none()
        && rules.foreign.is_none()
        && rules.allocated.is_none()
        && rules.dropped.is_none()
        && rules.gate.is_none()
        && rules.extended.is_none()
        && rules.keys.is_empty()
}

fn of_scalar(scalar: Scalar, value: Plain<'_>) -> u64 {
    if value.is_zero(scalar) {
        return 0;
    }
    let has_spellings = matches!(
        scalar,
        Scalar::Quantity | Scalar::Time | Scalar::MicroTime | Scalar::Bytes
    );
    match value {
        _ if has_spellings => 0,
        Plain::Text(text) => hash(text),
        Plain::Int(number) => hash(number),
        Plain::Bool(truth) => hash(truth),
        Plain::Float(_) | Plain::Nothing => 0,
    }
}

fn mixed(key: &str, fingerprint: u64) -> u64 {
    if fingerprint == 0 {
        0
    } else {
        hash((key, fingerprint))
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
