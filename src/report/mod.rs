//! The results of a cycle as plain values, and the writers for them.
//!
//! These types belong to the report, and the writers use no others.
//!
//! They decide nothing, and know neither Kubernetes nor how anything was found. Each format names its standard in its file.

pub(crate) mod baseline;
pub(crate) mod brief;
mod causes;
pub(crate) mod changes;
mod comparison;
mod diff_lines;
mod difference;
pub(crate) mod github;
mod groups;
mod history;
pub(crate) mod json;
pub(crate) mod junit;
mod line;
pub(crate) mod markdown;
pub(crate) mod patch;
pub(crate) mod redact;
pub(crate) mod sarif;
pub(crate) mod text;
mod value;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io;

use serde_json::Value;

use crate::history::{History, HistoryVerdict};
use crate::managed_fields::Writer;
use crate::schema::ResourceId;

pub(crate) use self::value::escape;

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text(text::TextStyle),
    /// A line for each difference.
    Brief,
    /// For programs.
    Json {
        /// Whether it is indented.
        indented: bool,
    },
    /// For comments and job summaries.
    Markdown,
    /// Workflow commands of GitHub Actions.
    Github,
    /// For code scanning.
    Sarif,
    /// For test reports.
    Junit,
    /// For `git apply`.
    Patch,
}

/// Writes a report in this format.
pub(crate) fn write(report: &Report, format: Format, out: &mut impl io::Write) -> io::Result<()> {
    match format {
        Format::Text(style) => text::write(report, style, out),
        Format::Brief => brief::write(report, out),
        Format::Json { indented } => json::write(report, indented, out),
        Format::Markdown => markdown::write(report, out),
        Format::Github => github::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Patch => patch::write(report, out),
    }
}

/// The outcome of one cycle.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// When it ended.
    pub time: String,
    /// The Git commit of the manifests.
    pub revision: Revision,
    /// The cluster; `None` for a snapshot, or without a connection.
    pub cluster: Option<ClusterInfo>,
    /// The resources that have drifted or are missing, in order.
    pub resources: Vec<ResourceEntry>,
    /// The resources that are skipped by annotation.
    pub skipped: Vec<SkippedEntry>,
    /// The number of documents of other kinds, by `apiVersion kind`.
    pub other_kinds: BTreeMap<String, usize>,
    /// The errors: what could not be checked or repaired.
    pub errors: Vec<ErrorEntry>,
    /// The warnings.
    pub warnings: Vec<ErrorEntry>,
    /// The drift that the baseline has, by resource, which is in no other list.
    pub known: Vec<KnownEntry>,
    /// The differences that are not drift, by resource, if they were requested.
    pub suppressed: Option<BTreeMap<ResourceId, SuppressedEntry>>,
    /// The live objects that no manifest declares and that have no known owner.
    pub unmanaged: Vec<UnmanagedEntry>,
    /// The number of undeclared objects with a known owner, by owner.
    pub owned: BTreeMap<&'static str, usize>,
    /// The number of entries of the baseline that no longer occur.
    pub known_gone: usize,
    /// The number of declared resources out of scope.
    pub left_out: usize,
    /// The number of differences ignored by options and annotations.
    pub ignored: usize,
    /// The number of resources in sync.
    pub in_sync: usize,
    /// Those in sync that had drifted when this run last compared them.
    pub back_in_sync: Vec<ResourceId>,
    /// The resources in sync, if a format lists them.
    pub in_sync_ids: Vec<ResourceId>,
    /// Where the manifests' files are in their repository.
    pub repository: Repository,
    /// The changes that make the manifests declare the live values, if a format shows them.
    pub patch: Vec<FileChange>,
}

/// The old and new text of a file.
#[derive(Debug)]
pub(crate) struct FileChange {
    /// Its path from the working directory.
    pub path: String,
    /// The old text.
    pub old: String,
    /// The new text.
    pub new: String,
}

/// Converts the paths of files as reports show them to paths from the root of the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repository {
    /// Its root.
    pub root: String,
    /// The working directory.
    pub here: String,
}

impl Repository {
    /// The path of a file from the repository's root; unchanged if the file is outside.
    #[must_use]
    pub(crate) fn path_of(&self, file: &str) -> String {
        let absolute = if file.starts_with('/') {
            file.to_owned()
        } else {
            format!("{}/{file}", self.here)
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in absolute.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let path = format!("/{}", parts.join("/"));
        let root = self.root.trim_end_matches('/');
        let below = path
            .strip_prefix(root)
            .and_then(|path| path.strip_prefix('/'));
        below.map_or_else(|| file.to_owned(), str::to_owned)
    }
}

/// The commit that the manifests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    /// The full commit, followed by `-dirty` if the files differ from it; `unknown` outside a repository.
    pub full: String,
}

impl Default for Revision {
    fn default() -> Self {
        Self {
            full: "unknown".to_owned(),
        }
    }
}

impl Revision {
    /// The first twelve digits of the commit, with the mark of changed files; a label unchanged.
    #[must_use]
    pub(crate) fn short(&self) -> String {
        let shorten = |part: &str| {
            let end = part.find(|c: char| !c.is_ascii_hexdigit());
            let (commit, rest) = part.split_at(end.unwrap_or(part.len()));
            match commit.len() {
                40 | 64 => format!("{}{rest}", &commit[..12]),
                _ => part.to_owned(),
            }
        };
        let parts: Vec<String> = self.full.split('+').map(shorten).collect();
        parts.join("+")
    }
}

/// The cluster of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterInfo {
    /// The server's address.
    pub server: String,
    /// The kubeconfig's context; empty in a cluster.
    pub context: String,
}

/// A place in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceLocation {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// Where the value is defined, if it is reached through an alias.
    pub definition: Option<(u32, u32)>,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl SourceLocation {
    /// Whether it is in a file, not in standard input.
    #[must_use]
    pub(crate) fn is_file(&self) -> bool {
        self.file != "<stdin>"
    }
}

/// A resource that drifted.
#[derive(Debug)]
pub(crate) struct ResourceEntry {
    /// Which one.
    pub id: ResourceId,
    /// The action.
    pub action: Action,
    /// The reason for the action.
    pub reason: Option<String>,
    /// Its document.
    pub source: SourceLocation,
    /// Its differences, by path.
    pub fields: Vec<FieldEntry>,
}

/// What was done, or would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Reported only.
    Detected(Reason),
    /// Missing, reported only.
    WouldCreate(Reason),
    /// Repaired: the server's response has no drift left.
    Remediated,
    /// Repaired except for undeclared values.
    RemediatedExtrasKept,
    /// Created.
    Created,
    /// Waiting to try again, or left alone because of another writer.
    Paused,
    /// Not repaired.
    Failed,
}

/// Why a difference was reported only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The default.
    DryRun,
    /// `--no-dry-run`.
    Alert,
    /// The manifest forbids the repair.
    Blocked,
    /// Only undeclared values are left.
    ExtrasKept,
}

impl Action {
    /// The action's name in reports.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Detected(Reason::DryRun) => "drift-detected (dry-run)",
            Self::Detected(Reason::Alert) => "drift-detected",
            Self::Detected(Reason::Blocked) => "drift-detected (remediation-blocked)",
            Self::Detected(Reason::ExtrasKept) => "drift-detected (extras-kept)",
            Self::WouldCreate(Reason::DryRun) => "would-create (dry-run)",
            Self::WouldCreate(Reason::Blocked) => "would-create (remediation-blocked)",
            Self::WouldCreate(Reason::Alert | Reason::ExtrasKept) => "would-create",
            Self::Remediated => "remediated",
            Self::RemediatedExtrasKept => "remediated (extras-kept)",
            Self::Created => "created",
            Self::Paused => "remediation-paused",
            Self::Failed => "remediation-failed",
        }
    }

    /// Whether something was written.
    #[must_use]
    pub(crate) fn is_repair(self) -> bool {
        matches!(
            self,
            Self::Remediated | Self::RemediatedExtrasKept | Self::Created
        )
    }

    /// Whether the drift is still there.
    #[must_use]
    pub(crate) fn leaves_drift(self) -> bool {
        !matches!(self, Self::Remediated | Self::Created)
    }
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DriftClass {
    /// Both sides have a value, and they differ.
    Changed,
    /// Declared, not live.
    Missing,
    /// Live and declared earlier, but no longer.
    Removed,
    /// Live, but not declared.
    Extra,
}

impl DriftClass {
    /// Its name in reports.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Removed => "removed",
            Self::Extra => "extra",
        }
    }
}

/// One difference of a resource.
#[derive(Clone, Debug)]
pub(crate) struct FieldEntry {
    /// Its path; `<resource>` for a missing resource.
    pub path: String,
    /// Its place in the manifest's document (RFC 6901).
    pub declared_pointer: Option<String>,
    /// Its place in the live object (RFC 6901).
    pub live_pointer: Option<String>,
    /// The class of the difference.
    pub class: DriftClass,
    /// Whether the desired value is a default of the server.
    pub defaulted: bool,
    /// The desired value is derived from what the manifest declares at this path.
    pub default_of: Option<String>,
    /// The desired value.
    pub desired: Option<Value>,
    /// The live value.
    pub live: Option<Value>,
    /// Whether the values are redacted because they may be secret.
    pub redacted: bool,
    /// Where the manifest declares it, or the nearest enclosing value.
    pub source: Option<SourceLocation>,
    /// Paths of the same object that also change when this field is repaired.
    pub consequences: Vec<String>,
    /// Whether a repair replaces the Deployment's pods; not of what it keeps unless it is asked for more.
    pub restarts_pods: bool,
    /// What a repair did to it: `set`, `created`, `removed`, or why it is still there: `kept`, `refused`,
    /// `changed-back`. `None` without a repair.
    pub outcome: Option<&'static str>,
    /// The client that last wrote the live value before any repair. `None` if that is not recorded.
    pub last_writer: Option<Writer>,
    /// The other clients that own it.
    pub co_owners: Vec<Writer>,
    /// The commit whose value is live. `None` if Git was not searched or has no certain result.
    pub history: Option<History>,
}

/// The drift of one resource that the baseline has.
#[derive(Debug)]
pub(crate) struct KnownEntry {
    /// Which one.
    pub id: ResourceId,
    /// Its document.
    pub source: SourceLocation,
    /// Its known differences, by path.
    pub fields: Vec<FieldEntry>,
}

/// The differences of one resource that are not drift.
#[derive(Debug)]
pub(crate) struct SuppressedEntry {
    /// Its document.
    pub source: SourceLocation,
    /// The differences, by path.
    pub fields: Vec<SuppressedField>,
}

/// A difference that is not drift.
#[derive(Debug)]
pub(crate) struct SuppressedField {
    /// The difference.
    pub field: FieldEntry,
    /// The id of the rule that applies.
    pub rule: String,
    /// The rule in words.
    pub reason: &'static str,
}

/// A live object that no manifest declares and that has no known owner.
#[derive(Debug)]
pub(crate) struct UnmanagedEntry {
    /// Which one.
    pub(crate) id: ResourceId,
    /// When it was created.
    pub(crate) created: Option<String>,
    /// The client that created it. `None` if that is not recorded.
    pub(crate) creator: Option<Writer>,
    /// The tool that its label names.
    pub(crate) managed_by: Option<String>,
    /// A manifest of its namespace, for formats that need a location.
    pub(crate) near: SourceLocation,
}

impl UnmanagedEntry {
    /// The name of the action in reports.
    pub(crate) const ACTION: &'static str = "unmanaged";

    /// The difference of an object that no manifest declares.
    #[must_use]
    pub(crate) fn field(&self) -> FieldEntry {
        FieldEntry {
            live_pointer: Some(String::new()),
            live: Some("present".into()),
            source: Some(self.near.clone()),
            last_writer: self.creator.clone(),
            ..FieldEntry::new(crate::path::RESOURCE.to_owned(), DriftClass::Extra)
        }
    }
}

impl KnownEntry {
    /// Whether no manifest declares it.
    fn is_unmanaged(&self) -> bool {
        let mut fields = self.fields.iter();
        fields.any(|field| field.path == crate::path::RESOURCE && field.class == DriftClass::Extra)
    }
}

/// Identifies a resource of any kind. Unknown parts are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceRef {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// The namespace; empty for a Namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl From<&ResourceId> for ResourceRef {
    fn from(id: &ResourceId) -> Self {
        Self {
            api_version: id.kind.api_version().to_owned(),
            kind: id.kind.name().to_owned(),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
        }
    }
}

impl ResourceRef {
    /// `KIND/NAME (ns: NAMESPACE)`, without the parts that are unknown.
    #[must_use]
    pub(crate) fn with_namespace(&self) -> String {
        match self.namespace.as_str() {
            "" => self.to_string(),
            _ if self.to_string().is_empty() => String::new(),
            namespace => format!("{self} (ns: {namespace})"),
        }
    }
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind.as_str(), self.name.as_str()) {
            (one, "") | ("", one) => f.write_str(one),
            (kind, name) => write!(f, "{kind}/{name}"),
        }
    }
}

impl FieldEntry {
    /// A difference of which nothing but the path and the class is known.
    #[must_use]
    pub(crate) fn new(path: String, class: DriftClass) -> Self {
        Self {
            path,
            declared_pointer: None,
            live_pointer: None,
            class,
            defaulted: false,
            default_of: None,
            desired: None,
            live: None,
            redacted: false,
            source: None,
            consequences: Vec::new(),
            restarts_pods: false,
            outcome: None,
            last_writer: None,
            co_owners: Vec::new(),
            history: None,
        }
    }

    /// Whether a repair has fixed it.
    #[must_use]
    pub(crate) fn is_repaired(&self) -> bool {
        matches!(self.outcome, Some("set" | "created" | "removed"))
    }
}

/// A resource that was skipped.
#[derive(Debug)]
pub(crate) struct SkippedEntry {
    /// Which one.
    pub resource: ResourceRef,
    /// Its document.
    pub source: SourceLocation,
}

/// Something that could not be checked or repaired.
#[derive(Debug)]
pub(crate) struct ErrorEntry {
    /// The resource, if it is known.
    pub resource: Option<ResourceRef>,
    /// The place in the manifests.
    pub source: Option<SourceLocation>,
    /// The message, on one line.
    pub message: String,
}

impl ErrorEntry {
    /// `FILE:LINE:COLUMN: KIND/NAME (ns: NAMESPACE): what is wrong`, without the parts that are unknown.
    #[must_use]
    pub(crate) fn line(&self) -> String {
        let place = self.source.as_ref().map(|place| format!("{place}: "));
        let about = self.resource.as_ref().map(ResourceRef::with_namespace);
        let about = about.filter(|about| !about.is_empty());
        let about = about.map(|about| format!("{about}: "));
        [place, about].into_iter().flatten().collect::<String>() + &self.message
    }
}

/// The counts of a report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Compared resources, including missing ones.
    pub compared: usize,
    /// Compared resources without drift.
    pub in_sync: usize,
    /// Compared resources with drift, including missing ones.
    pub drifted: usize,
    /// All differences.
    pub fields: usize,
    /// Missing resources.
    pub missing: usize,
    /// Repaired resources.
    pub remediated: usize,
    /// Created resources.
    pub created: usize,
    /// Resources whose manifest forbids repairs.
    pub blocked: usize,
    /// Resources that could not be repaired.
    pub failed: usize,
    /// Skipped resources.
    pub skipped: usize,
    /// Documents of other kinds.
    pub other_kinds: usize,
    /// The errors: what could not be checked or repaired.
    pub errors: usize,
    /// Declared resources out of scope.
    pub left_out: usize,
    /// Differences that the baseline has.
    pub known: usize,
    /// Entries of the baseline that no longer occur.
    pub known_gone: usize,
    /// Differences ignored by rules.
    pub ignored: usize,
    /// Live objects that no manifest declares.
    pub unmanaged: usize,
    /// Differences whose desired value is not deployed yet.
    pub not_deployed: usize,
}

impl Report {
    /// The counts of the report.
    #[must_use]
    pub(crate) fn summary(&self) -> Summary {
        let count = |is: fn(Action) -> bool| self.resources.iter().filter(|r| is(r.action)).count();
        let drifted = self.resources.iter().map(|resource| &resource.id);
        let drifted: HashSet<&ResourceId> = drifted.collect();
        let only_known = self
            .known
            .iter()
            .filter(|known| !drifted.contains(&known.id) && !known.is_unmanaged());
        Summary {
            compared: self.in_sync + self.resources.len() + only_known.count(),
            in_sync: self.in_sync,
            drifted: self.resources.len(),
            fields: self.resources.iter().map(|r| r.fields.len()).sum(),
            missing: self.resources.iter().filter(|r| r.is_missing()).count(),
            remediated: count(|a| matches!(a, Action::Remediated | Action::RemediatedExtrasKept)),
            created: count(|a| a == Action::Created),
            blocked: count(|a| {
                matches!(
                    a,
                    Action::Detected(Reason::Blocked) | Action::WouldCreate(Reason::Blocked)
                )
            }),
            failed: count(|a| matches!(a, Action::Failed | Action::Paused)),
            skipped: self.skipped.len(),
            other_kinds: self.other_kinds.values().sum(),
            errors: self.errors.len(),
            known_gone: self.known_gone,
            known: self.known.iter().map(|known| known.fields.len()).sum(),
            left_out: self.left_out,
            ignored: self.ignored,
            unmanaged: self.unmanaged.len(),
            not_deployed: self.count_verdict(HistoryVerdict::NotDeployed),
        }
    }

    /// Whether a resource was repaired.
    #[must_use]
    pub(crate) fn has_repairs(&self) -> bool {
        self.resources
            .iter()
            .any(|resource| resource.action.is_repair())
    }

    /// The number of differences with this verdict.
    fn count_verdict(&self, verdict: HistoryVerdict) -> usize {
        let fields = self.resources.iter().flat_map(|resource| &resource.fields);
        let histories = fields.filter_map(|field| field.history.as_ref());
        histories
            .filter(|history| history.verdict == verdict)
            .count()
    }

    /// Whether no resource was compared.
    #[must_use]
    pub(crate) fn is_about_nothing(&self) -> bool {
        self.in_sync == 0 && self.resources.is_empty() && self.unmanaged.is_empty()
    }

    /// Whether drift of declared resources is left.
    #[must_use]
    pub(crate) fn leaves_declared_drift(&self) -> bool {
        self.resources
            .iter()
            .any(|resource| resource.action.leaves_drift())
    }

    /// The number of resources with drift left, including unmanaged ones.
    #[must_use]
    pub(crate) fn left_over(&self) -> usize {
        let left = self.resources.iter();
        let left = left.filter(|resource| resource.action.leaves_drift());
        left.count() + self.unmanaged.len()
    }

    /// Whether something in scope could not be checked or repaired.
    #[must_use]
    pub(crate) fn is_incomplete(&self) -> bool {
        let failed =
            |resource: &ResourceEntry| matches!(resource.action, Action::Failed | Action::Paused);
        !self.errors.is_empty() || self.resources.iter().any(failed)
    }
}

/// The stable id of a difference: its resource and path, without its values. It is also a valid rule for
/// `--ignore-fields`.
#[must_use]
pub(crate) fn field_id(resource: &ResourceId, path: &str) -> String {
    let kind = resource.kind.name();
    match resource.namespace.as_str() {
        "" => format!("{kind}/{}:{path}", resource.name),
        namespace => format!("{kind}/{namespace}/{}:{path}", resource.name),
    }
}

impl ResourceEntry {
    /// Whether it is declared but not live.
    #[must_use]
    pub(crate) fn is_missing(&self) -> bool {
        // That is its only difference.
        matches!(&self.fields[..], [field] if field.path == crate::path::RESOURCE && field.class == DriftClass::Missing)
    }
}
