//! Places with a declared value.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::finding::{keep_ignored, set};
use super::fingerprint::{self, Side};
use super::walk::{Spot, Walk};
use super::{Class, Edit, Verdict};
use crate::normalize::{self, Plain};
use crate::schema::{Field, ListKind, RuleId, Rules, Scalar, Type};
use crate::yaml::Node;

impl<'a> Walk<'_, 'a> {
    /// A place with a declared value.
    pub(super) fn declared(&mut self, field: &'static Field, spot: &Spot<'a>) {
        let rules = &field.rules;
        if self.is_not_stored(spot) {
            return;
        }
        match &field.ty {
            Type::Any => self.untyped(spot),
            Type::Scalar(scalar) => self.scalar(*scalar, rules, field.pointer, spot),
            Type::List {
                kind: ListKind::Keyed(keys),
                item,
            } => self.items(item, keys, rules, spot),
            Type::List {
                kind: ListKind::Set,
                item,
            } if !self.strict || rules.foreign.is_some() => {
                self.set(item, rules, spot);
            }
            Type::Map {
                value,
                atomic: false,
            } => self.map(value, rules, spot),
            Type::Struct(ty) if !ty.atomic => {
                if spot.live.is_none() && field.pointer {
                    self.missing(spot);
                } else {
                    self.structure(*ty, spot);
                }
            }
            Type::List { .. } | Type::Map { .. } | Type::Struct(_) => {
                self.atomic(&field.ty, rules, spot);
            }
        }
    }

    /// A declared value of unknown type: the live value must be identical.
    fn untyped(&mut self, spot: &Spot<'a>) {
        let desired = spot.declared.map(Node::to_json);
        if desired.as_ref() == spot.live {
            return self.emit(Verdict::Same);
        }
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let finding = self.finding(class, spot, desired.clone(), set(desired));
        self.emit(Verdict::Drift(finding));
    }

    /// A declared value without parts.
    pub(super) fn scalar(
        &mut self,
        ty: Scalar,
        rules: &'static Rules,
        pointer: bool,
        spot: &Spot<'a>,
    ) {
        let desired = spot.declared.map_or(Plain::Nothing, Plain::from);
        let same = match spot.live {
            Some(live) => normalize::same(ty, rules.milli, desired, Plain::from(live)),
            None => !pointer && desired.is_zero(ty),
        };
        if same {
            return self.alike(spelling(ty, spot), spot);
        }
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let value = spot.declared.map(Node::to_json);
        let finding = self.finding(class, spot, value.clone(), set(value));
        self.emit(Verdict::Drift(finding));
    }

    /// A declared value that is not live. Ignored paths below it stay absent.
    pub(super) fn missing(&mut self, spot: &Spot<'a>) {
        let desired = self.stored(spot);
        let is_empty = |value: &Option<Value>| {
            let map = value.as_ref().and_then(Value::as_object);
            map.is_some_and(Map::is_empty)
        };
        if is_empty(&desired) && spot.declared.is_some_and(|node| !node.is_empty()) {
            // The server stores nothing of it, which has already been reported.
            return;
        }
        let kept = desired
            .clone()
            .map(|value| keep_ignored(value, None, &spot.ignore));
        if kept != desired && is_empty(&kept) {
            self.not_drift(RuleId::IGNORED, spot);
            return self.emit(Verdict::LeftOut(1));
        }
        let finding = self.finding(Class::Missing, spot, desired, set(kept));
        self.emit(Verdict::Drift(finding));
    }

    /// Whether the live value is explained by this server not storing the declared one. Reports it if so.
    pub(super) fn is_not_stored(&mut self, spot: &Spot<'a>) -> bool {
        let Some((unstored, node)) = self.unstored.zip(spot.declared) else {
            return false;
        };
        let is_explained = unstored.explains(node, spot.live);
        if is_explained {
            unstored.for_each_below(node, &mut |id| self.emit(Verdict::NotStored(id)));
        }
        is_explained
    }

    /// The declared value as this server stores it. Reports what the server drops.
    pub(super) fn stored(&mut self, spot: &Spot<'a>) -> Option<Value> {
        let node = spot.declared?;
        let Some(unstored) = self.unstored else {
            return Some(node.to_json());
        };
        unstored.for_each_below(node, &mut |id| self.emit(Verdict::NotStored(id)));
        Some(unstored.stored(node))
    }

    /// A list whose items are their own keys: each declared one must be live.
    pub(super) fn set(&mut self, item: &Type, rules: &'static Rules, spot: &Spot<'a>) {
        let Type::Scalar(scalar) = item else { return };
        let live = spot.live_items();
        let mut by_fingerprint: HashMap<u64, Vec<&Value>> = HashMap::new();
        for value in live {
            let fingerprint = fingerprint::of(item, Side::Live(value));
            by_fingerprint.entry(fingerprint).or_default().push(value);
        }
        let is_live = |node: Node<'_>| {
            let candidates = by_fingerprint.get(&fingerprint::of(item, Side::Declared(node)));
            candidates.into_iter().flatten().any(|value| {
                normalize::same(*scalar, rules.milli, node.into(), Plain::from(*value))
            })
        };
        let absent: Vec<Value> = spot
            .declared
            .into_iter()
            .flat_map(Node::items)
            .filter(|n| !is_live(*n))
            .map(Node::to_json)
            .collect();
        if absent.is_empty() {
            return self.alike(rules.foreign.unwrap_or(RuleId::NOT_DECLARED), spot);
        }
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let desired = spot.declared.map(Node::to_json);
        let edit = Edit::Set(Value::Array(live.iter().cloned().chain(absent).collect()));
        let finding = self.finding(class, spot, desired, edit);
        self.emit(Verdict::Drift(finding));
    }
}

/// Why two spellings of a value are the same.
fn spelling(ty: Scalar, spot: &Spot<'_>) -> RuleId {
    match ty {
        _ if spot.live.is_none() => RuleId::EMPTY_VALUE,
        Scalar::Time | Scalar::MicroTime => RuleId::SAME_TIME,
        Scalar::Bytes => RuleId::SAME_BYTES,
        _ => RuleId::SAME_QUANTITY,
    }
}
