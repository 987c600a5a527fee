//! The tree and its nodes, as other modules use them.

use super::Position;
use super::arena::{Arena, NodeData, NodeKind, PLAIN, key_hash};
use super::lines::Lines;
use super::resolve::{self, ScalarValue};

/// Identifies a node of a [`Tree`], and the alias through which it was reached, if any.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId {
    pub(super) index: u32,
    /// The offset of the outermost alias that leads here; `NO_ALIAS` if there is none.
    pub(super) via: u32,
}

/// The `via` of a [`NodeId`] that was not reached through an alias.
pub(super) const NO_ALIAS: u32 = u32::MAX;

/// All documents of one file: its text and the nodes that point into it.
#[derive(Debug, Default)]
pub struct Tree {
    pub(super) text: String,
    pub(super) arena: Arena,
    pub(super) lines: Lines,
}

/// The value of a node.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// `null`, `~` or an empty value.
    Null,
    /// `true`, `yes`, `on`, `y` and their opposites.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// A string.
    String(&'a str),
    /// A list; see [`Node::items`].
    List,
    /// A map; see [`Node::entries`].
    Map,
}

/// A value in a [`Tree`], with its position.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    tree: &'a Tree,
    id: NodeId,
}

/// A key and its value.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// The key, as a string: `1:` is `"1"`, `yes:` is `"true"`.
    pub key: &'a str,
    /// The value.
    pub value: Node<'a>,
    key_offset: u32,
}

impl Entry<'_> {
    /// The position of the key.
    #[must_use]
    pub fn key_position(&self) -> Position {
        self.value.tree.position(self.key_offset)
    }
}

impl Tree {
    /// The node with this id. The id must come from this tree.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node { tree: self, id }
    }

    /// The decoded text of the file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of a byte offset into [`Tree::text`].
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        self.lines.position(&self.text, offset)
    }

    /// The size of the tree in bytes, including its text.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.text.capacity() + self.arena.heap_size() + self.lines.heap_size()
    }

    fn scalar(&self, data: NodeData) -> &str {
        self.arena.scalar(&self.text, data)
    }

    pub(super) fn key(&self, index: u32) -> &str {
        self.arena.key(&self.text, index)
    }

    /// Whether a value of it is an alias of another.
    #[must_use]
    pub fn has_aliases(&self) -> bool {
        self.arena.aliased > 0
    }
}

impl<'a> Node<'a> {
    /// The node itself, or the target if it is an alias.
    fn target(self) -> (u32, NodeData) {
        let data = self.tree.arena.data(self.id.index);
        if data.kind == NodeKind::Alias {
            (data.a, self.tree.arena.data(data.a))
        } else {
            (self.id.index, data)
        }
    }

    /// A child of this node, reached through the same alias.
    fn inner(self, index: u32) -> Node<'a> {
        let data = self.tree.arena.data(self.id.index);
        let via = if self.id.via == NO_ALIAS && data.kind == NodeKind::Alias {
            data.offset
        } else {
            self.id.via
        };
        Node {
            tree: self.tree,
            id: NodeId { index, via },
        }
    }

    /// The value of the node.
    #[must_use]
    pub fn value(self) -> Value<'a> {
        let (_, data) = self.target();
        match data.kind {
            NodeKind::Null => Value::Null,
            NodeKind::True => Value::Bool(true),
            NodeKind::False => Value::Bool(false),
            NodeKind::List => Value::List,
            NodeKind::Map => Value::Map,
            NodeKind::Number => match resolve::through_json(resolve::plain(self.tree.scalar(data)))
            {
                ScalarValue::Int(int) => Value::Int(int),
                ScalarValue::Uint(int) => Value::Uint(int),
                ScalarValue::Float(float) => Value::Float(float),
                _ => Value::String(self.tree.scalar(data)),
            },
            NodeKind::String | NodeKind::Alias | NodeKind::Merge => {
                Value::String(self.tree.scalar(data))
            }
        }
    }

    /// The string, if the value is one.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        match self.value() {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the value is null.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.target().1.kind == NodeKind::Null
    }

    /// The value of a key, if this is a map with that key.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Node<'a>> {
        let (index, data) = self.target();
        if data.kind != NodeKind::Map {
            return None;
        }
        if let Some(sorted) = self.tree.arena.sorted(data) {
            let at = sorted
                .binary_search_by(|pair| self.tree.key(pair.key).cmp(key))
                .ok()?;
            return Some(self.inner(sorted[at].value));
        }
        let hash = key_hash(key);
        let mut pairs = self.tree.arena.pairs(index);
        let pair = pairs.find(|pair| {
            let data = self.tree.arena.data(pair.key);
            data.hash == hash && self.tree.scalar(data) == key
        })?;
        Some(self.inner(pair.value))
    }

    /// The node of a key, if this is a map with that key; its position is the beginning of the entry.
    #[must_use]
    pub fn key(self, key: &str) -> Option<Node<'a>> {
        let (index, data) = self.target();
        let pair = match self.tree.arena.sorted(data) {
            Some(sorted) => {
                let at = sorted.binary_search_by(|pair| self.tree.key(pair.key).cmp(key));
                sorted.get(at.ok()?).copied()
            }
            None => self
                .tree
                .arena
                .pairs(index)
                .find(|pair| self.tree.key(pair.key) == key),
        };
        Some(self.inner(pair?.key))
    }

    /// The entries of a map, in the order of the file. A duplicate key has the position of its last value, merged keys
    /// have that of their `<<`. Empty if this is not a map.
    #[must_use]
    pub fn entries(self) -> impl ExactSizeIterator<Item = Entry<'a>> {
        let (index, _) = self.target();
        self.tree.arena.pairs(index).map(move |pair| Entry {
            key: self.tree.key(pair.key),
            value: self.inner(pair.value),
            key_offset: self.tree.arena.data(pair.key).offset,
        })
    }

    /// The items of a list. Empty if this is not a list.
    #[must_use]
    pub fn items(self) -> impl ExactSizeIterator<Item = Node<'a>> {
        let (index, data) = self.target();
        let left = if data.kind == NodeKind::List {
            self.tree.arena.len(data)
        } else {
            0
        };
        Items {
            list: self,
            next: index + 1,
            left,
        }
    }

    /// The number of entries of a map or items of a list; 0 for other values.
    #[must_use]
    pub fn len(self) -> usize {
        let (_, data) = self.target();
        match data.kind {
            NodeKind::List | NodeKind::Map => self.tree.arena.len(data) as usize,
            _ => 0,
        }
    }

    /// Whether this is an empty map or list, or another value.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The id of this node, for [`Tree::node`].
    #[must_use]
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The position of the value, or of the alias through which it was reached.
    #[must_use]
    pub fn position(self) -> Position {
        self.tree.position(self.offset())
    }

    /// The same as [`Node::position`], as a byte offset into [`Tree::text`].
    #[must_use]
    pub fn offset(self) -> u32 {
        if self.id.via == NO_ALIAS {
            self.tree.arena.data(self.id.index).offset
        } else {
            self.id.via
        }
    }

    /// The position of the definition, if the value was reached through an alias.
    #[must_use]
    pub fn definition(self) -> Option<Position> {
        let (index, data) = self.target();
        let aliased = self.id.via != NO_ALIAS || index != self.id.index;
        aliased.then(|| self.tree.position(data.offset))
    }

    /// Whether it is an alias.
    #[must_use]
    pub fn is_alias(self) -> bool {
        self.tree.arena.data(self.id.index).kind == NodeKind::Alias
    }

    /// The same value without regard to the aliases that led here: where it is defined.
    #[must_use]
    pub fn defined(self) -> Node<'a> {
        let id = NodeId {
            index: self.target().0,
            via: NO_ALIAS,
        };
        Node { id, ..self }
    }

    /// The source text of an unquoted scalar (folded, if it has several lines).
    #[must_use]
    pub fn raw(self) -> Option<&'a str> {
        let (_, data) = self.target();
        self.is_plain().then(|| self.tree.scalar(data))
    }

    /// Whether this is an unquoted scalar.
    #[must_use]
    pub fn is_plain(self) -> bool {
        self.target().1.flags & PLAIN != 0
    }

    /// Converts the value to JSON.
    pub fn to_json(self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self.value() {
            Value::Null => Json::Null,
            Value::Bool(value) => value.into(),
            Value::Int(value) => value.into(),
            Value::Uint(value) => value.into(),
            Value::Float(value) => value.into(),
            Value::String(value) => value.into(),
            Value::List => self.items().map(Node::to_json).collect(),
            Value::Map => {
                let entries = self
                    .entries()
                    .map(|entry| (entry.key.to_owned(), entry.value.to_json()));
                Json::Object(entries.collect())
            }
        }
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Position { line, column } = self.position();
        write!(f, "{line}:{column} {}", self.to_json())
    }
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?}", self.key, self.value)
    }
}

struct Items<'a> {
    list: Node<'a>,
    next: u32,
    left: u32,
}

impl<'a> Iterator for Items<'a> {
    type Item = Node<'a>;

    #[inline]
    fn next(&mut self) -> Option<Node<'a>> {
        if self.left == 0 {
            return None;
        }
        let item = self.list.inner(self.next);
        self.next = self.list.tree.arena.after(self.next);
        self.left -= 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Items<'_> {}
