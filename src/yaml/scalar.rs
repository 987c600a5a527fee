//! Scans scalars: plain, quoted, literal and folded.
//!
//! A scalar whose value equals its source text stays a slice of the source; others are written to the scratch text.

use super::cursor::{Break, class};
use super::scan::{Scan, Scanner, Span, Token, TokenKind};
use super::{Fault, offset};

/// Line breaks and blanks between two words that are not folded yet.
#[derive(Default)]
struct Gap {
    first: Option<Break>,
    rest: Vec<Break>,
}

impl Gap {
    /// Adds a line break; `crossed_line` says whether it is not the first one since the last word.
    fn push(&mut self, kind: Break, crossed_line: bool) {
        if crossed_line {
            self.rest.push(kind);
        } else {
            self.first = Some(kind);
        }
    }

    /// Appends the folded text: one line break becomes a space, and of several the first is dropped.
    fn fold_into(&mut self, out: &mut String) {
        match self.first.take() {
            Some(Break::Line) if self.rest.is_empty() => out.push(' '),
            Some(Break::Line) | None => {}
            Some(separator) => out.push_str(separator.text()),
        }
        for next in self.rest.drain(..) {
            out.push_str(next.text());
        }
    }
}

impl Scanner<'_> {
    fn scratch_span(&self, from: usize) -> Span {
        Span {
            start: offset(from),
            len: offset(self.scratch.len() - from),
            scratch: true,
        }
    }

    /// Scans an unquoted scalar.
    pub(super) fn scan_plain(&mut self) -> Scan<Token> {
        let start = self.cursor.pos;
        let text = self.cursor.text;
        let indent = self.indent + 1;
        let mut end = start;
        // The start of this scalar in the scratch text, once it is written there.
        let mut copied: Option<usize> = None;
        let mut gap = Gap::default();
        let mut crossed_line = false;
        loop {
            if self.cursor.at_document_marker() || self.cursor.peek() == b'#' {
                break;
            }
            let line = self.cursor.pos;
            let line_end = self.skip_plain_line();
            if line_end > line {
                if crossed_line {
                    let from = *copied.get_or_insert(self.scratch.len());
                    if from == self.scratch.len() {
                        self.scratch.push_str(&text[start..end]);
                    }
                    gap.fold_into(&mut self.scratch);
                    self.scratch.push_str(&text[line..line_end]);
                    crossed_line = false;
                }
                end = line_end;
            }
            if !self.cursor.is_blankz(self.cursor.pos) || self.cursor.at_end() {
                break;
            }
            loop {
                if self.cursor.is_blank(self.cursor.pos) {
                    let column = isize::try_from(self.cursor.column()).unwrap_or(isize::MAX);
                    if crossed_line && column < indent && self.cursor.peek() == b'\t' {
                        return Err(Fault::new(
                            self.cursor.pos,
                            "expected spaces for the indentation, found a tab",
                        ));
                    }
                    self.cursor.pos += 1;
                } else if let Some(kind) = self.cursor.take_break() {
                    gap.push(kind, crossed_line);
                    crossed_line = true;
                } else {
                    break;
                }
            }
            let column = isize::try_from(self.cursor.column()).unwrap_or(isize::MAX);
            if !self.in_flow() && column < indent {
                break;
            }
        }
        if crossed_line {
            self.simple_key_allowed = true;
        }
        let span = match copied {
            Some(from) => self.scratch_span(from),
            None => Span {
                start: offset(start),
                len: offset(end - start),
                scratch: false,
            },
        };
        Ok(Token::new(TokenKind::Plain, start, end).with_span(span))
    }

    /// Moves to the end of a plain scalar on this line: a line break, a comment or an indicator. Returns the end of its
    /// text, without trailing blanks.
    #[inline]
    fn skip_plain_line(&mut self) -> usize {
        let mut classes = class::BREAK | class::COLON | class::HASH;
        if self.in_flow() {
            classes |= class::FLOW;
        }
        let cursor = &mut self.cursor;
        let start = cursor.pos;
        let mut at = cursor.find(start, classes);
        loop {
            let goes_on = match cursor.byte(at) {
                b':' => !cursor.is_blankz(at + 1),
                b'#' => at > start && !cursor.is_blank(at - 1),
                _ => false,
            };
            if !goes_on {
                break;
            }
            at = cursor.find(at + 1, classes);
        }
        cursor.pos = at;
        let mut end = at;
        while end > start && cursor.is_blank(end - 1) {
            end -= 1;
        }
        end
    }

    /// Scans a scalar in single or double quotes.
    pub(super) fn scan_quoted(&mut self, quote: u8) -> Scan<Token> {
        let start = self.cursor.pos;
        if let Some(end) = self.simple_quoted_end(quote) {
            let span = Span {
                start: offset(start + 1),
                len: offset(end - start - 1),
                scratch: false,
            };
            self.cursor.pos = end + 1;
            return Ok(Token::new(TokenKind::Quoted, start, end + 1).with_span(span));
        }
        self.cursor.pos += 1;
        let from = self.scratch.len();
        let mut gap = Gap::default();
        loop {
            if self.cursor.at_document_marker() {
                return Err(Fault::new(
                    start,
                    "this quoted string is not closed before the next document marker",
                ));
            }
            if self.cursor.at_end() {
                return Err(Fault::new(start, "this quoted string is never closed"));
            }
            let mut crossed_line = self.scan_quoted_word(quote, start)?;
            if self.cursor.peek() == quote {
                break;
            }
            let blanks = self.cursor.pos;
            let mut blanks_end = blanks;
            loop {
                if self.cursor.is_blank(self.cursor.pos) {
                    self.cursor.pos += 1;
                    if !crossed_line {
                        blanks_end = self.cursor.pos;
                    }
                } else if let Some(kind) = self.cursor.take_break() {
                    gap.push(kind, crossed_line);
                    crossed_line = true;
                } else {
                    break;
                }
            }
            if crossed_line {
                gap.fold_into(&mut self.scratch);
            } else {
                self.scratch.push_str(&self.cursor.text[blanks..blanks_end]);
            }
        }
        self.cursor.pos += 1;
        let span = self.scratch_span(from);
        Ok(Token::new(TokenKind::Quoted, start, self.cursor.pos).with_span(span))
    }

    /// The offset of the closing quote, if the scalar is on one line and has no escapes.
    fn simple_quoted_end(&self, quote: u8) -> Option<usize> {
        let cursor = &self.cursor;
        let end = cursor.find(cursor.pos + 1, class::BREAK | quoted_classes(quote));
        let doubled = quote == b'\'' && cursor.byte(end + 1) == quote;
        (cursor.byte(end) == quote && !doubled).then_some(end)
    }

    /// Copies characters up to a blank, a line break or the closing quote. Returns whether it stopped after an escaped
    /// line break.
    fn scan_quoted_word(&mut self, quote: u8, start: usize) -> Scan<bool> {
        loop {
            let word = self.cursor.pos;
            let classes = class::BREAK | class::BLANK | quoted_classes(quote);
            let at = self.cursor.find(word, classes);
            let stop = self.cursor.byte(at);
            self.scratch.push_str(&self.cursor.text[word..at]);
            self.cursor.pos = at;
            if stop == quote {
                if quote == b'\'' && self.cursor.byte(at + 1) == quote {
                    self.scratch.push('\'');
                    self.cursor.pos += 2;
                    continue;
                }
                return Ok(false);
            }
            if stop != b'\\' {
                return Ok(false);
            }
            if self.cursor.break_len(at + 1) != 0 {
                self.cursor.pos += 1;
                self.cursor.take_break();
                return Ok(true);
            }
            self.scan_escape(start)?;
        }
    }

    /// Reads one escape sequence of a double-quoted scalar.
    fn scan_escape(&mut self, start: usize) -> Scan<()> {
        let at = self.cursor.pos;
        let letter = self.cursor.byte(at + 1);
        let (plain, digits) = match letter {
            b'0' => ('\0', 0),
            b'a' => ('\x07', 0),
            b'b' => ('\x08', 0),
            b't' | b'\t' => ('\t', 0),
            b'n' => ('\n', 0),
            b'v' => ('\x0B', 0),
            b'f' => ('\x0C', 0),
            b'r' => ('\r', 0),
            b'e' => ('\x1B', 0),
            b' ' | b'"' | b'\'' | b'\\' => (char::from(letter), 0),
            b'N' => ('\u{85}', 0),
            b'_' => ('\u{A0}', 0),
            b'L' => ('\u{2028}', 0),
            b'P' => ('\u{2029}', 0),
            b'x' => ('\0', 2),
            b'u' => ('\0', 4),
            b'U' => ('\0', 8),
            0 => return Err(Fault::new(start, "this quoted string is never closed")),
            _ => {
                let found = self.cursor.found(at + 1);
                return Err(Fault::new(
                    at,
                    format!("expected a YAML escape after `\\`, found {found}"),
                ));
            }
        };
        self.cursor.pos += 2;
        if digits == 0 {
            self.scratch.push(plain);
            return Ok(());
        }
        let mut code: u32 = 0;
        for k in self.cursor.pos..self.cursor.pos + digits {
            let Some(digit) = char::from(self.cursor.byte(k)).to_digit(16) else {
                let found = self.cursor.found(k);
                return Err(Fault::new(
                    at,
                    format!(
                        "expected {digits} hexadecimal digits after `\\{}`, found {found}",
                        char::from(letter)
                    ),
                ));
            };
            code = (code << 4) | digit;
        }
        let Some(c) = char::from_u32(code) else {
            return Err(Fault::new(
                at,
                format!("U+{code:04X} is not a Unicode character"),
            ));
        };
        self.scratch.push(c);
        self.cursor.pos += digits;
        Ok(())
    }

    /// Scans a literal (`|`) or folded (`>`) scalar.
    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Scan<Token> {
        let start = self.cursor.pos;
        self.cursor.pos += 1;
        let (chomp, increment) = self.scan_block_header()?;

        let mut indent = match (increment, self.indent) {
            (0, _) => 0,
            (n, parent) if parent >= 0 => parent.unsigned_abs() + n,
            (n, _) => n,
        };
        let from = self.scratch.len();
        let mut leading: Option<Break> = None;
        let mut trailing: Vec<Break> = Vec::new();
        self.scan_block_breaks(&mut indent, &mut trailing)?;
        let mut leading_blank = false;
        let mut end = self.cursor.pos;
        while self.cursor.column() == indent && !self.cursor.at_end() {
            let blank = self.cursor.is_blank(self.cursor.pos);
            let foldable = !literal && !leading_blank && !blank;
            match leading.take() {
                // A single line break folds to a space; before empty lines it is dropped.
                Some(Break::Line) if foldable => {
                    self.scratch
                        .push_str(if trailing.is_empty() { " " } else { "" });
                }
                Some(kind) => self.scratch.push_str(kind.text()),
                None => {}
            }
            for kind in trailing.drain(..) {
                self.scratch.push_str(kind.text());
            }
            leading_blank = blank;
            let line = self.cursor.pos;
            self.cursor.skip_line_rest();
            end = self.cursor.pos;
            self.scratch.push_str(&self.cursor.text[line..end]);
            leading = self.cursor.take_break();
            self.scan_block_breaks(&mut indent, &mut trailing)?;
        }
        if chomp != Chomp::Strip {
            self.scratch.push_str(leading.map_or("", Break::text));
        }
        if chomp == Chomp::Keep {
            for kind in trailing {
                self.scratch.push_str(kind.text());
            }
        }
        let span = self.scratch_span(from);
        Ok(Token::new(TokenKind::Quoted, start, end).with_span(span))
    }

    /// Reads the header after `|` or `>`: the chomping and indentation indicators; 0 where there is no indentation.
    fn scan_block_header(&mut self) -> Scan<(Chomp, usize)> {
        let mut chomp = Chomp::Clip;
        let mut increment = 0;
        let first_is_digit = self.cursor.peek().is_ascii_digit();
        for step in 0..2 {
            let at = self.cursor.pos;
            match self.cursor.peek() {
                sign @ (b'+' | b'-') if (step == 0) != first_is_digit => {
                    chomp = if sign == b'+' {
                        Chomp::Keep
                    } else {
                        Chomp::Strip
                    };
                    self.cursor.pos += 1;
                }
                b'0' if (step == 0) == first_is_digit => {
                    return Err(Fault::new(
                        at,
                        "expected an indentation from 1 to 9 after `|` or `>`, found 0",
                    ));
                }
                digit @ b'1'..=b'9' if (step == 0) == first_is_digit => {
                    increment = usize::from(digit - b'0');
                    self.cursor.pos += 1;
                }
                _ => break,
            }
        }
        self.finish_line("`|` or `>`")?;
        Ok((chomp, increment))
    }

    /// Skips indentation and empty lines, and detects the indentation where it is not known yet (0).
    fn scan_block_breaks(&mut self, indent: &mut usize, breaks: &mut Vec<Break>) -> Scan<()> {
        let mut max_indent = 0;
        loop {
            while (*indent == 0 || self.cursor.column() < *indent) && self.cursor.peek() == b' ' {
                self.cursor.pos += 1;
            }
            max_indent = max_indent.max(self.cursor.column());
            if (*indent == 0 || self.cursor.column() < *indent) && self.cursor.peek() == b'\t' {
                return Err(Fault::new(
                    self.cursor.pos,
                    "expected spaces for the indentation, found a tab",
                ));
            }
            match self.cursor.take_break() {
                Some(kind) => breaks.push(kind),
                None => break,
            }
        }
        if *indent == 0 {
            *indent = max_indent.max((self.indent + 1).unsigned_abs()).max(1);
        }
        Ok(())
    }
}

/// The classes of bytes that end or interrupt a run of characters in a quoted scalar.
fn quoted_classes(quote: u8) -> u8 {
    if quote == b'"' {
        class::DOUBLE_QUOTE | class::BACKSLASH
    } else {
        class::SINGLE_QUOTE
    }
}

/// How a block scalar treats the line breaks at its end (YAML's chomping indicator).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    /// Keeps one line break.
    Clip,
    /// Removes all line breaks.
    Strip,
    /// Keeps all line breaks.
    Keep,
}
