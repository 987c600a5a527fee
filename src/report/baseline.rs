//! An earlier report as a baseline: the drift in it is known.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::schema::{Kind, ResourceId};

/// The drift in an earlier report, by resource.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    entries: BTreeMap<ResourceId, Vec<BaselineField>>,
}

#[derive(Clone, Debug, Deserialize)]
struct BaselineField {
    path: String,
    live: Option<Value>,
    #[serde(default)]
    redacted: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BaselineDocument {
    schema_version: String,
    resources: Vec<BaselineResource>,
    #[serde(default)]
    known: Vec<BaselineResource>,
    #[serde(default)]
    unmanaged: Vec<BaselineUnmanaged>,
}

/// An object that no manifest declared.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BaselineUnmanaged {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

impl From<BaselineUnmanaged> for BaselineResource {
    fn from(of: BaselineUnmanaged) -> Self {
        Self {
            api_version: of.api_version,
            kind: of.kind,
            namespace: of.namespace,
            name: of.name,
            fields: vec![BaselineField {
                path: crate::path::RESOURCE.to_owned(),
                live: Some("present".into()),
                redacted: false,
            }],
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BaselineResource {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    fields: Vec<BaselineField>,
}

/// Why a text is not a usable baseline.
#[derive(Debug)]
pub enum BaselineError {
    /// It is not JSON, or not a report.
    Json(serde_json::Error),
    /// It is empty.
    Empty,
    /// It has a `schemaVersion` that this program does not read.
    Version(String),
}

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "not a JSON report: {error}"),
            Self::Empty => f.write_str("not a JSON report: it is empty"),
            Self::Version(found) => {
                let found = Value::from(found.as_str());
                write!(f, "expected a report of schemaVersion \"1\", found {found}")
            }
        }
    }
}

impl std::error::Error for BaselineError {}

impl Baseline {
    /// Parses a JSON report; of several, as a loop writes them, the last one counts.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let text = text.trim_start_matches('\u{feff}');
        let documents = serde_json::Deserializer::from_str(text).into_iter::<BaselineDocument>();
        let mut last = None;
        for document in documents {
            last = Some(document.map_err(BaselineError::Json)?);
        }
        let document = last.ok_or(BaselineError::Empty)?;
        if document.schema_version != "1" {
            return Err(BaselineError::Version(document.schema_version));
        }
        let mut baseline = Self::default();
        let unmanaged = document.unmanaged.into_iter();
        let unmanaged = unmanaged.map(BaselineResource::from);
        let resources = document.resources.into_iter();
        for resource in resources.chain(document.known).chain(unmanaged) {
            if let Some(kind) = Kind::find(&resource.api_version, &resource.kind) {
                let id = ResourceId {
                    kind,
                    namespace: resource.namespace,
                    name: resource.name,
                };
                let fields = baseline.entries.entry(id).or_default();
                fields.extend(resource.fields);
            }
        }
        Ok(baseline)
    }

    /// Whether it has this difference: the same field with the same live value. A redacted value matches nothing.
    #[must_use]
    pub fn knows(&self, id: &ResourceId, path: &str, live: Option<&Value>) -> bool {
        let fields = self.entries.get(id).into_iter().flatten();
        let mut same = fields.filter(|field| field.path == path && !field.redacted);
        same.any(|field| field.live.as_ref() == live)
    }

    /// The resources that it has, with the number of their entries that can match. Of a redacted entry nobody can say
    /// whether it still occurs.
    pub fn counts(&self) -> impl Iterator<Item = (&ResourceId, usize)> {
        let count = |fields: &[BaselineField]| fields.iter().filter(|of| !of.redacted).count();
        self.entries.iter().map(move |(id, of)| (id, count(of)))
    }

    /// The number of entries that match nothing because their values are redacted.
    #[must_use]
    pub fn redacted(&self) -> usize {
        let fields = self.entries.values().flatten();
        fields.filter(|field| field.redacted).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn id(name: &str) -> ResourceId {
        ResourceId {
            kind: Kind::ConfigMap,
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        }
    }

    fn resource(name: &str, fields: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "namespace": "shop", "name": name, "fields": fields})
    }

    #[test]
    fn a_field_is_known_by_its_path_and_its_live_value() {
        let report = json!({
            "schemaVersion": "1",
            "resources": [
                resource("a", &json!([{"path": "data.k", "live": "x"}, {"path": "data.gone"}])),
                {"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "p", "fields": []},
            ],
            "unmanaged": [{"apiVersion": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "u", "action": "unmanaged"}],
            "known": [resource("b", &json!([{"path": "data.token", "live": "<redacted, 1 bytes>", "redacted": true}]))],
        });
        let baseline = Baseline::parse(&format!(
            "{{\"schemaVersion\": \"1\", \"resources\": []}}\n{report}\n"
        ))
        .unwrap();
        for (name, path, live, known) in [
            ("a", "data.k", Some(json!("x")), true),
            ("a", "data.k", Some(json!("y")), false),
            ("a", "data.k", None, false),
            ("a", "data.l", Some(json!("x")), false),
            ("a", "data.gone", None, true),
            ("b", "data.k", Some(json!("x")), false),
            ("u", "<resource>", Some(json!("present")), true),
            ("u", "<resource>", None, false),
            ("b", "data.token", Some(json!("<redacted, 1 bytes>")), false),
        ] {
            assert_eq!(
                baseline.knows(&id(name), path, live.as_ref()),
                known,
                "{name} {path}"
            );
        }
        assert_eq!(baseline.redacted(), 1);
        assert_eq!(
            baseline
                .counts()
                .map(|(_, count)| count)
                .collect::<Vec<_>>(),
            [2, 0, 1]
        );
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for (text, cause) in [
            ("", "not a JSON report: it is empty"),
            (
                "Drift Report",
                "not a JSON report: expected value at line 1 column 1",
            ),
            (
                "{\"schemaVersion\": \"2\", \"resources\": []}",
                "expected a report of schemaVersion \"1\", found \"2\"",
            ),
        ] {
            assert_eq!(Baseline::parse(text).unwrap_err().to_string(), cause);
        }
    }
}
