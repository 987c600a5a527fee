//! Decodes bytes into text: byte-order marks, UTF-16, invalid UTF-8.

/// The decoded text of a file.
pub(super) struct Decoded {
    pub text: String,
    /// The offset of the text, after a byte-order mark.
    pub start: usize,
    /// The offsets of characters that replace invalid bytes.
    pub replaced: Vec<usize>,
    /// Whether YAML may have invalid bytes: not in UTF-8 after a byte-order mark.
    pub tolerant: bool,
}

/// Decodes a file as kubectl does: UTF-8, or UTF-16 with a byte-order mark; invalid bytes become U+FFFD.
pub(super) fn decode(bytes: Vec<u8>) -> Decoded {
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    let start = if bytes.starts_with(b"\xEF\xBB\xBF") {
        3
    } else {
        0
    };
    let invalid = match String::from_utf8(bytes) {
        Ok(text) => {
            return Decoded {
                text,
                start,
                replaced: Vec::new(),
                tolerant: true,
            };
        }
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(invalid.len() + 16);
    let mut replaced = Vec::new();
    for chunk in invalid.utf8_chunks() {
        text.push_str(chunk.valid());
        // After a byte-order mark, kubectl leaves invalid bytes to the JSON reader, which replaces each of them.
        let count = if start == 0 {
            chunk.invalid().len().min(1)
        } else {
            chunk.invalid().len()
        };
        for _ in 0..count {
            replaced.push(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Decoded {
        text,
        start,
        replaced,
        tolerant: start == 0,
    }
}

/// Replaces each byte that is not part of a character, as Go does when it writes JSON.
pub(super) fn replace_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Decodes UTF-16 as Go's `x/text` does: two low surrogates in a row become one character.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Decoded {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut units = pairs.iter().map(|&pair| unit(pair)).peekable();
    let mut text = String::with_capacity(bytes.len() / 2);
    let mut replaced = Vec::new();
    let mut push = |c: Option<char>| {
        if c.is_none() {
            replaced.push(text.len());
        }
        text.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
    };
    while let Some(first) = units.next() {
        let second = if (0xD800..0xE000).contains(&first) {
            units.next_if(|second| (0xDC00..0xE000).contains(second))
        } else {
            None
        };
        let pair = [first, second.unwrap_or_default()];
        let used = if second.is_some() { 2 } else { 1 };
        let c = char::decode_utf16(pair.into_iter().take(used)).next();
        push(c.and_then(Result::ok));
    }
    if !rest.is_empty() {
        push(None);
    }
    Decoded {
        text,
        start: 0,
        replaced,
        tolerant: true,
    }
}

/// The offset of the first character that YAML does not allow, such as NUL.
pub(super) fn forbidden(text: &str) -> Option<usize> {
    const BLOCK: usize = 64;
    let suspicious =
        |c: u8| (c < 0x20 && !matches!(c, b'\t' | b'\n' | b'\r')) | matches!(c, 0x7F | 0xC2 | 0xEF);
    for (number, block) in text.as_bytes().chunks(BLOCK).enumerate() {
        // No early exit, so that the compiler can vectorise the loop.
        if !block.iter().fold(false, |found, &c| found | suspicious(c)) {
            continue;
        }
        for at in
            (number * BLOCK..number * BLOCK + block.len()).filter(|&at| text.is_char_boundary(at))
        {
            let bad = text[at..].chars().next().is_some_and(|c| {
                matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\x7F'..='\u{84}' | '\u{86}'..='\u{9F}')
                    || matches!(c, '\u{FFFE}' | '\u{FFFF}')
            });
            if bad {
                return Some(at);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{decode, forbidden};

    #[test]
    fn invalid_bytes_are_replaced() {
        for (bytes, text) in [
            (b"a".as_slice(), "a"),
            (b"\xEF\xBB\xBFa", "\u{FEFF}a"),
            (b"a\xFFb", "a\u{FFFD}b"),
            (b"\xE2\x80x", "\u{FFFD}x"),
            (b"\xFF\xFEa\0", "a"),
            (b"\xFE\xFF\0a", "a"),
            (b"\xFF\xFE\0\xD8a\0", "\u{FFFD}a"),
            (b"\xFF\xFE=\xD8\0\xDE", "\u{1F600}"),
            (b"\xFF\xFE\0\xDC\0\xDCa\0", "\u{FFFD}a"),
            (b"\xFF\xFE\0\xD8\0\xD8", "\u{FFFD}\u{FFFD}"),
            (b"\xFF\xFEa\0b", "a\u{FFFD}"),
        ] {
            assert_eq!(decode(bytes.to_vec()).text, text);
        }
    }

    #[test]
    fn control_characters_are_found() {
        for good in [
            "",
            "a\t\r\n",
            "\u{85}\u{A0}\u{FEFF}\u{FFFD}ï»¿",
            "\u{1F600}",
        ] {
            assert_eq!(forbidden(good), None, "{good:?}");
        }
        for bad in ['\0', '\x08', '\x1B', '\x7F', '\u{80}', '\u{9F}', '\u{FFFE}'] {
            for before in [0, 63, 64, 200] {
                assert_eq!(
                    forbidden(&format!("{}{bad}b", "a".repeat(before))),
                    Some(before)
                );
            }
        }
    }
}
