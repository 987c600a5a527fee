//! The nearest declared node around a place, which gives an undeclared value a line in the manifest.

use crate::yaml::Node;

/// The nearest declared node around a place.
#[derive(Clone, Copy)]
pub(super) struct Enclosing<'a> {
    node: Node<'a>,
    /// The map that it is the value of, and its key there.
    key: Option<(Node<'a>, &'a str)>,
}

impl<'a> Enclosing<'a> {
    pub(super) fn new(node: Node<'a>) -> Self {
        Self { node, key: None }
    }

    /// The value of a key of this one.
    pub(super) fn value_of(&self, key: &'a str, node: Node<'a>) -> Self {
        let key = Some((self.node, key));
        Self { node, key }
    }

    /// Where it begins: at its key if it has one, since the value may begin several lines below.
    pub(super) fn place(&self) -> Node<'a> {
        let key = self.key.and_then(|(map, key)| map.key(key));
        key.unwrap_or(self.node)
    }
}
