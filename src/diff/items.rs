//! The items of keyed lists.

use serde_json::Value;

use super::applied::Applied;
use super::order::Arrangement;
use super::pairs::{Identities, Matching, live_text, of_item};
use super::walk::{Spot, Step, Walk};
use super::{Class, Edit, InsertAt, Origin, Verdict};
use crate::schema::{MATCHED_IN_ORDER, Rules, Struct, StructRef, Type};
use crate::yaml::Node;

/// The items of a keyed list on both sides, and which of them match.
struct KeyedItems<'a> {
    ty: StructRef,
    keys: &'static [&'static str],
    declared: Vec<Node<'a>>,
    live: &'a [Value],
    of_declared: Identities<'a>,
    of_live: Identities<'a>,
    /// The pairs of declared and live items.
    pairs: Matching,
    /// For each live item, what the last apply declared of it.
    last: Vec<Option<Node<'a>>>,
}

impl<'a> KeyedItems<'a> {
    fn of(ty: StructRef, keys: &'static [&'static str], rules: &Rules, spot: &Spot<'a>) -> Self {
        let fields: &'static Struct = ty.get();
        let nodes = |list: Option<Node<'a>>| list.into_iter().flat_map(Node::items).collect();
        let (declared, applied): (Vec<_>, Vec<_>) = (nodes(spot.declared), nodes(spot.last));
        let live = spot.live_items();
        let of_declared = Identities::of_declared(fields, keys, &declared);
        let of_live = Identities::of_live(keys, live);
        let pair = |side: &Identities<'_>| {
            let in_order = MATCHED_IN_ORDER.contains(&fields.name);
            Matching::of(side, &of_live, rules.last_wins, in_order)
        };
        let pairs = pair(&of_declared);
        let last = if applied.is_empty() {
            vec![None; live.len()]
        } else {
            let with_applied = pair(&Identities::of_declared(fields, keys, &applied));
            let last = with_applied.of_second.iter().map(|k| k.map(|k| applied[k]));
            last.collect()
        };
        Self {
            ty,
            keys,
            declared,
            live,
            of_declared,
            of_live,
            pairs,
            last,
        }
    }

    fn applied(&self, j: usize, list: &Spot<'a>) -> Option<&'a Applied> {
        list.applied?.item(self.keys, &self.live[j])
    }

    /// The place of a declared item and the step that leads to it.
    fn declared(&self, i: usize, list: &Spot<'a>) -> (Spot<'a>, Step<'a>) {
        let (node, live_at) = (self.declared[i], self.pairs.of_first[i]);
        let ignore = list.ignore.item(
            |at| at == i,
            |key, text| {
                of_item(self.ty.get(), node, key) == text
                    || live_at.is_some_and(|j| live_text(&self.live[j], key) == text)
            },
        );
        let spot = Spot {
            declared: Some(node),
            live: live_at.map(|j| &self.live[j]),
            last: live_at.and_then(|j| self.last[j]),
            applied: live_at.and_then(|j| self.applied(j, list)),
            ignore,
        };
        let step = Step::Item {
            segment: self.of_declared.segment(i, self.keys),
            declared: Some(i),
            live: live_at,
            after: None,
        };
        (spot, step)
    }

    /// The place of an undeclared live item and the step that leads to it. `after` is the declared item before it.
    fn undeclared(&self, j: usize, after: Option<usize>, list: &Spot<'a>) -> (Spot<'a>, Step<'a>) {
        let item = &self.live[j];
        let ignore = list
            .ignore
            .item(|at| at == j, |key, text| live_text(item, key) == text);
        let spot = Spot {
            declared: None,
            live: Some(item),
            last: self.last[j],
            applied: self.applied(j, list),
            ignore,
        };
        let step = Step::Item {
            segment: self.of_live.segment(j, self.keys),
            declared: None,
            live: Some(j),
            after,
        };
        (spot, step)
    }
}

impl<'a> Walk<'_, 'a> {
    /// Compares the items of a keyed list.
    pub(super) fn items(
        &mut self,
        item: &'static Type,
        keys: &'static [&'static str],
        rules: &'static Rules,
        spot: &Spot<'a>,
    ) {
        let Type::Struct(ty) = item else { return };
        let items = KeyedItems::of(*ty, keys, rules, spot);
        let names = &items.of_declared.names;
        let arrangement = Arrangement::of(&items.declared, names, &items.pairs, rules);
        let enclosing = self.enter(spot.declared);
        for i in 0..items.declared.len() {
            let (inner, step) = items.declared(i, spot);
            let place = arrangement.places.get(i).copied();
            self.steps.push(step);
            self.declared_item(items.ty, place.unwrap_or(InsertAt::End), i, &inner);
            self.steps.pop();
        }
        let referred_to = arrangement.referred_to(&items.of_live.names);
        let mut after = None;
        for j in 0..items.live.len() {
            if let Some(i) = items.pairs.of_second[j] {
                after = Some(i);
                continue;
            }
            let (inner, step) = items.undeclared(j, after, spot);
            self.steps.push(step);
            self.undeclared_item(items.ty, referred_to.contains(&j), &inner);
            self.steps.pop();
        }
        self.enclosing = enclosing;
        self.order(&arrangement, spot);
    }

    /// Compares a declared item. If it is not live, a repair inserts it at `place`.
    fn declared_item(&mut self, ty: StructRef, place: InsertAt, rank: usize, spot: &Spot<'a>) {
        if spot.ignore.here() {
            return self.ignored(spot, |walk, spot| walk.declared_item(ty, place, rank, spot));
        }
        if self.is_not_stored(spot) {
            return;
        }
        if spot.live.is_some() {
            self.structure(ty, spot);
        } else {
            self.missing_item(rank, place, spot);
        }
    }

    /// Compares an undeclared live item.
    fn undeclared_item(&mut self, ty: StructRef, is_referred_to: bool, spot: &Spot<'a>) {
        if spot.ignore.here() {
            return self.ignored(spot, |walk, spot| {
                walk.undeclared_item(ty, is_referred_to, spot);
            });
        }
        if spot.last.is_some() || spot.applied.is_some_and(Applied::is_whole) {
            self.report_removal(Class::Removed, Origin::Declared, spot);
        } else if is_referred_to {
            self.report_removal(Class::Extra, Origin::Declared, spot);
        } else {
            if spot.applied.is_some() {
                self.removed_parts(ty, spot);
            }
            self.extra(spot);
        }
    }

    /// Reports an item that is not live; a repair inserts it where the manifest has it.
    fn missing_item(&mut self, rank: usize, place: InsertAt, spot: &Spot<'a>) {
        let item = self.stored(spot).unwrap_or_default();
        let edit = Edit::Insert {
            item: item.clone(),
            place,
            rank,
        };
        let mut finding = self.finding(Class::Missing, spot, Some(item), edit);
        finding.at.pop();
        self.emit(Verdict::Drift(finding));
    }
}
