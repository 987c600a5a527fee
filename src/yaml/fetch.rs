//! Splits text into tokens: decides which token the next characters begin.

use super::scan::{KEY_LIMIT, Scan, Scanner, SimpleKey, Token, TokenKind, too_deep};
use super::{Fault, MAX_DEPTH};

impl Scanner<'_> {
    pub(super) fn fetch_next(&mut self) -> Scan<()> {
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
            b'\'' | b'"' => self.fetch_scalar(|s| s.scan_quoted(c)),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => Err(self.cannot_start(c)),
            b'?' | b':' if self.in_flow() => Err(self.cannot_start(c)),
            _ => self.fetch_scalar(Self::scan_plain),
        }
    }

    fn cannot_start(&self, c: u8) -> Fault {
        let message = match c {
            b'\t' => "expected spaces for the indentation, found a tab".to_owned(),
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
        // The end counts as a new line, because a key may not continue past it.
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
            // In `[]` and `{}` this is the bracket itself: no token waits for a `:` after these.
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
                    "found a list item (`- `) in the middle of a line: put it on its own line",
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
                    "found a key (`? `) in the middle of a line: put it on its own line",
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
                    return Err(self.stray_colon());
                }
                let (column, pos) = (self.cursor.column(), self.cursor.pos);
                self.roll_indent(column, None, TokenKind::BlockMappingStart, pos)?;
            }
            self.simple_key_allowed = !self.in_flow();
        }
        self.push_indicator(TokenKind::Value, 1);
        Ok(())
    }

    /// The error for a `: ` without a key.
    fn stray_colon(&self) -> Fault {
        let line = &self.cursor.text[self.cursor.line_start..self.cursor.pos];
        let message = if line.contains(": ") {
            "found a second `: ` on this line: quote the value, or put the key on its own line"
        } else {
            "found a key in a line that continues the value above: check its indentation"
        };
        Fault::new(self.cursor.pos, message)
    }

    /// Fetches a token that may begin a key and cannot be followed directly by another key.
    #[inline]
    fn fetch_simple(&mut self, scan: impl FnOnce(&mut Self) -> Scan<Token>) -> Scan<()> {
        let level = self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = scan(self)?;
        self.tokens.push(token);
        self.mark_key(level);
        Ok(())
    }

    /// Fetches a scalar, and also the `:` after it if that shows at once that the scalar is a key.
    #[inline]
    fn fetch_scalar(&mut self, scan: impl FnOnce(&mut Self) -> Scan<Token>) -> Scan<()> {
        let level = self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = scan(self)?;
        let (start, end) = (token.start as usize, self.cursor.pos);
        let colon =
            self.cursor.peek() == b':' && (self.in_flow() || self.cursor.is_blankz(end + 1));
        let is_key =
            level != 0 && colon && start >= self.cursor.line_start && end - start <= KEY_LIMIT;
        if !is_key {
            self.tokens.push(token);
            self.mark_key(level);
            return Ok(());
        }
        let key = &mut self.keys[usize::from(level) - 1];
        key.possible = false;
        let column = start - self.cursor.line_start;
        self.roll_indent(column, None, TokenKind::BlockMappingStart, start)?;
        self.simple_key_allowed = false;
        self.tokens.push(Token::new(TokenKind::Key, start, start));
        self.tokens.push(token);
        self.push_indicator(TokenKind::Value, 1);
        Ok(())
    }

    fn mark_key(&mut self, level: u16) {
        if let Some(token) = self.tokens.last_mut() {
            token.key_level = level;
        }
    }
}
