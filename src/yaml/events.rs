//! Turns tokens into events: the grammar of YAML as a state machine, without recursion. Lists and maps are in
//! `collections`.

use super::resolve::Tag;
use super::scan::{Scan, Scanner, Span, TagText, Token, TokenKind, too_deep};
use super::{Fault, MAX_DEPTH, excerpt};

/// The anchor and tag of a value, and where the value begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Properties {
    pub start: u32,
    /// The anchor's name; empty where there is none.
    pub anchor: Span,
    pub tag: Tag,
}

impl Properties {
    /// No anchor and no tag.
    pub(super) fn bare(start: u32) -> Self {
        Self {
            start,
            anchor: Span::default(),
            tag: Tag::None,
        }
    }
}

/// One step through a document.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias {
        start: u32,
        name: Span,
    },
    Scalar {
        at: Properties,
        span: Span,
        plain: bool,
    },
    ListStart(Properties),
    ListEnd,
    MapStart(Properties),
    MapEnd,
}

#[derive(Clone, Copy)]
pub(super) enum ParserState {
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirstEntry,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingFirstKey,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirstEntry,
    FlowSequenceEntry,
    FlowSequenceEntryMappingKey,
    FlowSequenceEntryMappingValue,
    FlowSequenceEntryMappingEnd,
    FlowMappingFirstKey,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

pub(super) struct Parser<'t> {
    pub scanner: Scanner<'t>,
    pub(super) state: ParserState,
    pub(super) states: Vec<ParserState>,
    /// The offsets of the open collections, for messages.
    marks: Vec<u32>,
    directives: Vec<TagText>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, start: usize, scratch: String) -> Self {
        Self {
            scanner: Scanner::new(text, start, scratch),
            state: ParserState::ImplicitDocumentStart,
            states: Vec::new(),
            marks: Vec::new(),
            directives: Vec::new(),
        }
    }

    /// Returns the next event.
    pub(super) fn next(&mut self) -> Scan<Event> {
        match self.state {
            ParserState::ImplicitDocumentStart => self.document_start(true),
            ParserState::DocumentStart => self.document_start(false),
            ParserState::DocumentContent => self.document_content(),
            ParserState::DocumentEnd => self.document_end(),
            ParserState::BlockNode => self.node(true, false),
            ParserState::BlockSequenceFirstEntry => {
                self.open()?;
                self.block_sequence_entry()
            }
            ParserState::BlockSequenceEntry => self.block_sequence_entry(),
            ParserState::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            ParserState::BlockMappingFirstKey => {
                self.open()?;
                self.block_mapping_key()
            }
            ParserState::BlockMappingKey => self.block_mapping_key(),
            ParserState::BlockMappingValue => self.block_mapping_value(),
            ParserState::FlowSequenceFirstEntry => {
                self.open()?;
                self.flow_sequence_entry(true)
            }
            ParserState::FlowSequenceEntry => self.flow_sequence_entry(false),
            ParserState::FlowSequenceEntryMappingKey => self.flow_sequence_entry_mapping_key(),
            ParserState::FlowSequenceEntryMappingValue => self.flow_sequence_entry_mapping_value(),
            ParserState::FlowSequenceEntryMappingEnd => {
                self.scanner.peek()?;
                self.state = ParserState::FlowSequenceEntry;
                Ok(Event::MapEnd)
            }
            ParserState::FlowMappingFirstKey => {
                self.open()?;
                self.flow_mapping_key(true)
            }
            ParserState::FlowMappingKey => self.flow_mapping_key(false),
            ParserState::FlowMappingValue => self.flow_mapping_value(),
            ParserState::FlowMappingEmptyValue => {
                let token = self.scanner.peek()?;
                self.state = ParserState::FlowMappingKey;
                Ok(empty_scalar(token.start))
            }
            ParserState::End => Ok(Event::StreamEnd),
        }
    }

    pub(super) fn pop_state(&mut self) {
        self.state = self.states.pop().unwrap_or(ParserState::End);
    }

    /// Consumes the token that opens a collection.
    pub(super) fn open(&mut self) -> Scan<()> {
        let token = self.scanner.peek()?;
        self.marks.push(token.start);
        self.scanner.skip();
        Ok(())
    }

    /// Consumes the token that closes a collection.
    pub(super) fn close(&mut self, event: Event) -> Event {
        self.pop_state();
        self.marks.pop();
        self.scanner.skip();
        event
    }

    // Documents.

    pub(super) fn document_start(&mut self, implicit: bool) -> Scan<Event> {
        let mut token = self.scanner.peek()?;
        if !implicit {
            while token.kind == TokenKind::DocumentEnd {
                self.scanner.skip();
                token = self.scanner.peek()?;
            }
        }
        match token.kind {
            TokenKind::StreamEnd => {
                self.state = ParserState::End;
                self.scanner.skip();
                return Ok(Event::StreamEnd);
            }
            TokenKind::VersionDirective | TokenKind::TagDirective | TokenKind::DocumentStart => {}
            _ if implicit => {
                self.process_directives()?;
                self.states.push(ParserState::DocumentEnd);
                self.state = ParserState::BlockNode;
                return Ok(Event::DocumentStart);
            }
            _ => {}
        }
        self.process_directives()?;
        let token = self.scanner.peek()?;
        if token.kind != TokenKind::DocumentStart {
            return Err(fault(
                token.start,
                format!(
                    "expected `---` after the directives, found {}",
                    self.found(token)
                ),
            ));
        }
        self.states.push(ParserState::DocumentEnd);
        self.state = ParserState::DocumentContent;
        self.scanner.skip();
        Ok(Event::DocumentStart)
    }

    pub(super) fn document_content(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if matches!(
            token.kind,
            TokenKind::VersionDirective
                | TokenKind::TagDirective
                | TokenKind::DocumentStart
                | TokenKind::DocumentEnd
                | TokenKind::StreamEnd
        ) {
            self.pop_state();
            return Ok(empty_scalar(token.start));
        }
        self.node(true, false)
    }

    pub(super) fn document_end(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if token.kind == TokenKind::DocumentEnd {
            self.scanner.skip();
        }
        self.directives.clear();
        self.state = ParserState::DocumentStart;
        Ok(Event::DocumentEnd)
    }

    /// After the end of a document: the offset of text that belongs to no document, if there is any.
    pub(super) fn ignored_from(&mut self) -> Option<usize> {
        loop {
            match self.scanner.peek() {
                Ok(token) if token.kind == TokenKind::DocumentEnd => self.scanner.skip(),
                Ok(token) => {
                    return (token.kind != TokenKind::StreamEnd).then_some(token.start as usize);
                }
                Err(fault) => return Some(fault.at),
            }
        }
    }

    pub(super) fn process_directives(&mut self) -> Scan<()> {
        let mut version = false;
        loop {
            let token = self.scanner.peek()?;
            match token.kind {
                TokenKind::VersionDirective => {
                    if version {
                        return Err(fault(token.start, "duplicate `%YAML` directive"));
                    }
                    if (token.span.start, token.span.len) != (1, 1) {
                        let (major, minor) = (token.span.start, token.span.len);
                        return Err(fault(
                            token.start,
                            format!("expected YAML version 1.1, found {major}.{minor}"),
                        ));
                    }
                    version = true;
                }
                TokenKind::TagDirective => {
                    let tag = self.scanner.tags.pop_front().unwrap_or_default();
                    if self
                        .directives
                        .iter()
                        .any(|known| known.handle == tag.handle)
                    {
                        return Err(fault(
                            token.start,
                            format!("duplicate `%TAG` directive for `{}`", excerpt(&tag.handle)),
                        ));
                    }
                    self.directives.push(tag);
                }
                _ => return Ok(()),
            }
            self.scanner.skip();
        }
    }

    // Values.

    pub(super) fn node(&mut self, block: bool, indentless: bool) -> Scan<Event> {
        let mut token = self.scanner.peek()?;
        if token.kind == TokenKind::Alias {
            self.pop_state();
            self.scanner.skip();
            return Ok(Event::Alias {
                start: token.start,
                name: token.span,
            });
        }
        let mut at = Properties::bare(token.start);
        let mut bare = true;
        if matches!(token.kind, TokenKind::Anchor | TokenKind::Tag) {
            bare = false;
            let first = token;
            self.scanner.skip();
            token = self.scanner.peek()?;
            let second = (token.kind != first.kind
                && matches!(token.kind, TokenKind::Anchor | TokenKind::Tag))
            .then_some(token);
            if second.is_some() {
                self.scanner.skip();
                token = self.scanner.peek()?;
            }
            for property in [Some(first), second].into_iter().flatten() {
                if property.kind == TokenKind::Anchor {
                    at.anchor = property.span;
                } else {
                    at.tag = self.tag(property)?;
                }
            }
        }
        let event = match token.kind {
            TokenKind::BlockEntry if indentless => {
                self.check_depth(token)?;
                self.state = ParserState::IndentlessSequenceEntry;
                Event::ListStart(at)
            }
            TokenKind::Plain | TokenKind::Quoted => {
                self.pop_state();
                self.scanner.skip();
                Event::Scalar {
                    at,
                    span: token.span,
                    plain: token.kind == TokenKind::Plain,
                }
            }
            TokenKind::FlowSequenceStart => {
                self.state = ParserState::FlowSequenceFirstEntry;
                Event::ListStart(at)
            }
            TokenKind::FlowMappingStart => {
                self.state = ParserState::FlowMappingFirstKey;
                Event::MapStart(at)
            }
            TokenKind::BlockSequenceStart if block => {
                self.state = ParserState::BlockSequenceFirstEntry;
                Event::ListStart(at)
            }
            TokenKind::BlockMappingStart if block => {
                self.state = ParserState::BlockMappingFirstKey;
                Event::MapStart(at)
            }
            _ if !bare => {
                self.pop_state();
                Event::Scalar {
                    at,
                    span: Span {
                        start: at.start,
                        ..Span::default()
                    },
                    plain: true,
                }
            }
            _ => {
                return Err(fault(
                    token.start,
                    format!("expected a value, found {}", self.found(token)),
                ));
            }
        };
        if matches!(event, Event::ListStart(_) | Event::MapStart(_)) {
            self.check_depth(token)?;
        }
        Ok(event)
    }

    pub(super) fn check_depth(&self, token: Token) -> Scan<()> {
        if self.states.len() > MAX_DEPTH {
            return Err(too_deep(token.start as usize));
        }
        Ok(())
    }

    pub(super) fn tag(&mut self, token: Token) -> Scan<Tag> {
        let TagText { handle, suffix } = self.scanner.tags.pop_front().unwrap_or_default();
        if handle.is_empty() {
            return Ok(Tag::from_name(&suffix));
        }
        let declared = self.directives.iter().find(|d| d.handle == handle);
        let prefix = match (declared, handle.as_str()) {
            (Some(directive), _) => directive.suffix.as_str(),
            (None, "!") => "!",
            (None, "!!") => "tag:yaml.org,2002:",
            (None, _) => {
                return Err(fault(
                    token.start,
                    format!("the tag handle `{}` is not declared", excerpt(&handle)),
                ));
            }
        };
        Ok(Tag::from_name(&format!("{prefix}{suffix}")))
    }

    // Messages.

    /// Describes a token, for "found …".
    pub(super) fn found(&self, token: Token) -> String {
        match token.kind {
            TokenKind::StreamEnd | TokenKind::BlockEnd if self.scanner.cursor.at_end() => {
                "the end of the document".to_owned()
            }
            TokenKind::DocumentStart => "`---`".to_owned(),
            TokenKind::DocumentEnd => "`...`".to_owned(),
            _ => self.scanner.cursor.found(token.start as usize),
        }
    }

    /// The error for a token in the place of the next entry of a block list or map.
    pub(super) fn misplaced(&self, token: Token, what: &str, expected: &str) -> Fault {
        let cursor = &self.scanner.cursor;
        let at = token.start as usize;
        let line = line_start(cursor.text, at);
        let found = self.found(token);
        let column = |at: usize| {
            let line = &cursor.text[line_start(cursor.text, at)..at];
            line.trim_start_matches('\u{FEFF}').chars().count() + 1
        };
        let begin = column(self.marks.last().map_or(0, |&mark| mark as usize));
        let message = if !cursor.text[line..at].trim().is_empty() {
            format!(
                "expected the end of the line after this value, found {found}: put the whole value in quotes"
            )
        } else if column(at) == begin {
            format!("expected {expected} like the rest of this {what}, found {found}")
        } else {
            format!(
                "expected {expected} in column {begin} like the rest of this {what}, found {found} in column {}",
                column(at)
            )
        };
        fault(token.start, message)
    }

    /// The error for a token in the place of a comma or the closing bracket.
    pub(super) fn unclosed(&self, token: Token, what: &str, close: char) -> Fault {
        let text = self.scanner.cursor.text;
        let open = self.marks.last().map_or(0, |&mark| mark as usize);
        let place = if text[open..token.start as usize].contains('\n') {
            let line = text[..open].matches('\n').count() + 1;
            format!("the {what} that begins on line {line}")
        } else {
            format!("this {what}")
        };
        fault(
            token.start,
            format!(
                "expected `,` or `{close}` in {place}, found {}",
                self.found(token)
            ),
        )
    }
}

/// The offset at which the line of another offset begins.
fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn fault(at: u32, message: impl Into<String>) -> Fault {
    Fault::new(at as usize, message)
}

/// The null of an absent value.
pub(super) fn empty_scalar(start: u32) -> Event {
    Event::Scalar {
        at: Properties::bare(start),
        span: Span {
            start,
            ..Span::default()
        },
        plain: true,
    }
}
