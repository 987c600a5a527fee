//! Where each value of a document is written: its beginning, its end and its style. Editing needs it and reading does
//! not, so it is found by scanning the document once more.

use super::arena::NodeKind;
use super::cursor::Cursor;
use super::scan::{Scan, Scanner, Token, TokenKind, too_deep};
use super::split::{Chunk, Chunks};
use super::tree::{NO_ALIAS, Node, Tree};
use super::{Document, Fault, MAX_DEPTH, NodeId, offset, split};

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Nothing is written: `key:` and no value.
    Absent,
    /// An unquoted scalar.
    Plain,
    /// A scalar in single quotes.
    SingleQuoted,
    /// A scalar in double quotes.
    DoubleQuoted,
    /// A block scalar after `|`.
    Literal,
    /// A block scalar after `>`.
    Folded,
    /// `*name`.
    Alias,
    /// A list with an item after each `-`.
    BlockList,
    /// A map with keys on lines of their own.
    BlockMap,
    /// A list in brackets.
    FlowList,
    /// A map in braces.
    FlowMap,
    /// A map of one entry without braces, in a list in brackets.
    FlowPair,
}

/// Where a value or key is written, as byte offsets into the file's text.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Where its entry begins: the `-` of a list item, the `?` or the key itself, the `:` before a value.
    pub entry: usize,
    /// Where it begins, with its anchor and tag.
    pub start: usize,
    /// Where it begins behind its anchor and tag.
    pub content: usize,
    /// Where it ends. A block collection ends with its last value, a block scalar with its last line.
    pub end: usize,
    /// How it is written.
    pub style: Style,
}

/// The places of all values of one document.
#[derive(Debug)]
pub struct Layout {
    root: u32,
    places: Vec<Written>,
}

impl Layout {
    /// Scans a document again. `None` where that finds other values than reading did.
    #[must_use]
    pub fn of(tree: &Tree, document: &Document) -> Option<Self> {
        let (text, start) = (tree.text(), tree.node(document.root).offset() as usize);
        let (from, to) = if split::looks_like_json(text.trim_start_matches('\u{FEFF}')) {
            (start, text.len())
        } else {
            Chunks::new(text, tree.lines.start()).find_map(|chunk| match chunk {
                Chunk::Document { start: from, end } if (from..end).contains(&start) => {
                    Some((from, end))
                }
                _ => None,
            })?
        };
        let mark = if text[from..].starts_with('\u{FEFF}') {
            3
        } else {
            0
        };
        let mut builder = LayoutBuilder {
            scanner: Scanner::new(&text[..to], from + mark, String::new()),
            places: Vec::new(),
            depth: 0,
        };
        builder.document().ok()?;
        let root = document.root.index;
        let count = tree.arena.after(root) - root;
        (builder.places.len() == count as usize).then_some(Self {
            root,
            places: builder.places,
        })
    }

    /// Where a node of this document is written. Of an alias, this is the place of the `*name`.
    #[must_use]
    pub fn place(&self, node: Node<'_>) -> Option<Written> {
        self.of_index(node.id().index)
    }

    fn of_index(&self, index: u32) -> Option<Written> {
        let at = index.checked_sub(self.root)?;
        self.places.get(at as usize).copied()
    }

    /// The entries of a map as they are written: `<<` and keys that are overridden included, merged ones not. Empty for
    /// an alias.
    #[must_use]
    pub fn entries<'t>(&self, tree: &'t Tree, map: Node<'t>) -> Vec<WrittenEntry<'t>> {
        let index = map.id().index;
        if tree.arena.data(index).kind != NodeKind::Map {
            return Vec::new();
        }
        let (mut entries, mut key) = (Vec::new(), index + 1);
        while key < tree.arena.after(index) {
            let node = |index| {
                tree.node(NodeId {
                    index,
                    via: NO_ALIAS,
                })
            };
            if let (Some(written), Some(place)) = (self.of_index(key), self.of_index(key + 1)) {
                entries.push(WrittenEntry {
                    key: tree.key(key),
                    is_merge: tree.arena.data(key).kind == NodeKind::Merge,
                    written,
                    value: node(key + 1),
                    place,
                });
            }
            key = tree.arena.after(key + 1);
        }
        entries
    }
}

/// One entry of a map, as it is written.
#[derive(Clone, Copy)]
pub struct WrittenEntry<'t> {
    /// The key, as a string.
    pub key: &'t str,
    /// Whether the key is `<<`.
    pub is_merge: bool,
    /// Where the key is.
    pub written: Written,
    /// The value.
    pub value: Node<'t>,
    /// Where the value is.
    pub place: Written,
}

struct LayoutBuilder<'t> {
    scanner: Scanner<'t>,
    places: Vec<Written>,
    depth: usize,
}

impl LayoutBuilder<'_> {
    fn take(&mut self) -> Scan<Token> {
        let token = self.scanner.peek()?;
        self.scanner.skip();
        Ok(token)
    }

    /// Consumes the next token if it is of this kind.
    fn take_if(&mut self, kind: TokenKind) -> Scan<Option<Token>> {
        let token = self.scanner.peek()?;
        if token.kind != kind {
            return Ok(None);
        }
        self.scanner.skip();
        Ok(Some(token))
    }

    fn next_is(&mut self, kinds: &[TokenKind]) -> Scan<bool> {
        Ok(kinds.contains(&self.scanner.peek()?.kind))
    }

    fn document(&mut self) -> Scan<()> {
        while self.next_is(&[
            TokenKind::VersionDirective,
            TokenKind::TagDirective,
            TokenKind::DocumentStart,
        ])? {
            self.scanner.skip();
        }
        let start = self.scanner.peek()?.start;
        self.node(start, start, false)
    }

    /// A value. Nothing may be written of it; it then is right behind `after`.
    fn node(&mut self, entry: u32, after: u32, indentless: bool) -> Scan<()> {
        let at = self.places.len();
        let mut token = self.scanner.peek()?;
        let start = token.start as usize;
        let mut properties_end = None;
        while matches!(token.kind, TokenKind::Anchor | TokenKind::Tag) {
            properties_end = Some(token.end as usize);
            self.scanner.skip();
            token = self.scanner.peek()?;
        }
        let content = token.start as usize;
        self.places.push(Written {
            entry: entry as usize,
            start,
            content,
            end: content,
            style: Style::Absent,
        });
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(content));
        }
        let (style, end) = match token.kind {
            TokenKind::Alias => (Style::Alias, self.scalar()?),
            TokenKind::Plain => (Style::Plain, self.scalar()?),
            TokenKind::Quoted => {
                let style = quoted_style(&self.scanner.cursor, content);
                let end = self.scalar()?;
                (style, self.without_blank_line(style, content, end))
            }
            TokenKind::FlowSequenceStart => (Style::FlowList, self.flow_list()?),
            TokenKind::FlowMappingStart => (Style::FlowMap, self.flow_map()?),
            TokenKind::BlockSequenceStart => (Style::BlockList, self.block_list(false)?),
            TokenKind::BlockEntry if indentless => (Style::BlockList, self.block_list(true)?),
            TokenKind::BlockMappingStart => (Style::BlockMap, self.block_map()?),
            _ => {
                let end = properties_end.unwrap_or(after as usize);
                let place = &mut self.places[at];
                place.start = if properties_end.is_some() { start } else { end };
                place.content = end;
                (Style::Absent, end)
            }
        };
        self.depth -= 1;
        self.places[at].style = style;
        self.places[at].end = end;
        Ok(())
    }

    fn absent(&mut self, entry: u32, at: u32) {
        self.places.push(Written {
            entry: entry as usize,
            start: at as usize,
            content: at as usize,
            end: at as usize,
            style: Style::Absent,
        });
    }

    fn scalar(&mut self) -> Scan<usize> {
        Ok(self.take()?.end as usize)
    }

    /// The end of a scalar without the indentation of what follows it, which the end of an empty block scalar has.
    fn without_blank_line(&self, style: Style, start: usize, end: usize) -> usize {
        let text = &self.scanner.cursor.text[start..end];
        let is_blank = |line: &str| line.trim_matches([' ', '\t']).is_empty();
        let is_block = matches!(style, Style::Literal | Style::Folded);
        if is_block && text.rsplit('\n').next().is_some_and(is_blank) {
            return start + text.trim_end().len();
        }
        end
    }

    fn last_end(&self, or: u32) -> usize {
        self.places.last().map_or(or as usize, |last| last.end)
    }

    fn block_list(&mut self, indentless: bool) -> Scan<usize> {
        let mut last = 0;
        if !indentless {
            self.scanner.skip();
        }
        while let Some(dash) = self.take_if(TokenKind::BlockEntry)? {
            let at = self.places.len();
            let is_absent = if indentless {
                self.next_is(&[
                    TokenKind::BlockEntry,
                    TokenKind::Key,
                    TokenKind::Value,
                    TokenKind::BlockEnd,
                ])?
            } else {
                self.next_is(&[TokenKind::BlockEntry, TokenKind::BlockEnd])?
            };
            if is_absent {
                self.absent(dash.start, dash.end);
            } else {
                self.node(dash.start, dash.end, false)?;
            }
            last = self.places[at].end;
        }
        if !indentless {
            self.expect(TokenKind::BlockEnd)?;
        }
        Ok(last)
    }

    fn expect(&mut self, kind: TokenKind) -> Scan<Token> {
        match self.take_if(kind)? {
            Some(token) => Ok(token),
            None => Err(Fault::new(
                self.scanner.cursor.pos,
                "expected another token",
            )),
        }
    }

    fn block_map(&mut self) -> Scan<usize> {
        let mut last = 0;
        self.scanner.skip();
        while !self.next_is(&[TokenKind::BlockEnd])? {
            let key = self.expect(TokenKind::Key)?;
            if self.next_is(&[TokenKind::Key, TokenKind::Value, TokenKind::BlockEnd])? {
                self.absent(key.start, key.end);
            } else {
                self.node(key.start, key.end, true)?;
            }
            let after = offset(self.last_end(key.end));
            let at = self.places.len();
            match self.take_if(TokenKind::Value)? {
                Some(colon)
                    if self.next_is(&[
                        TokenKind::Key,
                        TokenKind::Value,
                        TokenKind::BlockEnd,
                    ])? =>
                {
                    self.absent(colon.start, colon.end);
                }
                Some(colon) => self.node(colon.start, colon.end, true)?,
                None => self.absent(after, after),
            }
            last = self.places[at].end;
        }
        self.scanner.skip();
        Ok(last)
    }

    fn flow_list(&mut self) -> Scan<usize> {
        self.scanner.skip();
        loop {
            if let Some(close) = self.take_if(TokenKind::FlowSequenceEnd)? {
                return Ok(close.end as usize);
            }
            let token = self.scanner.peek()?;
            if token.kind == TokenKind::Key {
                self.flow_pair(token)?;
            } else {
                self.node(token.start, token.start, false)?;
            }
            if !self.next_is(&[TokenKind::FlowSequenceEnd])? {
                self.expect(TokenKind::FlowEntry)?;
            }
        }
    }

    fn flow_pair(&mut self, key: Token) -> Scan<()> {
        let at = self.places.len();
        self.absent(key.start, key.start);
        self.places[at].style = Style::FlowPair;
        self.scanner.skip();
        self.node(key.start, key.end, false)?;
        self.flow_value(TokenKind::FlowSequenceEnd)?;
        // A key is one value, and so its value is the second behind this.
        self.places[at].end = self.places[at + 2].end;
        Ok(())
    }

    fn flow_map(&mut self) -> Scan<usize> {
        self.scanner.skip();
        loop {
            if let Some(close) = self.take_if(TokenKind::FlowMappingEnd)? {
                return Ok(close.end as usize);
            }
            let key = self.scanner.peek()?;
            if key.kind == TokenKind::Key {
                self.scanner.skip();
            }
            self.node(key.start, key.end, false)?;
            self.flow_value(TokenKind::FlowMappingEnd)?;
            if !self.next_is(&[TokenKind::FlowMappingEnd])? {
                self.expect(TokenKind::FlowEntry)?;
            }
        }
    }

    fn flow_value(&mut self, close: TokenKind) -> Scan<()> {
        let after = offset(self.last_end(0));
        match self.take_if(TokenKind::Value)? {
            Some(colon) if self.next_is(&[TokenKind::FlowEntry, close])? => {
                self.absent(colon.start, colon.end);
                Ok(())
            }
            Some(colon) => self.node(colon.start, colon.end, false),
            None => {
                self.absent(after, after);
                Ok(())
            }
        }
    }
}

fn quoted_style(cursor: &Cursor<'_>, at: usize) -> Style {
    match cursor.byte(at) {
        b'\'' => Style::SingleQuoted,
        b'"' => Style::DoubleQuoted,
        b'|' => Style::Literal,
        _ => Style::Folded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read;

    /// How the value at a path of a text is written, and what is there from the beginning of its entry on.
    fn written(text: &str, path: &[&str]) -> Option<(Style, String)> {
        let stream = read(text.as_bytes().to_vec());
        let layout = Layout::of(&stream.tree, stream.documents.first()?)?;
        let mut node = stream.tree.node(stream.documents[0].root);
        for step in path {
            node = match step.parse::<usize>() {
                Ok(index) => node.items().nth(index)?,
                Err(_) => node.get(step)?,
            };
        }
        let place = layout.place(node)?;
        let text = &stream.tree.text()[place.entry..place.end];
        Some((place.style, text.to_owned()))
    }

    #[test]
    fn each_value_has_its_beginning_its_end_and_its_style() {
        for (text, path, style, entry) in [
            ("a: x # c\n", &["a"][..], Style::Plain, ": x"),
            ("a: x\n  y # c\nb: z\n", &["a"], Style::Plain, ": x\n  y"),
            (
                "a: 'x'' y'\t# c\n",
                &["a"],
                Style::SingleQuoted,
                ": 'x'' y'",
            ),
            ("a: \"x\\\"\"\n", &["a"], Style::DoubleQuoted, ": \"x\\\"\""),
            (
                "a: |\n  x\n  y\nb: z\n",
                &["a"],
                Style::Literal,
                ": |\n  x\n  y",
            ),
            (
                "a: >- # c\n  x\n\nb: z\n",
                &["a"],
                Style::Folded,
                ": >- # c\n  x",
            ),
            ("a: |+\n  x\n\nb: z\n", &["a"], Style::Literal, ": |+\n  x"),
            (
                "a:\r\n  b: |\r\n    x\r\nc: z\r\n",
                &["a", "b"],
                Style::Literal,
                ": |\r\n    x",
            ),
            ("a: |\nb: z\n", &["a"], Style::Literal, ": |"),
            ("a: # c\nb: z\n", &["a"], Style::Absent, ":"),
            ("a: &x !!str\nb: z\n", &["a"], Style::Absent, ": &x !!str"),
            ("a: &x y\nb: *x # c\n", &["b"], Style::Alias, ": *x"),
            (
                "a:\n- x\n- - y\n  - z # c\n# d\n",
                &["a"],
                Style::BlockList,
                ":\n- x\n- - y\n  - z",
            ),
            (
                "a:\n- x\n- - y\n  - z # c\n",
                &["a", "1", "0"],
                Style::Plain,
                "- y",
            ),
            ("a:\n-\n- x\n", &["a", "0"], Style::Absent, "-"),
            (
                "a:\n  b: x\n  c:\n    d: y # c\ne: z\n",
                &["a"],
                Style::BlockMap,
                ":\n  b: x\n  c:\n    d: y",
            ),
            (
                "a: [x, {b: y}, c: z] # c\n",
                &["a"],
                Style::FlowList,
                ": [x, {b: y}, c: z]",
            ),
            (
                "a: [x, {b: y}, c: z] # c\n",
                &["a", "1"],
                Style::FlowMap,
                "{b: y}",
            ),
            (
                "a: [x, {b: y}, c: z] # c\n",
                &["a", "2"],
                Style::FlowPair,
                "c: z",
            ),
            (
                "a: [x, {b: y}, c: z] # c\n",
                &["a", "2", "c"],
                Style::Plain,
                ": z",
            ),
            ("a: {b: , c}\n", &["a", "b"], Style::Absent, ":"),
            ("? a\n: x\n", &["a"], Style::Plain, ": x"),
            ("{\"a\":[\"x\",1]}", &["a"], Style::FlowList, ":[\"x\",1]"),
            ("{\"a\":[\"x\",1]}", &["a", "1"], Style::Plain, "1"),
            ("\u{feff}a: \u{e9}\nb: x\n", &["b"], Style::Plain, ": x"),
            ("--- # c\na: x\n...\n", &["a"], Style::Plain, ": x"),
        ] {
            let found = written(text, path);
            assert_eq!(found, Some((style, entry.to_owned())), "{text:?} {path:?}");
        }
    }

    #[test]
    fn entries_are_those_that_are_written() {
        let text = "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\n  m: 4\n";
        let stream = read(text.as_bytes().to_vec());
        let layout = Layout::of(&stream.tree, &stream.documents[0]).unwrap();
        let root = stream.tree.node(stream.documents[0].root);
        let b = root.get("b").unwrap();
        let entries = layout.entries(&stream.tree, b);
        let keys: Vec<(&str, bool)> = entries
            .iter()
            .map(|entry| (entry.key, entry.is_merge))
            .collect();
        assert_eq!(keys, [("<<", true), ("k", false), ("m", false)]);
        let merged = b.get("l").unwrap();
        let place = layout.place(merged).unwrap();
        assert_eq!(&text[place.start..place.end], "2");
        assert!(layout.entries(&stream.tree, b.get("k").unwrap()).is_empty());
    }

    #[test]
    fn each_document_has_places_of_its_own() {
        let text = "# c\n---\na: x\n---\na: yy\n--- {a: zzz}\n";
        let stream = read(text.as_bytes().to_vec());
        let found = stream.documents.iter().map(|document| {
            let layout = Layout::of(&stream.tree, document).unwrap();
            let value = stream.tree.node(document.root).get("a").unwrap();
            let place = layout.place(value).unwrap();
            &text[place.start..place.end]
        });
        let expected: Vec<String> = stream
            .documents
            .iter()
            .map(|document| {
                stream
                    .tree
                    .node(document.root)
                    .get("a")
                    .unwrap()
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert!(expected.len() >= 2, "{expected:?}");
    }
}
