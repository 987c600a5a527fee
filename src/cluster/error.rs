//! What can go wrong between this program and a cluster, in words for the person who runs it.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

/// How much of a foreign answer (a proxy's page, a plugin's output) a message repeats.
const QUOTED: usize = 200;

/// A failed request, or no way to make one. Its text is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The kubeconfig, the credentials or the plugin that makes them are wrong; nothing was sent.
    Config(String),
    /// There is no connection, or nothing comes back over it.
    Unreachable {
        /// The URL of the server, and the proxy on the way to it.
        server: String,
        /// The last cause, for example `connection refused`.
        cause: String,
    },
    /// The server knows the credentials not, or no longer (401).
    Unauthorized {
        /// The URL of the server.
        server: String,
    },
    /// The credentials have no right to do this (403).
    Forbidden {
        /// The right that is missing: `get`, `list`, `update` or `create`.
        verb: &'static str,
        /// On what: `services`.
        resource: &'static str,
        /// In which namespace; empty for all of them, and for what has none.
        namespace: String,
        /// What the server said.
        message: String,
    },
    /// The object is not there, or the namespace of one to be created (404).
    NotFound(String),
    /// The object was changed since it was read, or is another one by now (409).
    Conflict(String),
    /// An object to be created is there already (409).
    AlreadyExists(String),
    /// The server refuses the content (422), or would.
    Invalid {
        /// What the server said.
        message: String,
        /// The fields it names.
        causes: Vec<Cause>,
    },
    /// What a list was to go on from has expired (410).
    Gone(String),
    /// The time given to one request ran out, its retries included.
    Timeout {
        /// What was asked.
        what: Operation,
        /// The time it had.
        after: Duration,
        /// How the last try failed, if one did before the time was up.
        last: Option<String>,
    },
    /// The connection broke under this request each time, and not under others.
    Interrupted {
        /// What was asked.
        what: Operation,
        /// How it broke the last time.
        cause: String,
    },
    /// A write was sent and no answer came back: it may have happened or not. Read again before the next one.
    OutcomeUnknown {
        /// What was asked.
        what: Operation,
        /// Why there is no answer.
        cause: String,
    },
    /// What answers is no Kubernetes API server, or something between it and us.
    NotKubernetes {
        /// What was asked.
        what: Operation,
        /// What came instead.
        answer: String,
    },
    /// Any other refusal.
    Api {
        /// What was asked.
        what: Operation,
        /// The HTTP status.
        code: u16,
        /// What the server said.
        message: String,
    },
}

/// A field that the server refuses, and why.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Cause {
    /// The path of the field as the server writes it: `spec.ports[0].port`.
    #[serde(default)]
    pub field: String,
    /// Why.
    #[serde(default)]
    pub message: String,
}

/// What a request is about, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The right that it needs: `get`, `list`, `update` or `create`.
    pub verb: &'static str,
    /// The collection: `deployments`.
    pub resource: &'static str,
    /// The namespace; empty for all of them, and for what has none.
    pub namespace: String,
    /// The object; empty for all of them.
    pub name: String,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.name.is_empty() {
            write!(f, " {:?}", self.name)?;
        }
        if !self.namespace.is_empty() {
            write!(f, " in namespace {:?}", self.namespace)?;
        }
        Ok(())
    }
}

impl Error {
    /// Whether every other request would fail like this one.
    #[must_use]
    pub fn is_about_connection(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::Unreachable { .. } | Self::Unauthorized { .. }
        )
    }
}

impl Error {
    /// The text without what was asked of whom.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Unreachable { cause, .. } => cause.clone(),
            Self::NotKubernetes { answer, .. } => {
                format!("the answer is not from a Kubernetes API server: {answer}")
            }
            Self::Api { code, message, .. } => {
                let status = StatusCode::from_u16(*code).ok();
                let reason = status.and_then(|status| status.canonical_reason());
                let reason = reason.map_or_else(String::new, |reason| format!(" {reason}"));
                let colon = if message.is_empty() { "" } else { ": " };
                format!("{code}{reason}{colon}{message}")
            }
            error => error.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(message)
            | Self::Forbidden { message, .. }
            | Self::NotFound(message)
            | Self::Conflict(message)
            | Self::AlreadyExists(message)
            | Self::Invalid { message, .. }
            | Self::Gone(message) => f.write_str(message),
            Self::Unreachable { server, cause } => write!(f, "cannot reach {server}: {cause}"),
            Self::Unauthorized { server } => {
                write!(
                    f,
                    "{server} does not accept the credentials (401 Unauthorized): wrong, or expired; sign in again"
                )
            }
            Self::Timeout { what, after, last } => {
                write!(f, "{what}: no result within {} s", after.as_secs_f64())?;
                last.as_ref()
                    .map_or(Ok(()), |last| write!(f, ", the last try: {last}"))
            }
            Self::Interrupted { what, cause } => {
                write!(f, "{what}: the connection broke each time: {cause}")
            }
            Self::OutcomeUnknown { what, cause } => {
                write!(f, "{what}: it may have been written or not: {cause}")
            }
            Self::NotKubernetes { what, .. } | Self::Api { what, .. } => {
                write!(f, "{what}: {}", self.cause())
            }
        }
    }
}

impl std::error::Error for Error {}

/// The text on one line, with nothing in it that a terminal would obey.
pub(super) fn one_line(text: &str) -> String {
    let visible = text.replace(char::is_control, " ");
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a foreign text, on one line.
pub(super) fn quoted(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// What is at the bottom of a chain of errors, which is the part that a person can act on.
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = one_line(&cause.to_string());
    // "Connection refused (os error 111)": the number helps nobody.
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_foreign_texts_are_cut_between_characters() {
        assert_eq!(quoted(&"ä".repeat(300)), format!("{}...", "ä".repeat(200)));
        assert_eq!(quoted("short\r\n"), "short");
    }

    #[test]
    fn the_root_cause_is_what_is_shown() {
        let refused = std::io::Error::from_raw_os_error(111);
        assert_eq!(root_cause(&refused), "connection refused");
    }
}
