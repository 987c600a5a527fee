//! That a new text of a file differs from the old one in the lines of what has changed in its values, and in no other.

use std::collections::BTreeSet;
use std::ops::Range;

use gitops_drift::yaml::{self, Layout, Node, Stream, Style, Tree, Value, Written, WrittenEntry};

/// Whether the item at this pointer takes the place of another one, rather than being changed.
pub(crate) type IsReplaced<'r> = &'r dyn Fn(&str) -> bool;

/// The lines of one text, and which of them belong to values that the other one does not have.
struct Side<'t> {
    tree: &'t Tree,
    layout: Layout,
    lines: &'t mut BTreeSet<usize>,
}

/// What changes between two texts of a file: pointers into its documents. Panics where a line changes that belongs to
/// nothing which does.
#[track_caller]
pub(crate) fn changed_places(old: &str, new: &str, is_replaced: IsReplaced<'_>) -> Vec<String> {
    let read = |text: &str| yaml::read(text.as_bytes().to_vec());
    let streams = [read(old), read(new)];
    let (mut old_lines, mut new_lines) = (BTreeSet::new(), BTreeSet::new());
    let mut places = Vec::new();
    assert_eq!(streams[0].documents.len(), streams[1].documents.len());
    for at in 0..streams[0].documents.len() {
        let side = |stream: &'_ Stream| Layout::of(&stream.tree, &stream.documents[at]).unwrap();
        let mut sides = [
            Side {
                tree: &streams[0].tree,
                layout: side(&streams[0]),
                lines: &mut old_lines,
            },
            Side {
                tree: &streams[1].tree,
                layout: side(&streams[1]),
                lines: &mut new_lines,
            },
        ];
        let root = |stream: &'_ Stream| stream.documents[at].root;
        let roots = [
            streams[0].tree.node(root(&streams[0])),
            streams[1].tree.node(root(&streams[1])),
        ];
        value(&mut sides, roots, ("", is_replaced), &mut places);
    }
    let unchanged = |text: &str, changed: &BTreeSet<usize>| {
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(at, _)| !changed.contains(at));
        // In braces and brackets a comma comes or goes with the next part.
        let lines = lines.map(|(_, line)| line.trim_end_matches(','));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let [old_rest, new_rest] = [unchanged(old, &old_lines), unchanged(new, &new_lines)];
    let same = old_rest
        .iter()
        .zip(&new_rest)
        .take_while(|(old, new)| old == new);
    let same = same.count();
    assert_eq!(
        old_rest.get(same),
        new_rest.get(same),
        "lines change outside of {places:?}"
    );
    assert_eq!(old.ends_with('\n'), new.ends_with('\n'), "{new}");
    places
}

impl<'t> Side<'t> {
    fn place(&self, node: Node<'t>) -> Written {
        self.layout.place(node).unwrap()
    }

    fn mark(&mut self, range: &Range<usize>) {
        let text = self.tree.text();
        let line = |at: usize| text[..at].matches('\n').count();
        self.lines.extend(line(range.start)..=line(range.end));
    }

    /// The first line of what begins here.
    fn mark_line(&mut self, at: usize) {
        self.mark(&(at..at));
    }

    /// The comment behind what ends here.
    fn comment(&self, end: usize) -> Option<&'t str> {
        let rest = self.tree.text()[end..].lines().next()?.trim();
        rest.starts_with('#').then_some(rest)
    }

    /// The line of what begins here.
    fn line(&self, at: usize) -> &'t str {
        let text = self.tree.text();
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        text[start..].lines().next().unwrap_or_default()
    }
}

fn value<'t>(
    sides: &mut [Side<'t>; 2],
    nodes: [Node<'t>; 2],
    (pointer, is_replaced): (&str, IsReplaced<'_>),
    places: &mut Vec<String>,
) {
    let [old, new] = nodes;
    if old.to_json() == new.to_json() {
        return;
    }
    let both = |value: Value<'_>| {
        nodes
            .iter()
            .all(|node| node.value() == value && !node.is_empty())
    };
    let is_written = nodes.iter().all(|node| !node.is_alias());
    if is_written && both(Value::Map) {
        return maps(sides, nodes, (pointer, is_replaced), places);
    }
    if is_written && both(Value::List) {
        return lists(sides, nodes, (pointer, is_replaced), places);
    }
    places.push(pointer.to_owned());
    let written = [sides[0].place(old), sides[1].place(new)];
    for (side, place) in sides.iter_mut().zip(written) {
        side.mark(&(place.entry..place.end));
    }
    // A comment stays, though a block scalar has it on another line.
    let is_block = |style| {
        matches!(
            style,
            Style::BlockMap | Style::BlockList | Style::Literal | Style::Folded
        )
    };
    if let Some(comment) = sides[0]
        .comment(written[0].end)
        .filter(|_| !is_block(written[0].style))
    {
        let [line, last] = [written[1].start, written[1].end].map(|at| sides[1].line(at));
        assert!(
            line.ends_with(comment) || last.ends_with(comment),
            "{comment}: {line}"
        );
    }
}

fn is_flow(place: Written) -> bool {
    matches!(
        place.style,
        Style::FlowMap | Style::FlowList | Style::FlowPair
    )
}

/// What stands behind the dash of an outer item may move there, or away from there.
fn begins_behind_dash(side: &Side<'_>, start: usize) -> bool {
    let before = side.tree.text()[..start].rsplit('\n').next();
    before.is_some_and(|before| before.trim_start().starts_with('-'))
}

fn maps<'t>(
    sides: &mut [Side<'t>; 2],
    nodes: [Node<'t>; 2],
    (pointer, is_replaced): (&str, IsReplaced<'_>),
    places: &mut Vec<String>,
) {
    let entries: [Vec<WrittenEntry<'t>>; 2] =
        [0, 1].map(|at| sides[at].layout.entries(sides[at].tree, nodes[at]));
    let ranges = entries.each_ref().map(|entries| {
        let range = |entry: &WrittenEntry<'_>| entry.written.entry..entry.place.end;
        entries.iter().map(range).collect::<Vec<_>>()
    });
    let find = |at: usize, key: &str| entries[at].iter().rposition(|entry| entry.key == key);
    let mut has_come_or_gone = false;
    for at in [0, 1] {
        for (index, entry) in entries[at].iter().enumerate() {
            match find(1 - at, entry.key) {
                Some(other) if at == 0 => {
                    let inner = format!(
                        "{pointer}/{}",
                        entry.key.replace('~', "~0").replace('/', "~1")
                    );
                    value(
                        sides,
                        [entry.value, entries[1][other].value],
                        (&inner, is_replaced),
                        places,
                    );
                }
                Some(_) => {}
                None => {
                    has_come_or_gone = true;
                    places.push(format!(
                        "{pointer}/{}",
                        entry.key.replace('~', "~0").replace('/', "~1")
                    ));
                    sides[at].mark(&ranges[at][index]);
                }
            }
        }
    }
    for at in [0, 1] {
        let place = sides[at].place(nodes[at]);
        if !has_come_or_gone {
            continue;
        }
        if is_flow(place) {
            sides[at].mark_line(place.content);
        } else if begins_behind_dash(&sides[at], place.content)
            || begins_behind_dash(&sides[1 - at], sides[1 - at].place(nodes[1 - at]).content)
        {
            // The first entry that both have.
            sides[at].mark_line(place.entry);
            let first = entries[at]
                .iter()
                .position(|entry| find(1 - at, entry.key).is_some());
            if let Some(first) = first {
                sides[at].mark_line(ranges[at][first].start);
            }
        }
    }
}

/// What tells an item from the others of its list.
fn name(item: Node<'_>) -> serde_json::Value {
    let keys = ["name", "mountPath", "containerPort", "port", "ip"];
    let named = keys.iter().find_map(|key| item.get(key));
    named.map_or_else(|| item.to_json(), Node::to_json)
}

fn lists<'t>(
    sides: &mut [Side<'t>; 2],
    nodes: [Node<'t>; 2],
    (pointer, is_replaced): (&str, IsReplaced<'_>),
    places: &mut Vec<String>,
) {
    let items: [Vec<Node<'t>>; 2] = nodes.map(|node| node.items().collect());
    let names = items
        .each_ref()
        .map(|items| items.iter().map(|item| name(*item)).collect::<Vec<_>>());
    let sorted = names.each_ref().map(|names| {
        let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
        names.sort();
        names
    });
    let pairs = pairs(&names[0], &names[1]);
    if sorted[0] == sorted[1] && pairs.len() < items[0].len() {
        // Another order.
        places.push(pointer.to_owned());
        for (side, node) in sides.iter_mut().zip(nodes) {
            let place = side.place(node);
            side.mark(&(place.content..place.end));
        }
        return;
    }
    let ranges = [0, 1].map(|at| {
        let range = |item: &Node<'t>| {
            let place = sides[at].place(*item);
            place.entry..place.end
        };
        items[at].iter().map(range).collect::<Vec<_>>()
    });
    let mut begin = [0, 0];
    for (i, j) in pairs.into_iter().chain([(items[0].len(), items[1].len())]) {
        // Between two pairs, items that are as many on both sides are changed ones.
        let left = [i - begin[0], j - begin[1]];
        if left[0] == left[1] {
            for step in 0..left[0] {
                let (i, j) = (begin[0] + step, begin[1] + step);
                let inner = format!("{pointer}/{i}");
                if is_replaced(&inner) {
                    sides[0].mark(&ranges[0][i]);
                    sides[1].mark(&ranges[1][j]);
                    places.push(inner);
                } else {
                    let nodes = [items[0][i], items[1][j]];
                    value(sides, nodes, (&inner, is_replaced), places);
                }
            }
        } else {
            places.push(format!("{pointer}/{}", begin[0]));
            for at in [0, 1] {
                let place = sides[at].place(nodes[at]);
                for range in &ranges[at][begin[at]..begin[at] + left[at]] {
                    sides[at].mark(range);
                }
                if is_flow(place) || begins_behind_dash(&sides[at], place.content) {
                    sides[at].mark_line(place.content);
                    let end = ranges[at]
                        .get(begin[at].wrapping_sub(1))
                        .map_or(place.content, |range| range.end);
                    sides[at].mark_line(end);
                }
            }
        }
        if let (Some(old), Some(new)) = (items[0].get(i), items[1].get(j)) {
            let inner = format!("{pointer}/{i}");
            value(sides, [*old, *new], (&inner, is_replaced), places);
        }
        begin = [i + 1, j + 1];
    }
}

/// A longest sequence of pairs of positions with the same value, in order on both sides.
fn pairs<T: PartialEq>(a: &[T], b: &[T]) -> Vec<(usize, usize)> {
    let mut lengths = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i][j] = if a[i] == b[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[i + 1][j] >= lengths[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}
