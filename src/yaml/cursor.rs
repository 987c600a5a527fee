//! A position in the text of one document, and the classes of blanks and line breaks.

/// Reads bytes of one document; past its end it sees NUL, which no document may contain.
pub(super) struct Cursor<'t> {
    /// The text of the file up to the end of the document, so that positions are offsets into the file.
    pub text: &'t str,
    bytes: &'t [u8],
    /// The next byte to read.
    pub pos: usize,
    /// Where the current line begins.
    pub line_start: usize,
}

/// A line break, by the text that it becomes in a scalar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Break {
    /// LF, CR, CR LF or NEL: becomes a line feed, or a space where lines are folded.
    Line,
    /// U+2028, which is kept.
    LineSeparator,
    /// U+2029, which is kept.
    ParagraphSeparator,
}

impl Break {
    /// The text of this break where it is not folded.
    pub(super) fn text(self) -> &'static str {
        match self {
            Break::Line => "\n",
            Break::LineSeparator => "\u{2028}",
            Break::ParagraphSeparator => "\u{2029}",
        }
    }
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, start: usize) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            pos: start,
            line_start: start,
        }
    }

    /// The byte at an offset; NUL past the end.
    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte at the cursor.
    #[inline]
    pub(super) fn peek(&self) -> u8 {
        self.byte(self.pos)
    }

    #[inline]
    pub(super) fn column(&self) -> usize {
        self.pos - self.line_start
    }

    #[inline]
    pub(super) fn at_end(&self) -> bool {
        self.pos >= self.bytes.len()
    }

    /// Whether the byte at an offset is a space or a tab.
    #[inline]
    pub(super) fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t')
    }

    /// Whether a line break or the end is at an offset.
    #[inline]
    pub(super) fn is_breakz(&self, at: usize) -> bool {
        match self.byte(at) {
            b'\n' | b'\r' | 0 => true,
            0xC2 | 0xE2 => self.break_len(at) != 0,
            _ => false,
        }
    }

    /// Whether a space, a tab, a line break or the end is at an offset.
    #[inline]
    pub(super) fn is_blankz(&self, at: usize) -> bool {
        self.is_blank(at) || self.is_breakz(at)
    }

    /// The length in bytes of the line break at an offset; 0 where there is none.
    ///
    /// kubectl removes the CR before each LF before it parses, so CR CR LF arrives as CR LF: one break.
    #[inline]
    pub(super) fn break_len(&self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' => 1,
            b'\r' => match (self.byte(at + 1), self.byte(at + 2)) {
                (b'\n', _) => 2,
                (b'\r', b'\n') => 3,
                _ => 1,
            },
            0xC2 if self.byte(at + 1) == 0x85 => 2,
            0xE2 if self.byte(at + 1) == 0x80 && matches!(self.byte(at + 2), 0xA8 | 0xA9) => 3,
            _ => 0,
        }
    }

    /// Consumes the line break at the cursor, if there is one.
    #[inline]
    pub(super) fn take_break(&mut self) -> Option<Break> {
        if self.peek() == b'\n' {
            self.pos += 1;
            self.line_start = self.pos;
            return Some(Break::Line);
        }
        let kind = match (self.peek(), self.break_len(self.pos)) {
            (_, 0) => return None,
            (0xE2, _) if self.byte(self.pos + 2) == 0xA8 => Break::LineSeparator,
            (0xE2, _) => Break::ParagraphSeparator,
            _ => Break::Line,
        };
        self.pos += self.break_len(self.pos);
        self.line_start = self.pos;
        Some(kind)
    }

    /// Consumes everything up to the next line break or the end.
    pub(super) fn skip_line_rest(&mut self) {
        self.pos = self.line_end(self.pos);
    }

    /// The offset of the next line break, or the end.
    #[inline]
    pub(super) fn line_end(&self, from: usize) -> usize {
        self.find(from, class::BREAK)
    }

    /// The offset of the next byte of one of these classes, or the end. A byte of [`class::BREAK`] counts only where it
    /// does begin a line break.
    #[inline]
    pub(super) fn find(&self, from: usize, classes: u8) -> usize {
        let mut at = from;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let ahead = rest
                .iter()
                .position(|&c| class::OF[usize::from(c)] & classes != 0);
            let Some(ahead) = ahead else {
                return self.bytes.len();
            };
            at += ahead;
            if self.byte(at) < 0x80 || self.break_len(at) != 0 {
                return at;
            }
            at += 1;
        }
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(self.pos) {
            self.pos += 1;
        }
    }

    /// Whether the cursor is at a `---` or `...` marker: in the first column, and followed by a blank or the end.
    #[inline]
    pub(super) fn at_document_marker(&self) -> bool {
        self.column() == 0
            && matches!(self.peek(), b'-' | b'.')
            && self.byte(self.pos + 1) == self.peek()
            && self.byte(self.pos + 2) == self.peek()
            && self.is_blankz(self.pos + 3)
    }

    /// Describes the character at an offset, for "found …".
    pub(super) fn found(&self, at: usize) -> String {
        match self.text.get(at..).and_then(|rest| rest.chars().next()) {
            None => "the end of the document".to_owned(),
            Some('\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}') => {
                "the end of the line".to_owned()
            }
            Some('\t') => "a tab".to_owned(),
            Some(' ') => "a space".to_owned(),
            Some(c) if c.is_control() => format!("the character U+{:04X}", u32::from(c)),
            Some(c) => format!("`{c}`"),
        }
    }
}

/// Classes of bytes, as bit flags.
pub(super) mod class {
    /// A byte that may begin a line break.
    pub(in super::super) const BREAK: u8 = 1;
    /// A space or a tab.
    pub(in super::super) const BLANK: u8 = 2;
    pub(in super::super) const COLON: u8 = 4;
    /// A byte that ends a plain scalar in a flow collection.
    pub(in super::super) const FLOW: u8 = 8;
    pub(in super::super) const SINGLE_QUOTE: u8 = 16;
    pub(in super::super) const DOUBLE_QUOTE: u8 = 32;
    pub(in super::super) const BACKSLASH: u8 = 64;
    pub(in super::super) const HASH: u8 = 128;

    /// The classes of each byte.
    pub(in super::super) const OF: [u8; 256] = {
        let mut of = [0; 256];
        let mut c = 0;
        while c < 256 {
            of[c] = match c as u8 {
                b'\n' | b'\r' | 0xC2 | 0xE2 => BREAK,
                b' ' | b'\t' => BLANK,
                b':' => COLON,
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => FLOW,
                b'\'' => SINGLE_QUOTE,
                b'"' => DOUBLE_QUOTE,
                b'\\' => BACKSLASH,
                b'#' => HASH,
                _ => 0,
            };
            c += 1;
        }
        of
    };
}
