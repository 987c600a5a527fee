//! Turns error responses into errors.

use http::StatusCode;
use serde::Deserialize;

use super::error::{Cause, Error, Operation, one_line, quoted};

impl Error {
    /// The error of a response that is not a success, from its HTTP status and body.
    pub(super) fn of_answer(what: &Operation, server: &str, code: StatusCode, body: &[u8]) -> Self {
        if code == StatusCode::UNAUTHORIZED {
            return Self::Unauthorized {
                server: server.to_owned(),
            };
        }
        match Status::read(body) {
            Some(status) => status.into_error(what, code),
            None => Self::of_foreign_answer(what, code, body),
        }
    }

    fn of_foreign_answer(what: &Operation, code: StatusCode, body: &[u8]) -> Self {
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

    /// The error of a successful response with an unexpected body.
    pub(super) fn not_kubernetes(what: &Operation, body: &[u8], problem: &str) -> Self {
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

/// Whether this body is a `Status`, which only the API server sends, and not a proxy.
pub(super) fn is_status(body: &[u8]) -> bool {
    Status::read(body).is_some()
}

/// The fields of a `Status` that determine the error.
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
    fn read(body: &[u8]) -> Option<Self> {
        let status: Self = serde_json::from_slice(body).ok()?;
        (status.kind == "Status").then_some(status)
    }

    fn into_error(self, what: &Operation, code: StatusCode) -> Error {
        let message = one_line(&self.message);
        match (code, self.reason.as_str()) {
            (StatusCode::FORBIDDEN, _) => Error::Forbidden {
                verb: what.verb,
                resource: what.resource,
                namespace: what.namespace.clone(),
                message,
            },
            // An absent API responds with 404 too. Taking that for an absent object would offer to create existing objects.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn operation(verb: &'static str) -> Operation {
        Operation {
            verb,
            resource: "services",
            namespace: "shop".into(),
            name: "web".into(),
        }
    }

    fn of(code: u16, body: &str) -> Error {
        Error::of_answer(
            &operation("get"),
            "https://k:6443",
            StatusCode::from_u16(code).unwrap(),
            body.as_bytes(),
        )
    }

    #[test]
    fn each_response_becomes_the_error_that_callers_match_on() {
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
    fn messages_are_one_line_and_name_the_request() {
        let cases = [
            (
                of(500, "oh\n no\u{1b}[31m"),
                r#"get services "web" in namespace "shop": 500 Internal Server Error: oh no [31m"#,
            ),
            (
                of(502, " <html><body>"),
                r#"get services "web" in namespace "shop": the response is not from a Kubernetes API server: an HTML page with status 502 Bad Gateway"#,
            ),
            (
                of(401, ""),
                "https://k:6443 does not accept the credentials (401 Unauthorized): wrong, or expired; sign in again",
            ),
            (
                Error::Timeout {
                    what: operation("list"),
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
}
