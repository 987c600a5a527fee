//! The order of a keyed list's items, where it has a meaning.

use std::borrow::Cow;

use serde_json::Value;

use super::walk::{Spot, Walk};
use super::{Class, Edit, Verdict};
use crate::schema::{Order, Rules};
use crate::yaml::Node;

impl<'a> Walk<'_, 'a> {
    /// Tells a list whose declared items stand in another order. Only their order among themselves counts.
    pub(super) fn order(
        &mut self,
        names: &[Cow<'a, str>],
        declared: &[Node<'a>],
        partner: &[Option<usize>],
        rules: &'static Rules,
        spot: &Spot<'a>,
    ) {
        let first = match rules.order {
            Order::Free => return,
            Order::Whole => Some(0),
            Order::References => first_reference(declared, names),
        };
        let Some(first) = first else { return };
        let matched: Vec<(usize, usize)> = partner
            .iter()
            .enumerate()
            .filter_map(|(i, j)| j.map(|j| (i, j)))
            .collect();
        if is_in_order(&matched, first) {
            return;
        }
        let mut live = matched.clone();
        live.sort_by_key(|(_, j)| *j);
        let list = |order: &[(usize, usize)]| {
            order
                .iter()
                .map(|(i, _)| names[*i].as_ref())
                .collect::<Value>()
        };
        let edit = Edit::Permute(matched.iter().map(|(_, j)| *j).collect());
        let mut finding = self.finding(Class::Changed, spot, Some(list(&matched)), edit);
        finding.live = Some(list(&live));
        self.say(Verdict::Drift(finding));
    }
}

/// Whether the live items stand as declared from the declared position `first` on, and no other stands among them.
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
    declared.iter().enumerate().position(|(i, node)| {
        let text = node.get("value").and_then(Node::as_str).unwrap_or_default();
        references(text).any(|name| {
            names
                .iter()
                .enumerate()
                .any(|(k, other)| k != i && other == name)
        })
    })
}

/// The names in `$(NAME)`; `$$` stands for a dollar sign (third_party/forked/golang/expansion).
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
    fn orders() {
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
