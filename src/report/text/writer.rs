//! The last writer of a field, and how long ago it wrote.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::managed_fields::Writer;

/// `MANAGER (OPERATION), last wrote TIME (3 days ago)`, followed by the other owners of the field.
pub(super) fn by(writer: &Writer, co_owners: &[Writer], now: &str) -> String {
    let mut text = writer.to_string();
    match writer.manager.as_str() {
        "before-first-apply" => text.push_str(", all writers before the first server-side apply"),
        "ancient-changes" => text.push_str(", one of more than ten writers"),
        _ => {}
    }
    if let Some(time) = &writer.time {
        let ago = ago(time, now).map(|ago| format!(" ({ago})"));
        let _ = write!(text, ", last wrote {time}{}", ago.unwrap_or_default());
    }
    if !co_owners.is_empty() {
        let names: Vec<String> = co_owners.iter().map(ToString::to_string).collect();
        let _ = write!(text, "; also owned by {}", names.join(", "));
    }
    text
}

/// How long before `now` it was, in the largest unit; `None` if it was not before.
pub(super) fn ago(time: &str, now: &str) -> Option<String> {
    let (time, now): (Timestamp, Timestamp) = (time.parse().ok()?, now.parse().ok()?);
    let seconds = now.as_second() - time.as_second();
    let (count, unit) = match seconds {
        ..0 => return None,
        0..=59 => (seconds, "second"),
        60..=3_599 => (seconds / 60, "minute"),
        3_600..=86_399 => (seconds / 3_600, "hour"),
        86_400..=5_183_999 => (seconds / 86_400, "day"),
        5_184_000..=63_071_999 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    let s = if count == 1 { "" } else { "s" };
    Some(format!("{count} {unit}{s} ago"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago() {
        let now = "2026-11-26T12:00:00Z";
        for (time, expected) in [
            ("2026-11-26T11:59:59Z", Some("1 second ago")),
            ("2026-11-26T11:00:00Z", Some("1 hour ago")),
            ("2026-11-23T11:00:00Z", Some("3 days ago")),
            ("2026-08-26T12:00:00Z", Some("3 months ago")),
            ("2021-11-26T12:00:00Z", Some("5 years ago")),
            ("2026-11-26T12:00:01Z", None),
            ("yesterday", None),
        ] {
            assert_eq!(ago(time, now).as_deref(), expected, "{time}");
        }
    }

    #[test]
    fn what_the_server_has_forgotten_is_said() {
        let writer = |manager: &str| Writer {
            manager: manager.to_owned(),
            operation: "Update".to_owned(),
            subresource: String::new(),
            time: None,
        };
        assert_eq!(
            by(&writer("before-first-apply"), &[writer("x")], ""),
            "before-first-apply (Update), all writers before the first server-side apply; also owned by x (Update)"
        );
    }
}
