//! Events -> nodes: anchors and aliases, keys as strings, merge keys, duplicate keys.

use std::collections::HashMap;

use super::arena::{Arena, Kind, NodeData, PLAIN, SCRATCH, key_hash};
use super::events::{Event, Parser, Properties};
use super::maps;
use super::resolve::{self, Scalar, Tag};
use super::scan::{Scan, Span, too_deep};
use super::{Fault, MAX_DEPTH, Notes, base64, bytes, offset};

/// How many values of one file may come from aliases. kubectl has such a limit for each document only.
const MAX_ALIASED: u64 = 4_000_000;

/// A collection that is not closed yet.
struct Frame {
    node: u32,
    /// How many children it has; keys and values count each.
    children: u32,
    is_map: bool,
    /// The key read last is `<<`.
    merging: bool,
    /// Some key is `<<`.
    merges: bool,
    anchor: Option<usize>,
    /// How many levels there are below, aliases followed.
    height: usize,
}

/// A value with an anchor.
struct Anchor {
    node: u32,
    /// How many values had been decoded before it, and with it; none while it is open.
    decoded: (u64, Option<u64>),
    height: usize,
    /// The scalar, where it stands as a key: there it is a string, but an alias of it may be something else.
    key: Option<Key>,
}

/// A scalar in the place of a key, before it became a string.
#[derive(Clone, Copy)]
struct Key {
    at: Properties,
    span: Span,
    value: Scalar,
    plain: bool,
}

/// Reads the first document of a text into the arena. Gives its root, or none where it is empty or null.
pub(super) fn compose(
    text: &str,
    start: usize,
    arena: &mut Arena,
    notes: &mut Notes<'_>,
) -> Result<Option<u32>, Fault> {
    let before = arena.mark();
    let known_problems = notes.problems.len();
    let scratch = std::mem::take(&mut arena.scratch);
    let mut composer = Composer {
        text,
        parser: Parser::new(text, start, scratch),
        arena,
        notes,
        frames: Vec::new(),
        anchors: Vec::new(),
        names: HashMap::new(),
        decoded: 0,
        aliased: 0,
    };
    let result = composer.document();
    let aliased = composer.aliased;
    let scratch = std::mem::take(&mut composer.parser.scanner.scratch);
    arena.scratch = scratch;
    arena.aliased += aliased;
    let root = arena.nodes.get(before.nodes);
    let empty = root.is_none_or(|root| root.kind == Kind::Null);
    if empty || result.is_err() {
        arena.truncate(before);
    }
    if result.is_err() {
        notes.problems.truncate(known_problems);
    }
    result.map(|()| (!empty).then(|| offset(before.nodes)))
}

struct Composer<'t, 'a, 'n> {
    text: &'t str,
    parser: Parser<'t>,
    arena: &'a mut Arena,
    notes: &'a mut Notes<'n>,
    frames: Vec<Frame>,
    anchors: Vec<Anchor>,
    names: HashMap<&'t str, usize>,
    /// How many values Go's decoder would have visited, and how many of them because of aliases.
    decoded: u64,
    aliased: u64,
}

impl Composer<'_, '_, '_> {
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
            self.notes.warn(
                at,
                "what follows is ignored: the document has ended, and the next one must begin with `---`".to_owned(),
            );
        }
        Ok(())
    }

    /// Whether the next value is a key.
    fn expects_key(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| frame.is_map && frame.children.is_multiple_of(2))
    }

    /// Adds a node, as the next child of the open collection.
    fn push(&mut self, data: NodeData) -> u32 {
        let index = offset(self.arena.nodes.len());
        self.arena.nodes.push(data);
        if let Some(frame) = self.frames.last_mut() {
            frame.children += 1;
        }
        index
    }

    /// Counts a value as Go's decoder does, to refuse what it refuses.
    #[inline]
    fn count(&mut self, at: u32) -> Scan<()> {
        self.decoded += 1;
        if self.aliased > 100 {
            self.check_aliases(at)?;
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "Go compares floats too")]
    fn check_aliases(&self, at: u32) -> Scan<()> {
        const LOW: u64 = 400_000;
        const HIGH: u64 = 4_000_000;
        let allowed = match self.decoded {
            ..=LOW => 0.99,
            HIGH.. => 0.10,
            decoded => 0.99 - 0.89 * ((decoded - LOW) as f64 / (HIGH - LOW) as f64),
        };
        if self.arena.aliased + self.aliased > MAX_ALIASED {
            return Err(Fault::new(
                at as usize,
                "too much of this file comes from aliases",
            ));
        }
        if self.aliased > 100
            && self.decoded > 1000
            && self.aliased as f64 / self.decoded as f64 > allowed
        {
            return Err(Fault::new(
                at as usize,
                "too much of this document comes from aliases",
            ));
        }
        Ok(())
    }

    fn define_anchor(
        &mut self,
        name: Span,
        node: u32,
        decoded: (u64, Option<u64>),
    ) -> Option<usize> {
        if name.len == 0 {
            return None;
        }
        let text = self.text;
        let name = &text[name.start as usize..(name.start + name.len) as usize];
        self.anchors.push(Anchor {
            node,
            decoded,
            height: 0,
            key: None,
        });
        let index = self.anchors.len() - 1;
        self.names.insert(name, index);
        Some(index)
    }

    // Scalars.

    fn scalar(&mut self, at: Properties, span: Span, plain: bool) -> Scan<()> {
        if self.expects_key() && self.parser.scanner.resolve(span) == "<<" {
            let implicit = plain && at.tag == Tag::None || at.tag == Tag::NonSpecific;
            if implicit || at.tag == Tag::Merge {
                let node = self.push(scalar_node(Kind::Merge, at.start, span));
                self.define_anchor(at.anchor, node, (self.decoded, Some(self.decoded + 1)));
                if let Some(frame) = self.frames.last_mut() {
                    frame.merging = true;
                    frame.merges = true;
                }
                return Ok(());
            }
        }
        self.count(at.start)?;
        let text = self.parser.scanner.resolve(span);
        let value = if at.tag == Tag::None {
            if plain {
                resolve::plain(text)
            } else {
                Scalar::Str
            }
        } else {
            resolve::tagged(at.tag, text)
                .map_err(|message| Fault::new(at.start as usize, message))?
        };
        let span = if at.tag == Tag::Binary {
            let decoded = base64::decode(text.as_bytes()).ok_or_else(|| {
                Fault::new(
                    at.start as usize,
                    "expected base64, as the tag `!!binary` demands",
                )
            })?;
            self.write(&bytes::replace_invalid(&decoded))
        } else {
            span
        };
        let plain = plain && at.tag == Tag::None;
        let decoded = (self.decoded - 1, Some(self.decoded));
        if self.expects_key() {
            let node = self.key(at, span, value)?;
            if let Some(anchor) = self.define_anchor(at.anchor, node, decoded) {
                self.anchors[anchor].key = Some(Key {
                    at,
                    span,
                    value,
                    plain,
                });
            }
        } else {
            self.check_merge_value(at.start, false)?;
            let data = self.value_node(at, span, value, plain)?;
            let node = self.push(data);
            self.define_anchor(at.anchor, node, decoded);
        }
        Ok(())
    }

    /// Writes a text that is nowhere in the source.
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

    fn value_node(
        &mut self,
        at: Properties,
        span: Span,
        value: Scalar,
        plain: bool,
    ) -> Scan<NodeData> {
        let mut span = span;
        let kind = match value {
            Scalar::Null => Kind::Null,
            Scalar::Bool(true) => Kind::True,
            Scalar::Bool(false) => Kind::False,
            Scalar::Str => Kind::String,
            Scalar::Float(float) if !float.is_finite() => {
                let text = self.parser.scanner.resolve(span);
                return Err(Fault::new(
                    at.start as usize,
                    format!(
                        "`{text}` is no number that Kubernetes can hold: quote it, if it is text"
                    ),
                ));
            }
            Scalar::Float(float) if at.tag == Tag::Float => {
                span = self.write(&format!("{float:?}"));
                Kind::Number
            }
            Scalar::Int(_) | Scalar::Uint(_) | Scalar::Float(_) => Kind::Number,
        };
        let mut data = scalar_node(kind, at.start, span);
        if plain {
            data.flags |= PLAIN;
        }
        Ok(data)
    }

    fn key(&mut self, at: Properties, span: Span, value: Scalar) -> Scan<u32> {
        let span = match value {
            Scalar::Str => span,
            Scalar::Null => {
                return Err(Fault::new(
                    at.start as usize,
                    "a key cannot be null: quote it",
                ));
            }
            _ => {
                let Some(key) = resolve::key_text(value) else {
                    return Err(Fault::new(
                        at.start as usize,
                        "a key cannot be a number this large: quote it",
                    ));
                };
                let spelt = self.parser.scanner.resolve(span);
                if spelt == key {
                    span
                } else {
                    self.notes.warn(
                        at.start as usize,
                        format!(
                            "the key `{spelt}` is read as \"{key}\": quote it, if this is not meant"
                        ),
                    );
                    self.write(&key)
                }
            }
        };
        let mut data = scalar_node(Kind::String, at.start, span);
        data.hash = key_hash(self.parser.scanner.resolve(span));
        Ok(self.push(data))
    }

    /// After `<<`, only maps and lists of maps may come.
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
                "expected a map, or a list of maps, as the value of `<<`",
            ));
        }
        Ok(())
    }

    // Aliases.

    fn alias(&mut self, start: u32, name: Span) -> Scan<()> {
        let text = self.text;
        let name = &text[name.start as usize..(name.start + name.len) as usize];
        let Some(&index) = self.names.get(name) else {
            return Err(Fault::new(
                start as usize,
                format!("the anchor `&{name}` is not defined before this alias"),
            ));
        };
        let Anchor {
            node,
            decoded,
            height,
            key,
        } = self.anchors[index];
        let (before, Some(after)) = decoded else {
            return Err(Fault::new(
                start as usize,
                format!("the value of the anchor `&{name}` contains itself"),
            ));
        };
        self.count(start)?;
        self.decoded = self.decoded.saturating_add(after - before);
        self.aliased = self.aliased.saturating_add(after - before);
        self.check_aliases(start)?;
        if self.frames.len() + height > MAX_DEPTH {
            return Err(too_deep(start as usize));
        }
        if let Some(Key {
            at,
            span,
            value,
            plain,
        }) = key
        {
            let at = Properties { start, ..at };
            if self.expects_key() {
                self.key(at, span, value)?;
            } else {
                self.check_merge_value(start, false)?;
                let data = self.value_node(at, span, value, plain)?;
                self.push(data);
            }
            return Ok(());
        }
        let target = self.arena.data(node);
        if self.expects_key() {
            return self.alias_key(start, target);
        }
        self.check_merge_value(start, target.kind == Kind::Map)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.height = frame.height.max(height);
        }
        self.push(NodeData {
            offset: start,
            a: node,
            b: 0,
            hash: 0,
            kind: Kind::Alias,
            flags: 0,
        });
        Ok(())
    }

    /// An alias in the place of a key.
    fn alias_key(&mut self, start: u32, target: NodeData) -> Scan<()> {
        let span = Span {
            start: target.a,
            len: target.b,
            scratch: target.flags & SCRATCH != 0,
        };
        let at = Properties {
            start,
            anchor: Span::default(),
            tag: Tag::None,
        };
        let value = match target.kind {
            Kind::List | Kind::Map | Kind::Alias => {
                return Err(self.collection_key(start, target.kind));
            }
            Kind::Null => Scalar::Null,
            Kind::True => Scalar::Bool(true),
            Kind::False => Scalar::Bool(false),
            Kind::String | Kind::Merge => Scalar::Str,
            Kind::Number => resolve::plain(self.parser.scanner.resolve(span)),
        };
        self.key(at, span, value)?;
        Ok(())
    }

    fn collection_key(&self, at: u32, kind: Kind) -> Fault {
        let start = at as usize;
        let template = self.text[..start].ends_with('{') || self.text[start..].starts_with("{{");
        let what = if kind == Kind::List { "list" } else { "map" };
        let hint = if template {
            " (is this a template that was not rendered?)"
        } else {
            ""
        };
        Fault::new(start, format!("a key cannot be a {what}{hint}"))
    }

    // Collections.

    fn open(&mut self, at: Properties, is_map: bool) -> Scan<()> {
        let kind = if is_map { Kind::Map } else { Kind::List };
        if self.expects_key() {
            return Err(self.collection_key(at.start, kind));
        }
        // The list after `<<` is not decoded itself, only its maps are.
        let merged_list = !is_map && self.frames.last().is_some_and(|frame| frame.merging);
        let before = self.decoded;
        if !merged_list {
            self.check_merge_value(at.start, is_map)?;
            self.count(at.start)?;
        }
        let node = self.push(NodeData {
            offset: at.start,
            a: 0,
            b: 0,
            hash: 0,
            kind,
            flags: 0,
        });
        let anchor = self.define_anchor(at.anchor, node, (before, None));
        self.frames.push(Frame {
            node,
            children: 0,
            is_map,
            merging: false,
            merges: false,
            anchor,
            height: 0,
        });
        if self.frames.len() > MAX_DEPTH {
            return Err(too_deep(at.start as usize));
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        let end = offset(self.arena.nodes.len());
        let data = &mut self.arena.nodes[frame.node as usize];
        data.a = end;
        data.b = if frame.is_map {
            frame.children / 2
        } else {
            frame.children
        };
        if frame.is_map && frame.children > 2 || frame.merges {
            std::mem::swap(&mut self.arena.scratch, &mut self.parser.scanner.scratch);
            maps::finish(self.arena, self.text, frame.node, frame.merges, self.notes);
            std::mem::swap(&mut self.arena.scratch, &mut self.parser.scanner.scratch);
        }
        let height = frame.height + 1;
        if let Some(index) = frame.anchor {
            self.anchors[index].decoded.1 = Some(self.decoded);
            self.anchors[index].height = height;
        }
        if let Some(parent) = self.frames.last_mut() {
            parent.height = parent.height.max(height);
            if !frame.is_map {
                parent.merging = false;
            }
        }
    }
}

fn scalar_node(kind: Kind, at: u32, span: Span) -> NodeData {
    NodeData {
        offset: at,
        a: span.start,
        b: span.len,
        hash: 0,
        kind,
        flags: if span.scratch { SCRATCH } else { 0 },
    }
}
