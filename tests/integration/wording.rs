//! The snapshot of everything that people read: the help of each command, and all messages in the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::support::run;

const SNAPSHOT: &str = "tests/cases/wording.txt";

#[test]
fn help_and_messages_are_those_of_the_snapshot() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let now = help() + &messages(&root.join("src"));
    let file = root.join(SNAPSHOT);
    if std::env::var_os("RECORD").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let recorded = fs::read_to_string(&file).unwrap_or_default();
    let diff = similar::TextDiff::from_lines(&recorded, &now);
    assert!(
        recorded == now,
        "the wording has changed; to accept it: RECORD=1 cargo test --test integration wording::\n{}",
        diff.unified_diff().header(SNAPSHOT, "now")
    );
}

/// The help of the program and of each subcommand, short and long, as the program prints it.
fn help() -> String {
    let mut text = String::new();
    for command in [&[][..], &["rbac"], &["completion"]] {
        for option in ["-h", "--help"] {
            let args = [command, &[option]].concat();
            let printed = run(&args).exits(0).stdout;
            let _ = writeln!(text, "==== gitops-drift {}\n\n{printed}", args.join(" "));
        }
    }
    text
}

/// The messages of all source files, apart from tests, sorted within each file.
fn messages(folder: &Path) -> String {
    let mut files = BTreeMap::new();
    let mut tests = BTreeSet::new();
    for path in sources(folder) {
        let source: TokenStream = fs::read_to_string(&path).unwrap().parse().unwrap();
        let mut found = Messages::default();
        found.look_into(source);
        // A module `tests` in `a/mod.rs` is `a/tests.rs` or `a/tests/`, and in `a.rs` it is `a/tests.rs`.
        let is_mod = path.file_stem().is_some_and(|stem| stem == "mod");
        let below = if is_mod {
            path.parent().unwrap().to_owned()
        } else {
            path.with_extension("")
        };
        tests.extend(found.test_modules.iter().map(|name| below.join(name)));
        files.insert(path, found.texts);
    }
    files.retain(|path, texts| {
        let is_test = path
            .ancestors()
            .any(|part| tests.contains(&part.with_extension("")));
        !is_test && !texts.is_empty()
    });
    assert!(files.len() > 50, "messages in {} files only", files.len());
    let mut text = String::new();
    for (path, texts) in files {
        let path = path.strip_prefix(folder).unwrap();
        let _ = writeln!(text, "==== src/{}\n", path.display());
        for message in texts {
            let _ = writeln!(text, "{message}");
        }
        text.push('\n');
    }
    text
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            None => sources(&path),
            Some(end) if end == "rs" => vec![path],
            Some(_) => vec![],
        })
        .collect()
}

/// The messages in the tokens of a file: its string literals of two words or more, and those of `format!` and the like
/// that have a word. Attributes and documentation are no messages, and neither is anything behind `#[cfg(test)]`.
#[derive(Default)]
struct Messages {
    texts: BTreeSet<String>,
    test_modules: Vec<String>,
}

impl Messages {
    fn look_into(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let _ = tokens
                        .next_if(|next| matches!(next, TokenTree::Punct(p) if p.as_char() == '!'));
                    if tokens.peek().is_some_and(is_cfg_test) {
                        self.skip_item(&mut tokens);
                    } else {
                        let _ = tokens.next_if(|next| matches!(next, TokenTree::Group(_)));
                    }
                }
                // What `expect` says is for developers.
                TokenTree::Ident(name) if name == "expect" => {
                    let _ = tokens.next_if(|next| matches!(next, TokenTree::Group(_)));
                }
                TokenTree::Group(group) => self.look_into(group.stream()),
                TokenTree::Literal(literal) => self.add(&literal.to_string()),
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    /// Skips the item behind an attribute, up to its body or its semicolon.
    fn skip_item(&mut self, tokens: &mut impl Iterator<Item = TokenTree>) {
        let mut before = String::new();
        for token in tokens {
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
                TokenTree::Punct(punct) if punct.as_char() == ';' => {
                    return self.test_modules.push(before);
                }
                token => before = token.to_string(),
            }
        }
    }

    fn add(&mut self, literal: &str) {
        let Some(start) = literal.find('"').filter(|start| *start < 4) else {
            return;
        };
        let lines = literal[start..].split("\\\n").enumerate();
        let joined: Vec<&str> = lines
            .map(|(at, line)| if at == 0 { line } else { line.trim_start() })
            .collect();
        let text = joined.concat().replace('\n', "\\n");
        let has_letter = |word: &str| word.contains(char::is_alphabetic);
        let words = text.split_whitespace().filter(|word| has_letter(word));
        let with_value = text.contains('{') && has_letter(&without_values(&text));
        if words.count() > 1 || with_value {
            self.texts.insert(text);
        }
    }
}

/// A format string without its `{…}`.
fn without_values(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
    std::iter::once(first).chain(rest).collect()
}

/// Whether an attribute is `[cfg(test)]` or one such as `[cfg(all(test, unix))]`.
fn is_cfg_test(token: &TokenTree) -> bool {
    let TokenTree::Group(attribute) = token else {
        return false;
    };
    let text = attribute.to_string().replace(' ', "");
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    text.starts_with("[cfg(") && !text.contains("not(") && words.any(|word| word == "test")
}

#[test]
fn messages_are_found_in_every_macro_and_not_in_tests() {
    let source = r#"
        //! No message.
        #[doc = "no message either"]
        fn f() -> &'static str {
            warn!("a {} warning");
            let one = "word";
            g(format!("{}s {}", 1, 2), r"a raw one");
            h().expect("no panic, ever");
            "two words"
        }
        #[cfg(all(test, unix))]
        mod tests { const A: &str = "not this"; }
        #[cfg(test)]
        mod others;
        impl Display for A { fn fmt(&self) { write!(f, "no {what} \
            here") } }
    "#;
    let mut found = Messages::default();
    found.look_into(source.parse().unwrap());
    let texts: Vec<_> = found.texts.iter().map(String::as_str).collect();
    assert_eq!(
        texts,
        [
            r#""a raw one""#,
            r#""a {} warning""#,
            r#""no {what} here""#,
            r#""two words""#,
            r#""{}s {}""#
        ]
    );
    assert_eq!(found.test_modules, ["others"]);
}
