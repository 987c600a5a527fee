//! Turns events into nodes: keys become strings, and aliases refer to their targets.

use super::anchors::{Anchor, AnchoredKey, Anchors};
use super::arena::{Arena, NodeData, NodeKind, PLAIN, SCRATCH, key_hash};
use super::events::{Event, Parser, Properties};
use super::resolve::{self, ScalarValue, Tag};
use super::scan::{Scan, Span, too_deep};
use super::{Diagnostics, Fault, MAX_DEPTH, base64, bytes, excerpt, maps, offset};

/// Reads the first document of a text into the arena. Returns its root, or `None` where it is empty or null.
pub(super) fn compose(
    text: &str,
    start: usize,
    arena: &mut Arena,
    notes: &mut Diagnostics<'_>,
) -> Scan<Option<u32>> {
    let before = arena.mark();
    let known_problems = notes.mark();
    let scratch = std::mem::take(&mut arena.scratch);
    let anchors = Anchors::new(arena.aliased);
    let mut composer = Composer {
        text,
        parser: Parser::new(text, start, scratch),
        arena,
        notes,
        frames: Vec::new(),
        anchors,
    };
    let result = composer.document();
    let aliased = composer.anchors.aliased();
    let scratch = std::mem::take(&mut composer.parser.scanner.scratch);
    arena.scratch = scratch;
    arena.aliased += aliased;
    let root = arena.nodes.get(before.nodes);
    let empty = root.is_none_or(|root| root.kind == NodeKind::Null);
    if empty || result.is_err() {
        arena.truncate(before);
    }
    if result.is_err() {
        notes.forget(known_problems);
    }
    result.map(|()| (!empty).then(|| offset(before.nodes)))
}

/// A collection that is not closed yet.
struct OpenCollection {
    node: u32,
    /// The number of its children; keys and values count separately.
    children: u32,
    is_map: bool,
    /// The last key is `<<`.
    merging: bool,
    /// Any of its keys is `<<`.
    merges: bool,
    anchor: Option<usize>,
    /// The number of levels below it, including those through aliases.
    height: usize,
}

struct Composer<'t, 'a, 'n> {
    text: &'t str,
    parser: Parser<'t>,
    arena: &'a mut Arena,
    notes: &'a mut Diagnostics<'n>,
    frames: Vec<OpenCollection>,
    anchors: Anchors<'t>,
}

impl<'t> Composer<'t, '_, '_> {
    /// Reads one document.
    fn document(&mut self) -> Scan<()> {
        if matches!(self.parser.next()?, Event::StreamEnd) {
            return Ok(());
        }
        loop {
            match self.parser.next()? {
                Event::Scalar { at, span, plain } => self.scalar(at, span, plain)?,
                Event::Alias { start, name } => self.alias(start, name)?,
                Event::ListStart(at) => self.open(at, false)?,
                Event::MapStart(at) => self.open(at, true)?,
                Event::ListEnd | Event::MapEnd => self.close(),
                Event::DocumentStart | Event::DocumentEnd | Event::StreamEnd => {}
            }
            if self.frames.is_empty() {
                break;
            }
        }
        self.parser.next()?;
        if let Some(at) = self.parser.ignored_from() {
            self.notes.warn(at, |_| {
                "text after the end of the document is ignored: the next document must begin with `---`"
                    .to_owned()
            });
        }
        Ok(())
    }

    /// Whether the next value is a key.
    fn expects_key(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| frame.is_map && frame.children.is_multiple_of(2))
    }

    /// Adds a node as the next child of the open collection.
    fn push(&mut self, data: NodeData) -> u32 {
        let index = offset(self.arena.nodes.len());
        self.arena.nodes.push(data);
        if let Some(frame) = self.frames.last_mut() {
            frame.children += 1;
        }
        index
    }

    /// Records the anchor of a value, if it has one. Returns the anchor's index.
    fn define(&mut self, name: Span, node: u32, before: u64) -> Option<usize> {
        (name.len != 0).then(|| self.anchors.define(self.name(name), node, before))
    }

    /// The name of an anchor or alias.
    fn name(&self, span: Span) -> &'t str {
        &self.text[span.start as usize..(span.start + span.len) as usize]
    }

    /// Writes a text that is not in the source to the scratch text.
    fn write(&mut self, text: &str) -> Span {
        let scratch = &mut self.parser.scanner.scratch;
        let start = offset(scratch.len());
        scratch.push_str(text);
        Span {
            start,
            len: offset(text.len()),
            scratch: true,
        }
    }

    // Scalars.

    fn scalar(&mut self, at: Properties, span: Span, plain: bool) -> Scan<()> {
        let is_key = self.expects_key();
        if is_key && self.is_merge(at.tag, span, plain) {
            let before = self.anchors.visited();
            let node = self.push(scalar_node(NodeKind::Merge, at.start, span));
            if let Some(anchor) = self.define(at.anchor, node, before) {
                self.anchors.close(anchor, 0, None);
            }
            if let Some(frame) = self.frames.last_mut() {
                frame.merging = true;
                frame.merges = true;
            }
            return Ok(());
        }
        let before = self.anchors.visited();
        self.anchors.count(at.start)?;
        let text = self.parser.scanner.resolve(span);
        let value = match at.tag {
            Tag::None if plain => resolve::plain(text),
            Tag::None => ScalarValue::Str,
            tag => resolve::tagged(tag, text)
                .map_err(|error| Fault::new(at.start as usize, error.to_string()))?,
        };
        let span = if at.tag == Tag::Binary {
            self.binary(at, span)?
        } else {
            span
        };
        let plain = plain && at.tag == Tag::None;
        let (node, key) = if is_key {
            let key = AnchoredKey {
                at,
                span,
                value,
                plain,
            };
            (self.key(at, span, value)?, Some(key))
        } else {
            self.check_merge_value(at.start, false)?;
            let data = self.value(at, span, value, plain)?;
            (self.push(data), None)
        };
        if let Some(anchor) = self.define(at.anchor, node, before) {
            self.anchors.close(anchor, 0, key);
        }
        Ok(())
    }

    /// Whether a scalar in a key's place is the merge key.
    fn is_merge(&self, tag: Tag, span: Span, plain: bool) -> bool {
        let tagged = match tag {
            Tag::None => plain,
            Tag::NonSpecific | Tag::Merge => true,
            _ => false,
        };
        tagged && self.parser.scanner.resolve(span) == "<<"
    }

    /// Decodes a scalar with the tag `!!binary`.
    fn binary(&mut self, at: Properties, span: Span) -> Scan<Span> {
        let text = self.parser.scanner.resolve(span);
        match base64::decode(text) {
            Some(decoded) => Ok(self.write(&bytes::replace_invalid(&decoded))),
            None => Err(Fault::new(
                at.start as usize,
                "expected base64, as the tag `!!binary` requires",
            )),
        }
    }

    fn value(
        &mut self,
        at: Properties,
        span: Span,
        value: ScalarValue,
        plain: bool,
    ) -> Scan<NodeData> {
        let mut span = span;
        let kind = match value {
            ScalarValue::Null => NodeKind::Null,
            ScalarValue::Bool(true) => NodeKind::True,
            ScalarValue::Bool(false) => NodeKind::False,
            ScalarValue::Str => NodeKind::String,
            ScalarValue::Float(float) if !float.is_finite() => {
                let text = self.parser.scanner.resolve(span);
                return Err(Fault::new(
                    at.start as usize,
                    format!(
                        "expected a number that JSON can represent, found `{}`: quote it if it is text",
                        excerpt(text)
                    ),
                ));
            }
            ScalarValue::Float(float) if at.tag == Tag::Float => {
                // The text may be an integer with more digits than the float.
                span = self.write(&format!("{float:?}"));
                NodeKind::Number
            }
            ScalarValue::Int(_) | ScalarValue::Uint(_) | ScalarValue::Float(_) => NodeKind::Number,
        };
        let mut data = scalar_node(kind, at.start, span);
        if plain {
            data.flags |= PLAIN;
        }
        Ok(data)
    }

    fn key(&mut self, at: Properties, span: Span, value: ScalarValue) -> Scan<u32> {
        let start = at.start as usize;
        let span = match value {
            ScalarValue::Str => span,
            ScalarValue::Null => {
                return Err(Fault::new(
                    start,
                    "expected a key, found null: quote it if it is text",
                ));
            }
            _ => {
                let Some(key) = resolve::key_text(value) else {
                    return Err(Fault::new(
                        start,
                        "expected a key, found a number above the 64-bit range: quote it",
                    ));
                };
                let spelt = self.parser.scanner.resolve(span);
                if spelt == key {
                    span
                } else {
                    self.notes.warn(start, |_| {
                        let spelt = excerpt(spelt);
                        format!("the key `{spelt}` is read as \"{key}\": quote it if it is text")
                    });
                    self.write(&key)
                }
            }
        };
        let mut data = scalar_node(NodeKind::String, at.start, span);
        data.hash = key_hash(self.parser.scanner.resolve(span));
        Ok(self.push(data))
    }

    /// Checks that the value of `<<` is a map or a list of maps.
    fn check_merge_value(&mut self, at: u32, is_map: bool) -> Scan<()> {
        let depth = self.frames.len();
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let merged = std::mem::take(&mut frame.merging);
        let in_merged_list = !frame.is_map && depth > 1 && self.frames[depth - 2].merging;
        if (merged || in_merged_list) && !is_map {
            return Err(Fault::new(
                at as usize,
                "expected a map or a list of maps as the value of `<<`",
            ));
        }
        Ok(())
    }

    // Aliases.

    fn alias(&mut self, start: u32, name: Span) -> Scan<()> {
        let name = self.name(name);
        let Some(anchor) = self.anchors.find(name) else {
            return Err(Fault::new(
                start as usize,
                format!(
                    "expected an anchor `&{}` before this alias, found none",
                    excerpt(name)
                ),
            ));
        };
        let Anchor {
            node,
            before,
            after: Some(after),
            height,
            key,
        } = anchor
        else {
            return Err(Fault::new(
                start as usize,
                format!(
                    "the value of the anchor `&{}` contains itself",
                    excerpt(name)
                ),
            ));
        };
        self.anchors.count(start)?;
        self.anchors.count_aliased(start, after - before)?;
        if self.frames.len() + height > MAX_DEPTH {
            return Err(too_deep(start as usize));
        }
        if let Some(key) = key {
            return self.alias_of_key(start, key);
        }
        let target = self.arena.data(node);
        if self.expects_key() {
            return self.alias_as_key(start, target);
        }
        self.check_merge_value(start, target.kind == NodeKind::Map)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.height = frame.height.max(height);
        }
        self.push(NodeData {
            offset: start,
            a: node,
            b: 0,
            hash: 0,
            kind: NodeKind::Alias,
            flags: 0,
        });
        Ok(())
    }

    /// Adds an alias of a scalar that is a key elsewhere: a copy of its value from before it became a string.
    fn alias_of_key(&mut self, start: u32, key: AnchoredKey) -> Scan<()> {
        let AnchoredKey {
            at,
            span,
            value,
            plain,
        } = key;
        let at = Properties { start, ..at };
        if self.expects_key() {
            self.key(at, span, value)?;
        } else {
            self.check_merge_value(start, false)?;
            let data = self.value(at, span, value, plain)?;
            self.push(data);
        }
        Ok(())
    }

    /// Adds an alias in a key's place.
    fn alias_as_key(&mut self, start: u32, target: NodeData) -> Scan<()> {
        let span = Span {
            start: target.a,
            len: target.b,
            scratch: target.flags & SCRATCH != 0,
        };
        let value = match target.kind {
            NodeKind::List | NodeKind::Map | NodeKind::Alias => {
                return Err(self.collection_key(start, target.kind));
            }
            NodeKind::Null => ScalarValue::Null,
            NodeKind::True => ScalarValue::Bool(true),
            NodeKind::False => ScalarValue::Bool(false),
            NodeKind::String | NodeKind::Merge => ScalarValue::Str,
            NodeKind::Number => resolve::plain(self.parser.scanner.resolve(span)),
        };
        self.key(Properties::bare(start), span, value)?;
        Ok(())
    }

    // Collections.

    fn collection_key(&self, at: u32, kind: NodeKind) -> Fault {
        let start = at as usize;
        let what = if kind == NodeKind::List {
            "list"
        } else {
            "map"
        };
        let template = self.text[..start].ends_with('{') && kind == NodeKind::Map;
        let hint = if template {
            " (`{{` begins a template, which must be rendered first)"
        } else {
            ""
        };
        Fault::new(start, format!("expected a key, found a {what}{hint}"))
    }

    fn open(&mut self, at: Properties, is_map: bool) -> Scan<()> {
        let kind = if is_map {
            NodeKind::Map
        } else {
            NodeKind::List
        };
        if self.expects_key() {
            return Err(self.collection_key(at.start, kind));
        }
        if self.frames.len() >= MAX_DEPTH {
            return Err(too_deep(at.start as usize));
        }
        let before = self.anchors.visited();
        // In a list after `<<`, only the maps count.
        let merged_list = !is_map && self.frames.last().is_some_and(|frame| frame.merging);
        if !merged_list {
            self.check_merge_value(at.start, is_map)?;
            self.anchors.count(at.start)?;
        }
        let node = self.push(NodeData {
            offset: at.start,
            a: 0,
            b: 0,
            hash: 0,
            kind,
            flags: 0,
        });
        let anchor = self.define(at.anchor, node, before);
        self.frames.push(OpenCollection {
            node,
            children: 0,
            is_map,
            merging: false,
            merges: false,
            anchor,
            height: 0,
        });
        Ok(())
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        self.arena
            .end_collection(frame.node, frame.is_map, frame.children);
        if frame.is_map && (frame.children > 2 || frame.merges) {
            // The arena needs the scratch text to read keys.
            std::mem::swap(&mut self.arena.scratch, &mut self.parser.scanner.scratch);
            maps::finish(self.arena, self.text, frame.node, frame.merges, self.notes);
            std::mem::swap(&mut self.arena.scratch, &mut self.parser.scanner.scratch);
        }
        let height = frame.height + 1;
        if let Some(anchor) = frame.anchor {
            self.anchors.close(anchor, height, None);
        }
        if let Some(parent) = self.frames.last_mut() {
            parent.height = parent.height.max(height);
            if !frame.is_map {
                parent.merging = false;
            }
        }
    }
}

fn scalar_node(kind: NodeKind, at: u32, span: Span) -> NodeData {
    NodeData {
        offset: at,
        a: span.start,
        b: span.len,
        hash: 0,
        kind,
        flags: if span.scratch { SCRATCH } else { 0 },
    }
}
