//! Converts changes to edits of the text, which touch only the lines that change.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde_json::Value;

use super::change::{Change, EntryChange, ItemChange, entry_of};
use super::obstacle::Obstacle;
use super::render::{Manner, ScalarPlace};
use crate::yaml::{Layout, Node, NodeId, Style, Tree, Written, WrittenEntry};

/// A part of a text and its replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextEdit {
    range: Range<usize>,
    text: String,
}

/// Makes edits in a text. Fails where two of them are about the same part.
pub(super) fn edited(text: &str, mut edits: Vec<TextEdit>) -> Result<String, Obstacle> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let start = if edit.text.is_empty() {
            // Deletions may share a line break.
            edit.range.start.max(at)
        } else {
            edit.range.start
        };
        if start < at {
            return Err(Obstacle::SharedLines);
        }
        new.push_str(&text[at..start]);
        new.push_str(&edit.text);
        at = edit.range.end.max(at);
    }
    new.push_str(&text[at..]);
    Ok(new)
}

/// One document whose text is edited.
pub(super) struct Rewriter<'a> {
    text: &'a str,
    tree: &'a Tree,
    layout: &'a Layout,
    manner: Manner,
    /// The new values of anchors, for their aliases.
    results: &'a HashMap<NodeId, Value>,
    pub(super) edits: Vec<TextEdit>,
}

/// The column of the key or dash that a value belongs to. `None` in braces and brackets.
#[derive(Clone, Copy)]
struct Slot {
    column: Option<usize>,
    is_item: bool,
}

impl Slot {
    fn around(self) -> ScalarPlace {
        self.column.map_or(ScalarPlace::Flow, ScalarPlace::Block)
    }
}

/// Which entries of a map go, and the new ones.
type MapParts = (Vec<bool>, Vec<(String, Value)>);

/// A part of a collection: an entry of a map, or an item.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(
        text: &'a str,
        tree: &'a Tree,
        layout: &'a Layout,
        manner: Manner,
        results: &'a HashMap<NodeId, Value>,
    ) -> Self {
        Self {
            text,
            tree,
            layout,
            manner,
            results,
            edits: Vec::new(),
        }
    }

    /// The edits that make this change to a whole object.
    pub(super) fn object(&mut self, node: Node<'a>, change: &Change) -> Result<(), Obstacle> {
        let place = self.place(node)?;
        let slot = Slot {
            column: (place.style == Style::BlockMap).then_some(0),
            is_item: false,
        };
        self.value(node, place, change, slot)
    }

    fn place(&self, node: Node<'a>) -> Result<Written, Obstacle> {
        let place = self.layout.place(node);
        place.ok_or(Obstacle::NoPlace)
    }

    fn edit(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push(TextEdit {
            range,
            text: text.into(),
        });
    }

    fn value(
        &mut self,
        node: Node<'a>,
        place: Written,
        change: &Change,
        slot: Slot,
    ) -> Result<(), Obstacle> {
        if node.is_alias() {
            let new = change.applied(&node.to_json());
            if self.results.get(&node.defined().id()) == Some(&new) {
                // It changes with what it is an alias of.
                return Ok(());
            }
            return self.replace(place, &new, slot);
        }
        match change {
            Change::Value(new) => self.replace(place, new, slot),
            Change::Map(entries) => match place.style {
                Style::BlockMap => self.block_map(node, place, entries),
                Style::FlowMap => self.flow_map(node, place, entries),
                _ => Err(Obstacle::Notation),
            },
            Change::List(items) => match place.style {
                Style::BlockList => self.block_list(node, place, items),
                Style::FlowList => self.flow_list(node, place, items),
                _ => Err(Obstacle::Notation),
            },
        }
    }

    /// Puts a value in the place of another. A comment on its first line, or behind it, stays.
    fn replace(&mut self, place: Written, new: &Value, slot: Slot) -> Result<(), Obstacle> {
        let is_full = match new {
            Value::Object(map) => !map.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => false,
        };
        let is_block = matches!(place.style, Style::BlockMap | Style::BlockList);
        let is_flow = matches!(place.style, Style::FlowMap | Style::FlowList);
        let (start, text) = match slot.column {
            Some(column) if is_block || is_full && !is_flow => {
                let text = self.on_lines(new, is_full, slot, column);
                (Self::indicator_end(place)?, text)
            }
            _ if is_full => {
                let text = self.manner.flow(new);
                (place.content, self.behind(place, text))
            }
            _ => {
                let text = self.scalar(place, new, slot);
                (self.scalar_start(place), self.behind(place, text))
            }
        };
        self.edit_with_comment(start, place, text, slot);
        Ok(())
    }

    /// A value that takes the place of all that is behind the `:` or dash in this column.
    fn on_lines(&self, new: &Value, is_full: bool, slot: Slot, column: usize) -> String {
        if !is_full {
            let text = self.manner.scalar(new, Style::Plain, slot.around());
            format!(" {text}")
        } else if slot.is_item {
            let gap = self.manner.dash_gap;
            self.manner.item(new, column, gap)[1..].to_owned()
        } else {
            self.manner.behind_key(new, column)
        }
    }

    /// Where the `:` or dash before a value ends, if nothing but the value is behind it.
    fn indicator_end(place: Written) -> Result<usize, Obstacle> {
        let is_absent = place.style == Style::Absent;
        let has_properties = place.start < place.content || is_absent && place.start < place.end;
        let end = place.entry + 1;
        if has_properties {
            Err(Obstacle::Properties)
        } else if end > place.end {
            Err(Obstacle::Notation)
        } else {
            Ok(end)
        }
    }

    /// Where a scalar that is replaced begins: its tag goes, since it says what the old value was.
    fn scalar_start(&self, place: Written) -> usize {
        let is_tagged = self.text[place.start..].starts_with('!');
        if is_tagged && !self.text[place.start..place.content].contains('&') {
            place.start
        } else {
            place.content
        }
    }

    /// Replaces a value from `start` on. A text of several lines takes the comment with it to its first line.
    fn edit_with_comment(&mut self, start: usize, place: Written, text: String, slot: Slot) {
        let (comment, is_inside) = match place.style {
            _ if slot.column.is_none() => ("", false),
            Style::Literal | Style::Folded => (self.comment_from(place.content), true),
            Style::BlockMap | Style::BlockList if self.line_end(place.entry) < place.content => {
                (self.comment_from(place.entry + 1), true)
            }
            Style::BlockMap | Style::BlockList => ("", true),
            _ => (self.comment_from(place.end), false),
        };
        let (head, rest) = text.split_at(text.find(self.manner.newline).unwrap_or(text.len()));
        if is_inside {
            // What is behind its last line goes with that.
            let end = self.line_end(place.end);
            self.edit(start..end, format!("{head}{comment}{rest}"));
        } else if slot.column.is_some() && !rest.is_empty() {
            let end = self.line_end(place.end);
            self.edit(start..end, format!("{head}{comment}{rest}"));
        } else {
            self.edit(start..place.end, text);
        }
    }

    /// The comment behind what is on a line from here on, with the blanks before it. What is there has no quotes.
    fn comment_from(&self, at: usize) -> &'a str {
        let text = self.text;
        let rest = &text[at..self.line_end(at)];
        let head = rest.split('#').next().unwrap_or(rest);
        let blanks = head.trim_end_matches([' ', '\t']).len();
        if head.len() < rest.len() && (blanks < head.len()) {
            &rest[blanks..]
        } else {
            ""
        }
    }

    /// A value, separated from the text before it if nothing was written yet.
    fn behind(&self, place: Written, text: String) -> String {
        let is_parted = self.text[..place.content].ends_with([' ', '\t', '\n', '[', '{']);
        if place.style == Style::Absent && !is_parted {
            format!(" {text}")
        } else {
            text
        }
    }

    fn scalar(&self, place: Written, new: &Value, slot: Slot) -> String {
        if let (Value::String(text), Some(around), Style::Literal | Style::Folded) =
            (new, slot.column, place.style)
            && text.contains('\n')
        {
            let column = self.content_column(place).filter(|column| *column > around);
            let column = column.unwrap_or(around + self.manner.step);
            if let Some(literal) = self.manner.literal(text, around, column) {
                return literal;
            }
        }
        self.manner.scalar(new, place.style, slot.around())
    }

    /// The column of the lines of a block scalar.
    fn content_column(&self, place: Written) -> Option<usize> {
        let lines = self.text[place.content..place.end].lines().skip(1);
        let indentation = |line: &str| {
            let text = line.trim_start_matches(' ');
            (!text.trim_end().is_empty()).then_some(line.len() - text.len())
        };
        lines.filter_map(indentation).min()
    }

    // Lines.

    fn line_start(&self, at: usize) -> usize {
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if start == 0 && self.text.starts_with('\u{FEFF}') {
            '\u{FEFF}'.len_utf8()
        } else {
            start
        }
    }

    /// Where the line of a place ends, before its line break.
    fn line_end(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let line = rest.split('\n').next().unwrap_or(rest);
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// Where the next line begins. The text ends with a line break.
    fn next_line(&self, at: usize) -> usize {
        let newline = self.text[at..].find('\n');
        newline.map_or(self.text.len(), |newline| at + newline + 1)
    }

    fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    fn begins_line(&self, at: usize) -> bool {
        let before = &self.text[self.line_start(at)..at];
        before.bytes().all(|c| c == b' ')
    }

    /// Takes a part out with its lines.
    fn take_out_lines(&mut self, part: Part) {
        let range = self.line_start(part.start)..self.next_line(part.end);
        self.edit(range, "");
    }

    /// Puts lines behind a part, in this column.
    fn put_lines(&mut self, behind: Part, column: usize, text: &str) {
        let mut at = self.next_line(behind.end);
        // Comments that are indented further belong to what is above them.
        while at < self.text.len() {
            let next = self.next_line(at);
            let line = &self.text[at..next];
            let indentation = line.len() - line.trim_start_matches(' ').len();
            if indentation <= column || !line[indentation..].starts_with('#') {
                break;
            }
            at = next;
        }
        let newline = self.manner.newline;
        self.edit(at..at, format!("{:column$}{text}{newline}", ""));
    }

    // Maps.

    /// What changes in a map: the values of its own entries are changed here; which of them go and what is put in is
    /// returned.
    fn inside_map(
        &mut self,
        map: Node<'a>,
        entries: &[WrittenEntry<'a>],
        changes: &BTreeMap<String, EntryChange>,
        is_block: bool,
    ) -> Result<MapParts, Obstacle> {
        let mut gone = vec![false; entries.len()];
        let mut new = Vec::new();
        for (key, change) in changes {
            let at = entry_of(entries, map, key);
            match (change, at) {
                (EntryChange::New(value), _) => new.push((key.clone(), value.clone())),
                (EntryChange::Gone, Some(at)) => gone[at] = true,
                (EntryChange::Inside(change), Some(at)) => {
                    let entry = &entries[at];
                    let slot = Slot {
                        column: is_block.then(|| self.column(entry.written.entry)),
                        is_item: false,
                    };
                    self.value(entry.value, entry.place, change, slot)?;
                }
                (EntryChange::Gone, None) => return Err(Obstacle::Merged),
                (EntryChange::Inside(change), None) => {
                    let merged = map.get(key);
                    let old = merged.map_or(Value::Null, Node::to_json);
                    let value = change.applied(&old);
                    let shared = merged.and_then(|node| self.results.get(&node.defined().id()));
                    if shared != Some(&value) {
                        new.push((key.clone(), value));
                    }
                }
            }
        }
        let is_overridden = |at: &usize| {
            let key = entries[*at].key;
            gone[*at] && entries.iter().filter(|entry| entry.key == key).count() > 1
        };
        if (0..entries.len()).any(|at| is_overridden(&at)) {
            return Err(Obstacle::KeyTwice);
        }
        Ok((gone, new))
    }

    fn parts(entries: &[WrittenEntry<'a>]) -> Vec<Part> {
        let part = |entry: &WrittenEntry<'_>| Part {
            start: entry.written.entry,
            end: entry.place.end.max(entry.written.end),
        };
        entries.iter().map(part).collect()
    }

    fn block_map(
        &mut self,
        map: Node<'a>,
        place: Written,
        changes: &BTreeMap<String, EntryChange>,
    ) -> Result<(), Obstacle> {
        let entries = self.layout.entries(self.tree, map);
        let (gone, new) = self.inside_map(map, &entries, changes, true)?;
        let parts = Self::parts(&entries);
        let column = self.column(place.content);
        if gone.iter().all(|gone| *gone) {
            let manner = self.manner;
            let texts = new
                .iter()
                .map(|(key, value)| manner.entry(key, value, column));
            let text = manner.lines(texts, column);
            self.replace_all_parts(&parts, text);
            return Ok(());
        }
        self.take_out_of_block(&parts, &gone);
        for (key, value) in &new {
            let text = self.manner.entry(key, value, column);
            match Self::neighbour(&entries, &gone, value) {
                Some(behind) => self.put_lines(parts[behind], column, &text),
                None => self.put_first(&parts, &gone, column, &text),
            }
        }
        Ok(())
    }

    /// The entry that a new one is put behind: a value without parts behind the last of its sort, or before all others,
    /// anything else at the end.
    fn neighbour(entries: &[WrittenEntry<'a>], gone: &[bool], value: &Value) -> Option<usize> {
        let is_scalar = |entry: &WrittenEntry<'_>| {
            !matches!(entry.place.style, Style::BlockMap | Style::BlockList)
        };
        let left = || (0..entries.len()).rev().filter(|at| !gone[*at]);
        let has_merge = entries.iter().any(|entry| entry.is_merge);
        let has_parts = matches!(value, Value::Array(_) | Value::Object(_));
        if has_merge || has_parts {
            left().next()
        } else {
            left().find(|at| is_scalar(&entries[*at]))
        }
    }

    /// Puts lines before all parts of a block collection; behind the first where that begins behind a dash.
    fn put_first(&mut self, parts: &[Part], gone: &[bool], column: usize, text: &str) {
        let first = (0..parts.len()).find(|at| !gone[*at]).unwrap_or_default();
        let start = parts[first].start;
        if self.begins_line(start) {
            let newline = self.manner.newline;
            let at = self.line_start(start);
            self.edit(at..at, format!("{:column$}{text}{newline}", ""));
        } else {
            self.put_lines(parts[first], column, text);
        }
    }

    /// Puts lines in the place of all parts of a block collection. Comments between them stay.
    fn replace_all_parts(&mut self, parts: &[Part], text: String) {
        let Some((first, others)) = parts.split_first() else {
            return;
        };
        self.edit(first.start..self.line_end(first.end), text);
        for part in others {
            self.take_out_lines(*part);
        }
    }

    /// Takes parts out of a block collection in which others stay.
    fn take_out_of_block(&mut self, parts: &[Part], gone: &[bool]) {
        for (at, part) in parts.iter().enumerate().filter(|(at, _)| gone[*at]) {
            let next = (at + 1..parts.len()).find(|at| !gone[*at]);
            match next.filter(|_| !self.begins_line(part.start)) {
                Some(next) => self.take_out_behind_dash(parts, at, next),
                None => self.take_out_lines(*part),
            }
        }
    }

    /// Takes out a part that begins behind a dash: the next one that stays takes its place, unless there is a comment
    /// between them.
    fn take_out_behind_dash(&mut self, parts: &[Part], at: usize, next: usize) {
        let is_clear = |at: usize| {
            let end = self.line_end(parts[at].end);
            let between = &self.text[end..parts[at + 1].start];
            between.trim().is_empty()
        };
        let start = parts[at].start;
        if (at..next).all(is_clear) {
            self.edit(start..parts[next].start, "");
        } else {
            let dash = self.text[..start].trim_end_matches(' ').len();
            self.edit(dash..self.line_end(parts[at].end), "");
        }
    }

    // Lists.

    fn items(&self, list: Node<'a>) -> Result<Vec<(Node<'a>, Written)>, Obstacle> {
        let items = list.items();
        items.map(|item| Ok((item, self.place(item)?))).collect()
    }

    fn block_list(
        &mut self,
        list: Node<'a>,
        place: Written,
        changes: &[ItemChange],
    ) -> Result<(), Obstacle> {
        let items = self.items(list)?;
        let parts: Vec<Part> = items
            .iter()
            .map(|(_, place)| Part {
                start: place.entry,
                end: place.end,
            })
            .collect();
        let column = self.column(place.content);
        let gap = Self::dash_gap(&items, self.text).unwrap_or(self.manner.dash_gap);
        if is_permuted(changes) {
            return self.permuted_block(&items, &parts, changes, column);
        }
        let slot = Slot {
            column: Some(column),
            is_item: true,
        };
        let mut gone = vec![true; items.len()];
        for change in changes {
            if let ItemChange::Old(at, change) = change {
                gone[*at] = false;
                if let Some(change) = change {
                    self.value(items[*at].0, items[*at].1, change, slot)?;
                }
            }
        }
        if gone.iter().all(|gone| *gone) {
            let manner = self.manner;
            let texts = changes.iter().filter_map(|change| match change {
                ItemChange::New(value) => Some(manner.item(value, column, gap)),
                ItemChange::Old(..) => None,
            });
            let text = manner.lines(texts, column);
            self.replace_all_parts(&parts, text);
            return Ok(());
        }
        self.take_out_of_block(&parts, &gone);
        let mut behind = None;
        for change in changes {
            match change {
                ItemChange::Old(at, _) => behind = Some(*at),
                ItemChange::New(value) => {
                    let text = self.manner.item(value, column, gap);
                    match behind {
                        Some(at) => self.put_lines(parts[at], column, &text),
                        None => self.put_first(&parts, &gone, column, &text),
                    }
                }
            }
        }
        Ok(())
    }

    fn dash_gap(items: &[(Node<'a>, Written)], text: &str) -> Option<usize> {
        let (_, first) = items.first()?;
        let between = &text[first.entry + 1..first.start];
        let is_one_line = !between.is_empty() && between.bytes().all(|c| c == b' ');
        is_one_line.then_some(between.len())
    }

    /// The items of a block list in another order: their lines move, with the comments right above them.
    fn permuted_block(
        &mut self,
        items: &[(Node<'a>, Written)],
        parts: &[Part],
        changes: &[ItemChange],
        column: usize,
    ) -> Result<(), Obstacle> {
        if parts.iter().any(|part| !self.begins_line(part.start)) {
            return Err(Obstacle::BehindDash);
        }
        let outer = std::mem::take(&mut self.edits);
        let mut blocks = Vec::new();
        for change in changes {
            blocks.push(match change {
                ItemChange::New(value) => {
                    let text = self.manner.item(value, column, self.manner.dash_gap);
                    format!("{:column$}{text}", "")
                }
                ItemChange::Old(at, change) => {
                    if let Some(change) = change {
                        let slot = Slot {
                            column: Some(column),
                            is_item: true,
                        };
                        self.value(items[*at].0, items[*at].1, change, slot)?;
                    }
                    let edits = std::mem::take(&mut self.edits);
                    self.part_of_text(self.block_of(parts, *at), edits)?
                }
            });
        }
        self.edits = outer;
        let start = self.block_of(parts, 0).start;
        let end = self.block_of(parts, parts.len() - 1).end;
        let mut text = String::new();
        for (at, block) in blocks.iter().enumerate() {
            if at > 0 {
                text.push_str(self.between_blocks(parts, at));
            }
            text.push_str(block);
        }
        self.edit(start..end, text);
        Ok(())
    }

    /// The text between two blocks of a list: a line break, and the empty lines that are there now.
    fn between_blocks(&self, parts: &[Part], at: usize) -> &'a str {
        if at >= parts.len() {
            return self.manner.newline;
        }
        let text = self.text;
        &text[self.block_of(parts, at - 1).end..self.block_of(parts, at).start]
    }

    /// The lines of an item and the comments right above it, without the last line break. The first item keeps its
    /// comments: they may be about the list.
    fn block_of(&self, parts: &[Part], at: usize) -> Range<usize> {
        let mut start = self.line_start(parts[at].start);
        let end = self.line_end(parts[at].end);
        let limit = match at {
            0 => start,
            _ => self.next_line(parts[at - 1].end),
        };
        while start > limit {
            let above = self.line_start(start - 1);
            if !self.text[above..start].trim_start().starts_with('#') {
                break;
            }
            start = above;
        }
        start..end
    }

    fn part_of_text(&self, range: Range<usize>, edits: Vec<TextEdit>) -> Result<String, Obstacle> {
        let inside =
            |edit: &TextEdit| range.start <= edit.range.start && edit.range.end <= range.end;
        if !edits.iter().all(inside) {
            return Err(Obstacle::Immovable);
        }
        let shifted = edits.into_iter().map(|edit| TextEdit {
            range: edit.range.start - range.start..edit.range.end - range.start,
            text: edit.text,
        });
        edited(&self.text[range.clone()], shifted.collect())
    }

    // Flow collections.

    fn flow_map(
        &mut self,
        map: Node<'a>,
        place: Written,
        changes: &BTreeMap<String, EntryChange>,
    ) -> Result<(), Obstacle> {
        let entries = self.layout.entries(self.tree, map);
        let (gone, new) = self.inside_map(map, &entries, changes, false)?;
        let manner = self.manner_of(&entries);
        let parts = Self::parts(&entries);
        let last = (0..parts.len()).rev().find(|at| !gone[*at]);
        let new = new
            .iter()
            .map(|(key, value)| (last, manner.flow_entry(key, value)));
        self.flow_parts(place, &parts, &gone, &new.collect::<Vec<_>>());
        Ok(())
    }

    /// A map in braces with quoted keys is written as JSON.
    fn manner_of(&self, entries: &[WrittenEntry<'_>]) -> Manner {
        let is_quoted = entries
            .first()
            .is_some_and(|entry| entry.written.style == Style::DoubleQuoted);
        Manner {
            is_json: self.manner.is_json || is_quoted,
            ..self.manner
        }
    }

    fn flow_list(
        &mut self,
        list: Node<'a>,
        place: Written,
        changes: &[ItemChange],
    ) -> Result<(), Obstacle> {
        let items = self.items(list)?;
        let parts: Vec<Part> = items
            .iter()
            .map(|(_, place)| Part {
                start: place.start,
                end: place.end,
            })
            .collect();
        let slot = Slot {
            column: None,
            is_item: true,
        };
        if is_permuted(changes) {
            return self.permuted_flow(&items, &parts, changes);
        }
        let quoted = items.first().map(|(_, place)| place.style);
        let (mut gone, mut new, mut behind) = (vec![true; items.len()], Vec::new(), None);
        for change in changes {
            match change {
                ItemChange::Old(at, change) => {
                    gone[*at] = false;
                    behind = Some(*at);
                    if let Some(change) = change {
                        self.value(items[*at].0, items[*at].1, change, slot)?;
                    }
                }
                ItemChange::New(value) => {
                    let text = match value {
                        Value::String(_) => {
                            let style = quoted.unwrap_or(Style::Plain);
                            self.manner.scalar(value, style, ScalarPlace::Flow)
                        }
                        _ => self.manner.flow(value),
                    };
                    new.push((behind, text));
                }
            }
        }
        self.flow_parts(place, &parts, &gone, &new);
        Ok(())
    }

    /// Takes parts out of a flow collection and puts others in, each behind the part at its position.
    fn flow_parts(
        &mut self,
        place: Written,
        parts: &[Part],
        gone: &[bool],
        new: &[(Option<usize>, String)],
    ) {
        let between = self.between_flow_parts(place, parts);
        let Some(first) = gone.iter().position(|gone| !gone) else {
            let texts: Vec<&str> = new.iter().map(|(_, text)| text.as_str()).collect();
            let (start, end) = match (parts.first(), parts.last()) {
                (Some(first), Some(last)) => (first.start, last.end),
                _ => (place.content + 1, place.end - 1),
            };
            self.edit(start..end, texts.join(&between));
            return;
        };
        if first > 0 {
            self.edit(parts[0].start..parts[first].start, "");
        }
        for at in (first + 1..parts.len()).filter(|at| gone[*at]) {
            self.edit(parts[at - 1].end..parts[at].end, "");
        }
        for group in new.chunk_by(|(one, _), (other, _)| one == other) {
            let texts: Vec<&str> = group.iter().map(|(_, text)| text.as_str()).collect();
            let texts = texts.join(&between);
            if let Some(behind) = group[0].0 {
                self.put_in_flow(place, parts, behind, &between, &texts);
            } else {
                let at = parts[first].start;
                self.edit(at..at, format!("{texts}{between}"));
            }
        }
    }

    /// Puts text behind a part of a flow collection: behind its comma and comment, if the others are on lines of their own.
    fn put_in_flow(
        &mut self,
        place: Written,
        parts: &[Part],
        behind: usize,
        between: &str,
        text: &str,
    ) {
        let at = parts[behind].end;
        let end = self.line_end(at);
        let next = parts
            .get(behind + 1)
            .map_or(place.end - 1, |part| part.start);
        let rest = self.text[at..end].trim_start_matches([' ', '\t']);
        match between.strip_prefix(',') {
            Some(line) if end < next && line.starts_with(self.manner.newline) => {
                if rest.starts_with(',') {
                    self.edit(end..end, format!("{line}{text},"));
                } else {
                    self.edit(at..at, ",");
                    self.edit(end..end, format!("{line}{text}"));
                }
            }
            _ => self.edit(at..at, format!("{between}{text}")),
        }
    }

    /// The text between two parts of a flow collection: it has a line for each, or is in one line.
    fn between_flow_parts(&self, place: Written, parts: &[Part]) -> String {
        let Some(first) = parts.first() else {
            return ", ".to_owned();
        };
        if self.text[place.content..first.start].contains('\n') {
            let column = self.column(first.start);
            return format!(",{}{:column$}", self.manner.newline, "");
        }
        match parts {
            [first, second, ..] if !self.text[first.end..second.start].contains([' ', '\n']) => {
                ",".to_owned()
            }
            _ => ", ".to_owned(),
        }
    }

    /// The items of a flow list in another order: their texts change places.
    fn permuted_flow(
        &mut self,
        items: &[(Node<'a>, Written)],
        parts: &[Part],
        changes: &[ItemChange],
    ) -> Result<(), Obstacle> {
        if changes.len() != items.len() {
            return Err(Obstacle::MovedAndChanged);
        }
        let outer = std::mem::take(&mut self.edits);
        let mut moved = Vec::new();
        for (part, change) in parts.iter().zip(changes) {
            let ItemChange::Old(at, change) = change else {
                return Err(Obstacle::MovedAndChanged);
            };
            if let Some(change) = change {
                let slot = Slot {
                    column: None,
                    is_item: true,
                };
                self.value(items[*at].0, items[*at].1, change, slot)?;
            }
            let edits = std::mem::take(&mut self.edits);
            let text = self.part_of_text(parts[*at].start..parts[*at].end, edits)?;
            moved.push(TextEdit {
                range: part.start..part.end,
                text,
            });
        }
        self.edits = outer;
        self.edits.extend(moved);
        Ok(())
    }
}

/// Whether the old items that stay are in another order.
fn is_permuted(changes: &[ItemChange]) -> bool {
    let old = changes.iter().filter_map(|change| match change {
        ItemChange::Old(at, _) => Some(*at),
        ItemChange::New(_) => None,
    });
    !old.is_sorted()
}
