//! Scans anchors, aliases, tags and directives.

use super::scan::{Scan, Scanner, Span, TagText, Token, TokenKind};
use super::{Fault, excerpt, offset};

fn is_name(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-')
}

fn is_uri(c: u8) -> bool {
    is_name(c)
        || matches!(
            c,
            b';' | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
                | b'('
                | b')'
                | b'['
                | b']'
                | b'%'
        )
}

impl Scanner<'_> {
    /// Scans `&name` or `*name`.
    pub(super) fn scan_anchor(&mut self, kind: TokenKind) -> Scan<Token> {
        let start = self.cursor.pos;
        self.cursor.pos += 1;
        let name = self.take_while(is_name);
        let end = self.cursor.pos;
        let ends = self.cursor.is_blankz(end)
            || matches!(
                self.cursor.peek(),
                b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
            );
        if name.is_empty() || !ends {
            let what = if kind == TokenKind::Anchor {
                "an anchor (`&`)"
            } else {
                "an alias (`*`)"
            };
            let found = self.cursor.found(end);
            return Err(Fault::new(
                start,
                format!(
                    "expected a name of letters and digits for {what}, found {found}: quote values that begin like this"
                ),
            ));
        }
        let span = Span {
            start: offset(start + 1),
            len: offset(end - start - 1),
            scratch: false,
        };
        Ok(Token::new(kind, start, end).with_span(span))
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> String {
        let start = self.cursor.pos;
        while accept(self.cursor.peek()) {
            self.cursor.pos += 1;
        }
        self.cursor.text[start..self.cursor.pos].to_owned()
    }

    /// Scans `!suffix`, `!handle!suffix`, `!<uri>` or `!`.
    pub(super) fn scan_tag(&mut self) -> Scan<Token> {
        let start = self.cursor.pos;
        let tag = if self.cursor.byte(start + 1) == b'<' {
            self.cursor.pos += 2;
            let suffix = self.scan_tag_uri("", start)?;
            if self.cursor.peek() != b'>' {
                let found = self.cursor.found(self.cursor.pos);
                return Err(Fault::new(
                    start,
                    format!("expected `>` at the end of this tag, found {found}"),
                ));
            }
            self.cursor.pos += 1;
            TagText {
                handle: String::new(),
                suffix,
            }
        } else {
            let handle = self.scan_tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.scan_tag_uri("", start)?;
                TagText { handle, suffix }
            } else {
                let suffix = self.scan_tag_uri(&handle, start)?;
                let lone = suffix.is_empty();
                TagText {
                    handle: if lone { String::new() } else { "!".to_owned() },
                    suffix: if lone { "!".to_owned() } else { suffix },
                }
            }
        };
        if !self.cursor.is_blankz(self.cursor.pos) {
            let found = self.cursor.found(self.cursor.pos);
            return Err(Fault::new(
                start,
                format!("expected a space after this tag, found {found}"),
            ));
        }
        Ok(self.tag_token(TokenKind::Tag, start, tag))
    }

    fn tag_token(&mut self, kind: TokenKind, start: usize, tag: TagText) -> Token {
        self.tags.push_back(tag);
        Token::new(kind, start, self.cursor.pos)
    }

    /// Scans `!`, `!name!`, or `!name`, which is then the beginning of a suffix.
    fn scan_tag_handle(&mut self, directive: bool, start: usize) -> Scan<String> {
        if self.cursor.peek() != b'!' {
            let found = self.cursor.found(self.cursor.pos);
            return Err(Fault::new(
                start,
                format!("expected a tag handle that begins with `!`, found {found}"),
            ));
        }
        let from = self.cursor.pos;
        self.cursor.pos += 1;
        self.take_while(is_name);
        if self.cursor.peek() == b'!' {
            self.cursor.pos += 1;
        } else if directive && self.cursor.pos != from + 1 {
            return Err(Fault::new(
                start,
                "expected `!` at the end of the tag handle",
            ));
        }
        Ok(self.cursor.text[from..self.cursor.pos].to_owned())
    }

    /// Scans the rest of a tag after `head`, whose first character, `!`, is not part of it.
    fn scan_tag_uri(&mut self, head: &str, start: usize) -> Scan<String> {
        let mut uri = head.get(1..).unwrap_or("").as_bytes().to_vec();
        let mut any = !head.is_empty();
        while is_uri(self.cursor.peek()) {
            any = true;
            if self.cursor.peek() == b'%' {
                self.scan_uri_escape(start, &mut uri)?;
            } else {
                uri.push(self.cursor.peek());
                self.cursor.pos += 1;
            }
        }
        if !any {
            let found = self.cursor.found(self.cursor.pos);
            return Err(Fault::new(
                start,
                format!("expected the name of a tag, found {found}"),
            ));
        }
        Ok(String::from_utf8_lossy(&uri).into_owned())
    }

    /// Reads the `%XX` escapes of one UTF-8 character.
    fn scan_uri_escape(&mut self, start: usize, uri: &mut Vec<u8>) -> Scan<()> {
        let wrong = || {
            Fault::new(
                start,
                "expected two hexadecimal digits after each `%` of this tag, in valid UTF-8",
            )
        };
        let mut left = 0;
        loop {
            let at = self.cursor.pos;
            let digit = |k: usize| char::from(self.cursor.byte(at + k)).to_digit(16);
            let (b'%', Some(high), Some(low)) = (self.cursor.peek(), digit(1), digit(2)) else {
                return Err(wrong());
            };
            let octet = u8::try_from(high * 16 + low).unwrap_or(0);
            if left == 0 {
                left = match octet {
                    0x00..=0x7F => 1,
                    0xC0..=0xDF => 2,
                    0xE0..=0xEF => 3,
                    0xF0..=0xF7 => 4,
                    _ => return Err(wrong()),
                };
            } else if octet & 0xC0 != 0x80 {
                return Err(wrong());
            }
            uri.push(octet);
            self.cursor.pos += 3;
            left -= 1;
            if left == 0 {
                return Ok(());
            }
        }
    }

    /// Scans `%YAML 1.1` or `%TAG ! prefix`, with the rest of its line.
    pub(super) fn scan_directive(&mut self) -> Scan<Token> {
        let start = self.cursor.pos;
        self.cursor.pos += 1;
        let name = self.take_while(is_name);
        if name.is_empty() || !self.cursor.is_blankz(self.cursor.pos) {
            return Err(Fault::new(
                start,
                "expected a directive (`%YAML` or `%TAG`): quote a value that begins with `%`",
            ));
        }
        self.cursor.skip_blanks();
        let token = match name.as_str() {
            "YAML" => {
                let major = self.scan_version_number(start)?;
                if self.cursor.peek() != b'.' {
                    return Err(Fault::new(
                        start,
                        "expected a version such as 1.1 after `%YAML`",
                    ));
                }
                self.cursor.pos += 1;
                let minor = self.scan_version_number(start)?;
                let span = Span {
                    start: major,
                    len: minor,
                    scratch: false,
                };
                Token::new(TokenKind::VersionDirective, start, self.cursor.pos).with_span(span)
            }
            "TAG" => {
                let handle = self.scan_tag_handle(true, start)?;
                if !self.cursor.is_blank(self.cursor.pos) {
                    return Err(Fault::new(start, "expected a space after the tag handle"));
                }
                self.cursor.skip_blanks();
                let suffix = self.scan_tag_uri("", start)?;
                if !self.cursor.is_blankz(self.cursor.pos) {
                    return Err(Fault::new(
                        start,
                        "expected the end of the line after the tag prefix",
                    ));
                }
                self.tag_token(TokenKind::TagDirective, start, TagText { handle, suffix })
            }
            _ => {
                return Err(Fault::new(
                    start,
                    format!(
                        "expected the directive `%YAML` or `%TAG`, found `%{}`",
                        excerpt(&name)
                    ),
                ));
            }
        };
        self.finish_line("this directive")?;
        Ok(token)
    }

    fn scan_version_number(&mut self, start: usize) -> Scan<u32> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        match digits.len() {
            1 | 2 => Ok(digits.parse().unwrap_or(0)),
            _ => Err(Fault::new(
                start,
                "expected a version such as 1.1 after `%YAML`",
            )),
        }
    }
}
