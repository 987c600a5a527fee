//! Unions: a live member beside or instead of the declared one is one difference, at the union's node.

use serde_json::{Map, Value};

use super::finding::keep_ignored;
use super::walk::{Spot, Walk, is_empty};
use super::{Class, Edit, Origin, Verdict};
use crate::normalize::Plain;
use crate::schema::{Field, Members, RuleId, Siblings, Struct, Type, Union};
use crate::yaml::Node;

impl<'a> Walk<'_, 'a> {
    /// Reports a union whose live member is not the declared one. Returns whether it did.
    pub(super) fn union(&mut self, ty: &'static Struct, spot: &Spot<'a>) -> bool {
        let (Some(union), Some(live)) = (ty.union, spot.live) else {
            return false;
        };
        if spot.declared.is_none() && !self.strict {
            return false;
        }
        let siblings = Siblings {
            ty,
            declared: spot.declared,
            kept: None,
        };
        let (desired, swapped) = match union.members {
            Members::ByType(default) => {
                let Some(wanted) = wanted_type(&siblings, default, self.strict) else {
                    return false;
                };
                if live.get("type").and_then(Value::as_str).unwrap_or_default() == wanted {
                    return false;
                }
                let declared = self.stored(spot);
                let desired = declared.unwrap_or_else(|| serde_json::json!({ "type": wanted }));
                (desired.clone(), desired)
            }
            Members::Fields(_) | Members::AllBut(_) => {
                let Some(wanted) = wanted_member(ty, union, spot) else {
                    return false;
                };
                let has_other = |live: &Map<String, Value>| {
                    let mut members = live
                        .iter()
                        .filter(|(key, v)| union.has(key) && !v.is_null())
                        .peekable();
                    let implied = members.peek().is_none().then_some(union.implied).flatten();
                    implied.is_some_and(|implied| implied != wanted)
                        || members.any(|(key, _)| *key != wanted)
                };
                if !live.as_object().is_some_and(has_other) {
                    return false;
                }
                if self.is_member_not_stored(&wanted, spot) {
                    return true;
                }
                let desired = self.stored(spot).unwrap_or_default();
                let swapped = replace_members(union, &desired, live);
                (desired, swapped)
            }
        };
        let edit = Edit::Set(keep_ignored(swapped, spot.live, &spot.ignore));
        let mut finding = self.finding(Class::Changed, spot, Some(desired), edit);
        if spot.declared.is_none() {
            finding.origin = Origin::Default;
        }
        self.emit(Verdict::Drift(finding));
        true
    }

    /// Reports that this server does not store the declared member, whatever is live instead. Returns whether it did.
    fn is_member_not_stored(&mut self, wanted: &str, spot: &Spot<'a>) -> bool {
        let Some((unstored, node)) = self.unstored.zip(spot.declared) else {
            return false;
        };
        let mut places = [Some(node), node.get(wanted)].into_iter().flatten();
        let place = places.find(|place| unstored.has(*place));
        if let Some(place) = place {
            self.emit(Verdict::NotStored(place.id()));
        }
        place.is_some()
    }

    /// Compares the member that is implied because none is declared with its empty value. Returns whether it did.
    pub(super) fn implied(
        &mut self,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) -> bool {
        let Some(union) = siblings
            .ty
            .union
            .filter(|union| union.implied == Some(field.name))
        else {
            return false;
        };
        let Some(parent) = siblings.declared else {
            return false;
        };
        if has_declared_member(siblings.ty, union, parent) {
            return false;
        }
        match &field.ty {
            Type::Scalar(scalar)
                if spot
                    .live
                    .is_some_and(|live| !Plain::from(live).is_zero(*scalar)) =>
            {
                let empty = Value::from("");
                let mut finding =
                    self.finding(Class::Changed, spot, Some(empty.clone()), Edit::Set(empty));
                finding.declared = Some(parent.id());
                self.emit(Verdict::Drift(finding));
            }
            Type::Struct(ty) => {
                if spot.is_live_empty() {
                    let rule = RuleId {
                        table: "implied",
                        at: union.of,
                    };
                    self.alike(rule, spot);
                }
                self.structure(*ty, spot);
            }
            _ => self.alike(RuleId::EMPTY_VALUE, spot),
        }
        true
    }
}

/// The declared type, or the one implied by its declared parameters.
fn wanted_type(siblings: &Siblings<'_>, default: Option<&str>, strict: bool) -> Option<String> {
    if siblings.has("type") {
        return Some(siblings.text("type").into_owned());
    }
    let declares = siblings
        .declared
        .is_some_and(|node| node.entries().any(|entry| !entry.value.is_null()));
    default.filter(|_| declares || strict).map(str::to_owned)
}

/// The declared member, else the implied one.
fn wanted_member(ty: &Struct, union: &Union, spot: &Spot<'_>) -> Option<String> {
    let declared = spot
        .declared
        .and_then(|node| declared_members(ty, union, node).next().map(str::to_owned));
    declared.or_else(|| union.implied.map(str::to_owned))
}

/// The declared members, without zeros and empty lists that Go omits.
fn declared_members<'a>(
    ty: &'a Struct,
    union: &'a Union,
    node: Node<'a>,
) -> impl Iterator<Item = &'a str> {
    node.entries()
        .filter(move |entry| union.has(entry.key) && !is_left_out(ty, entry.key, entry.value))
        .map(|e| e.key)
}

fn has_declared_member(ty: &Struct, union: &Union, node: Node<'_>) -> bool {
    declared_members(ty, union, node).next().is_some()
}

fn is_left_out(ty: &Struct, key: &str, value: Node<'_>) -> bool {
    let Some(field) = ty.field(key) else {
        return value.is_null();
    };
    value.is_null()
        || !field.pointer
            && match field.ty {
                Type::Scalar(scalar) => Plain::from(value).is_zero(scalar),
                Type::List { .. } | Type::Map { .. } => is_empty(value),
                Type::Struct(_) | Type::Any => false,
            }
}

/// The live node with its members replaced by the desired ones and its other desired fields set.
fn replace_members(union: &Union, desired: &Value, live: &Value) -> Value {
    let mut swapped = live.as_object().cloned().unwrap_or_default();
    swapped.retain(|key, _| !union.has(key));
    let fields = desired.as_object().into_iter().flatten();
    swapped.extend(fields.map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(swapped)
}
