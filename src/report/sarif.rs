//! The report as SARIF 2.1.0, for code scanning.
//!
//! The standard: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>. Writes only what consumers read.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::line::{Line, LineLevel, lines};
use super::{Report, SourceLocation};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The rules, one for each class of difference.
const RULES: [(&str, &str); 5] = [
    ("changed", "The live value differs from the declared one"),
    ("missing", "The declared value is not live"),
    (
        "removed",
        "A value that was removed from the manifest is still live",
    ),
    ("extra", "The live value is not declared"),
    ("unmanaged", "No manifest declares this live object"),
];

/// Writes a report.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &log(report))?;
    writeln!(out)
}

fn log(report: &Report) -> Value {
    let (results, notifications): (Vec<Line<'_>>, Vec<Line<'_>>) =
        lines(report).partition(|line| line.id.is_some());
    let results: Vec<ResultJson> = results.iter().map(|line| result(report, line)).collect();
    let notifications: Vec<Value> = notifications
        .iter()
        .map(|line| notification(report, line))
        .collect();
    let rules: Vec<Value> = RULES
        .iter()
        .map(|(id, text)| json!({"id": id, "shortDescription": {"text": text}}))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "gitops-drift",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": {"id": "gitops-drift/"},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": !report.is_incomplete(),
                "endTimeUtc": report.time,
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
            "properties": {"revision": report.revision.full},
        }],
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultJson {
    rule_id: &'static str,
    level: &'static str,
    message: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Value>,
    partial_fingerprints: Value,
}

fn result(report: &Report, line: &Line<'_>) -> ResultJson {
    let id = line.id.as_deref().unwrap_or_default();
    let path = line.path.as_deref().unwrap_or_default();
    let text = format!("{} {path}: {}", line.resource, line.message());
    let place = line.location.or(line.near);
    let mut location = place.map_or(json!({}), |of| location(report, of));
    location["logicalLocations"] = json!([{"fullyQualifiedName": id, "kind": "member"}]);
    ResultJson {
        rule_id: line.class,
        level: level(line.level),
        message: json!({"text": text}),
        locations: vec![location],
        partial_fingerprints: json!({"primaryLocationLineHash": hash(id)}),
    }
}

fn notification(report: &Report, line: &Line<'_>) -> Value {
    let text = match line.resource.as_str() {
        "" => line.message(),
        resource => format!("{resource}: {}", line.message()),
    };
    let locations = line.location.filter(|location| location.is_file());
    let locations: Vec<Value> = locations
        .map(|of| location(report, of))
        .into_iter()
        .collect();
    json!({"level": level(line.level), "message": {"text": text}, "locations": locations})
}

fn level(level: LineLevel) -> &'static str {
    match level {
        LineLevel::Error => "error",
        LineLevel::Warning => "warning",
        LineLevel::Note => "note",
    }
}

fn location(report: &Report, source: &SourceLocation) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&report.repository.path_of(&source.file))},
        "region": {"startLine": source.line, "startColumn": source.column},
    }})
}

/// A path as a relative URI reference.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

/// The 64-bit FNV-1a hash of a text: the same in every version of this program.
fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_published_function() {
        assert_eq!(hash(""), "cbf29ce484222325");
        assert_eq!(hash("a"), "af63dc4c8601ec8c");
        assert_eq!(hash("foobar"), "85944171f73967e8");
    }

    #[test]
    fn paths_are_relative_references() {
        assert_eq!(uri("a b/c%d/ü.yaml"), "a%20b/c%25d/%C3%BC.yaml");
    }
}
