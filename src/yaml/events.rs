//! Tokens -> events: the grammar of YAML as a machine of states, without recursion.

use super::resolve::Tag;
use super::scan::{Scan, Scanner, Span, Token, TokenKind, too_deep};
use super::tag::TagText;
use super::{Fault, MAX_DEPTH, offset};

/// What stands before a value, and where it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Properties {
    pub start: u32,
    /// The anchor's name; empty where there is none.
    pub anchor: Span,
    pub tag: Tag,
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
enum State {
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
    state: State,
    states: Vec<State>,
    /// Where the open collections begin, for messages.
    marks: Vec<u32>,
    directives: Vec<TagText>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, start: usize, scratch: String) -> Self {
        Self {
            scanner: Scanner::new(text, start, scratch),
            state: State::ImplicitDocumentStart,
            states: Vec::new(),
            marks: Vec::new(),
            directives: Vec::new(),
        }
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Scan<Event> {
        match self.state {
            State::ImplicitDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceFirstEntry => {
                self.open()?;
                self.block_sequence_entry()
            }
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingFirstKey => {
                self.open()?;
                self.block_mapping_key()
            }
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirstEntry => {
                self.open()?;
                self.flow_sequence_entry(true)
            }
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowSequenceEntryMappingKey => self.flow_sequence_entry_mapping_key(),
            State::FlowSequenceEntryMappingValue => self.flow_sequence_entry_mapping_value(),
            State::FlowSequenceEntryMappingEnd => {
                self.scanner.peek()?;
                self.state = State::FlowSequenceEntry;
                Ok(Event::MapEnd)
            }
            State::FlowMappingFirstKey => {
                self.open()?;
                self.flow_mapping_key(true)
            }
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmptyValue => {
                let token = self.scanner.peek()?;
                self.state = State::FlowMappingKey;
                Ok(empty_scalar(token.start))
            }
            State::End => Ok(Event::StreamEnd),
        }
    }

    fn pop_state(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    /// Consumes the token that opens a collection.
    fn open(&mut self) -> Scan<()> {
        let token = self.scanner.peek()?;
        self.marks.push(token.start);
        self.scanner.skip();
        Ok(())
    }

    /// Consumes the token that closes a collection.
    fn close(&mut self, event: Event) -> Event {
        self.pop_state();
        self.marks.pop();
        self.scanner.skip();
        event
    }

    // Documents.

    fn document_start(&mut self, implicit: bool) -> Scan<Event> {
        let mut token = self.scanner.peek()?;
        if !implicit {
            while token.kind == TokenKind::DocumentEnd {
                self.scanner.skip();
                token = self.scanner.peek()?;
            }
        }
        match token.kind {
            TokenKind::StreamEnd => {
                self.state = State::End;
                self.scanner.skip();
                return Ok(Event::StreamEnd);
            }
            TokenKind::VersionDirective | TokenKind::TagDirective | TokenKind::DocumentStart => {}
            _ if implicit => {
                self.process_directives()?;
                self.states.push(State::DocumentEnd);
                self.state = State::BlockNode;
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
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        self.scanner.skip();
        Ok(Event::DocumentStart)
    }

    fn document_content(&mut self) -> Scan<Event> {
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

    fn document_end(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if token.kind == TokenKind::DocumentEnd {
            self.scanner.skip();
        }
        self.directives.clear();
        self.state = State::DocumentStart;
        Ok(Event::DocumentEnd)
    }

    /// After the end of a document: where text begins that belongs to no document.
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

    fn process_directives(&mut self) -> Scan<()> {
        let mut version = false;
        loop {
            let token = self.scanner.peek()?;
            match token.kind {
                TokenKind::VersionDirective => {
                    if version {
                        return Err(fault(token.start, "a second `%YAML` directive"));
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
                            format!("a second `%TAG` directive for `{}`", tag.handle),
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

    fn node(&mut self, block: bool, indentless: bool) -> Scan<Event> {
        let mut token = self.scanner.peek()?;
        if token.kind == TokenKind::Alias {
            self.pop_state();
            self.scanner.skip();
            return Ok(Event::Alias {
                start: token.start,
                name: token.span,
            });
        }
        let mut at = Properties {
            start: token.start,
            anchor: Span::default(),
            tag: Tag::None,
        };
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
                self.state = State::IndentlessSequenceEntry;
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
                self.state = State::FlowSequenceFirstEntry;
                Event::ListStart(at)
            }
            TokenKind::FlowMappingStart => {
                self.state = State::FlowMappingFirstKey;
                Event::MapStart(at)
            }
            TokenKind::BlockSequenceStart if block => {
                self.state = State::BlockSequenceFirstEntry;
                Event::ListStart(at)
            }
            TokenKind::BlockMappingStart if block => {
                self.state = State::BlockMappingFirstKey;
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

    fn check_depth(&self, token: Token) -> Scan<()> {
        if self.states.len() > MAX_DEPTH {
            return Err(too_deep(token.start as usize));
        }
        Ok(())
    }

    fn tag(&mut self, token: Token) -> Scan<Tag> {
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
                    format!("the tag handle `{handle}` is declared nowhere"),
                ));
            }
        };
        Ok(Tag::from_name(&format!("{prefix}{suffix}")))
    }

    // Block collections.

    fn block_sequence_entry(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::BlockEntry => {
                self.scanner.skip();
                let next = self.scanner.peek()?;
                if matches!(next.kind, TokenKind::BlockEntry | TokenKind::BlockEnd) {
                    self.state = State::BlockSequenceEntry;
                    return Ok(empty_scalar(token.end));
                }
                self.states.push(State::BlockSequenceEntry);
                self.node(true, false)
            }
            TokenKind::BlockEnd => Ok(self.close(Event::ListEnd)),
            _ => Err(self.misplaced(token, "list", "`- `")),
        }
    }

    fn indentless_sequence_entry(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if token.kind != TokenKind::BlockEntry {
            self.pop_state();
            return Ok(Event::ListEnd);
        }
        self.scanner.skip();
        let next = self.scanner.peek()?;
        if matches!(
            next.kind,
            TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
        ) {
            self.state = State::IndentlessSequenceEntry;
            return Ok(empty_scalar(token.end));
        }
        self.states.push(State::IndentlessSequenceEntry);
        self.node(true, false)
    }

    fn block_mapping_key(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::Key => {
                self.scanner.skip();
                self.block_mapping_part(token, State::BlockMappingValue)
            }
            TokenKind::BlockEnd => Ok(self.close(Event::MapEnd)),
            _ => Err(self.misplaced(token, "map", "a key")),
        }
    }

    fn block_mapping_value(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if token.kind == TokenKind::Value {
            self.scanner.skip();
            return self.block_mapping_part(token, State::BlockMappingKey);
        }
        self.state = State::BlockMappingKey;
        Ok(empty_scalar(token.start))
    }

    /// The key after `?`, or the value after `:`, which may be absent.
    fn block_mapping_part(&mut self, indicator: Token, then: State) -> Scan<Event> {
        let next = self.scanner.peek()?;
        if matches!(
            next.kind,
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
        ) {
            self.state = then;
            return Ok(empty_scalar(indicator.end));
        }
        self.states.push(then);
        self.node(true, true)
    }

    // Flow collections.

    fn flow_sequence_entry(&mut self, first: bool) -> Scan<Event> {
        let mut token = self.scanner.peek()?;
        if token.kind == TokenKind::FlowSequenceEnd {
            return Ok(self.close(Event::ListEnd));
        }
        if !first {
            if token.kind != TokenKind::FlowEntry {
                return Err(self.unclosed(token, "list", ']'));
            }
            self.scanner.skip();
            token = self.scanner.peek()?;
        }
        match token.kind {
            TokenKind::Key => {
                self.check_depth(token)?;
                self.state = State::FlowSequenceEntryMappingKey;
                self.scanner.skip();
                Ok(Event::MapStart(Properties {
                    start: token.start,
                    anchor: Span::default(),
                    tag: Tag::None,
                }))
            }
            TokenKind::FlowSequenceEnd => Ok(self.close(Event::ListEnd)),
            _ => {
                self.states.push(State::FlowSequenceEntry);
                self.node(false, false)
            }
        }
    }

    fn flow_sequence_entry_mapping_key(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if matches!(
            token.kind,
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd
        ) {
            // The reference implementation swallows this token.
            self.scanner.skip();
            self.state = State::FlowSequenceEntryMappingValue;
            return Ok(empty_scalar(token.end));
        }
        self.states.push(State::FlowSequenceEntryMappingValue);
        self.node(false, false)
    }

    fn flow_sequence_entry_mapping_value(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if token.kind == TokenKind::Value {
            self.scanner.skip();
            let next = self.scanner.peek()?;
            if !matches!(next.kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd) {
                self.states.push(State::FlowSequenceEntryMappingEnd);
                return self.node(false, false);
            }
        }
        self.state = State::FlowSequenceEntryMappingEnd;
        Ok(empty_scalar(token.start))
    }

    fn flow_mapping_key(&mut self, first: bool) -> Scan<Event> {
        let mut token = self.scanner.peek()?;
        if token.kind == TokenKind::FlowMappingEnd {
            return Ok(self.close(Event::MapEnd));
        }
        if !first {
            if token.kind != TokenKind::FlowEntry {
                return Err(self.unclosed(token, "map", '}'));
            }
            self.scanner.skip();
            token = self.scanner.peek()?;
        }
        match token.kind {
            TokenKind::Key => {
                self.scanner.skip();
                let next = self.scanner.peek()?;
                if matches!(
                    next.kind,
                    TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd
                ) {
                    self.state = State::FlowMappingValue;
                    return Ok(empty_scalar(next.start));
                }
                self.states.push(State::FlowMappingValue);
                self.node(false, false)
            }
            TokenKind::FlowMappingEnd => Ok(self.close(Event::MapEnd)),
            _ => {
                self.states.push(State::FlowMappingEmptyValue);
                self.node(false, false)
            }
        }
    }

    fn flow_mapping_value(&mut self) -> Scan<Event> {
        let mut token = self.scanner.peek()?;
        if token.kind == TokenKind::Value {
            self.scanner.skip();
            token = self.scanner.peek()?;
            if !matches!(token.kind, TokenKind::FlowEntry | TokenKind::FlowMappingEnd) {
                self.states.push(State::FlowMappingKey);
                return self.node(false, false);
            }
        }
        self.state = State::FlowMappingKey;
        Ok(empty_scalar(token.start))
    }

    // Messages.

    /// What stands at a token, in words.
    fn found(&self, token: Token) -> String {
        match token.kind {
            TokenKind::StreamEnd | TokenKind::BlockEnd if self.scanner.cursor.at_end() => {
                "the end of the document".to_owned()
            }
            TokenKind::DocumentStart => "`---`".to_owned(),
            TokenKind::DocumentEnd => "`...`".to_owned(),
            _ => self.scanner.cursor.found(token.start as usize),
        }
    }

    fn misplaced(&self, token: Token, what: &str, expected: &str) -> Fault {
        let cursor = &self.scanner.cursor;
        let begin = self.marks.last().map_or(0, |&mark| mark as usize);
        let column = |at: usize| {
            let line = cursor.text[..at]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            cursor.text[line..at].chars().count() + 1
        };
        fault(
            token.start,
            format!(
                "expected {expected} in column {} like the rest of this {what}, found {} in column {}",
                column(begin),
                self.found(token),
                column(token.start as usize)
            ),
        )
    }

    fn unclosed(&self, token: Token, what: &str, close: char) -> Fault {
        fault(
            token.start,
            format!(
                "expected `,` or `{close}` in this {what}, found {}",
                self.found(token)
            ),
        )
    }
}

fn fault(at: u32, message: impl Into<String>) -> Fault {
    Fault::new(at as usize, message)
}

/// The null that an absent value stands for.
fn empty_scalar(start: u32) -> Event {
    Event::Scalar {
        at: Properties {
            start,
            anchor: Span::default(),
            tag: Tag::None,
        },
        span: Span {
            start,
            len: offset(0),
            scratch: false,
        },
        plain: true,
    }
}
