//! The message about an invalid command line: one line, with a tip.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;

/// Whether a JSON report is requested, even if the command line is invalid.
pub(super) fn asks_for_json(args: &[OsString]) -> bool {
    let joined = ["--output=json", "-ojson", "-o=json"];
    args.iter().any(|arg| joined.iter().any(|text| arg == text))
        || args
            .windows(2)
            .any(|pair| (pair[0] == "--output" || pair[0] == "-o") && pair[1] == "json")
}

/// clap's message and tips, without the usage.
pub(super) fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    // A path without its option is not a subcommand.
    let word = match error.kind() {
        ErrorKind::InvalidSubcommand => text.split('\'').nth(1).map(str::to_owned),
        _ => path_after_options(error),
    };
    let unexpected = word.map(|word| format!("unexpected argument '{word}' found"));
    let text = unexpected.as_deref().unwrap_or(text);
    let before_usage = text.split("\nUsage:").next().unwrap_or(text);
    let paragraphs = before_usage.split("\n\n").map(|paragraph| {
        let lines = paragraph.lines().map(str::trim);
        lines.collect::<Vec<_>>().join(" ")
    });
    let said: Vec<String> = paragraphs
        .filter(|said| !said.is_empty() && !said.starts_with("For more information"))
        .chain(own_tip(error))
        .collect();
    format!("{} (see --help)", said.join("; "))
}

/// A tip where clap has none: a path without its option, a value that only differs in case.
fn own_tip(error: &clap::Error) -> Option<String> {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => {
            let path = text(ContextKind::InvalidArg).or(text(ContextKind::InvalidSubcommand));
            let path = path.filter(|arg| !arg.starts_with('-'))?;
            Some(from_path(path))
        }
        ErrorKind::InvalidValue => {
            let given = text(ContextKind::InvalidValue)?.to_lowercase();
            let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidValue) else {
                return None;
            };
            let meant = known.iter().find(|value| value.to_lowercase() == given)?;
            Some(similar_value(meant))
        }
        ErrorKind::ArgumentConflict => path_after_options(error).map(|path| from_path(&path)),
        _ => None,
    }
}

/// The tip about a value that only differs in case.
pub(super) fn similar_value(meant: &str) -> String {
    format!("tip: a similar value exists: '{meant}'")
}

fn from_path(path: &str) -> String {
    format!("tip: to read manifests from there, use '-f {path}'")
}

/// The argument after the options that clap takes for a subcommand, as a shell leaves it of `-f *.yaml`.
fn path_after_options(error: &clap::Error) -> Option<String> {
    let text = error.to_string();
    let (word, _) = text
        .strip_prefix("error: the subcommand '")?
        .split_once('\'')?;
    let is_subcommand = Cli::command().find_subcommand(word).is_some();
    (!is_subcommand).then(|| word.to_owned())
}
