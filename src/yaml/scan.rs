//! Splits text into tokens: the queue, simple keys and indentation. `fetch` decides which token comes next; `scalar`
//! and `tag` scan scalars and tags.
//!
//! This is the scanner of YAML 1.1's reference implementation: it recognises a key only at the `:` after it, so tokens
//! wait in a queue until no other token can be inserted before them.

use std::collections::VecDeque;

use super::cursor::Cursor;
use super::{Fault, MAX_DEPTH, excerpt, offset};

/// A result of reading YAML syntax.
pub(super) type Scan<T> = Result<T, Fault>;

/// A range of the source text, or of the scratch text where the value of a scalar differs from its source text.
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
    /// One more than the flow level at which this token may begin a key; 0 where it cannot.
    pub(super) key_level: u16,
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

/// A tag as written, `!handle!suffix`, or the handle and prefix of a `%TAG` directive.
#[derive(Default)]
pub(super) struct TagText {
    pub handle: String,
    pub suffix: String,
}

/// The possible start of a key without `?`, one for each flow level.
#[derive(Clone, Copy, Default)]
pub(super) struct SimpleKey {
    pub(super) possible: bool,
    /// Only a key is allowed in this position.
    pub(super) required: bool,
    pub(super) token_number: usize,
    pub(super) pos: usize,
}

/// The longest distance between the start of a key and its `:`, in characters.
pub(super) const KEY_LIMIT: usize = 1024;

pub(super) struct Scanner<'t> {
    pub cursor: Cursor<'t>,
    /// The values of scalars that differ from their source text.
    pub scratch: String,
    /// The texts of the tags and directives in the queue, in the same order.
    pub tags: VecDeque<TagText>,
    pub(super) tokens: Vec<Token>,
    pub(super) head: usize,
    pub(super) parsed: usize,
    /// The column of the innermost block collection; -1 outside all of them.
    pub indent: isize,
    indents: Vec<isize>,
    pub(super) keys: Vec<SimpleKey>,
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

    /// The text of a span.
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
        match self.tokens.get(self.head) {
            Some(token) if token.key_level == 0 => Ok(*token),
            _ => {
                self.fetch_more()?;
                Ok(self.tokens[self.head])
            }
        }
    }

    /// Consumes the token that `peek` returned last.
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

    /// Fetches tokens until the first one in the queue is final.
    #[inline(never)]
    pub(super) fn fetch_more(&mut self) -> Scan<()> {
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

    // Simple keys.

    /// Records that the token about to be pushed may begin a key. Returns its `key_level`.
    pub(super) fn save_simple_key(&mut self) -> Scan<u16> {
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

    /// Goes to the next line. Fails if anything but blanks and a comment follows `what`.
    pub(super) fn finish_line(&mut self, what: &str) -> Scan<()> {
        self.cursor.skip_blanks();
        if self.cursor.peek() == b'#' {
            self.cursor.skip_line_rest();
        }
        if !self.cursor.is_breakz(self.cursor.pos) {
            let found = self.cursor.found(self.cursor.pos);
            return Err(Fault::new(
                self.cursor.pos,
                format!("expected the end of the line after {what}, found {found}"),
            ));
        }
        self.cursor.take_break();
        Ok(())
    }

    /// The number of the token that will be pushed next.
    pub(super) fn next_number(&self) -> usize {
        self.parsed + (self.tokens.len() - self.head)
    }

    /// Discards the possible key of this level. Fails where a key was required.
    pub(super) fn remove_simple_key(&mut self) -> Scan<()> {
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

    pub(super) fn key_is_valid(&mut self, level: usize) -> Scan<bool> {
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

    pub(super) fn missing_colon(&self, key: usize) -> Fault {
        let end = self.cursor.line_end(key);
        let line = excerpt(self.cursor.text[key..end].trim_end());
        Fault::new(key, format!("expected `:` after the key `{line}`"))
    }

    // Indentation.

    /// Opens a block collection if the column is further right than the innermost one. The token that opens it is
    /// inserted before the token with this number, or appended.
    pub(super) fn roll_indent(
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

    /// Inserts a token before the one with this number, or at the end where that one was consumed already.
    pub(super) fn insert(&mut self, number: usize, token: Token) {
        match number.checked_sub(self.parsed) {
            Some(ahead) => self.tokens.insert(self.head + ahead, token),
            None => self.tokens.push(token),
        }
    }

    /// Closes the block collections that are further right than the column.
    #[inline]
    pub(super) fn unroll_indent(&mut self, column: isize) {
        if self.in_flow() {
            return;
        }
        while self.indent > column {
            let pos = self.cursor.pos;
            self.tokens.push(Token::new(TokenKind::BlockEnd, pos, pos));
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }
}

/// The error for nesting beyond [`MAX_DEPTH`].
pub(super) fn too_deep(pos: usize) -> Fault {
    Fault::new(pos, format!("nested deeper than {MAX_DEPTH} levels"))
}
