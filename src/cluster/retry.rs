//! Decides whether and when to retry a failed request. These are pure functions; the caller has the clock and waits.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use super::error::Error;

/// The pause before the first retry. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause without a `Retry-After`.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Longer than any request waits.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// It got a final response or could not be sent: a retry would not help.
    Final,
    /// The server rejected it for now, without processing it.
    TurnedAway,
    /// A proxy forwarded it, and the outcome is unknown.
    Lost,
    /// The connection broke before the response was complete.
    Broken,
    /// The credentials were not accepted.
    Unauthorized,
}

/// A failed attempt.
#[derive(Debug)]
pub(super) struct FailedTry {
    pub(super) error: Box<Error>,
    pub(super) kind: FailureKind,
    /// The pause that the server asks for.
    pub(super) retry_after: Option<Duration>,
}

impl FailedTry {
    pub(super) fn new(error: Error, kind: FailureKind) -> Self {
        Self {
            error: Box::new(error),
            kind,
            retry_after: None,
        }
    }

    /// A failure that a retry would not fix.
    pub(super) fn last(error: Error) -> Self {
        Self::new(error, FailureKind::Final)
    }

    /// Whether this is the server's final response.
    pub(super) fn is_answer(&self) -> bool {
        self.kind == FailureKind::Final && !self.error.is_about_connection()
    }

    /// Why it failed, without the server or the request.
    pub(super) fn cause(&self) -> String {
        self.error.cause()
    }
}

/// Classifies an error response with this HTTP status. `is_status` says whether its body is a `Status`, `writes`
/// whether the request changes the cluster.
///
/// A write may have been applied although its response is a failure: a proxy that times out sends its own 503, and the
/// API server sends 500 when etcd did not respond in time.
pub(super) fn kind_of(code: StatusCode, is_status: bool, writes: bool) -> FailureKind {
    let is_answer =
        is_status && (code.is_client_error() || code == StatusCode::SERVICE_UNAVAILABLE);
    if writes && !is_answer {
        return FailureKind::Lost;
    }
    match code {
        StatusCode::UNAUTHORIZED => FailureKind::Unauthorized,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => FailureKind::TurnedAway,
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => FailureKind::Lost,
        _ => FailureKind::Final,
    }
}

/// The seconds of a `Retry-After` header. API servers never send its other form, a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// The pause before the next attempt, after `tries` attempts. `chance` is a random number from 0 to 1, which spreads
/// the retries of clients that failed at the same time.
pub(super) fn pause(tries: u32, retry_after: Option<Duration>, chance: f64) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    let grown = FIRST_PAUSE * (1 << doublings);
    let own = grown.min(LONGEST_PAUSE).mul_f64(0.75 + chance / 2.0);
    match retry_after {
        // A server that asks for no pause must not be retried in a tight loop.
        Some(asked) => asked.min(DAY).mul_f64(1.0 + chance / 10.0).max(own),
        None => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_scatter() {
        let seconds = |tries, chance| pause(tries, None, chance).as_secs_f64();
        let middle: Vec<_> = (1..=8).map(|tries| seconds(tries, 0.5)).collect();
        assert_eq!(middle, [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]);
        assert_eq!(
            (seconds(2, 0.0), seconds(2, 1.0), seconds(99, 0.5)),
            (0.375, 0.625, 8.0)
        );
    }

    #[test]
    fn a_retry_waits_at_least_as_long_as_the_server_asks() {
        let headers =
            |value: &str| HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
        let asked = retry_after(&headers(" 20"));
        assert!(
            pause(1, asked, 0.0) == Duration::from_secs(20)
                && pause(9, asked, 1.0) == Duration::from_secs(22)
        );
        assert_eq!(retry_after(&headers("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn only_temporary_failures_are_retried() {
        for is_status in [true, false] {
            let kind = |code: u16| kind_of(StatusCode::from_u16(code).unwrap(), is_status, false);
            let all = |codes: &[u16], expected| codes.iter().all(|code| kind(*code) == expected);
            assert!(all(&[429, 503], FailureKind::TurnedAway));
            assert!(all(&[502, 504], FailureKind::Lost));
            assert!(all(
                &[400, 403, 404, 409, 410, 422, 500, 501],
                FailureKind::Final
            ));
            assert_eq!(kind(401), FailureKind::Unauthorized);
        }
    }

    #[test]
    fn only_the_servers_own_refusal_of_a_write_is_an_answer() {
        let kind =
            |code: u16, is_status| kind_of(StatusCode::from_u16(code).unwrap(), is_status, true);
        for code in [400, 401, 403, 404, 409, 413, 422, 429, 503] {
            assert_ne!(kind(code, true), FailureKind::Lost, "{code}");
            assert_eq!(kind(code, false), FailureKind::Lost, "{code}");
        }
        for code in [302, 500, 502, 504] {
            assert_eq!(kind(code, true), FailureKind::Lost, "{code}");
            assert_eq!(kind(code, false), FailureKind::Lost, "{code}");
        }
    }
}
