//! Reads JSON into nodes, in the same arena as YAML.

use super::arena::{Arena, NodeData, NodeKind, PLAIN, SCRATCH, key_hash};

use super::scan::{Scan, too_deep};
use super::{Diagnostics, Fault, MAX_DEPTH, maps, offset};

/// One JSON value of a stream.
pub(super) struct JsonValue {
    pub root: u32,
    /// The offset of the text after it.
    pub end: usize,
    /// The offset of a number that is valid JSON but does not fit in 64 bits.
    pub too_large: Option<usize>,
}

/// Reads the JSON value at an offset; `None` where only blanks are left.
pub(super) fn compose(
    text: &str,
    start: usize,
    arena: &mut Arena,
    notes: &mut Diagnostics<'_>,
) -> Scan<Option<JsonValue>> {
    let (before, known_problems) = (arena.mark(), notes.mark());
    let mut parser = Json {
        text,
        bytes: text.as_bytes(),
        pos: start,
        arena,
        notes,
        frames: Vec::new(),
        too_large: None,
    };
    parser.skip_blanks();
    if parser.pos >= text.len() {
        return Ok(None);
    }
    match parser.document() {
        Ok(()) => Ok(Some(JsonValue {
            root: offset(before.nodes),
            end: parser.pos,
            too_large: parser.too_large,
        })),
        Err(fault) => {
            arena.truncate(before);
            notes.forget(known_problems);
            Err(fault)
        }
    }
}

/// The number of bytes of a JSON string before the first quote, backslash or control character.
#[inline]
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH_BITS: u64 = ONES << 7;
    // Looks at eight bytes at a time. `below` sets the high bits of the bytes below a limit, and possibly of others after
    // the first one: see "Determine if a word has a byte less than n" in
    // <https://graphics.stanford.edu/~seander/bithacks.html>.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH_BITS;
    let equal = |word: u64, c: u8| below(word ^ (ONES * u64::from(c)), 1);
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, bytes) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*bytes);
        let special = equal(word, b'"') | equal(word, b'\\') | below(word, 0x20);
        if special != 0 {
            return at * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |c: &u8| matches!(c, b'"' | b'\\' | 0..0x20);
    let plain = rest.iter().position(is_special).unwrap_or(rest.len());
    bytes.len() - rest.len() + plain
}

struct OpenJson {
    node: u32,
    children: u32,
    is_map: bool,
}

struct Json<'t, 'a, 'n> {
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    arena: &'a mut Arena,
    notes: &'a mut Diagnostics<'n>,
    frames: Vec<OpenJson>,
    too_large: Option<usize>,
}

impl Json<'_, '_, '_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.pos).copied().unwrap_or(0)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.pos += 1;
        }
    }

    fn expected<T>(&self, what: &str) -> Scan<T> {
        let found = match self
            .text
            .get(self.pos..)
            .and_then(|rest| rest.chars().next())
        {
            None => "the end of the file".to_owned(),
            Some(c) if c.is_control() => format!("the character U+{:04X}", u32::from(c)),
            Some(c) => format!("`{c}`"),
        };
        Err(Fault::new(
            self.pos,
            format!("expected {what}, found {found}"),
        ))
    }

    fn push(&mut self, data: NodeData) -> u32 {
        let index = offset(self.arena.nodes.len());
        self.arena.nodes.push(data);
        if let Some(frame) = self.frames.last_mut() {
            frame.children += 1;
        }
        index
    }

    fn document(&mut self) -> Scan<()> {
        loop {
            self.value()?;
            // After a value: close the collections that end here, and go to the next value.
            loop {
                let Some(frame) = self.frames.last() else {
                    return Ok(());
                };
                let (is_map, first) = (frame.is_map, frame.children == 0);
                self.skip_blanks();
                let close = if is_map { b'}' } else { b']' };
                if self.peek() == close {
                    self.pos += 1;
                    self.close();
                    continue;
                }
                if !first {
                    if self.peek() != b',' {
                        return self.expected(if is_map { "`,` or `}`" } else { "`,` or `]`" });
                    }
                    self.pos += 1;
                    self.skip_blanks();
                }
                if is_map {
                    self.key()?;
                }
                break;
            }
        }
    }

    fn key(&mut self) -> Scan<()> {
        if self.peek() != b'"' {
            return self.expected("a key in double quotes");
        }
        let mut data = self.string()?;
        data.hash = key_hash(self.arena.scalar(self.text, data));
        self.push(data);
        self.skip_blanks();
        if self.peek() != b':' {
            return self.expected("`:` after the key");
        }
        self.pos += 1;
        Ok(())
    }

    fn value(&mut self) -> Scan<()> {
        self.skip_blanks();
        match self.peek() {
            b'{' => self.open(true),
            b'[' => self.open(false),
            b'"' => {
                let data = self.string()?;
                self.push(data);
                Ok(())
            }
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", NodeKind::True),
            b'f' => self.word("false", NodeKind::False),
            b'n' => self.word("null", NodeKind::Null),
            _ => self.expected("a JSON value"),
        }
    }

    fn open(&mut self, is_map: bool) -> Scan<()> {
        let close = if is_map { b'}' } else { b']' };
        let is_empty = self.bytes.get(self.pos + 1) == Some(&close);
        let node = self.push(NodeData {
            offset: offset(self.pos),
            a: offset(self.arena.nodes.len() + 1),
            b: 0,
            hash: 0,
            kind: if is_map {
                NodeKind::Map
            } else {
                NodeKind::List
            },
            flags: 0,
        });
        if is_empty {
            self.pos += 2;
            return Ok(());
        }
        self.frames.push(OpenJson {
            node,
            children: 0,
            is_map,
        });
        if self.frames.len() > MAX_DEPTH {
            return Err(too_deep(self.pos));
        }
        self.pos += 1;
        Ok(())
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        self.arena
            .end_collection(frame.node, frame.is_map, frame.children);
        if frame.is_map && frame.children > 2 {
            maps::finish(self.arena, self.text, frame.node, false, self.notes);
        }
    }

    fn word(&mut self, word: &str, kind: NodeKind) -> Scan<()> {
        if !self.bytes[self.pos..].starts_with(word.as_bytes()) {
            return self.expected("a JSON value");
        }
        self.scalar(kind, self.pos + word.len());
        Ok(())
    }

    fn scalar(&mut self, kind: NodeKind, end: usize) {
        self.push(NodeData {
            offset: offset(self.pos),
            a: offset(self.pos),
            b: offset(end - self.pos),
            hash: 0,
            kind,
            flags: PLAIN,
        });
        self.pos = end;
    }

    fn number(&mut self) -> Scan<()> {
        let start = self.pos;
        let digits = |parser: &mut Self| {
            let from = parser.pos;
            while parser.peek().is_ascii_digit() {
                parser.pos += 1;
            }
            if parser.pos == from {
                parser.expected("a digit")
            } else {
                Ok(())
            }
        };
        if self.peek() == b'-' {
            self.pos += 1;
        }
        if self.peek() == b'0' {
            self.pos += 1;
        } else {
            digits(self)?;
        }
        if self.peek() == b'.' {
            self.pos += 1;
            digits(self)?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.pos += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.pos += 1;
            }
            digits(self)?;
        }
        let end = std::mem::replace(&mut self.pos, start);
        let finite = self.text[start..end]
            .parse::<f64>()
            .is_ok_and(f64::is_finite);
        if !finite {
            self.too_large.get_or_insert(start);
        }
        self.scalar(NodeKind::Number, end);
        Ok(())
    }

    /// Reads a string; the caller adds its node to the arena.
    fn string(&mut self) -> Scan<NodeData> {
        let start = self.pos;
        self.pos += 1;
        let from = self.pos;
        self.skip_plain_string();
        let (a, b, flags) = if self.peek() == b'"' {
            (from, self.pos - from, 0)
        } else {
            let scratch = self.arena.scratch.len();
            self.arena.scratch.push_str(&self.text[from..self.pos]);
            self.escaped_string(start)?;
            (scratch, self.arena.scratch.len() - scratch, SCRATCH)
        };
        self.pos += 1;
        Ok(NodeData {
            offset: offset(start),
            a: offset(a),
            b: offset(b),
            hash: 0,
            kind: NodeKind::String,
            flags,
        })
    }

    fn skip_plain_string(&mut self) {
        self.pos += plain_length(&self.bytes[self.pos..]);
    }

    /// Copies a string from its first escape to its closing quote.
    fn escaped_string(&mut self, start: usize) -> Scan<()> {
        loop {
            match self.peek() {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                _ if self.pos >= self.bytes.len() => {
                    return Err(Fault::new(start, "this string is never closed"));
                }
                _ => {
                    return self.expected("an escape such as `\\n` for a control character");
                }
            }
            let from = self.pos;
            self.skip_plain_string();
            self.arena.scratch.push_str(&self.text[from..self.pos]);
        }
    }

    fn escape(&mut self) -> Scan<()> {
        self.pos += 1;
        let c = match self.peek() {
            c @ (b'"' | b'\\' | b'/') => char::from(c),
            b'b' => '\x08',
            b'f' => '\x0C',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.pos += 1;
                let c = self.unicode_escape()?;
                self.arena.scratch.push(c);
                return Ok(());
            }
            _ => return self.expected("a JSON escape after `\\`"),
        };
        self.pos += 1;
        self.arena.scratch.push(c);
        Ok(())
    }

    fn hex4(&mut self) -> Scan<u16> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = char::from(self.peek()).to_digit(16) else {
                return self.expected("a hexadecimal digit after `\\u`");
            };
            code = code * 16 + u16::try_from(digit).unwrap_or(0);
            self.pos += 1;
        }
        Ok(code)
    }

    /// Reads the digits after `\u`, and a second escape where both form a surrogate pair.
    fn unicode_escape(&mut self) -> Scan<char> {
        let high = self.hex4()?;
        if (0xD800..0xDC00).contains(&high) && self.bytes[self.pos..].starts_with(b"\\u") {
            let before = self.pos;
            self.pos += 2;
            let low = self.hex4()?;
            if let Some(Ok(c)) = char::decode_utf16([high, low]).next() {
                return Ok(c);
            }
            self.pos = before;
        }
        Ok(char::from_u32(u32::from(high)).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

#[cfg(test)]
mod tests {
    use super::plain_length;

    #[test]
    fn plain_text_ends_at_the_first_special_byte() {
        for special in ['"', '\\', '\n', '\u{1f}', '\0'] {
            for plain in 0..20 {
                // Characters next to the special ones, and bytes whose high bit is set.
                let before: String = " !#[]\u{7f}äé €".chars().cycle().take(plain).collect();
                for after in ["", "a", "\"", "plain again"] {
                    let text = format!("{before}{special}{after}");
                    assert_eq!(plain_length(text.as_bytes()), before.len(), "{text:?}");
                }
                assert_eq!(plain_length(before.as_bytes()), before.len(), "{before:?}");
            }
        }
    }
}
