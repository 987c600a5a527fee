//! Atomic values: compared and replaced as a whole.

use std::collections::HashMap;

use serde_json::Value;

use super::finding::{keep_ignored, set};
use super::fingerprint::{self, Side};
use super::walk::{Spot, Step, Walk, is_empty};
use super::{Class, Edit, Verdict};
use crate::path::Ignore;
use crate::schema::{Order, RuleId, Rules, Type};
use crate::yaml::Node;

impl<'a> Walk<'_, 'a> {
    /// A declared value that is compared and replaced as a whole.
    pub(super) fn atomic(&mut self, ty: &Type, rules: &'static Rules, spot: &Spot<'a>) {
        let is_empty = spot.declared.is_some_and(is_empty);
        if is_empty && spot.live.is_none() && !matches!(ty, Type::Struct(_)) {
            return self.alike(RuleId::EMPTY_VALUE, spot);
        }
        if is_empty && let Some(rule) = rules.extended {
            return self.not_drift(rule, spot);
        }
        if spot.live.is_none() {
            return self.missing(spot);
        }
        let mut quiet = Vec::new();
        if self.is_exact(ty, rules, spot.clone(), None, &mut quiet) {
            for verdict in quiet {
                self.emit(verdict);
            }
            return match rules.extended {
                Some(rule) => self.alike(rule, spot),
                None => self.emit(Verdict::Same),
            };
        }
        let desired = self.stored(spot);
        let kept = desired
            .clone()
            .map(|value| keep_ignored(value, spot.live, &spot.ignore));
        let kept = kept.map(|value| match rules.extended {
            Some(_) => with_extension(value, spot.live),
            None => value,
        });
        let finding = self.finding(Class::Changed, spot, desired, set(kept));
        self.emit(Verdict::Drift(finding));
    }
}

/// A declared list followed by what the server has appended to it, if all declared items are live in another order.
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

impl<'a> Walk<'_, 'a> {
    /// Whether a live value is exactly what the server makes of the declared one: undeclared live values count as
    /// differences, and the server's defaults are filled in first. `item` has the positions of the values in a list.
    /// The reasons why something is no difference go to `quiet`.
    fn is_exact(
        &self,
        ty: &Type,
        rules: &'static Rules,
        spot: Spot<'a>,
        item: Option<(usize, usize)>,
        quiet: &mut Vec<Verdict>,
    ) -> bool {
        let spot = Spot {
            last: None,
            applied: None,
            ..spot
        };
        if let Type::List { item, .. } = ty {
            return self.is_exact_list(item, rules, &spot, quiet);
        }
        let mut is_exact = true;
        let mut sink = |verdict: Verdict| match verdict {
            Verdict::NotDrift(..) | Verdict::NotStored(_) | Verdict::LeftOut(_) => {
                quiet.push(verdict);
            }
            Verdict::Drift(_) => is_exact = false,
            Verdict::Same | Verdict::UnknownLive(_) => {}
        };
        let mut walk = Walk::new(true, &mut sink);
        walk.unstored = self.unstored;
        if self.lists_suppressed {
            walk.lists_suppressed = true;
            walk.enclosing = self.enclosing;
            walk.steps.clone_from(&self.steps);
            let position = item.map(|(i, j)| Step::Position(i, j));
            walk.steps.extend(position);
        }
        match ty {
            Type::Struct(ty) => walk.structure(*ty, &spot),
            Type::Map { value, .. } => walk.map(value, rules, &spot),
            Type::Scalar(scalar) => walk.scalar(*scalar, rules, true, &spot),
            Type::List { .. } | Type::Any => {}
        }
        is_exact
    }

    fn is_exact_list(
        &self,
        item: &Type,
        rules: &'static Rules,
        spot: &Spot<'a>,
        quiet: &mut Vec<Verdict>,
    ) -> bool {
        let declared: Vec<Node<'a>> = spot.declared.into_iter().flat_map(Node::items).collect();
        let live = spot.live_items();
        let before = quiet.len();
        let is_alike = |i: usize, j: usize, quiet: &mut Vec<Verdict>| {
            let before = quiet.len();
            let spot = Spot {
                declared: Some(declared[i]),
                live: Some(&live[j]),
                last: None,
                applied: None,
                ignore: Ignore::default(),
            };
            let is_alike = self.is_exact(item, rules, spot, Some((i, j)), quiet);
            if !is_alike {
                quiet.truncate(before);
            }
            is_alike
        };
        let has_room = match rules.extended {
            Some(_) => declared.len() <= live.len(),
            None => declared.len() == live.len(),
        };
        if !has_room {
            return false;
        }
        if (0..declared.len()).all(|at| is_alike(at, at, quiet)) {
            return true;
        }
        quiet.truncate(before);
        if rules.order != Order::Free || rules.extended.is_some() {
            return false;
        }
        let is_permutation = is_permutation(item, &declared, live, |i, j| is_alike(i, j, quiet));
        if is_permutation && self.lists_suppressed {
            let desired = spot.declared.map(Node::to_json);
            let mut finding = self.finding(Class::Changed, spot, desired, Edit::Nothing);
            finding.live = spot.live.cloned();
            quiet.push(Verdict::NotDrift(RuleId::FREE_ORDER, Some(finding)));
        }
        is_permutation
    }
}

/// Whether each declared item has a live counterpart, at any position.
fn is_permutation(
    ty: &Type,
    declared: &[Node<'_>],
    live: &[Value],
    mut alike: impl FnMut(usize, usize) -> bool,
) -> bool {
    let mut left: HashMap<u64, Vec<usize>> = HashMap::new();
    for (j, value) in live.iter().enumerate() {
        let fingerprint = fingerprint::of(ty, Side::Live(value));
        left.entry(fingerprint).or_default().push(j);
    }
    declared.iter().enumerate().all(|(i, node)| {
        let fingerprint = fingerprint::of(ty, Side::Declared(*node));
        let Some(left) = left.get_mut(&fingerprint) else {
            return false;
        };
        let found = left.iter().position(|j| alike(i, *j));
        found.map(|at| left.swap_remove(at)).is_some()
    })
}
