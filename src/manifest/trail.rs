//! The current place of a check, and its path in messages.

use crate::path::{ItemSelector, Path, Segment};
use crate::schema::{ListKind, Struct, scalar_text};
use crate::yaml::{Node, Value};

/// The current place of a walk: links from a field up to the root, so that a path is built only for a message.
#[derive(Clone, Copy)]
pub(super) struct Trail<'a> {
    pub above: Option<&'a Trail<'a>>,
    pub step: TrailStep<'a>,
    /// The innermost struct.
    pub ty: &'a Struct,
}

/// One step of a [`Trail`].
#[derive(Clone, Copy)]
pub(super) enum TrailStep<'a> {
    Root,
    Key(&'a str),
    Item {
        list: Node<'a>,
        index: usize,
        kind: &'a ListKind,
    },
}

impl<'a> Trail<'a> {
    pub(super) fn root(ty: &'a Struct) -> Self {
        let (above, step) = (None, TrailStep::Root);
        Self { above, step, ty }
    }

    pub(super) fn item(&'a self, list: Node<'a>, index: usize, kind: &'a ListKind) -> Self {
        let (above, step) = (Some(self), TrailStep::Item { list, index, kind });
        Self {
            above,
            step,
            ty: self.ty,
        }
    }

    pub(super) fn key(&'a self, key: &'a str) -> Self {
        Self {
            above: Some(self),
            step: TrailStep::Key(key),
            ty: self.ty,
        }
    }

    /// The path from the root.
    pub(super) fn path(&self) -> Path {
        let mut path = self.above.map(Trail::path).unwrap_or_default();
        match self.step {
            TrailStep::Root => {}
            TrailStep::Key(key) => path.push(Segment::Key(key.to_owned())),
            TrailStep::Item { list, index, kind } => path.push(item_segment(list, index, kind)),
        }
        path
    }
}

/// How a path names an item: by its name if that is unique, else by the list's keys, else by its position.
fn item_segment(list: Node<'_>, index: usize, kind: &ListKind) -> Segment {
    /// In longer lists, a search through all items for each message would take too long.
    const LONG: usize = 1000;
    let keys = match kind {
        ListKind::Keyed(keys) if list.len() <= LONG => keys,
        _ => return Segment::Index(index),
    };
    let texts = |item: Node<'_>, keys: &[&str]| -> Vec<(String, String)> {
        let text = |key: &str| {
            let node = item.get(key)?;
            matches!(node.value(), Value::String(_) | Value::Int(_))
                .then(|| (key.to_owned(), scalar_text(node).into_owned()))
        };
        keys.iter().filter_map(|key| text(key)).collect()
    };
    for keys in [&["name"], keys.as_slice()] {
        let all: Vec<_> = list.items().map(|item| texts(item, keys)).collect();
        let own = &all[index];
        if !own.is_empty() && all.iter().filter(|other| *other == own).count() == 1 {
            return Segment::Item(ItemSelector {
                fields: own.clone(),
                turn: None,
            });
        }
    }
    Segment::Index(index)
}
