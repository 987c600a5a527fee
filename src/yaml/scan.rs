//! Text -> tokens: indentation, simple keys, indicators. Scalars, tags and directives are scanned in their own files.
//!
//! This is the scanner of YAML 1.1's reference implementation: a key is recognised only when the `:` after it is
//! reached, so tokens wait in a queue until it is certain that none has to be put before them.

use std::collections::VecDeque;

use super::cursor::Cursor;
use super::tag::TagText;
use super::{Fault, MAX_DEPTH, offset};

/// A result of reading YAML syntax.
pub(super) type Scan<T> = Result<T, Fault>;

/// A place in the source text, or in the scratch text where a scalar is not spelt as it reads.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Span {
    pub start: u32,
    pub len: u32,
    pub scratch: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TokenKind {
    StreamEnd,
    VersionDirective,
    TagDirective,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    /// An unquoted scalar.
    Plain,
    /// A quoted or block scalar.
    Quoted,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    /// One more than the flow level at which this token may turn out to begin a key; 0 where it cannot.
    key_level: u16,
    pub start: u32,
    pub end: u32,
    /// The content of a scalar; the name of an anchor or alias; the index of a tag or directive.
    pub span: Span,
}

impl Token {
    pub(super) fn new(kind: TokenKind, start: usize, end: usize) -> Self {
        Self {
            kind,
            key_level: 0,
            start: offset(start),
            end: offset(end),
            span: Span::default(),
        }
    }

    pub(super) fn with_span(mut self, span: Span) -> Self {
        self.span = span;
        self
    }
}

/// The place where a key without `?` may have begun, one for each flow level.
#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    /// It stands where only a key can stand.
    required: bool,
    token_number: usize,
    pos: usize,
}

/// How far a key may be from its `:`, in characters.
const KEY_LIMIT: usize = 1024;

pub(super) struct Scanner<'t> {
    pub cursor: Cursor<'t>,
    /// Where scalars are put whose source text is not their value.
    pub scratch: String,
    /// What the tags and directives say that wait in the queue, in the same order.
    pub tags: VecDeque<TagText>,
    tokens: Vec<Token>,
    head: usize,
    parsed: usize,
    /// The column of the innermost block collection, -1 outside any.
    pub indent: isize,
    indents: Vec<isize>,
    keys: Vec<SimpleKey>,
    pub simple_key_allowed: bool,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str, start: usize, scratch: String) -> Self {
        Self {
            cursor: Cursor::new(text, start),
            scratch,
            tags: VecDeque::new(),
            tokens: Vec::with_capacity(16),
            head: 0,
            parsed: 0,
            indent: -1,
            indents: Vec::new(),
            keys: vec![SimpleKey::default()],
            simple_key_allowed: true,
        }
    }

    /// The text a span stands for.
    pub(super) fn resolve(&self, span: Span) -> &str {
        let (start, end) = (span.start as usize, (span.start + span.len) as usize);
        if span.scratch {
            &self.scratch[start..end]
        } else {
            &self.cursor.text[start..end]
        }
    }

    pub(super) fn in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    /// The next token, without consuming it.
    #[inline]
    pub(super) fn peek(&mut self) -> Scan<Token> {
        self.fetch_more()?;
        Ok(self.tokens[self.head])
    }

    /// Consumes the token last peeked at.
    #[inline]
    pub(super) fn skip(&mut self) {
        self.parsed += 1;
        self.head += 1;
        if self.head == self.tokens.len() {
            self.tokens.clear();
            self.head = 0;
        } else if self.head >= 64 && self.head * 2 >= self.tokens.len() {
            self.tokens.drain(..self.head);
            self.head = 0;
        }
    }

    /// Fetches tokens until the first of the queue is final.
    fn fetch_more(&mut self) -> Scan<()> {
        loop {
            if let Some(token) = self.tokens.get(self.head) {
                if token.key_level == 0 {
                    return Ok(());
                }
                let level = usize::from(token.key_level) - 1;
                let waiting = self
                    .keys
                    .get(level)
                    .is_some_and(|key| key.possible && key.token_number == self.parsed);
                if !waiting || !self.key_is_valid(level)? {
                    return Ok(());
                }
            }
            self.fetch_next()?;
        }
    }

    fn fetch_next(&mut self) -> Scan<()> {
        self.skip_to_next_token();
        self.unroll_indent(isize::try_from(self.cursor.column()).unwrap_or(isize::MAX));

        let cursor = &self.cursor;
        let pos = cursor.pos;
        if cursor.at_end() {
            return self.fetch_stream_end();
        }
        let c = cursor.peek();
        if cursor.column() == 0 {
            if c == b'%' {
                self.reset_block_state()?;
                let token = self.scan_directive()?;
                self.tokens.push(token);
                return Ok(());
            }
            if cursor.at_document_marker() {
                let kind = if c == b'-' {
                    TokenKind::DocumentStart
                } else {
                    TokenKind::DocumentEnd
                };
                self.reset_block_state()?;
                self.push_indicator(kind, 3);
                return Ok(());
            }
        }
        match c {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.push_indicator(TokenKind::FlowEntry, 1);
                Ok(())
            }
            b'-' if cursor.is_blankz(pos + 1) => self.fetch_block_entry(),
            b'?' if self.in_flow() || cursor.is_blankz(pos + 1) => self.fetch_key(),
            b':' if self.in_flow() || cursor.is_blankz(pos + 1) => self.fetch_value(),
            b'*' => self.fetch_simple(|s| s.scan_anchor(TokenKind::Alias)),
            b'&' => self.fetch_simple(|s| s.scan_anchor(TokenKind::Anchor)),
            b'!' => self.fetch_simple(Self::scan_tag),
            b'|' | b'>' if !self.in_flow() => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                let token = self.scan_block_scalar(c == b'|')?;
                self.tokens.push(token);
                Ok(())
            }
            b'\'' | b'"' => self.fetch_simple(|s| s.scan_quoted(c)),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => Err(self.cannot_start(c)),
            b'?' | b':' if self.in_flow() => Err(self.cannot_start(c)),
            _ => self.fetch_simple(Self::scan_plain),
        }
    }

    fn cannot_start(&self, c: u8) -> Fault {
        let message = match c {
            b'\t' => "found a tab where indentation is expected: indent with spaces".to_owned(),
            b'@' | b'`' | b'%' | b'|' | b'>' => {
                format!(
                    "a value cannot begin with `{}`: put it in quotes",
                    c as char
                )
            }
            _ => format!(
                "expected a key or a value, found {}",
                self.cursor.found(self.cursor.pos)
            ),
        };
        Fault::new(self.cursor.pos, message)
    }

    /// Skips blanks, comments and line breaks. A tab is a blank only where no key may begin.
    fn skip_to_next_token(&mut self) {
        loop {
            let tabs = self.in_flow() || !self.simple_key_allowed;
            loop {
                match self.cursor.peek() {
                    b' ' => self.cursor.pos += 1,
                    b'\t' if tabs => self.cursor.pos += 1,
                    _ => break,
                }
            }
            if self.cursor.peek() == b'#' {
                self.cursor.skip_line_rest();
            }
            if self.cursor.take_break().is_none() {
                return;
            }
            if !self.in_flow() {
                self.simple_key_allowed = true;
            }
        }
    }

    // Simple keys.

    /// Notes that the token about to be pushed may begin a key. Gives its `key_level`.
    fn save_simple_key(&mut self) -> Scan<u16> {
        if !self.simple_key_allowed {
            return Ok(0);
        }
        self.remove_simple_key()?;
        let column = isize::try_from(self.cursor.column()).unwrap_or(isize::MAX);
        let key = SimpleKey {
            possible: true,
            required: !self.in_flow() && self.indent == column,
            token_number: self.next_number(),
            pos: self.cursor.pos,
        };
        let level = self.keys.len();
        self.keys[level - 1] = key;
        Ok(u16::try_from(level).unwrap_or(u16::MAX))
    }

    /// The number of the token that will be pushed next.
    fn next_number(&self) -> usize {
        self.parsed + (self.tokens.len() - self.head)
    }

    /// Forgets the possible key of this level; an error where only a key could have stood.
    fn remove_simple_key(&mut self) -> Scan<()> {
        let level = self.keys.len() - 1;
        let key = self.keys[level];
        if key.possible {
            if key.required {
                return Err(self.missing_colon(key.pos));
            }
            self.keys[level].possible = false;
        }
        Ok(())
    }

    fn key_is_valid(&mut self, level: usize) -> Scan<bool> {
        let key = self.keys[level];
        if !key.possible {
            return Ok(false);
        }
        let cursor = &self.cursor;
        let far = || {
            cursor.pos - key.pos > KEY_LIMIT
                && cursor.text[key.pos..cursor.pos]
                    .chars()
                    .nth(KEY_LIMIT)
                    .is_some()
        };
        if key.pos < cursor.line_start || far() {
            if key.required {
                return Err(self.missing_colon(key.pos));
            }
            self.keys[level].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    fn missing_colon(&self, key: usize) -> Fault {
        let end = self.cursor.line_end(key);
        let line = self.cursor.text[key..end].trim_end();
        let mut shown: String = line.chars().take(40).collect();
        if shown.len() < line.len() {
            shown.push('…');
        }
        Fault::new(key, format!("expected `:` after the key `{shown}`"))
    }

    // Indentation.

    /// Opens a block collection if the column is further right than the innermost one. `number` is the place of the
    /// token to put before another one.
    fn roll_indent(
        &mut self,
        column: usize,
        number: Option<usize>,
        kind: TokenKind,
        pos: usize,
    ) -> Scan<()> {
        let column = isize::try_from(column).unwrap_or(isize::MAX);
        if self.in_flow() || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > MAX_DEPTH {
            return Err(too_deep(pos));
        }
        let token = Token::new(kind, pos, pos);
        match number {
            Some(number) => {
                self.insert(number, token);
            }
            None => self.tokens.push(token),
        }
        Ok(())
    }

    /// Puts a token before the one with this number; at the end, where that one is gone already.
    fn insert(&mut self, number: usize, token: Token) {
        match number.checked_sub(self.parsed) {
            Some(ahead) => self.tokens.insert(self.head + ahead, token),
            None => self.tokens.push(token),
        }
    }

    /// Closes block collections that are further right than the column.
    #[inline]
    fn unroll_indent(&mut self, column: isize) {
        if self.in_flow() {
            return;
        }
        while self.indent > column {
            let pos = self.cursor.pos;
            self.tokens.push(Token::new(TokenKind::BlockEnd, pos, pos));
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    // Fetchers.

    fn push_indicator(&mut self, kind: TokenKind, len: usize) {
        let start = self.cursor.pos;
        self.cursor.pos += len;
        self.tokens.push(Token::new(kind, start, start + len));
    }

    fn reset_block_state(&mut self) -> Scan<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    fn fetch_stream_end(&mut self) -> Scan<()> {
        // The end counts as a new line: a key may not continue past it.
        self.cursor.line_start = self.cursor.pos;
        self.reset_block_state()?;
        self.push_indicator(TokenKind::StreamEnd, 0);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind) -> Scan<()> {
        let level = self.save_simple_key()?;
        if self.keys.len() > MAX_DEPTH {
            return Err(too_deep(self.cursor.pos));
        }
        self.keys.push(SimpleKey {
            token_number: self.next_number(),
            ..SimpleKey::default()
        });
        self.simple_key_allowed = true;
        self.push_indicator(kind, 1);
        self.mark_key(level);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind) -> Scan<()> {
        self.remove_simple_key()?;
        if self.in_flow()
            && let Some(key) = self.keys.pop()
        {
            // Within `[]` and `{}` this is the bracket itself: nothing waits for a `:` after these.
            let ahead = key.token_number.checked_sub(self.parsed);
            if let Some(token) = ahead.and_then(|ahead| self.tokens.get_mut(self.head + ahead)) {
                token.key_level = 0;
            }
        }
        self.simple_key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scan<()> {
        if !self.in_flow() {
            if !self.simple_key_allowed {
                return Err(Fault::new(
                    self.cursor.pos,
                    "a list item (`- `) cannot begin here: put it on its own line",
                ));
            }
            let (column, pos) = (self.cursor.column(), self.cursor.pos);
            self.roll_indent(column, None, TokenKind::BlockSequenceStart, pos)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(TokenKind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scan<()> {
        if !self.in_flow() {
            if !self.simple_key_allowed {
                return Err(Fault::new(
                    self.cursor.pos,
                    "a key (`? `) cannot begin here: put it on its own line",
                ));
            }
            let (column, pos) = (self.cursor.column(), self.cursor.pos);
            self.roll_indent(column, None, TokenKind::BlockMappingStart, pos)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = !self.in_flow();
        self.push_indicator(TokenKind::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan<()> {
        let level = self.keys.len() - 1;
        if self.key_is_valid(level)? {
            let key = self.keys[level];
            self.insert(
                key.token_number,
                Token::new(TokenKind::Key, key.pos, key.pos),
            );
            let column = key.pos - self.cursor.line_start;
            self.roll_indent(
                column,
                Some(key.token_number),
                TokenKind::BlockMappingStart,
                key.pos,
            )?;
            self.keys[level].possible = false;
            self.simple_key_allowed = false;
        } else {
            if !self.in_flow() {
                if !self.simple_key_allowed {
                    return Err(Fault::new(
                        self.cursor.pos,
                        "a second `: ` cannot stand here: quote the value, or put the key on its own line",
                    ));
                }
                let (column, pos) = (self.cursor.column(), self.cursor.pos);
                self.roll_indent(column, None, TokenKind::BlockMappingStart, pos)?;
            }
            self.simple_key_allowed = !self.in_flow();
        }
        self.push_indicator(TokenKind::Value, 1);
        Ok(())
    }

    /// Fetches a token that may begin a key and that no other key can follow directly.
    #[inline]
    fn fetch_simple(&mut self, scan: impl FnOnce(&mut Self) -> Scan<Token>) -> Scan<()> {
        let level = self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = scan(self)?;
        self.tokens.push(token);
        self.mark_key(level);
        Ok(())
    }

    fn mark_key(&mut self, level: u16) {
        if let Some(token) = self.tokens.last_mut() {
            token.key_level = level;
        }
    }
}

/// The error for nesting that no manifest has.
pub(super) fn too_deep(pos: usize) -> Fault {
    Fault::new(pos, format!("nested deeper than {MAX_DEPTH} levels"))
}
