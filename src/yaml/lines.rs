//! Byte offsets -> lines and columns, on demand.

use super::Position;

/// How many bytes lie between two places whose position is known.
const STEP: usize = 4096;

/// The positions of regular offsets, so that any other costs one short count.
#[derive(Debug, Default)]
pub(super) struct Lines {
    known: Vec<Known>,
    /// Where the text begins, after a byte-order mark.
    start: usize,
}

/// What stands before a multiple of `STEP`.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// How many line feeds.
    lines: u32,
    /// How many characters of the line it is in.
    columns: u32,
}

impl Known {
    /// What stands before the end of a stretch of text that follows this one.
    fn after(self, bytes: &[u8]) -> Self {
        match newlines(bytes) {
            0 => Self {
                columns: self.columns + characters(bytes),
                ..self
            },
            lines => {
                let last = bytes
                    .iter()
                    .rposition(|&c| c == b'\n')
                    .map_or(0, |at| at + 1);
                Self {
                    lines: self.lines + lines,
                    columns: characters(&bytes[last..]),
                }
            }
        }
    }
}

impl Lines {
    pub(super) fn new(text: &str, start: usize) -> Self {
        let mut known = Vec::with_capacity(text.len() / STEP + 1);
        let mut before = Known::default();
        for chunk in text.as_bytes()[start..].chunks(STEP) {
            known.push(before);
            before = before.after(chunk);
        }
        Self { known, start }
    }

    pub(super) fn position(&self, text: &str, offset: u32) -> Position {
        let bytes = &text.as_bytes()[self.start..];
        let offset = (offset as usize)
            .saturating_sub(self.start)
            .min(bytes.len());
        let step = (offset / STEP).min(self.known.len().saturating_sub(1));
        let known = self.known.get(step).copied().unwrap_or_default();
        let Known { lines, columns } = known.after(&bytes[step * STEP..offset]);
        Position {
            line: lines + 1,
            column: columns + 1,
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        self.known.capacity() * size_of::<Known>()
    }
}

/// How many line feeds there are.
fn newlines(bytes: &[u8]) -> u32 {
    count(bytes, |c| c == b'\n')
}

/// How many characters begin here.
fn characters(bytes: &[u8]) -> u32 {
    count(bytes, |c| c & 0xC0 != 0x80)
}

/// Counts in sums of bytes, which the compiler turns into many at a time.
fn count(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> u32 {
    let sum = |chunk: &[u8]| chunk.iter().map(|&c| u8::from(wanted(c))).sum::<u8>();
    bytes.chunks(255).map(|chunk| u32::from(sum(chunk))).sum()
}

#[cfg(test)]
mod tests {
    use super::{Lines, STEP};

    #[test]
    fn positions_are_counted_from_any_distance() {
        for line in ["ab\n", "ä\r\n", "x", ""] {
            let text = format!("\u{FEFF}{}end", line.repeat(STEP));
            let lines = Lines::new(&text, 3);
            for (offset, _) in text.char_indices().skip(1).step_by(97) {
                let before = &text[3..offset];
                let start = before.rfind('\n').map_or(0, |at| at + 1);
                let position = lines.position(&text, u32::try_from(offset).expect("short"));
                assert_eq!(position.line as usize, before.matches('\n').count() + 1);
                assert_eq!(
                    position.column as usize,
                    before[start..].chars().count() + 1
                );
            }
        }
    }
}
