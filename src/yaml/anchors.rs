//! Anchors of one document, and how many of its values come from aliases.

use std::collections::HashMap;

use super::Fault;
use super::events::Properties;
use super::resolve::ScalarValue;
use super::scan::{Scan, Span};

/// How many values of one file may come from aliases. kubectl has such a limit for each document only.
const MAX_ALIASED: u64 = 4_000_000;

/// A value with an anchor.
#[derive(Clone, Copy)]
pub(super) struct Anchor {
    pub(super) node: u32,
    /// How many values there were before it.
    pub(super) before: u64,
    /// How many there were with it and all within it, aliases followed; none while it is open.
    pub(super) after: Option<u64>,
    /// How many levels there are below it, aliases followed.
    pub(super) height: usize,
    /// The scalar, where it stands as a key: there it is a string, but an alias of it may be something else.
    pub(super) key: Option<AnchoredKey>,
}

/// A scalar in the place of a key, before it became a string.
#[derive(Clone, Copy)]
pub(super) struct AnchoredKey {
    pub(super) at: Properties,
    pub(super) span: Span,
    pub(super) value: ScalarValue,
    pub(super) plain: bool,
}

/// The anchors so far.
#[derive(Default)]
pub(super) struct Anchors<'t> {
    list: Vec<Anchor>,
    /// The last one of each name.
    names: HashMap<&'t str, usize>,
    /// How many values Go's decoder has visited by now, and how many of them because of aliases.
    visited: u64,
    aliased: u64,
    /// How many values of the documents before came from aliases.
    aliased_before: u64,
}

impl<'t> Anchors<'t> {
    pub(super) fn new(aliased_before: u64) -> Self {
        Self {
            aliased_before,
            ..Self::default()
        }
    }

    /// Gives a name to a value, which counts from `before` on. Gives the index of the anchor.
    pub(super) fn define(&mut self, name: &'t str, node: u32, before: u64) -> usize {
        let index = self.list.len();
        self.list.push(Anchor {
            node,
            before,
            after: None,
            height: 0,
            key: None,
        });
        self.names.insert(name, index);
        index
    }

    /// The value with this index is complete.
    pub(super) fn close(&mut self, index: usize, height: usize, key: Option<AnchoredKey>) {
        let anchor = &mut self.list[index];
        anchor.after = Some(self.visited);
        anchor.height = height;
        anchor.key = key;
    }

    pub(super) fn find(&self, name: &str) -> Option<Anchor> {
        self.names.get(name).map(|&index| self.list[index])
    }

    /// How many values there are by now, aliases followed.
    pub(super) fn visited(&self) -> u64 {
        self.visited
    }

    /// How many of them come from aliases.
    pub(super) fn aliased(&self) -> u64 {
        self.aliased
    }

    /// Counts a value; an error where Go's decoder stops, because too much comes from aliases.
    #[inline]
    pub(super) fn count(&mut self, at: u32) -> Scan<()> {
        self.visited += 1;
        // The share that is allowed shrinks, so that any value can be the one too many.
        if self.aliased > 100 {
            self.check(at)?;
        }
        Ok(())
    }

    /// Counts the values that an alias stands for.
    pub(super) fn count_aliased(&mut self, at: u32, values: u64) -> Scan<()> {
        self.visited = self.visited.saturating_add(values);
        self.aliased = self.aliased.saturating_add(values);
        self.check(at)
    }

    #[expect(clippy::cast_precision_loss, reason = "Go compares floats too")]
    fn check(&self, at: u32) -> Scan<()> {
        const LOW: u64 = 400_000;
        const HIGH: u64 = 4_000_000;
        let allowed = match self.visited {
            ..=LOW => 0.99,
            HIGH.. => 0.10,
            visited => 0.99 - 0.89 * ((visited - LOW) as f64 / (HIGH - LOW) as f64),
        };
        let share = self.aliased as f64 / self.visited as f64;
        if self.aliased > 100 && self.visited > 1000 && share > allowed {
            return Err(Fault::new(
                at as usize,
                "too much of this document comes from aliases",
            ));
        }
        if self.aliased_before + self.aliased > MAX_ALIASED {
            return Err(Fault::new(
                at as usize,
                "too much of this file comes from aliases",
            ));
        }
        Ok(())
    }
}
