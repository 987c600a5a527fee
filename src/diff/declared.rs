//! Places with a declared value.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::finding::{keep_ignored, set};
use super::fingerprint::{self, Side};
use super::walk::{IGNORED, Spot, Walk, is_empty};
use super::{Class, Edit, Verdict};
use crate::normalize::{self, Plain};
use crate::schema::{Field, Gate, ListKind, Rules, Scalar, Struct, Type};
use crate::yaml::Node;

impl<'a> Walk<'_, 'a> {
    /// A place with a declared value.
    pub(super) fn declared(&mut self, field: &'static Field, spot: &Spot<'a>) {
        let rules = &field.rules;
        if let Some(gate) = rules.gate.filter(|_| spot.live.is_none()) {
            return self.not_stored(gate, spot);
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
                    match gate_of_all(ty, spot.declared) {
                        Some(gate) => self.not_stored(gate, spot),
                        None => self.missing(spot),
                    }
                } else {
                    self.structure(*ty, spot);
                }
            }
            Type::List { .. } | Type::Map { .. } | Type::Struct(_) => {
                self.atomic(&field.ty, rules, spot);
            }
        }
    }

    /// A declared value of no known type: it must be live as it is written.
    fn untyped(&mut self, spot: &Spot<'a>) {
        let desired = spot.declared.map(Node::to_json);
        if desired.as_ref() == spot.live {
            return self.say(Verdict::Same);
        }
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let finding = self.finding(class, spot, desired.clone(), set(desired));
        self.say(Verdict::Drift(finding));
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
            return self.say(Verdict::Same);
        }
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let value = spot.declared.map(Node::to_json);
        let finding = self.finding(class, spot, value.clone(), set(value));
        self.say(Verdict::Drift(finding));
    }

    /// A declared value of which nothing is live. What is ignored below it stays absent.
    pub(super) fn missing(&mut self, spot: &Spot<'a>) {
        let desired = spot.declared.map(Node::to_json);
        let kept = desired
            .clone()
            .map(|value| keep_ignored(value, None, &spot.ignore));
        if kept != desired
            && kept
                .as_ref()
                .and_then(Value::as_object)
                .is_some_and(Map::is_empty)
        {
            return self.not_drift(IGNORED);
        }
        let finding = self.finding(Class::Missing, spot, desired, set(kept));
        self.say(Verdict::Drift(finding));
    }

    /// A declared value that is not live and that this server may not store at all.
    fn not_stored(&mut self, gate: &'static Gate, spot: &Spot<'a>) {
        if spot.declared.is_some_and(is_empty) {
            return;
        }
        let desired = spot.declared.map(Node::to_json);
        let finding = self.finding(Class::Missing, spot, desired.clone(), set(desired));
        self.say(Verdict::NotStored(gate, finding));
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
            return self.say(Verdict::Same);
        }
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let desired = spot.declared.map(Node::to_json);
        let edit = Edit::Set(Value::Array(live.iter().cloned().chain(absent).collect()));
        let finding = self.finding(class, spot, desired, edit);
        self.say(Verdict::Drift(finding));
    }
}

/// The gate of a struct of which nothing is declared that a server without it would store.
fn gate_of_all(ty: &Struct, declared: Option<Node<'_>>) -> Option<&'static Gate> {
    let gate = |key: &str| ty.field(key).and_then(|field| field.rules.gate);
    let mut entries = declared?.entries().filter(|entry| !entry.value.is_null());
    let first = gate(entries.next()?.key)?;
    entries
        .all(|entry| gate(entry.key).is_some())
        .then_some(first)
}
