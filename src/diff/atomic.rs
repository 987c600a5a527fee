//! Atomic values: compared and replaced as a whole.

use std::collections::HashMap;

use serde_json::Value;

use super::finding::{keep_ignored, set};
use super::fingerprint::{self, Side};
use super::unstored::Unstored;
use super::walk::{Spot, Walk, is_empty};
use super::{Class, Verdict};
use crate::path::Ignore;
use crate::schema::{Order, Rules, Type};
use crate::yaml::Node;

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
        let mut quiet = Vec::new();
        if is_exact(ty, rules, spot.clone(), self.unstored, &mut quiet) {
            for verdict in quiet {
                self.say(verdict);
            }
            return self.say(Verdict::Same);
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
        self.say(Verdict::Drift(finding));
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

/// Whether a live value is what the server makes of the declared one, nothing more and nothing less: what is live and not
/// declared counts, and the server's defaults are filled in. Why something is no difference goes to `quiet`.
fn is_exact<'a>(
    ty: &Type,
    rules: &'static Rules,
    spot: Spot<'a>,
    unstored: Option<&'a Unstored>,
    quiet: &mut Vec<Verdict>,
) -> bool {
    let spot = Spot {
        last: None,
        applied: None,
        ..spot
    };
    if let Type::List { item, .. } = ty {
        return is_exact_list(item, rules, &spot, unstored, quiet);
    }
    let mut is_exact = true;
    let mut sink = |verdict: Verdict| match verdict {
        Verdict::NotDrift(_) | Verdict::NotStored(_) => quiet.push(verdict),
        Verdict::Drift(_) => is_exact = false,
        Verdict::Same | Verdict::UnknownLive(_) => {}
    };
    let mut walk = Walk::new(true, &mut sink);
    walk.unstored = unstored;
    match ty {
        Type::Struct(ty) => walk.structure(*ty, &spot),
        Type::Map { value, .. } => walk.map(value, rules, &spot),
        Type::Scalar(scalar) => walk.scalar(*scalar, rules, true, &spot),
        Type::List { .. } | Type::Any => {}
    }
    is_exact
}

fn is_exact_list<'a>(
    item: &Type,
    rules: &'static Rules,
    spot: &Spot<'a>,
    unstored: Option<&'a Unstored>,
    quiet: &mut Vec<Verdict>,
) -> bool {
    let declared: Vec<Node<'a>> = spot.declared.into_iter().flat_map(Node::items).collect();
    let live = spot.live_items();
    let mut is_alike = |declared: Node<'a>, live: &'a Value| {
        let spot = Spot {
            declared: Some(declared),
            live: Some(live),
            last: None,
            applied: None,
            ignore: Ignore::default(),
        };
        is_exact(item, rules, spot, unstored, quiet)
    };
    let has_room = match rules.extended {
        Some(_) => declared.len() <= live.len(),
        None => declared.len() == live.len(),
    };
    let mut pairs = declared.iter().zip(live);
    if !has_room {
        false
    } else if pairs.all(|(node, value)| is_alike(*node, value)) {
        true
    } else {
        let is_free = rules.order == Order::Free && rules.extended.is_none();
        is_free && is_permutation(item, &declared, live, is_alike)
    }
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
