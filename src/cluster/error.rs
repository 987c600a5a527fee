//! The errors of requests to a cluster, with messages for the user.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

/// The most characters of a foreign response (a proxy's page, a plugin's output) in a message.
const QUOTED: usize = 200;

/// A request that failed or could not be sent. Its message is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The kubeconfig, the credentials or the credential plugin is invalid; nothing was sent.
    Config(String),
    /// The server cannot be reached, or does not respond.
    Unreachable {
        /// The URL of the server, and the proxy if there is one.
        server: String,
        /// The last cause, for example `connection refused`.
        cause: String,
    },
    /// The server does not accept the credentials (401).
    Unauthorized {
        /// The URL of the server.
        server: String,
    },
    /// The credentials do not permit this request (403).
    Forbidden {
        /// The verb that is not permitted: `get`, `list`, `update` or `create`.
        verb: &'static str,
        /// The resource type, such as `services`.
        resource: &'static str,
        /// The namespace; empty for all namespaces and for cluster-scoped resources.
        namespace: String,
        /// The server's message.
        message: String,
    },
    /// The object, or the namespace of an object to create, does not exist (404).
    NotFound(String),
    /// The object was changed or replaced since it was read (409).
    Conflict(String),
    /// An object to create already exists (409).
    AlreadyExists(String),
    /// The server refuses the content (422), or would refuse it.
    Invalid {
        /// The server's message.
        message: String,
        /// The fields it names.
        causes: Vec<Cause>,
    },
    /// The continue token of a list has expired (410).
    Gone(String),
    /// The request timed out, including its retries.
    Timeout {
        /// The request.
        what: Operation,
        /// The timeout.
        after: Duration,
        /// How the last attempt failed, if one did before the timeout.
        last: Option<String>,
    },
    /// The connection broke at each attempt of this request, but not for others.
    Interrupted {
        /// The request.
        what: Operation,
        /// The cause at the last attempt.
        cause: String,
    },
    /// A write was sent without a response, so it may have been applied. Read the object before the next write.
    OutcomeUnknown {
        /// The request.
        what: Operation,
        /// Why there is no response.
        cause: String,
    },
    /// The response is not from a Kubernetes API server, but perhaps from a proxy.
    NotKubernetes {
        /// The request.
        what: Operation,
        /// A description of the response.
        answer: String,
    },
    /// Any other error response.
    Api {
        /// The request.
        what: Operation,
        /// The HTTP status.
        code: u16,
        /// The server's message.
        message: String,
    },
}

/// A field that the server refuses, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Cause {
    /// The path of the field in the server's notation: `spec.ports[0].port`.
    #[serde(default)]
    pub field: String,
    /// The reason.
    #[serde(default)]
    pub message: String,
}

/// Describes a request in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The verb that it needs permission for: `get`, `list`, `update` or `create`.
    pub verb: &'static str,
    /// The resource type, such as `deployments`.
    pub resource: &'static str,
    /// The namespace; empty for all namespaces and for cluster-scoped resources.
    pub namespace: String,
    /// The name of the object; empty for a list.
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
    pub(crate) fn is_about_connection(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::Unreachable { .. } | Self::Unauthorized { .. }
        )
    }
}

impl Error {
    /// The message without the request and the server.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Unreachable { cause, .. } => cause.clone(),
            Self::NotKubernetes { answer, .. } => {
                format!("the response is not from a Kubernetes API server: {answer}")
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
                write!(
                    f,
                    "{what}: the object may or may not have been written: {cause}"
                )
            }
            Self::NotKubernetes { what, .. } | Self::Api { what, .. } => {
                write!(f, "{what}: {}", self.cause())
            }
        }
    }
}

impl std::error::Error for Error {}

/// The text on one line and without control characters.
pub(super) fn one_line(text: &str) -> String {
    let visible = text.replace(char::is_control, " ");
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a foreign text, on one line and truncated.
pub(super) fn quoted(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// The message of the innermost error in a chain, which is the useful one for the user.
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = one_line(&cause.to_string());
    // "Connection refused (os error 111)": drop the number, which does not help the user.
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
