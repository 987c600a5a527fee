//! The items of a keyed list on both sides: which of them match, and the path that selects one of them and no other.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::Hash;

use serde_json::Value;

use super::pairs::{Identities, Matching, live_text, of_item};
use crate::path::{Ignore, ItemSelector};
use crate::schema::{MATCHED_IN_ORDER, Struct};
use crate::yaml::Node;

/// The positions of one item in the declared and in the live list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ItemSides {
    pub(super) declared: Option<usize>,
    pub(super) live: Option<usize>,
}

/// The items of a keyed list on both sides, and which of them match.
pub(super) struct KeyedItems<'a> {
    ty: &'static Struct,
    pub(super) keys: &'static [&'static str],
    pub(super) declared: Vec<Node<'a>>,
    pub(super) live: &'a [Value],
    pub(super) of_declared: Identities<'a>,
    pub(super) of_live: Identities<'a>,
    /// The pairs of declared and live items.
    pub(super) pairs: Matching,
    /// Of names and of keys. Only paths need them.
    turns: OnceCell<[Turns; 2]>,
}

impl<'a> KeyedItems<'a> {
    /// With `last_wins`, of several items with the same key the last ones match.
    pub(super) fn of(
        ty: &'static Struct,
        keys: &'static [&'static str],
        last_wins: bool,
        declared: Vec<Node<'a>>,
        live: &'a [Value],
    ) -> Self {
        let of_declared = Identities::of_declared(ty, keys, &declared);
        let of_live = Identities::of_live(keys, live);
        let in_order = MATCHED_IN_ORDER.contains(&ty.name);
        let pairs = Matching::of(&of_declared, &of_live, last_wins, in_order);
        Self {
            ty,
            keys,
            declared,
            live,
            of_declared,
            of_live,
            pairs,
            turns: OnceCell::new(),
        }
    }

    /// A declared item, with the live one that matches it.
    pub(super) fn sides(&self, i: usize) -> ItemSides {
        ItemSides {
            declared: Some(i),
            live: self.pairs.of_first[i],
        }
    }

    /// The items in the order of their turns: the live ones, then the missing ones.
    fn all(&self) -> impl Iterator<Item = ItemSides> {
        let live = self.pairs.of_second.iter().enumerate();
        let live = live.map(|(j, declared)| ItemSides {
            declared: *declared,
            live: Some(j),
        });
        let missing = (0..self.declared.len()).map(|i| self.sides(i));
        live.chain(missing.filter(|item| item.live.is_none()))
    }

    /// Whether an item has all of these texts in its fields, on one side.
    fn has(&self, item: ItemSides, fields: &[(String, String)]) -> bool {
        let is_declared_with = |i: usize| {
            let mut fields = fields.iter();
            fields.all(|(field, text)| of_item(self.ty, self.declared[i], field) == *text)
        };
        let is_live_with = |j: usize| {
            let mut fields = fields.iter();
            fields.all(|(field, text)| live_text(&self.live[j], field) == *text)
        };
        item.declared.is_some_and(is_declared_with) || item.live.is_some_and(is_live_with)
    }

    fn is_selected(&self, item: ItemSides, selector: &ItemSelector) -> bool {
        let mut alike = self
            .all()
            .filter(|other| self.has(*other, &selector.fields));
        let is_turn = |turn| alike.nth(turn) == Some(item);
        self.has(item, &selector.fields) && selector.turn.is_none_or(is_turn)
    }

    /// The rules below an item.
    pub(super) fn ignore<'r>(&self, item: ItemSides, rules: &Ignore<'r>) -> Ignore<'r> {
        let position = item.declared.or(item.live);
        rules.item(
            |at| position == Some(at),
            |selector| self.is_selected(item, selector),
        )
    }

    /// The shortest selector of an item that selects no other one, declared or live: its name, else its key, else its
    /// turn among those of its key.
    pub(super) fn selector(&self, item: ItemSides) -> ItemSelector {
        let (side, index) = match item.declared {
            Some(i) => (&self.of_declared, i),
            None => (&self.of_live, item.live.unwrap_or_default()),
        };
        let [names, keys] = self.turns.get_or_init(|| {
            let (a, b) = (&self.of_declared, &self.of_live);
            [
                Turns::of(&a.names, &b.names, &self.pairs),
                Turns::of(&a.keys, &b.keys, &self.pairs),
            ]
        });
        let name = &side.names[index];
        if !name.is_empty() && names.turn(item).is_none() {
            return ItemSelector {
                fields: vec![("name".to_owned(), name.clone().into_owned())],
                turn: None,
            };
        }
        let fields = self.keys.iter().zip(&side.keys[index]);
        let fields = fields.map(|(key, text)| ((*key).to_owned(), text.clone().into_owned()));
        ItemSelector {
            fields: fields.collect(),
            turn: keys.turn(item),
        }
    }
}

/// For each item, its position among those that have the same text on either side; `None` if no other one has it.
struct Turns {
    of_declared: Vec<Option<usize>>,
    of_live: Vec<Option<usize>>,
}

impl Turns {
    fn of<K: Eq + Hash>(declared: &[K], live: &[K], pairs: &Matching) -> Self {
        let mut counts: HashMap<&K, usize> = HashMap::new();
        let mut count = |text| {
            let count = counts.entry(text).or_default();
            *count += 1;
            *count - 1
        };
        let (mut of_declared, mut of_live) = (vec![0; declared.len()], vec![0; live.len()]);
        for (j, text) in live.iter().enumerate() {
            let Some(i) = pairs.of_second[j] else {
                of_live[j] = count(text);
                continue;
            };
            of_declared[i] = count(&declared[i]);
            if declared[i] != *text {
                count(text);
            }
        }
        for (i, text) in declared.iter().enumerate() {
            if pairs.of_first[i].is_none() {
                of_declared[i] = count(text);
            }
        }
        let among_several = |texts: &[K], turns: Vec<usize>| {
            let each = texts.iter().zip(turns);
            each.map(|(text, turn)| (counts[text] > 1).then_some(turn))
                .collect()
        };
        Self {
            of_declared: among_several(declared, of_declared),
            of_live: among_several(live, of_live),
        }
    }

    fn turn(&self, item: ItemSides) -> Option<usize> {
        match (item.declared, item.live) {
            (Some(i), _) => self.of_declared[i],
            (None, Some(j)) => self.of_live[j],
            (None, None) => None,
        }
    }
}
