//! Atomic values: compared and replaced as a whole.

use std::collections::HashMap;

use serde_json::Value;

use super::finding::{keep_ignored, set};
use super::fingerprint::{self, Side};
use super::walk::{Spot, Walk, is_empty};
use super::{Class, Verdict};
use crate::path::Ignore;
use crate::schema::{Gate, Order, RuleId, Rules, Type};
use crate::yaml::Node;

/// How a live value stands to the declared one, as a whole.
#[derive(Clone, Copy)]
enum Exactness {
    /// It is what the server makes of the declared one, nothing more and nothing less.
    Same,
    /// It lacks only what the server may not store.
    NotStored(&'static Gate),
    /// It differs.
    Different,
}

impl<'a> Walk<'_, 'a> {
    /// A declared value that is compared and replaced as a whole.
    pub(super) fn atomic(&mut self, ty: &Type, rules: &'static Rules, spot: &Spot<'a>) {
        let is_empty = spot.declared.is_some_and(is_empty);
        if is_empty && spot.live.is_none() && !matches!(ty, Type::Struct(_)) {
            return self.say(Verdict::Same);
        }
        if is_empty && let Some(rule) = rules.extended {
            return self.not_drift(rule);
        }
        if spot.live.is_none() {
            return self.missing(spot);
        }
        let desired = || spot.declared.map(Node::to_json);
        let mut reasons = Vec::new();
        let exactness = exactness(ty, rules, spot.clone(), &mut reasons);
        if !matches!(exactness, Exactness::Different) {
            for rule in reasons {
                self.not_drift(rule);
            }
        }
        match exactness {
            Exactness::Same => self.say(Verdict::Same),
            Exactness::NotStored(gate) => {
                let finding = self.finding(Class::Changed, spot, desired(), set(desired()));
                self.say(Verdict::NotStored(gate, finding));
            }
            Exactness::Different => {
                let kept = desired().map(|value| keep_ignored(value, spot.live, &spot.ignore));
                let kept = kept.map(|value| match rules.extended {
                    Some(_) => with_extension(value, spot.live),
                    None => value,
                });
                let finding = self.finding(Class::Changed, spot, desired(), set(kept));
                self.say(Verdict::Drift(finding));
            }
        }
    }
}

/// A declared list before what the server has appended to it, where all of it is live in another order.
fn with_extension(desired: Value, live: Option<&Value>) -> Value {
    match (desired, live) {
        (Value::Array(mut items), Some(Value::Array(live)))
            if items.iter().all(|item| live.contains(item)) =>
        {
            let rest: Vec<Value> = live
                .iter()
                .filter(|item| !items.contains(item))
                .cloned()
                .collect();
            items.extend(rest);
            Value::Array(items)
        }
        (desired, _) => desired,
    }
}

/// Compares a value as a whole: what is live and not declared counts, and the server's defaults are filled in. The rules
/// that made something no difference go to `reasons`.
fn exactness(
    ty: &Type,
    rules: &'static Rules,
    spot: Spot<'_>,
    reasons: &mut Vec<RuleId>,
) -> Exactness {
    let spot = Spot {
        last: None,
        applied: None,
        ..spot
    };
    if let Type::List { item, .. } = ty {
        return list_exactness(item, rules, &spot, reasons);
    }
    let mut exactness = Exactness::Same;
    let mut sink = |verdict: Verdict| match (verdict, exactness) {
        (Verdict::NotDrift(rule), _) => reasons.push(rule),
        (Verdict::Drift(_), _) => exactness = Exactness::Different,
        (Verdict::NotStored(gate, _), Exactness::Same) => exactness = Exactness::NotStored(gate),
        _ => {}
    };
    let mut walk = Walk::new(true, &mut sink);
    match ty {
        Type::Struct(ty) => walk.structure(*ty, &spot),
        Type::Map { value, .. } => walk.map(value, rules, &spot),
        Type::Scalar(scalar) => walk.scalar(*scalar, rules, true, &spot),
        Type::List { .. } | Type::Any => {}
    }
    exactness
}

fn list_exactness<'a>(
    item: &Type,
    rules: &'static Rules,
    spot: &Spot<'a>,
    reasons: &mut Vec<RuleId>,
) -> Exactness {
    let declared: Vec<Node<'a>> = spot.declared.into_iter().flat_map(Node::items).collect();
    let live = spot.live_items();
    let mut compare = |declared: Node<'a>, live: &'a Value| {
        let spot = Spot {
            declared: Some(declared),
            live: Some(live),
            last: None,
            applied: None,
            ignore: Ignore::default(),
        };
        exactness(item, rules, spot, reasons)
    };
    let has_room = match rules.extended {
        Some(_) => declared.len() <= live.len(),
        None => declared.len() == live.len(),
    };
    if !has_room {
        return Exactness::Different;
    }
    let mut whole = Exactness::Same;
    for (node, value) in declared.iter().zip(live) {
        match compare(*node, value) {
            Exactness::Same => {}
            Exactness::NotStored(gate) => whole = Exactness::NotStored(gate),
            Exactness::Different => {
                let alike = |node, value| matches!(compare(node, value), Exactness::Same);
                let is_free = rules.order == Order::Free && rules.extended.is_none();
                let is_same = is_free && is_permutation(item, &declared, live, alike);
                return if is_same {
                    Exactness::Same
                } else {
                    Exactness::Different
                };
            }
        }
    }
    whole
}

/// Whether each declared item has a live one of its own, wherever it stands.
fn is_permutation<'a>(
    ty: &Type,
    declared: &[Node<'a>],
    live: &'a [Value],
    mut alike: impl FnMut(Node<'a>, &'a Value) -> bool,
) -> bool {
    let mut left: HashMap<u64, Vec<&Value>> = HashMap::new();
    for value in live {
        let fingerprint = fingerprint::of(ty, Side::Live(value));
        left.entry(fingerprint).or_default().push(value);
    }
    declared.iter().all(|node| {
        let fingerprint = fingerprint::of(ty, Side::Declared(*node));
        let Some(left) = left.get_mut(&fingerprint) else {
            return false;
        };
        let found = left.iter().position(|value| alike(*node, value));
        found.map(|at| left.swap_remove(at)).is_some()
    })
}
