//! What has left Git: live values that the object's own record of the last apply declares and the manifest no longer
//! does.

use serde_json::Value;

use super::walk::{Spot, Walk, is_explained_by_last};
use super::{Class, Verdict};
use crate::normalize::{self, Plain};
use crate::schema::rules::Siblings;
use crate::schema::types::{Field, ListKind, Type};

impl<'a> Walk<'_, 'a> {
    /// A field that was declared, is live, and is declared no longer. What was added below it by others stays: the
    /// field as a whole is told only if it holds nothing else.
    pub(super) fn removed(
        &mut self,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        let rules = &field.rules;
        match &field.ty {
            Type::Scalar(scalar) => {
                let live = spot.live.map_or(Plain::Nothing, Plain::from);
                let back = siblings.default(field.name);
                let unchanged = match &back {
                    Some(back) => normalize::same(*scalar, rules.milli, Plain::from(back), live),
                    None => !field.pointer && live.is_zero(*scalar),
                };
                if unchanged {
                    self.say(Verdict::Same);
                } else {
                    self.taken_out(Class::Removed, spot);
                }
            }
            Type::Map {
                value,
                atomic: false,
            } => self.map(value, rules, spot),
            Type::List {
                item,
                kind: ListKind::Keyed(keys),
            } => self.items(item, keys, rules, spot),
            Type::Struct(ty) if !ty.atomic => {
                let is_all = field.pointer && is_explained_by_last(*ty, spot);
                let is_default = siblings.default(field.name).is_some();
                if is_all
                    && is_default
                    && spot
                        .live
                        .and_then(Value::as_object)
                        .is_some_and(serde_json::Map::is_empty)
                {
                    self.say(Verdict::Same);
                } else if is_all {
                    self.taken_out(Class::Removed, spot);
                } else {
                    self.structure(*ty, spot);
                }
            }
            Type::Any => {}
            Type::List { .. } | Type::Map { .. } | Type::Struct(_) => {
                self.taken_out(Class::Removed, spot)
            }
        }
    }
}
