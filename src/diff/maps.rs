//! The keys of maps.

use serde_json::Value;

use super::walk::{Spot, Step, Walk};
use super::{Class, Origin};
use crate::normalize::Plain;
use crate::schema::{KeyRow, RuleId, Rules, Type};
use crate::yaml::Node;

impl<'a> Walk<'_, 'a> {
    /// Compares the keys of a map.
    pub(super) fn map(&mut self, value: &Type, rules: &'static Rules, spot: &Spot<'a>) {
        let entries = spot.declared.into_iter().flat_map(Node::entries);
        let mut declared: Vec<(&'a str, Node<'a>)> =
            entries.map(|entry| (entry.key, entry.value)).collect();
        declared.sort_unstable_by_key(|(key, _)| *key);
        let enclosing = self.enter(spot.declared);
        for &(key, node) in &declared {
            let live = spot.live.and_then(|live| live.get(key));
            let last = spot.last.and_then(|last| last.get(key));
            let applied = spot.applied.and_then(|applied| applied.field(key));
            let inner = Spot {
                declared: Some(node),
                live,
                last,
                applied,
                ignore: spot.ignore.key(key),
            };
            self.steps.push(Step::Key(key));
            self.declared_key(key, value, rules, &inner);
            self.steps.pop();
        }
        if let Some(Value::Object(live)) = spot.live {
            let is_declared = |key: &str| declared.binary_search_by_key(&key, |(key, _)| key);
            for (key, live) in live.iter().filter(|(key, _)| is_declared(key).is_err()) {
                let last = spot.last.and_then(|last| last.get(key));
                let applied = spot.applied.and_then(|applied| applied.field(key));
                let inner = Spot {
                    declared: None,
                    live: Some(live),
                    last,
                    applied,
                    ignore: spot.ignore.key(key),
                };
                self.steps.push(Step::Key(key));
                self.undeclared_key(key, rules, &inner);
                self.steps.pop();
            }
        }
        self.enclosing = enclosing;
    }

    pub(super) fn declared_key(
        &mut self,
        key: &str,
        ty: &Type,
        rules: &'static Rules,
        spot: &Spot<'a>,
    ) {
        if spot.ignore.here() {
            return self.ignored(spot, |walk, spot| walk.declared_key(key, ty, rules, spot));
        }
        let text = spot.declared.and_then(Node::as_str);
        if let Some(row) = key_row(rules.keys, key, text).filter(|row| row.owned) {
            return self.not_drift(row.id(), spot);
        }
        if let Type::Scalar(scalar) = ty {
            // The server stores the zero for a key without a value; `kubectl apply` leaves the key out.
            let is_null = spot.declared.is_some_and(Node::is_null);
            if is_null
                && spot
                    .live
                    .is_none_or(|live| Plain::from(live).is_zero(*scalar))
            {
                return self.alike(RuleId::EMPTY_VALUE, spot);
            }
            self.scalar(*scalar, rules, true, spot);
        }
    }

    pub(super) fn undeclared_key(&mut self, key: &str, rules: &'static Rules, spot: &Spot<'a>) {
        if spot.ignore.here() {
            return self.ignored(spot, |walk, spot| walk.undeclared_key(key, rules, spot));
        }
        let text = spot.live.and_then(Value::as_str);
        match key_row(rules.keys, key, text) {
            Some(row) => self.not_drift(row.id(), spot),
            None if spot.was_declared() => {
                self.report_removal(Class::Removed, Origin::Declared, spot);
            }
            None => self.extra(spot),
        }
    }
}

/// The row for a key of a map.
fn key_row(rows: &'static [KeyRow], key: &str, value: Option<&str>) -> Option<&'static KeyRow> {
    rows.iter().find(|row| row.applies_to(key, value))
}
