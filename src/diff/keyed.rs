//! The items of a keyed list on both sides: which of them match, and the path that selects one of them and no other.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::Hash;

use serde_json::Value;

use super::pairs::{Identities, Matching, live_text, of_item};
use crate::path::{Ignore, ItemSelector, Segment};
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
    /// Only paths need them, and most only that of names.
    name_turns: OnceCell<Turns>,
    key_turns: OnceCell<Turns>,
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
            name_turns: OnceCell::new(),
            key_turns: OnceCell::new(),
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

    /// The segment of a path to an item, or to a field of it, that leads to no other finding: its name, else its key, else
    /// its position, else its turn among the items of its key.
    pub(super) fn segment(&self, item: ItemSides, is_end: bool) -> Segment {
        let (side, index) = match item.declared {
            Some(i) => (&self.of_declared, i),
            None => (&self.of_live, item.live.unwrap_or_default()),
        };
        let (a, b) = (&self.of_declared, &self.of_live);
        let of_names = || Turns::of(&a.names, &b.names, &self.pairs);
        let name = &side.names[index];
        if !name.is_empty() && self.name_turns.get_or_init(of_names).is_only(item, is_end) {
            return Segment::Item(ItemSelector {
                fields: vec![("name".to_owned(), name.clone().into_owned())],
                turn: None,
            });
        }
        let of_keys = || Turns::of(&a.keys, &b.keys, &self.pairs);
        let keys = self.key_turns.get_or_init(of_keys);
        let turn = keys.turn(item).filter(|_| !keys.is_only(item, is_end));
        if turn.is_some() && self.is_only_position(item) {
            return Segment::Index(index);
        }
        let fields = self.keys.iter().zip(&side.keys[index]);
        let fields = fields.map(|(key, text)| ((*key).to_owned(), text.clone().into_owned()));
        Segment::Item(ItemSelector {
            fields: fields.collect(),
            turn,
        })
    }

    /// Whether no other item has this position in a path, which is that in the manifest or, where it is not declared,
    /// in the live list.
    fn is_only_position(&self, item: ItemSides) -> bool {
        match item.declared {
            Some(i) => self.pairs.of_second.get(i).is_none_or(Option::is_some),
            None => item.live.is_some_and(|j| j >= self.declared.len()),
        }
    }
}

/// For each item, its position among those that have the same text on either side; `None` if no other one has it.
struct Turns {
    of_declared: Vec<Option<usize>>,
    of_live: Vec<Option<usize>>,
    /// Whether no other declared item, nor the live one that matches it, has the text of a declared one.
    is_only_declared: Vec<bool>,
}

impl Turns {
    fn of<K: Eq + Hash>(declared: &[K], live: &[K], pairs: &Matching) -> Self {
        let mut all = Counts::default();
        let (mut of_declared, mut of_live) = (vec![0; declared.len()], vec![0; live.len()]);
        for (j, text) in live.iter().enumerate() {
            match pairs.of_second[j] {
                Some(i) => of_declared[i] = all.count_both(&declared[i], text),
                None => of_live[j] = all.count(text),
            }
        }
        let mut of_manifest = Counts::default();
        for (i, text) in declared.iter().enumerate() {
            if let Some(j) = pairs.of_first[i] {
                of_manifest.count_both(text, &live[j]);
            } else {
                of_declared[i] = all.count(text);
                of_manifest.count(text);
            }
        }
        let among_several = |texts: &[K], turns: Vec<usize>| {
            let each = texts.iter().zip(turns);
            each.map(|(text, turn)| (!all.is_once(text)).then_some(turn))
                .collect()
        };
        Self {
            is_only_declared: declared.iter().map(|t| of_manifest.is_once(t)).collect(),
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

    /// Whether the text of an item is enough to tell its findings from those of others. What is not declared differs only
    /// as a whole, so it does not matter for a field of an item.
    fn is_only(&self, item: ItemSides, is_end: bool) -> bool {
        let among_declared = item.declared.filter(|_| !is_end);
        among_declared.is_some_and(|i| self.is_only_declared[i]) || self.turn(item).is_none()
    }
}

/// How many items have each text.
struct Counts<'k, K>(HashMap<&'k K, usize>);

impl<K> Default for Counts<'_, K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<'k, K: Eq + Hash> Counts<'k, K> {
    /// Counts an item with this text. Returns how many were before it.
    fn count(&mut self, text: &'k K) -> usize {
        let count = self.0.entry(text).or_default();
        *count += 1;
        *count - 1
    }

    /// Counts an item that may have another text on the other side. Returns how many with the first text were before it.
    fn count_both(&mut self, text: &'k K, other: &'k K) -> usize {
        if other != text {
            self.count(other);
        }
        self.count(text)
    }

    fn is_once(&self, text: &K) -> bool {
        self.0.get(text) == Some(&1)
    }
}
