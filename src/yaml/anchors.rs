//! The anchors of one document, and the number of its values that come from aliases.

use std::collections::HashMap;

use super::Fault;
use super::events::Properties;
use super::resolve::ScalarValue;
use super::scan::{Scan, Span};

/// The most values of one file that may come from aliases. kubectl limits them in each document only.
const MAX_ALIASED: u64 = 4_000_000;

/// A value with an anchor.
#[derive(Clone, Copy)]
pub(super) struct Anchor {
    pub(super) node: u32,
    /// The number of values before it.
    pub(super) before: u64,
    /// The number of values up to its end, including those through aliases; `None` while it is open.
    pub(super) after: Option<u64>,
    /// The number of levels below it, including those through aliases.
    pub(super) height: usize,
    /// The scalar, if it is a key: as a key it is a string, but an alias of it may have another type.
    pub(super) key: Option<AnchoredKey>,
}

/// A scalar in a key's place, before it became a string.
#[derive(Clone, Copy)]
pub(super) struct AnchoredKey {
    pub(super) at: Properties,
    pub(super) span: Span,
    pub(super) value: ScalarValue,
    pub(super) plain: bool,
}

/// The anchors of the document so far.
#[derive(Default)]
pub(super) struct Anchors<'t> {
    list: Vec<Anchor>,
    /// The index of the last anchor of each name.
    names: HashMap<&'t str, usize>,
    /// The number of values that Go's decoder would have visited so far; `aliased` of them through aliases.
    visited: u64,
    aliased: u64,
    /// The number of values of earlier documents that came from aliases.
    aliased_before: u64,
}

impl<'t> Anchors<'t> {
    pub(super) fn new(aliased_before: u64) -> Self {
        Self {
            aliased_before,
            ..Self::default()
        }
    }

    /// Records an anchor for a value; `before` is the number of values before it. Returns the index of the anchor.
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

    /// Records that the value of the anchor with this index is complete.
    pub(super) fn close(&mut self, index: usize, height: usize, key: Option<AnchoredKey>) {
        let anchor = &mut self.list[index];
        anchor.after = Some(self.visited);
        anchor.height = height;
        anchor.key = key;
    }

    pub(super) fn find(&self, name: &str) -> Option<Anchor> {
        self.names.get(name).map(|&index| self.list[index])
    }

    /// The number of values so far, including those through aliases.
    pub(super) fn visited(&self) -> u64 {
        self.visited
    }

    /// The number of values of the file that came from aliases so far.
    pub(super) fn aliased(&self) -> u64 {
        self.aliased
    }

    /// Counts a value. Fails where Go's decoder does, because too many values come from aliases.
    #[inline]
    pub(super) fn count(&mut self, at: u32) -> Scan<()> {
        self.visited += 1;
        // The allowed share shrinks as values are added, so any value can exceed it.
        if self.aliased > 100 {
            self.check(at)?;
        }
        Ok(())
    }

    /// Counts the values behind an alias. Fails as [`count`](Self::count) does.
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
