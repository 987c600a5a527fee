//! The report as JSON, `schemaVersion` 1. Keys are only added, never removed.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{
    ErrorEntry, FieldEntry, KnownEntry, Report, ResourceEntry, ResourceRef, SkippedEntry,
    SourceLocation, SuppressedEntry, UnmanagedEntry, field_id,
};
use crate::git::Commit;
use crate::history::History;
use crate::managed_fields::Writer;
use crate::schema::ResourceId;

/// Writes one document, indented or on one line.
pub(crate) fn write(report: &Report, indented: bool, out: &mut impl Write) -> io::Result<()> {
    let document = ReportJson::from(report);
    if indented {
        serde_json::to_writer_pretty(&mut *out, &document)?;
    } else {
        serde_json::to_writer(&mut *out, &document)?;
    }
    writeln!(out)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportJson<'a> {
    schema_version: &'static str,
    time: &'a str,
    cluster: ClusterJson<'a>,
    revision: &'a str,
    /// There can be tens of thousands, so they are converted one at a time.
    #[serde(serialize_with = "resources")]
    resources: &'a [ResourceEntry],
    skipped: Vec<SkippedJson<'a>>,
    known: Vec<KnownJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<Vec<SuppressedJson<'a>>>,
    unmanaged: Vec<UnmanagedJson<'a>>,
    managed_by_others: Vec<OwnerJson<'a>>,
    warnings: Vec<ErrorJson<'a>>,
    errors: Vec<ErrorJson<'a>>,
    other_kinds: Vec<OtherKindJson<'a>>,
    summary: SummaryJson,
}

#[derive(Serialize)]
struct ClusterJson<'a> {
    server: &'a str,
    context: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IdJson<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct ResourceJson<'a> {
    #[serde(flatten)]
    id: IdJson<'a>,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    source: SourceJson<'a>,
    fields: Vec<FieldJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldJson<'a> {
    id: String,
    path: &'a str,
    pointer: PointerJson<'a>,
    class: &'static str,
    defaulted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_of: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desired: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Value>,
    redacted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceJson<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    consequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_writer: Option<WriterJson<'a>>,
    co_owners: Vec<WriterJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<HistoryJson<'a>>,
}

#[derive(Serialize)]
struct HistoryJson<'a> {
    verdict: &'static str,
    #[serde(flatten)]
    live: Option<CommitJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<CommitJson<'a>>,
    searched: usize,
}

#[derive(Serialize)]
struct CommitJson<'a> {
    commit: &'a str,
    time: String,
    author: &'a str,
    subject: &'a str,
}

#[derive(Serialize)]
struct WriterJson<'a> {
    manager: &'a str,
    operation: &'a str,
    subresource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
}

#[derive(Serialize)]
struct KnownJson<'a> {
    #[serde(flatten)]
    id: IdJson<'a>,
    source: SourceJson<'a>,
    fields: Vec<FieldJson<'a>>,
}

#[derive(Serialize)]
struct SuppressedJson<'a> {
    #[serde(flatten)]
    id: IdJson<'a>,
    source: SourceJson<'a>,
    fields: Vec<SuppressedFieldJson<'a>>,
}

#[derive(Serialize)]
struct SuppressedFieldJson<'a> {
    #[serde(flatten)]
    field: FieldJson<'a>,
    rule: &'a str,
    reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnmanagedJson<'a> {
    #[serde(flatten)]
    resource: IdJson<'a>,
    action: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creator: Option<WriterJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    managed_by: Option<&'a str>,
}

#[derive(Serialize)]
struct OwnerJson<'a> {
    owner: &'a str,
    count: usize,
}

#[derive(Serialize)]
struct PointerJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    desired: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a str>,
}

#[derive(Serialize)]
struct SourceJson<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<PositionJson>,
}

#[derive(Serialize)]
struct PositionJson {
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct SkippedJson<'a> {
    #[serde(flatten)]
    id: IdJson<'a>,
    source: SourceJson<'a>,
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    id: Option<IdJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceJson<'a>>,
}

#[derive(Serialize)]
struct OtherKindJson<'a> {
    kind: &'a str,
    count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryJson {
    compared: usize,
    in_sync: usize,
    drifted: usize,
    fields: usize,
    missing: usize,
    remediated: usize,
    created: usize,
    blocked: usize,
    failed: usize,
    skipped: usize,
    other_kinds: usize,
    errors: usize,
    left_out: usize,
    known: usize,
    known_gone: usize,
    ignored: usize,
    unmanaged: usize,
    not_deployed: usize,
}

impl<'a> From<&'a Report> for ReportJson<'a> {
    fn from(report: &'a Report) -> Self {
        let summary = report.summary();
        let cluster = report.cluster.as_ref();
        Self {
            schema_version: "1",
            time: &report.time,
            cluster: ClusterJson {
                server: cluster.map_or("", |c| &c.server),
                context: cluster.map_or("", |c| &c.context),
            },
            revision: &report.revision.full,
            resources: &report.resources,
            skipped: report.skipped.iter().map(SkippedJson::from).collect(),
            known: report.known.iter().map(KnownJson::from).collect(),
            suppressed: report
                .suppressed
                .as_ref()
                .map(|entries| entries.iter().map(SuppressedJson::from).collect()),
            unmanaged: report.unmanaged.iter().map(UnmanagedJson::from).collect(),
            managed_by_others: report
                .owned
                .iter()
                .map(|(owner, count)| OwnerJson {
                    owner,
                    count: *count,
                })
                .collect(),
            warnings: report.warnings.iter().map(ErrorJson::from).collect(),
            errors: report.errors.iter().map(ErrorJson::from).collect(),
            other_kinds: report
                .other_kinds
                .iter()
                .map(|(kind, count)| OtherKindJson {
                    kind,
                    count: *count,
                })
                .collect(),
            summary: SummaryJson {
                compared: summary.compared,
                in_sync: summary.in_sync,
                drifted: summary.drifted,
                fields: summary.fields,
                missing: summary.missing,
                remediated: summary.remediated,
                created: summary.created,
                blocked: summary.blocked,
                failed: summary.failed,
                skipped: summary.skipped,
                other_kinds: summary.other_kinds,
                errors: summary.errors,
                left_out: summary.left_out,
                known: summary.known,
                known_gone: summary.known_gone,
                ignored: summary.ignored,
                unmanaged: summary.unmanaged,
                not_deployed: summary.not_deployed,
            },
        }
    }
}

impl<'a> From<&'a ResourceId> for IdJson<'a> {
    fn from(id: &'a ResourceId) -> Self {
        Self {
            api_version: id.kind.api_version(),
            kind: id.kind.name(),
            namespace: &id.namespace,
            name: &id.name,
        }
    }
}

impl<'a> From<&'a ResourceRef> for IdJson<'a> {
    fn from(id: &'a ResourceRef) -> Self {
        Self {
            api_version: &id.api_version,
            kind: &id.kind,
            namespace: &id.namespace,
            name: &id.name,
        }
    }
}

impl<'a> From<&'a ResourceEntry> for ResourceJson<'a> {
    fn from(resource: &'a ResourceEntry) -> Self {
        Self {
            id: (&resource.id).into(),
            action: resource.action.name(),
            reason: resource.reason.as_deref(),
            source: (&resource.source).into(),
            fields: fields(&resource.id, &resource.fields),
        }
    }
}

impl<'a> From<&'a KnownEntry> for KnownJson<'a> {
    fn from(known: &'a KnownEntry) -> Self {
        Self {
            id: (&known.id).into(),
            source: (&known.source).into(),
            fields: fields(&known.id, &known.fields),
        }
    }
}

impl<'a> From<(&'a ResourceId, &'a SuppressedEntry)> for SuppressedJson<'a> {
    fn from((id, entry): (&'a ResourceId, &'a SuppressedEntry)) -> Self {
        let fields = entry.fields.iter().map(|suppressed| SuppressedFieldJson {
            field: FieldJson::of(id, &suppressed.field),
            rule: &suppressed.rule,
            reason: suppressed.reason,
        });
        Self {
            id: id.into(),
            source: (&entry.source).into(),
            fields: fields.collect(),
        }
    }
}

impl<'a> From<&'a UnmanagedEntry> for UnmanagedJson<'a> {
    fn from(entry: &'a UnmanagedEntry) -> Self {
        Self {
            resource: (&entry.id).into(),
            action: UnmanagedEntry::ACTION,
            id: field_id(&entry.id, crate::path::RESOURCE),
            created: entry.created.as_deref(),
            creator: entry.creator.as_ref().map(WriterJson::from),
            managed_by: entry.managed_by.as_deref(),
        }
    }
}

fn resources<S: Serializer>(entries: &&[ResourceEntry], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(entries.iter().map(ResourceJson::from))
}

fn fields<'a>(resource: &ResourceId, fields: &'a [FieldEntry]) -> Vec<FieldJson<'a>> {
    let json = |field| FieldJson::of(resource, field);
    fields.iter().map(json).collect()
}

impl<'a> FieldJson<'a> {
    fn of(resource: &ResourceId, field: &'a FieldEntry) -> Self {
        Self {
            id: field_id(resource, &field.path),
            path: &field.path,
            pointer: PointerJson {
                desired: field.declared_pointer.as_deref(),
                live: field.live_pointer.as_deref(),
            },
            class: field.class.name(),
            defaulted: field.defaulted,
            default_of: field.default_of.as_deref(),
            desired: field.desired.as_ref(),
            live: field.live.as_ref(),
            redacted: field.redacted,
            source: field.source.as_ref().map(SourceJson::from),
            consequences: &field.consequences,
            outcome: field.outcome,
            last_writer: field.last_writer.as_ref().map(WriterJson::from),
            co_owners: field.co_owners.iter().map(WriterJson::from).collect(),
            history: field.history.as_ref().map(HistoryJson::from),
        }
    }
}

impl<'a> From<&'a History> for HistoryJson<'a> {
    fn from(history: &'a History) -> Self {
        Self {
            verdict: history.verdict.name(),
            live: history.commit.as_deref().map(CommitJson::from),
            next: history.next.as_deref().map(CommitJson::from),
            searched: history.searched,
        }
    }
}

impl<'a> From<&'a Commit> for CommitJson<'a> {
    fn from(commit: &'a Commit) -> Self {
        Self {
            commit: &commit.id,
            time: commit.time.to_string(),
            author: &commit.author,
            subject: &commit.subject,
        }
    }
}

impl<'a> From<&'a Writer> for WriterJson<'a> {
    fn from(writer: &'a Writer) -> Self {
        Self {
            manager: &writer.manager,
            operation: &writer.operation,
            subresource: &writer.subresource,
            time: writer.time.as_deref(),
        }
    }
}

impl<'a> From<&'a SourceLocation> for SourceJson<'a> {
    fn from(source: &'a SourceLocation) -> Self {
        let definition = source
            .definition
            .map(|(line, column)| PositionJson { line, column });
        Self {
            file: &source.file,
            line: source.line,
            column: source.column,
            definition,
        }
    }
}

impl<'a> From<&'a SkippedEntry> for SkippedJson<'a> {
    fn from(skipped: &'a SkippedEntry) -> Self {
        Self {
            id: (&skipped.resource).into(),
            source: (&skipped.source).into(),
        }
    }
}

impl<'a> From<&'a ErrorEntry> for ErrorJson<'a> {
    fn from(error: &'a ErrorEntry) -> Self {
        Self {
            message: &error.message,
            id: error.resource.as_ref().map(IdJson::from),
            source: error.source.as_ref().map(SourceJson::from),
        }
    }
}
