//! The order of a keyed list's items, if it has a meaning, and the references between them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::pairs::Matching;
use super::walk::{Spot, Walk};
use super::{Class, Edit, InsertAt, Verdict};
use crate::schema::{Order, RuleId, Rules};
use crate::yaml::Node;

/// The order of a list's items on both sides.
pub(super) struct Arrangement<'l, 'a> {
    declared: &'l [Node<'a>],
    names: &'l [Cow<'a, str>],
    pairs: &'l Matching,
    rules: &'static Rules,
    /// The positions on both sides of the declared items that are live, in declared order.
    matched: Vec<(usize, usize)>,
    /// Whether the live ones are in another order.
    is_permuted: bool,
    /// For each declared item that is not live, where to insert it.
    pub(super) places: Vec<InsertAt>,
}

impl<'l, 'a> Arrangement<'l, 'a> {
    pub(super) fn of(
        declared: &'l [Node<'a>],
        names: &'l [Cow<'a, str>],
        pairs: &'l Matching,
        rules: &'static Rules,
    ) -> Self {
        let first = match rules.order {
            Order::Free => None,
            Order::Whole => Some(0),
            Order::References => first_reference(declared, names),
        };
        let first = first.unwrap_or(declared.len());
        let partners = pairs.of_first.iter().enumerate();
        let matched: Vec<(usize, usize)> =
            partners.filter_map(|(i, j)| j.map(|j| (i, j))).collect();
        let mut arrangement = Self {
            is_permuted: !is_in_order(&matched, first),
            declared,
            names,
            pairs,
            rules,
            matched,
            places: Vec::new(),
        };
        if arrangement.matched.len() < declared.len() {
            arrangement.places = arrangement.places_of_missing(first);
        }
        arrangement
    }

    /// Where to insert the items that are not live: after the item that precedes them in the manifest. From the
    /// declared position `first` on, each follows all items declared before it.
    fn places_of_missing(&self, first: usize) -> Vec<InsertAt> {
        let mut places = vec![InsertAt::End; self.declared.len()];
        let (mut previous, mut highest) = (None, None);
        for (i, partner) in self.pairs.of_first.iter().enumerate() {
            if i == first && !self.is_permuted {
                previous = highest;
            }
            match (partner, previous) {
                (Some(j), _) => (previous, highest) = (Some(*j), highest.max(Some(*j))),
                (None, Some(j)) => places[i] = InsertAt::After(j),
                (None, None) => {}
            }
        }
        let mut next = None;
        let mut next_of_name: HashMap<&str, usize> = HashMap::new();
        for (i, partner) in self.pairs.of_first.iter().enumerate().rev() {
            let name = self.names[i].as_ref();
            if let Some(j) = *partner {
                next = Some(j);
                if self.rules.last_wins && i < first {
                    next_of_name.insert(name, j);
                }
            } else if let Some(j) = next_of_name.get(name) {
                places[i] = InsertAt::Before(*j);
            } else if let (InsertAt::End, Some(j)) = (places[i], next) {
                places[i] = InsertAt::Before(j);
            }
        }
        places
    }

    /// The names of the declared items that are live, in declared and in live order; positions for items without a
    /// name.
    fn names_in_order(&self) -> (Value, Value) {
        let mut live = self.matched.clone();
        live.sort_by_key(|(_, j)| *j);
        let name = |(i, _): &(usize, usize)| match self.names[*i].as_ref() {
            "" => Value::from(*i),
            name => Value::from(name),
        };
        let list = |order: &[(usize, usize)]| order.iter().map(name).collect::<Value>();
        (list(&self.matched), list(&live))
    }

    /// The position of each live item after the declared ones have been put in order.
    fn places_in_order(&self, live: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..live).collect();
        if self.is_permuted {
            let mut held: Vec<usize> = self.matched.iter().map(|(_, j)| *j).collect();
            held.sort_unstable();
            for (place, (_, j)) in held.into_iter().zip(&self.matched) {
                places[*j] = place;
            }
        }
        places
    }

    /// The undeclared live items that give `$(NAME)` in a declared item its value: of the items with that name before
    /// it, the last one counts. Includes those that do so now and those that will once the declared items are in order.
    pub(super) fn referred_to(&self, live_names: &[Cow<'_, str>]) -> HashSet<usize> {
        let mut found = HashSet::new();
        if self.pairs.of_second.iter().all(Option::is_some) {
            return found;
        }
        let is_reference = |node: &Node<'_>| references(value_of(*node)).next().is_some();
        if self.rules.order != Order::References || !self.declared.iter().any(is_reference) {
            return found;
        }
        let now: Vec<usize> = (0..live_names.len()).collect();
        self.find_referred_to(live_names, &now, &mut found);
        if self.is_permuted {
            self.find_referred_to(live_names, &self.places_in_order(now.len()), &mut found);
        }
        found
    }

    /// Like [`Self::referred_to`], with each live item at the given place.
    fn find_referred_to(
        &self,
        live_names: &[Cow<'_, str>],
        places: &[usize],
        found: &mut HashSet<usize>,
    ) {
        let declared = |i: usize| match (self.pairs.of_first[i], self.places.get(i)) {
            (Some(j), _) => (places[j], 1),
            (None, Some(InsertAt::Before(j))) => (places[*j], 0),
            (None, Some(InsertAt::After(j))) => (places[*j], 2),
            (None, Some(InsertAt::End) | None) => (places.len(), 0),
        };
        let undeclared = (0..places.len()).filter(|j| self.pairs.of_second[*j].is_none());
        let mut all: Vec<((usize, u8), Result<usize, usize>)> = (0..self.declared.len())
            .map(|i| (declared(i), Ok(i)))
            .chain(undeclared.map(|j| ((places[j], 1), Err(j))))
            .collect();
        all.sort_by_key(|(place, _)| *place);
        // For each name, the item that currently counts, if it is undeclared.
        let mut latest: HashMap<&str, Option<usize>> = HashMap::new();
        for (_, item) in all {
            match item {
                Ok(i) => {
                    let names = references(value_of(self.declared[i]));
                    found.extend(names.filter_map(|name| latest.get(name).copied().flatten()));
                    latest.insert(self.names[i].as_ref(), None);
                }
                Err(j) => drop(latest.insert(live_names[j].as_ref(), Some(j))),
            }
        }
    }
}

impl<'a> Walk<'_, 'a> {
    /// Reports a list whose declared items are in another order. Only their relative order counts.
    pub(super) fn order(&mut self, arrangement: &Arrangement<'_, 'a>, spot: &Spot<'a>) {
        let matched = &arrangement.matched;
        if !arrangement.is_permuted {
            if self.lists_suppressed && !matched.is_sorted_by_key(|(_, j)| *j) {
                let (desired, live) = arrangement.names_in_order();
                self.other_order(desired, live, spot);
            }
            return;
        }
        let (desired, live) = arrangement.names_in_order();
        let edit = Edit::Permute(matched.iter().map(|(_, j)| *j).collect());
        let mut finding = self.finding(Class::Changed, spot, Some(desired), edit);
        finding.live = Some(live);
        self.emit(Verdict::Drift(finding));
    }

    /// Reports items in another order as no drift.
    pub(super) fn other_order(&mut self, desired: Value, live: Value, spot: &Spot<'a>) {
        let mut finding = self.finding(Class::Changed, spot, Some(desired), Edit::Nothing);
        finding.live = Some(live);
        self.emit(Verdict::NotDrift(RuleId::FREE_ORDER, Some(finding)));
    }
}

/// Whether the live items are in declared order from the declared position `first` on, with no other items among them.
fn is_in_order(matched: &[(usize, usize)], first: usize) -> bool {
    let split = matched.partition_point(|(i, _)| *i < first);
    let (free, fixed) = matched.split_at(split);
    let highest_free = free.iter().map(|(_, j)| *j).max();
    let lowest_fixed = fixed.first().map(|(_, j)| *j);
    let apart = match (highest_free, lowest_fixed) {
        (Some(free), Some(fixed)) => free < fixed,
        _ => true,
    };
    apart && fixed.is_sorted_by_key(|(_, j)| *j)
}

/// The first item whose value refers to another item of the list by `$(NAME)`.
fn first_reference(declared: &[Node<'_>], names: &[Cow<'_, str>]) -> Option<usize> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    declared.iter().zip(names).position(|(node, own)| {
        let others =
            |name| counts.get(name).copied().unwrap_or_default() - usize::from(own == name);
        references(value_of(*node)).any(|name| others(name) > 0)
    })
}

fn value_of(node: Node<'_>) -> &str {
    node.get("value").and_then(Node::as_str).unwrap_or_default()
}

/// The names in `$(NAME)`; `$$` is an escaped dollar sign (third_party/forked/golang/expansion).
fn references(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let dollar = rest.find('$')?;
            rest = &rest[dollar + 1..];
            if let Some(escaped) = rest.strip_prefix('$') {
                rest = escaped;
            } else if let Some(inner) = rest.strip_prefix('(') {
                let end = inner.find(')')?;
                rest = &inner[end + 1..];
                return Some(&inner[..end]);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_references() {
        let names = |text| references(text).collect::<Vec<_>>();
        assert_eq!(names("a$(B)$(C)d"), ["B", "C"]);
        assert!(names("$$(B) $ ( $(").is_empty());
        assert_eq!(names("$$$(B)"), ["B"]);
    }

    #[test]
    fn live_items_are_in_order_only_with_none_between_them() {
        for (matched, first, expected) in [
            (vec![(0, 0), (1, 1), (2, 2)], 0, true),
            (vec![(0, 0), (1, 5), (2, 7)], 0, true),
            (vec![(0, 1), (1, 0)], 0, false),
            (vec![(0, 1), (1, 0), (2, 2)], 2, true),
            (vec![(0, 1), (1, 2), (2, 0)], 2, false),
            (vec![(0, 0), (1, 2), (2, 1)], 1, false),
            (vec![], 0, true),
        ] {
            assert_eq!(
                is_in_order(&matched, first),
                expected,
                "{matched:?} from {first}"
            );
        }
    }
}
