//! The report as a patch: a unified diff that makes the manifests declare what is live, for `git apply`.
//!
//! There is no `diff --git` line: behind one, git takes paths from the root of the repository, and in a folder below it
//! `git apply` passes over such a patch without a word.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::{FileChange, Report};

/// The lines of context around each change.
const CONTEXT: usize = 3;

/// Writes the changes of all files; nothing where there are none.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for change in &report.patch {
        write_file(change, out)?;
    }
    Ok(())
}

fn write_file(change: &FileChange, out: &mut impl Write) -> io::Result<()> {
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<&str>>();
    let (old, new) = (lines(&change.old), lines(&change.new));
    writeln!(out, "--- {}", header('a', &change.path))?;
    writeln!(out, "+++ {}", header('b', &change.path))?;
    let ops = capture_diff_slices(Algorithm::Myers, &old, &new);
    for hunk in group_diff_ops(ops, CONTEXT) {
        write_hunk(&hunk, &old, &new, out)?;
    }
    Ok(())
}

fn write_hunk(hunk: &[DiffOp], old: &[&str], new: &[&str], out: &mut impl Write) -> io::Result<()> {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else {
        return Ok(());
    };
    let old_range = first.old_range().start..last.old_range().end;
    let new_range = first.new_range().start..last.new_range().end;
    writeln!(out, "@@ -{} +{} @@", range(&old_range), range(&new_range))?;
    for op in hunk {
        if let DiffOp::Equal { .. } = op {
            write_lines(' ', &old[op.old_range()], out)?;
        } else {
            write_lines('-', &old[op.old_range()], out)?;
            write_lines('+', &new[op.new_range()], out)?;
        }
    }
    Ok(())
}

fn write_lines(sign: char, lines: &[&str], out: &mut impl Write) -> io::Result<()> {
    for line in lines {
        write!(out, "{sign}{line}")?;
        if !line.ends_with('\n') {
            writeln!(out, "\n\\ No newline at end of file")?;
        }
    }
    Ok(())
}

/// The first line and the number of lines; without any, the line before them.
fn range(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        count => format!("{},{count}", lines.start + 1),
    }
}

/// A path as git writes it: quoted where it has special characters, and with a tab behind it where it has blanks.
fn header(side: char, path: &str) -> String {
    let is_special = |c: u8| !(b' '..0x7F).contains(&c) || matches!(c, b'"' | b'\\');
    if !path.bytes().any(is_special) {
        let tab = if path.contains(' ') { "\t" } else { "" };
        return format!("{side}/{path}{tab}");
    }
    let mut quoted = format!("\"{side}/");
    for c in path.bytes() {
        match c {
            b'"' => quoted.push_str("\\\""),
            b'\\' => quoted.push_str("\\\\"),
            b'\n' => quoted.push_str("\\n"),
            b'\t' => quoted.push_str("\\t"),
            c if is_special(c) => {
                let _ = write!(quoted, "\\{c:03o}");
            }
            c => quoted.push(char::from(c)),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(path: &str, old: &str, new: &str) -> String {
        let change = FileChange {
            path: path.to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
        };
        let report = Report {
            patch: vec![change],
            ..Report::default()
        };
        let mut text = Vec::new();
        write(&report, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_patch_has_three_lines_of_context() {
        let lines: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
        let old = lines.join("\n") + "\n";
        let new = old.replace("\n9\n", "\nnine\n").replace("20\n", "");
        assert_eq!(
            patch("a.yaml", &old, &new),
            "--- a/a.yaml\n+++ b/a.yaml\n@@ -6,7 +6,7 @@\n 6\n 7\n 8\n-9\n+nine\n 10\n 11\n 12\n\
             @@ -17,4 +17,3 @@\n 17\n 18\n 19\n-20\n"
        );
    }

    #[test]
    fn a_missing_line_break_at_the_end_is_told() {
        assert_eq!(
            patch("a", "x\r\ny", "x\r\nz"),
            "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n x\r\n-y\n\\ No newline at end of file\n+z\n\\ No newline at end of file\n"
        );
    }

    #[test]
    fn paths_are_quoted_as_git_quotes_them() {
        for (path, expected) in [
            ("deploy/web.yaml", "a/deploy/web.yaml"),
            ("my app/web.yaml", "a/my app/web.yaml\t"),
            ("ä\"\\\t.yaml", "\"a/\\303\\244\\\"\\\\\\t.yaml\""),
        ] {
            assert_eq!(header('a', path), expected);
        }
    }
}
