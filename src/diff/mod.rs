//! The differ: one walk over (type, declared node, live value) that gives a verdict for each place.
//!
//! It makes no copies of either side and knows no field by name: what is special about a field is in `schema`'s
//! tables, and a rule that needs a special case here lacks a column there. Everything later (report, repair, blame)
//! works from the findings and never matches again.

mod applied;
mod around;
mod atomic;
mod declared;
mod finding;
mod fingerprint;
mod items;
mod maps;
mod order;
mod pairs;
mod record;
#[cfg(test)]
mod tests;
mod undeclared;
mod unions;
mod unstored;
mod walk;

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use self::applied::Applied;
pub(crate) use self::unstored::Unstored;
use crate::managed_fields::{self, ManagerPattern, Writer};
use crate::path::{Ignore, Path, Pattern};
use crate::schema::{Immutable, Kind, RuleId, Server, being_deleted, exclusive_sibling, types};
use crate::yaml::{self, Node, NodeId};

/// The two sides of one object, and how they are to be compared.
#[derive(Clone)]
pub(crate) struct Sides<'a> {
    /// What kind it is.
    pub kind: Kind,
    /// The manifest's document.
    pub declared: Node<'a>,
    /// The object as the API returned it.
    pub live: &'a Value,
    /// What was declared when the object was last applied by kubectl, by its own record.
    pub last_applied: Option<Node<'a>>,
    /// What only the manager owns that applied the manifest on the server's side, by the object's `managedFields`.
    pub applied: Option<&'a Applied>,
    /// The paths that are left out.
    pub ignore: Ignore<'a>,
    /// Also tell what is live and declared nowhere.
    pub strict: bool,
    /// What this server does not store of what is declared, where its version is known.
    pub unstored: Option<&'a Unstored>,
    /// Also tell the values of what differs and is no drift.
    pub tells_all: bool,
}

/// What there is to say of one place.
pub(crate) enum Verdict {
    /// Both sides have the same value.
    Same,
    /// The sides differ or one has no value, and that is as it should be, for this reason. Where all is to be told and the
    /// values differ, they come with it.
    NotDrift(RuleId, Option<Box<Finding>>),
    /// So many differences are left out by ignore rules.
    LeftOut(usize),
    /// A difference.
    Drift(Box<Finding>),
    /// Declared, and not live because this server does not store it.
    NotStored(NodeId),
    /// A live field that the tables do not know, at this path.
    UnknownLive(Path),
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Both sides have a value, not the same.
    Changed,
    /// Declared, not live.
    Missing,
    /// Live and once declared, but no longer.
    Removed,
    /// Live and declared nowhere.
    Extra,
}

/// Where the desired value of a finding comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The manifest.
    Declared,
    /// The server derives it from what the manifest declares at this path.
    DefaultOf(Path),
    /// What the server fills in where nothing is declared, if anything.
    Default,
}

/// One difference: all that a report, a repair or an attribution needs to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// Where.
    pub path: Path,
    /// What sort of difference.
    pub class: Class,
    /// The declared value, or what is declared nearest around it.
    pub declared: Option<NodeId>,
    /// What should be live.
    pub desired: Option<Value>,
    /// Where that comes from.
    pub origin: Origin,
    /// What is live.
    pub live: Option<Value>,
    /// The place in the manifest's document, from its root (RFC 6901), where it declares one.
    pub declared_pointer: Option<String>,
    /// The place in the live object, whether it has a value there or not.
    pub at: Vec<PointerToken>,
    /// The way to it through the manifest, as far as the manifest declares it and beyond.
    pub in_manifest: Vec<ManifestStep>,
    /// What a repair does there.
    pub edit: Edit,
    /// The row that says that the server refuses to change it.
    pub immutable: Option<&'static Immutable>,
    /// The row that says that a value which nothing declares is left alone by repairs.
    pub kept: Option<RuleId>,
    /// What else changes in the object when it is repaired.
    pub consequences: Vec<String>,
    /// The clients that own the live value, the last writer first; empty where nobody is known.
    pub writers: Vec<Writer>,
}

impl Finding {
    /// Whether it contradicts nothing that is declared: it is told only with `strict`, and repaired only on demand.
    #[must_use]
    pub(crate) fn is_extra(&self) -> bool {
        self.origin == Origin::Default
    }
}

/// One step of a place in a live object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PointerToken {
    /// A key.
    Key(String),
    /// A position.
    Index(usize),
}

/// One step of a place in a manifest's document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ManifestStep {
    /// A key, declared or not.
    Key(String),
    /// A declared item.
    Item(usize),
    /// An item that is not declared.
    NewItem {
        /// Its position in the live list.
        live: usize,
        /// The declared item that the nearest one before it in the live list belongs to.
        after: Option<usize>,
    },
}

/// What a repair does at the place of a finding. Positions are those of the live object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    /// Sets the value; objects that are missing on the way to it are made.
    Set(Value),
    /// Takes the value out.
    Remove,
    /// Nothing: it cannot be put right.
    Nothing,
    /// Puts an item into the list.
    Insert {
        /// The item.
        item: Value,
        /// Where.
        place: InsertAt,
        /// Which of the declared items it is: of several that are put at one place, the lower comes first.
        rank: usize,
    },
    /// Puts the items at these positions, in this order, into the places that they hold together.
    Permute(Vec<usize>),
}

/// Where a missing item is put into a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InsertAt {
    /// Right behind this item.
    After(usize),
    /// Right before this item.
    Before(usize),
    /// At the end.
    End,
}

/// The pointer of a place (RFC 6901).
#[must_use]
pub(crate) fn pointer(tokens: &[PointerToken]) -> String {
    let mut text = String::new();
    for token in tokens {
        text.push('/');
        match token {
            PointerToken::Key(key) => text.push_str(&key.replace('~', "~0").replace('/', "~1")),
            PointerToken::Index(index) => text.push_str(&index.to_string()),
        }
    }
    text
}

/// Walks along both sides and tells `sink` each verdict, in the order of the types' fields.
pub(crate) fn compare(sides: Sides<'_>, sink: &mut dyn FnMut(Verdict)) {
    walk::object(types::root(sides.kind), sides, sink);
}

/// What a manifest declares of one object, and how it is to be compared.
#[derive(Clone)]
pub(crate) struct Desired<'a> {
    /// What kind it is.
    pub kind: Kind,
    /// The manifest's document.
    pub declared: Node<'a>,
    /// The paths that are left out.
    pub ignore: Vec<&'a Pattern>,
    /// The field managers whose fields are left out.
    pub ignore_managers: &'a [ManagerPattern],
    /// Also tell what is live and declared nowhere.
    pub strict: bool,
    /// What this server does not store of what is declared, where its version is known.
    pub unstored: Option<&'a Unstored>,
    /// Also tell what differs and is no drift.
    pub tells_all: bool,
}

impl Desired<'_> {
    /// What this server does not store of the document.
    #[must_use]
    pub(crate) fn unstored(&self, server: Server) -> Unstored {
        let ignore = Ignore::new(self.ignore.iter().copied());
        Unstored::of(self.kind, self.declared, &ignore, server)
    }

    /// The document as JSON, without what this server drops.
    #[must_use]
    pub(crate) fn stored(&self) -> Value {
        match self.unstored {
            Some(unstored) => unstored.stored(self.declared),
            None => self.declared.to_json(),
        }
    }
}

/// All that a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    /// The drift, by path.
    pub findings: Vec<Finding>,
    /// What is declared and not live because this server does not store it.
    pub not_stored: Vec<NodeId>,
    /// Live fields that the tables do not know.
    pub unknown_live: Vec<Path>,
    /// How many differences the subject's rules leave out.
    pub ignored: usize,
    /// What differs and is no drift, by path, where that was asked for.
    pub suppressed: Vec<(Finding, RuleId)>,
}

impl Differences {
    /// Whether there is nothing to report.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.not_stored.is_empty()
    }
}

/// The path of a key in the other of two maps that must not share keys: setting it in one removes it there.
fn way_made(kind: Kind, live: &Value, finding: &Finding) -> Option<String> {
    let ([PointerToken::Key(map), PointerToken::Key(key)], Edit::Set(_)) =
        (&finding.at[..], &finding.edit)
    else {
        return None;
    };
    let other = exclusive_sibling(kind.name(), map)?;
    live.get(other)?.get(key)?;
    Some(Path::root().key(other).key(key).to_string())
}

/// An object that is being deleted: there is nothing else to say of it.
fn of_deletion(subject: &Desired<'_>, state: String) -> Differences {
    let finding = Finding {
        path: Path::resource(),
        class: Class::Changed,
        declared: Some(subject.declared.id()),
        desired: Some("present".into()),
        origin: Origin::Declared,
        live: Some(state.into()),
        declared_pointer: Some(String::new()),
        at: Vec::new(),
        in_manifest: Vec::new(),
        edit: Edit::Nothing,
        immutable: None,
        kept: None,
        consequences: Vec::new(),
        writers: Vec::new(),
    };
    if subject.ignore.iter().any(|pattern| pattern.is_resource()) {
        let suppressed = subject.tells_all.then_some((finding, RuleId::IGNORED));
        return Differences {
            ignored: 1,
            suppressed: suppressed.into_iter().collect(),
            ..Differences::default()
        };
    }
    Differences {
        findings: vec![finding],
        ..Differences::default()
    }
}

/// The annotation in which kubectl records what was applied.
const LAST_APPLIED: &str =
    "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";

/// Compares a live object with what is declared of it. `managed_fields` is the JSON text of the object's
/// `metadata.managedFields` where that is not in `live`.
#[must_use]
pub(crate) fn differences(
    subject: &Desired<'_>,
    live: &Value,
    managed_fields: Option<&str>,
) -> Differences {
    if let Some(state) = being_deleted(live) {
        return of_deletion(subject, state);
    }
    let within = || managed_fields::within(live);
    let applied = managed_fields
        .map(Cow::from)
        .or_else(within)
        .and_then(|text| Applied::of(&text, types::root(subject.kind), subject.declared));
    let record = live.pointer(LAST_APPLIED).and_then(Value::as_str);
    let left = record.filter(|text| !record::is_declared(text, subject.declared));
    let last = left.map(|text| yaml::read(text.as_bytes().to_vec()));
    let last_root = last
        .as_ref()
        .and_then(|stream| Some(stream.tree.node(stream.documents.first()?.root)));
    let mut differences = Differences::default();
    let sides = Sides {
        kind: subject.kind,
        declared: subject.declared,
        live,
        last_applied: last_root,
        applied: applied.as_ref(),
        ignore: Ignore::new(subject.ignore.iter().copied()),
        strict: subject.strict,
        unstored: subject.unstored,
        tells_all: false,
    };
    compare(sides.clone(), &mut |verdict| match verdict {
        Verdict::Same | Verdict::NotDrift(..) => {}
        Verdict::LeftOut(count) => differences.ignored += count,
        Verdict::Drift(mut finding) => {
            finding
                .consequences
                .extend(way_made(subject.kind, live, &finding));
            differences.findings.push(*finding);
        }
        Verdict::NotStored(node) => differences.not_stored.push(node),
        Verdict::UnknownLive(path) => differences.unknown_live.push(path),
    });
    if subject.tells_all {
        differences.suppressed = suppressed(sides, &differences.findings);
    }
    differences
        .findings
        .sort_by_cached_key(|finding| finding.path.to_string());
    differences
}

/// What differs and is no drift, by path: what the strict comparison passes over, and what only it finds.
fn suppressed(sides: Sides<'_>, drift: &[Finding]) -> Vec<(Finding, RuleId)> {
    let drift: HashSet<&Path> = drift.iter().map(|finding| &finding.path).collect();
    let sides = Sides {
        strict: true,
        tells_all: true,
        ..sides
    };
    let mut suppressed = Vec::new();
    compare(sides, &mut |verdict| match verdict {
        Verdict::NotDrift(rule, Some(finding)) => suppressed.push((*finding, rule)),
        Verdict::Drift(finding) if !drift.contains(&finding.path) => {
            suppressed.push((*finding, RuleId::NOT_DECLARED));
        }
        _ => {}
    });
    suppressed.sort_by_cached_key(|(finding, _)| finding.path.to_string());
    suppressed
}
