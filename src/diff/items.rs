//! The items of keyed lists.

use std::rc::Rc;

use super::applied::Applied;
use super::keyed::{ItemSides, KeyedItems};
use super::order::Arrangement;
use super::pairs::{Identities, Matching};
use super::walk::{Spot, Step, Walk};
use super::{Class, Edit, InsertAt, Origin, Verdict};
use crate::schema::{MATCHED_IN_ORDER, Rules, StructRef, Type};
use crate::yaml::Node;

/// The items of one list in a walk.
struct WalkedItems<'a> {
    items: Rc<KeyedItems<'a>>,
    /// For each live item, what the last apply declared of it.
    last: Vec<Option<Node<'a>>>,
}

impl<'a> WalkedItems<'a> {
    fn of(ty: StructRef, keys: &'static [&'static str], rules: &Rules, spot: &Spot<'a>) -> Self {
        let nodes = |list: Option<Node<'a>>| list.into_iter().flat_map(Node::items).collect();
        let (declared, applied): (Vec<_>, Vec<_>) = (nodes(spot.declared), nodes(spot.last));
        let items = KeyedItems::of(ty.get(), keys, rules.last_wins, declared, spot.live_items());
        let last = if applied.is_empty() {
            vec![None; items.live.len()]
        } else {
            let in_order = MATCHED_IN_ORDER.contains(&ty.get().name);
            let side = Identities::of_declared(ty.get(), keys, &applied);
            let pairs = Matching::of(&side, &items.of_live, rules.last_wins, in_order);
            let last = pairs.of_second.iter().map(|k| k.map(|k| applied[k]));
            last.collect()
        };
        Self {
            items: Rc::new(items),
            last,
        }
    }

    /// The place of an item and the step that leads to it. `after` is the declared item before an undeclared one.
    fn enter(
        &self,
        item: ItemSides,
        after: Option<usize>,
        list: &Spot<'a>,
    ) -> (Spot<'a>, Step<'a>) {
        let items = &self.items;
        let applied = |j: usize| list.applied?.item(items.keys, &items.live[j]);
        let spot = Spot {
            declared: item.declared.map(|i| items.declared[i]),
            live: item.live.map(|j| &items.live[j]),
            last: item.live.and_then(|j| self.last[j]),
            applied: item.live.and_then(applied),
            ignore: items.ignore(item, &list.ignore),
        };
        let step = Step::Item {
            list: Rc::clone(items),
            item,
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
        let walked = WalkedItems::of(*ty, keys, rules, spot);
        let items = &walked.items;
        let names = &items.of_declared.names;
        let arrangement = Arrangement::of(&items.declared, names, &items.pairs, rules);
        let enclosing = self.enter(spot.declared);
        for i in 0..items.declared.len() {
            let (inner, step) = walked.enter(items.sides(i), None, spot);
            let place = arrangement.places.get(i).copied();
            self.steps.push(step);
            self.declared_item(*ty, place.unwrap_or(InsertAt::End), i, &inner);
            self.steps.pop();
        }
        let referred_to = arrangement.referred_to(&items.of_live.names);
        let mut after = None;
        for j in 0..items.live.len() {
            if let Some(i) = items.pairs.of_second[j] {
                after = Some(i);
                continue;
            }
            let item = ItemSides {
                declared: None,
                live: Some(j),
            };
            let (inner, step) = walked.enter(item, after, spot);
            self.steps.push(step);
            self.undeclared_item(*ty, referred_to.contains(&j), &inner);
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
