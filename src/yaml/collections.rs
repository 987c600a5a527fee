//! The grammar of block and flow collections.

use super::events::{Event, Parser, ParserState, Properties, empty_scalar};
use super::scan::{Scan, Token, TokenKind};

impl Parser<'_> {
    // Block collections.

    pub(super) fn block_sequence_entry(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::BlockEntry => {
                self.scanner.skip();
                let next = self.scanner.peek()?;
                if matches!(next.kind, TokenKind::BlockEntry | TokenKind::BlockEnd) {
                    self.state = ParserState::BlockSequenceEntry;
                    return Ok(empty_scalar(token.end));
                }
                self.states.push(ParserState::BlockSequenceEntry);
                self.node(true, false)
            }
            TokenKind::BlockEnd => Ok(self.close(Event::ListEnd)),
            _ => Err(self.misplaced(token, "list", "`- `")),
        }
    }

    pub(super) fn indentless_sequence_entry(&mut self) -> Scan<Event> {
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
            self.state = ParserState::IndentlessSequenceEntry;
            return Ok(empty_scalar(token.end));
        }
        self.states.push(ParserState::IndentlessSequenceEntry);
        self.node(true, false)
    }

    pub(super) fn block_mapping_key(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::Key => {
                self.scanner.skip();
                self.block_mapping_part(token, ParserState::BlockMappingValue)
            }
            TokenKind::BlockEnd => Ok(self.close(Event::MapEnd)),
            _ => Err(self.misplaced(token, "map", "a key")),
        }
    }

    pub(super) fn block_mapping_value(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if token.kind == TokenKind::Value {
            self.scanner.skip();
            return self.block_mapping_part(token, ParserState::BlockMappingKey);
        }
        self.state = ParserState::BlockMappingKey;
        Ok(empty_scalar(token.start))
    }

    /// Reads the key after `?` or the value after `:`, either of which may be absent.
    pub(super) fn block_mapping_part(
        &mut self,
        indicator: Token,
        then: ParserState,
    ) -> Scan<Event> {
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

    pub(super) fn flow_sequence_entry(&mut self, first: bool) -> Scan<Event> {
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
                self.state = ParserState::FlowSequenceEntryMappingKey;
                self.scanner.skip();
                Ok(Event::MapStart(Properties::bare(token.start)))
            }
            TokenKind::FlowSequenceEnd => Ok(self.close(Event::ListEnd)),
            _ => {
                self.states.push(ParserState::FlowSequenceEntry);
                self.node(false, false)
            }
        }
    }

    pub(super) fn flow_sequence_entry_mapping_key(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if matches!(
            token.kind,
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd
        ) {
            // The reference implementation drops this token.
            self.scanner.skip();
            self.state = ParserState::FlowSequenceEntryMappingValue;
            return Ok(empty_scalar(token.end));
        }
        self.states.push(ParserState::FlowSequenceEntryMappingValue);
        self.node(false, false)
    }

    pub(super) fn flow_sequence_entry_mapping_value(&mut self) -> Scan<Event> {
        let token = self.scanner.peek()?;
        if token.kind == TokenKind::Value {
            self.scanner.skip();
            let next = self.scanner.peek()?;
            if !matches!(next.kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd) {
                self.states.push(ParserState::FlowSequenceEntryMappingEnd);
                return self.node(false, false);
            }
        }
        self.state = ParserState::FlowSequenceEntryMappingEnd;
        Ok(empty_scalar(token.start))
    }

    pub(super) fn flow_mapping_key(&mut self, first: bool) -> Scan<Event> {
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
                    self.state = ParserState::FlowMappingValue;
                    return Ok(empty_scalar(next.start));
                }
                self.states.push(ParserState::FlowMappingValue);
                self.node(false, false)
            }
            TokenKind::FlowMappingEnd => Ok(self.close(Event::MapEnd)),
            _ => {
                self.states.push(ParserState::FlowMappingEmptyValue);
                self.node(false, false)
            }
        }
    }

    pub(super) fn flow_mapping_value(&mut self) -> Scan<Event> {
        let mut token = self.scanner.peek()?;
        if token.kind == TokenKind::Value {
            self.scanner.skip();
            token = self.scanner.peek()?;
            if !matches!(token.kind, TokenKind::FlowEntry | TokenKind::FlowMappingEnd) {
                self.states.push(ParserState::FlowMappingKey);
                return self.node(false, false);
            }
        }
        self.state = ParserState::FlowMappingKey;
        Ok(empty_scalar(token.start))
    }
}
