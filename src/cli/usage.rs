//! The message about an invalid command line: one line, with a tip.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

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
    let text = match (error.kind(), text.split('\'').nth(1)) {
        (ErrorKind::InvalidSubcommand, Some(word)) => {
            &format!("unexpected argument '{word}' found")
        }
        _ => text,
    };
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
            Some(format!(
                "tip: to read manifests from there, use '-f {path}'"
            ))
        }
        ErrorKind::InvalidValue => {
            let given = text(ContextKind::InvalidValue)?.to_lowercase();
            let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidValue) else {
                return None;
            };
            let meant = known.iter().find(|value| value.to_lowercase() == given)?;
            Some(format!("tip: a similar value exists: '{meant}'"))
        }
        _ => None,
    }
}
