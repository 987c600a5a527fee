//! Completes a map: finds duplicate keys, applies merge keys, and sorts large maps for look-ups.

use std::collections::HashMap;

use super::arena::{Arena, NodeKind, Pair, SPECIAL, Special};
use super::{Diagnostics, excerpt, offset};

/// Maps with more entries than this are sorted for look-ups.
const LARGE: usize = 16;

/// Completes a map whose children have all been added.
pub(super) fn finish(
    arena: &mut Arena,
    text: &str,
    map: u32,
    merges: bool,
    notes: &mut Diagnostics<'_>,
) {
    let count = arena.data(map).b;
    if merges || count as usize <= LARGE {
        if merges || may_have_duplicates(arena, map, count) {
            resolve(arena, text, map, count, notes);
        }
        return;
    }
    let mut sorted: Vec<Pair> = arena.children(map, count).collect();
    sort(arena, text, &mut sorted);
    if sorted
        .windows(2)
        .any(|two| arena.key(text, two[0].key) == arena.key(text, two[1].key))
    {
        resolve(arena, text, map, count, notes);
    } else {
        save(arena, map, None, Some(sorted));
    }
}

fn sort(arena: &Arena, text: &str, pairs: &mut [Pair]) {
    pairs.sort_by(|a, b| arena.key(text, a.key).cmp(arena.key(text, b.key)));
}

fn may_have_duplicates(arena: &Arena, map: u32, count: u32) -> bool {
    let mut hashes = [0u16; LARGE];
    for (at, pair) in arena.children(map, count).enumerate() {
        let hash = arena.data(pair.key).hash;
        if hashes[..at].contains(&hash) {
            return true;
        }
        hashes[at] = hash;
    }
    false
}

/// The entries of a map so far; a key that is set again moves to the end.
#[derive(Default)]
struct Entries<'a> {
    pairs: Vec<Option<Pair>>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Entries<'a> {
    /// Sets a key. Returns the entry that it replaces.
    fn set(&mut self, key: &'a str, pair: Pair) -> Option<Pair> {
        let place = self.pairs.len();
        self.pairs.push(Some(pair));
        let old = self.places.insert(key, place)?;
        self.pairs[old].take()
    }
}

/// Determines the entries of a map with merge keys or duplicate keys: the last one wins.
fn resolve(arena: &mut Arena, text: &str, map: u32, count: u32, notes: &mut Diagnostics<'_>) {
    let mut entries = Entries::default();
    let mut first: HashMap<&str, u32> = HashMap::new();
    for pair in arena.children(map, count) {
        if arena.data(pair.key).kind == NodeKind::Merge {
            for source in sources(arena, pair.value) {
                for merged in arena.pairs(source) {
                    let key = arena.key(text, merged.key);
                    entries.set(key, merged);
                    if let Some(&own) = first.get(key) {
                        notes.warn(arena.data(pair.key).offset as usize, |notes| {
                            let (key, line) = (excerpt(key), notes.line(own));
                            format!("`<<` overrides the key \"{key}\" of line {line}, because it comes after it: put `<<` first")
                        });
                    }
                }
            }
            continue;
        }
        let key = arena.key(text, pair.key);
        let at = arena.data(pair.key).offset;
        entries.set(key, pair);
        match first.get(key) {
            Some(&first) => {
                notes.warn(at as usize, |notes| {
                    let (key, line) = (excerpt(key), notes.line(first));
                    format!("duplicate key \"{key}\": first on line {line}; this value is used")
                });
            }
            None => {
                first.insert(key, at);
            }
        }
    }
    let pairs: Vec<Pair> = entries.pairs.into_iter().flatten().collect();
    let sorted = (pairs.len() > LARGE).then(|| {
        let mut sorted = pairs.clone();
        sort(arena, text, &mut sorted);
        sorted
    });
    save(arena, map, Some(pairs), sorted);
}

/// The maps that a merge key names; the one that takes precedence comes last.
fn sources(arena: &Arena, value: u32) -> Vec<u32> {
    let follow = |index: u32| match arena.data(index) {
        data if data.kind == NodeKind::Alias => data.a,
        _ => index,
    };
    let data = arena.data(value);
    if data.kind != NodeKind::List {
        return vec![follow(value)];
    }
    let mut sources = Vec::with_capacity(data.b as usize);
    let mut next = value + 1;
    for _ in 0..data.b {
        sources.push(follow(next));
        next = arena.after(next);
    }
    sources.reverse();
    sources
}

fn save(arena: &mut Arena, map: u32, entries: Option<Vec<Pair>>, sorted: Option<Vec<Pair>>) {
    let len = entries.as_ref().or(sorted.as_ref()).map_or(0, Vec::len);
    let mut append = |pairs: Option<Vec<Pair>>, list: fn(&mut Arena) -> &mut Vec<Pair>| {
        let pairs = pairs?;
        let list = list(arena);
        let from = offset(list.len());
        list.extend(pairs);
        Some(from)
    };
    let special = Special {
        len: offset(len),
        entries: append(entries, |arena| &mut arena.entries),
        sorted: append(sorted, |arena| &mut arena.sorted),
    };
    let index = offset(arena.special.len());
    arena.special.push(special);
    let data = &mut arena.nodes[map as usize];
    data.b = index;
    data.flags |= SPECIAL;
}
