//! What can go wrong between this program and a cluster, in words for the person who runs it.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use super::request::Subject;

/// How much of a foreign answer (a proxy's page, a plugin's output) a message repeats.
const QUOTED: usize = 200;

/// A failed request, or no way to make one. Its text is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The kubeconfig, the credentials or the plugin that makes them are wrong; nothing was sent.
    Config(String),
    /// There is no connection, or nothing comes back over it.
    Unreachable {
        /// The URL of the server.
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
    /// The server refuses the content (422).
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
        what: Subject,
        /// The time it had.
        after: Duration,
        /// How the last try failed, if one did before the time was up.
        last: Option<String>,
    },
    /// A write was sent and no answer came back: it may have happened or not. Read again before the next one.
    OutcomeUnknown {
        /// What was asked.
        what: Subject,
        /// Why there is no answer.
        cause: String,
    },
    /// What answers is no Kubernetes API server, or something between it and us.
    NotKubernetes {
        /// What was asked.
        what: Subject,
        /// What came instead.
        answer: String,
    },
    /// Any other refusal.
    Api {
        /// What was asked.
        what: Subject,
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

impl Error {
    /// Whether every other request would fail like this one.
    #[must_use]
    pub fn is_about_connection(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::Unreachable { .. } | Self::Unauthorized { .. }
        )
    }

    /// The error of an answer that is no success: its status and its body.
    pub(super) fn of_answer(what: &Subject, server: &str, code: StatusCode, body: &[u8]) -> Self {
        if code == StatusCode::UNAUTHORIZED {
            return Self::Unauthorized {
                server: server.to_owned(),
            };
        }
        match serde_json::from_slice::<Status>(body) {
            Ok(status) if status.kind == "Status" => status.into_error(what, code),
            _ => Self::of_foreign_answer(what, code, body),
        }
    }

    fn of_foreign_answer(what: &Subject, code: StatusCode, body: &[u8]) -> Self {
        let what = what.clone();
        if is_markup(body) {
            return Self::NotKubernetes {
                what,
                answer: format!("an HTML page with status {code}"),
            };
        }
        Self::Api {
            what,
            code: code.as_u16(),
            message: quoted(&String::from_utf8_lossy(body)),
        }
    }

    /// The error of a success that is not what was asked for.
    pub(super) fn not_kubernetes(what: &Subject, body: &[u8], problem: &str) -> Self {
        let answer = if is_markup(body) {
            "an HTML page"
        } else {
            problem
        };
        Self::NotKubernetes {
            what: what.clone(),
            answer: answer.to_owned(),
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
                    "{server} does not accept the credentials (401 Unauthorized): wrong, or expired"
                )
            }
            Self::Timeout { what, after, last } => {
                write!(f, "{what}: no result within {} s", after.as_secs_f64())?;
                last.as_ref()
                    .map_or(Ok(()), |last| write!(f, ", the last try: {last}"))
            }
            Self::OutcomeUnknown { what, cause } => {
                write!(
                    f,
                    "{what}: sent, but without an answer, so it may have happened: {cause}"
                )
            }
            Self::NotKubernetes { what, answer } => {
                write!(
                    f,
                    "{what}: the answer is not from a Kubernetes API server: {answer}"
                )
            }
            Self::Api {
                what,
                code,
                message,
            } => {
                let status = StatusCode::from_u16(*code).unwrap_or_default();
                write!(f, "{what}: {code}")?;
                status
                    .canonical_reason()
                    .map_or(Ok(()), |reason| write!(f, " {reason}"))?;
                if message.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {message}")
                }
            }
        }
    }
}

impl std::error::Error for Error {}

/// The part of a `Status` that decides.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    kind: String,
    reason: String,
    message: String,
    details: Details,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    name: String,
    causes: Vec<Cause>,
}

impl Status {
    fn into_error(self, what: &Subject, code: StatusCode) -> Error {
        let message = one_line(&self.message);
        match (code, self.reason.as_str()) {
            (StatusCode::FORBIDDEN, _) => Error::Forbidden {
                verb: what.verb,
                resource: what.resource,
                namespace: what.namespace.clone(),
                message,
            },
            // An absent API answers 404 too. Taking that for an absent object would offer to create what is there.
            (StatusCode::NOT_FOUND, "NotFound") if !self.details.name.is_empty() => {
                Error::NotFound(message)
            }
            (StatusCode::CONFLICT, "AlreadyExists") => Error::AlreadyExists(message),
            (StatusCode::CONFLICT, _) => Error::Conflict(message),
            (StatusCode::GONE, _) => Error::Gone(message),
            (StatusCode::UNPROCESSABLE_ENTITY, _) => Error::Invalid {
                message,
                causes: self.details.causes,
            },
            _ => Error::Api {
                what: what.clone(),
                code: code.as_u16(),
                message,
            },
        }
    }
}

fn is_markup(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

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

    fn subject(verb: &'static str) -> Subject {
        Subject {
            verb,
            resource: "services",
            namespace: "shop".into(),
            name: "web".into(),
        }
    }

    fn of(code: u16, body: &str) -> Error {
        Error::of_answer(
            &subject("get"),
            "https://k:6443",
            StatusCode::from_u16(code).unwrap(),
            body.as_bytes(),
        )
    }

    #[test]
    fn each_answer_becomes_the_error_that_callers_branch_on() {
        let forbidden = r#"{"kind":"Status","message":"services is forbidden: User \"x\" cannot list","reason":"Forbidden"}"#;
        let Error::Forbidden {
            verb: "get",
            resource: "services",
            namespace,
            message,
        } = of(403, forbidden)
        else {
            panic!("{}", of(403, forbidden))
        };
        assert_eq!(
            (namespace.as_str(), message.as_str()),
            ("shop", r#"services is forbidden: User "x" cannot list"#)
        );

        let status = |reason: &str, details: &str| {
            format!(r#"{{"kind":"Status","message":"m","reason":"{reason}","details":{details}}}"#)
        };
        assert_eq!(
            of(404, &status("NotFound", r#"{"name":"web"}"#)),
            Error::NotFound("m".into())
        );
        assert_eq!(
            of(409, &status("Conflict", "{}")),
            Error::Conflict("m".into())
        );
        assert_eq!(
            of(409, &status("AlreadyExists", "{}")),
            Error::AlreadyExists("m".into())
        );
        assert_eq!(of(410, &status("Expired", "{}")), Error::Gone("m".into()));
        assert_eq!(
            of(
                422,
                &status(
                    "Invalid",
                    r#"{"causes":[{"reason":"x","message":"no","field":"spec.a"}]}"#
                )
            ),
            Error::Invalid {
                message: "m".into(),
                causes: vec![Cause {
                    field: "spec.a".into(),
                    message: "no".into()
                }]
            },
        );
        assert_eq!(
            of(401, "Unauthorized"),
            Error::Unauthorized {
                server: "https://k:6443".into()
            }
        );
    }

    #[test]
    fn an_absent_api_is_not_an_absent_object() {
        for body in [
            "404 page not found\n",
            r#"{"kind":"Status","reason":"NotFound","details":{}}"#,
            r#"{"kind":"Other"}"#,
        ] {
            assert!(
                matches!(of(404, body), Error::Api { code: 404, .. }),
                "{body}"
            );
        }
    }

    #[test]
    fn texts_are_one_line_and_name_the_request() {
        let cases = [
            (
                of(500, "oh\n no\u{1b}[31m"),
                r#"get services "web" in namespace "shop": 500 Internal Server Error: oh no [31m"#,
            ),
            (
                of(502, " <html><body>"),
                r#"get services "web" in namespace "shop": the answer is not from a Kubernetes API server: an HTML page with status 502 Bad Gateway"#,
            ),
            (
                of(401, ""),
                "https://k:6443 does not accept the credentials (401 Unauthorized): wrong, or expired",
            ),
            (
                Error::Timeout {
                    what: subject("list"),
                    after: Duration::from_secs(60),
                    last: Some("503".into()),
                },
                r#"list services "web" in namespace "shop": no result within 60 s, the last try: 503"#,
            ),
        ];
        for (error, text) in cases {
            assert_eq!(error.to_string(), text);
        }
    }

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
