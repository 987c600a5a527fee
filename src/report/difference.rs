//! Shows where two texts differ: invisible characters are escaped where they are the difference, and long texts are cut
//! around the first difference.

use std::fmt::Write as _;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthStr as _;

/// A text as it is shown, character by character.
pub(super) struct ShownText {
    pieces: Vec<String>,
    /// Where the difference to the other text begins.
    first: usize,
    /// Where the difference ends.
    last: usize,
}

/// Control characters, and those that change the direction of text, which are always escaped.
pub(super) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Characters that are invisible or look like others.
fn is_hard_to_see(c: char) -> bool {
    is_unprintable(c)
        || (c.is_whitespace() && c != ' ')
        || is_combining_mark(c)
        || matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a text ends with `##[`. GitHub Actions takes what follows for a command, anywhere in a line of a log.
fn is_command(text: &[char]) -> bool {
    text.ends_with(&['#', '#', '['])
}

/// A character as an escape of JSON.
fn escaped(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c => {
            let (mut units, mut text) = ([0; 2], String::new());
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
            text
        }
    }
}

/// Makes the differences between two texts visible.
pub(super) fn pair(one: &str, other: &str) -> [ShownText; 2] {
    let [a, b]: [Vec<char>; 2] = [one, other].map(|text| text.chars().collect());
    let first = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let common = a[first..].iter().rev().zip(b[first..].iter().rev());
    let behind = common.take_while(|(a, b)| a == b).count();
    // Texts that look the same but are composed differently.
    let is_same_when_composed = one != other && one.nfc().eq(other.nfc());
    [a, b].map(|text| ShownText::new(&text, first, text.len() - behind, is_same_when_composed))
}

impl ShownText {
    fn new(text: &[char], first: usize, last: usize, escapes_letters: bool) -> Self {
        let is_different = |at: usize| first <= at && at < last;
        let pieces = text.iter().enumerate().map(|(at, c)| {
            let must_be_seen =
                is_different(at) && (is_hard_to_see(*c) || escapes_letters && !c.is_ascii());
            if is_unprintable(*c) || must_be_seen || is_command(&text[..=at]) {
                escaped(*c)
            } else {
                c.to_string()
            }
        });
        Self {
            pieces: pieces.collect(),
            first,
            last,
        }
    }

    /// Whether any character is escaped.
    pub(super) fn has_escapes(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| piece.len() > 1 && piece.starts_with('\\'))
    }

    /// Escapes quotes and backslashes too, so that the text can be quoted.
    pub(super) fn escape_quotes(&mut self) {
        for piece in &mut self.pieces {
            if piece == "\"" || piece == "\\" {
                piece.insert(0, '\\');
            }
        }
    }

    /// Makes trailing blanks visible that the other text does not have.
    pub(super) fn reveal_blanks_at_the_end(&mut self) {
        let blanks = self
            .pieces
            .iter()
            .rev()
            .take_while(|piece| *piece == " ")
            .count();
        let from = (self.pieces.len() - blanks).max(self.first);
        for at in from..self.last {
            "·".clone_into(&mut self.pieces[at]);
        }
    }

    /// Whether the whole difference fits in a window of this size.
    pub(super) fn is_seen_in(&self, room: usize) -> bool {
        let size = |pieces: &[String]| pieces.iter().map(|piece| piece.width()).sum::<usize>();
        let differing = self.first..self.last.max(self.first);
        size(&self.pieces) <= room || size(&self.pieces[differing]) <= room / 2
    }

    /// The text between quotes or nothing, cut to this many columns around the first difference.
    pub(super) fn cut(&self, room: usize, quote: &str) -> String {
        let size = |piece: &String| piece.width();
        let room = room.saturating_sub(2 * quote.len());
        if self.pieces.iter().map(size).sum::<usize>() <= room {
            return format!("{quote}{}{quote}", self.pieces.concat());
        }
        let count = format!(" ({} characters)", self.pieces.len());
        let room = room.saturating_sub(count.len() + 2).max(8);
        // A third of the window is before the difference, more if little follows it.
        let first = self.first.min(self.pieces.len());
        let behind: usize = self.pieces[first..].iter().map(size).take(room).sum();
        let mut before = (room / 3).max(room.saturating_sub(behind));
        let mut start = first;
        while start > 0 && size(&self.pieces[start - 1]) <= before {
            start -= 1;
            before -= size(&self.pieces[start]);
        }
        let mut left = room;
        let shown: String = self.pieces[start..]
            .iter()
            .take_while(|piece| {
                let fits = size(piece) <= left;
                left = left.saturating_sub(size(piece));
                fits
            })
            .map(String::as_str)
            .collect();
        let is_cut_before = if start > 0 { "…" } else { "" };
        let is_cut_behind = if self.pieces[start..].concat().len() > shown.len() {
            "…"
        } else {
            ""
        };
        format!("{quote}{is_cut_before}{shown}{is_cut_behind}{quote}{count}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(one: &str, other: &str, room: usize) -> [String; 2] {
        pair(one, other).map(|text| text.cut(room, ""))
    }

    #[test]
    fn what_does_not_show_is_escaped_where_it_differs() {
        for (one, other, expected) in [
            ("a b", "a\u{a0}b", ["a b", "a\\u00a0b"]),
            ("a\u{a0}b", "a\u{a0}c", ["a\u{a0}b", "a\u{a0}c"]),
            ("ab", "a\u{200b}b", ["ab", "a\\u200bb"]),
            ("caf\u{e9}", "cafe\u{301}", ["caf\\u00e9", "cafe\\u0301"]),
            (
                "\u{d55c}",
                "\u{1112}\u{1161}\u{11ab}",
                ["\\ud55c", "\\u1112\\u1161\\u11ab"],
            ),
            ("\u{e9}a", "\u{e9}b", ["\u{e9}a", "\u{e9}b"]),
            ("a\tb", "a b", ["a\\tb", "a b"]),
            ("\u{1b}[1ma", "\u{1b}[1mb", ["\\u001b[1ma", "\\u001b[1mb"]),
            ("x\u{202e}a", "x\u{202e}b", ["x\\u202ea", "x\\u202eb"]),
        ] {
            assert_eq!(shown(one, other, 80), expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_around_the_first_difference() {
        let long = "https://example.com/".to_owned() + &"x/".repeat(50);
        let [one, other] = shown(&(long.clone() + "a?b"), &(long.clone() + "c?b"), 50);
        assert!(
            one.starts_with('…') && one.ends_with("a?b (123 characters)"),
            "{one}"
        );
        assert!(
            other.ends_with("c?b (123 characters)") && other.chars().count() <= 50,
            "{other}"
        );
        let [one, other] = shown(
            &(String::from("a") + &long),
            &(String::from("b") + &long),
            50,
        );
        assert!(
            one.starts_with("ahttps") && one.ends_with("… (121 characters)"),
            "{one}"
        );
        assert!(other.starts_with("bhttps"), "{other}");
        let middle = |c: &str| long.clone() + c + &long;
        let [one, other] = shown(&middle("<a>"), &middle("<b>"), 50);
        assert!(
            one.contains("<a>") && other.contains("<b>"),
            "{one} {other}"
        );
    }

    #[test]
    fn blanks_at_the_end_are_shown_where_they_differ() {
        let [mut one, mut other] = pair("a  ", "a");
        one.reveal_blanks_at_the_end();
        other.reveal_blanks_at_the_end();
        assert_eq!([one.cut(80, ""), other.cut(80, "")], ["a··", "a"]);
        let [mut one, _] = pair("a ", "b ");
        one.reveal_blanks_at_the_end();
        assert_eq!(one.cut(80, ""), "a ");
    }
}
