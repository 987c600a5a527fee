//! The style of a file: its line breaks and its indentation, taken from its first collections.

use super::render::Manner;
use crate::yaml::{Layout, Node, Style, Tree};

/// The manner of a document.
pub(super) fn of(tree: &Tree, layout: &Layout, root: Node<'_>) -> Manner {
    let mut found = SeenManner::default();
    found.look(tree, layout, root, 0);
    Manner {
        newline: if tree.text().contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        },
        step: found.step.unwrap_or(2),
        dash_step: found.dash_step.unwrap_or(0),
        dash_gap: found.dash_gap.unwrap_or(1),
        is_json: is_json(tree, layout, root),
    }
}

/// Whether a document is a map in braces, with keys in double quotes.
fn is_json(tree: &Tree, layout: &Layout, root: Node<'_>) -> bool {
    let is_map = layout
        .place(root)
        .is_some_and(|place| place.style == Style::FlowMap);
    let is_quoted =
        |entry: &crate::yaml::WrittenEntry<'_>| entry.written.style == Style::DoubleQuoted;
    is_map && layout.entries(tree, root).iter().all(is_quoted)
}

/// The style that has been seen in a document.
#[derive(Default)]
struct SeenManner {
    step: Option<usize>,
    dash_step: Option<usize>,
    dash_gap: Option<usize>,
}

impl SeenManner {
    fn is_complete(&self) -> bool {
        self.step.is_some() && self.dash_step.is_some() && self.dash_gap.is_some()
    }

    fn look(&mut self, tree: &Tree, layout: &Layout, node: Node<'_>, key: usize) {
        let Some(place) = layout.place(node).filter(|_| !self.is_complete()) else {
            return;
        };
        let column = |at: usize| {
            let line = tree.text()[..at].rsplit('\n').next().unwrap_or_default();
            line.trim_start_matches('\u{FEFF}').chars().count()
        };
        let own = column(place.content);
        match place.style {
            Style::BlockMap => {
                if own > key {
                    self.step.get_or_insert(own - key);
                }
                for entry in layout.entries(tree, node) {
                    let key = column(entry.written.entry);
                    self.look(tree, layout, entry.value, key);
                }
            }
            Style::BlockList => {
                self.dash_step.get_or_insert(own.saturating_sub(key));
                for item in node.items() {
                    let Some(place) = layout.place(item) else {
                        continue;
                    };
                    let behind = column(place.start);
                    if behind > own + 1 && !tree.text()[place.entry..place.start].contains('\n') {
                        self.dash_gap.get_or_insert(behind - own - 1);
                    }
                    self.look(tree, layout, item, behind);
                }
            }
            _ => {}
        }
    }
}
