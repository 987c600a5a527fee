//! The differ: one walk over (type, declared node, live value) that gives a verdict for each place.
//!
//! It copies neither side and knows no field by name: special fields are rows of `schema`'s tables, and a rule that
//! seems to need a special case here needs a column there. Report, repair and blame work from the findings and never
//! match the sides again.

mod applied;
mod atomic;
mod declared;
mod enclosing;
mod finding;
mod fingerprint;
mod items;
mod keyed;
mod maps;
mod order;
mod pairs;
mod places;
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
pub(crate) use self::places::{declared_at, lacks_item};
pub(crate) use self::unstored::Unstored;
use crate::managed_fields::{self, ManagerPattern, Writer};
use crate::path::{Ignore, Path, Pattern};
use crate::schema::{Immutable, Kind, RuleId, Server, being_deleted, exclusive_sibling, types};
use crate::yaml::{Node, NodeId};

/// The two sides of one object, and how to compare them.
#[derive(Clone)]
pub(crate) struct Sides<'a> {
    /// The object's kind.
    pub kind: Kind,
    /// The manifest's document.
    pub declared: Node<'a>,
    /// The object as the API returned it.
    pub live: &'a Value,
    /// What kubectl's annotation says was declared when the object was last applied.
    pub last_applied: Option<Node<'a>>,
    /// What only the manager that applied the manifest with server-side apply owns, according to `managedFields`.
    pub applied: Option<&'a Applied>,
    /// The paths that are ignored.
    pub ignore: Ignore<'a>,
    /// Also report live values that nothing declares.
    pub strict: bool,
    /// The declared values that this server does not store, if its version is known.
    pub unstored: Option<&'a Unstored>,
    /// Also return the values of differences that are not drift.
    pub lists_suppressed: bool,
}

/// The result of the comparison at one place.
pub(crate) enum Verdict {
    /// Both sides have the same value.
    Same,
    /// The sides differ or one has no value, and the rule says why this is not drift. With `lists_suppressed`, the
    /// finding has the values if they differ.
    NotDrift(RuleId, Option<Box<Finding>>),
    /// This number of differences is ignored by rules.
    LeftOut(usize),
    /// Drift.
    Drift(Box<Finding>),
    /// Declared, but not live because this server does not store it.
    NotStored(NodeId),
    /// A live field that the tables do not know, at this path.
    UnknownLive(Path),
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Both sides have a value, and they differ.
    Changed,
    /// Declared, not live.
    Missing,
    /// Live and declared earlier, but no longer.
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

/// One difference, with everything that reports, repairs and attribution need.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The path of the field.
    pub path: Path,
    /// The class of the difference.
    pub class: Class,
    /// The declared value, or the nearest declared node around it.
    pub declared: Option<NodeId>,
    /// The desired value.
    pub desired: Option<Value>,
    /// Where the desired value comes from.
    pub origin: Origin,
    /// The live value.
    pub live: Option<Value>,
    /// The JSON Pointer (RFC 6901) of the value in the manifest's document, if it is declared.
    pub declared_pointer: Option<String>,
    /// The place in the live object, whether or not there is a value.
    pub at: Vec<PointerToken>,
    /// The steps that lead to it in the manifest, including those that the manifest does not declare.
    pub in_manifest: Vec<ManifestStep>,
    /// The edit that repairs it.
    pub edit: Edit,
    /// The row according to which the server refuses the change.
    pub immutable: Option<&'static Immutable>,
    /// The row according to which repairs keep an undeclared value.
    pub kept: Option<RuleId>,
    /// What else changes in the object when it is repaired.
    pub consequences: Vec<String>,
    /// The clients that own the live value, the last writer first; empty if none is known.
    pub writers: Vec<Writer>,
}

impl Finding {
    /// Whether it contradicts nothing that is declared: it is reported only with `strict`, and repaired only on
    /// request.
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

/// The edit that repairs a finding. Positions refer to the live object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    /// Set the value, and create the objects around it that are missing.
    Set(Value),
    /// Remove the value.
    Remove,
    /// Nothing: it cannot be repaired.
    Nothing,
    /// Insert an item into the list.
    Insert {
        /// The item.
        item: Value,
        /// Where to insert it.
        place: InsertAt,
        /// Its position among the declared items, which orders items inserted at the same place.
        rank: usize,
    },
    /// Reorder the items at these positions: in this order, they fill the places that they occupy together.
    Permute(Vec<usize>),
}

/// Where a missing item is inserted into a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InsertAt {
    /// Directly after this item.
    After(usize),
    /// Directly before this item.
    Before(usize),
    /// At the end.
    End,
}

/// The JSON Pointer (RFC 6901) of a place.
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

/// Walks both sides in step and passes each verdict to `sink`, in the order of the types' fields.
pub(crate) fn compare(sides: Sides<'_>, sink: &mut dyn FnMut(Verdict)) {
    walk::object(types::root(sides.kind), sides, sink);
}

/// What a manifest declares of one object, and how to compare it.
#[derive(Clone)]
pub(crate) struct Desired<'a> {
    /// The object's kind.
    pub kind: Kind,
    /// The manifest's document.
    pub declared: Node<'a>,
    /// The paths that are ignored.
    pub ignore: Vec<&'a Pattern>,
    /// The field managers whose fields are left out.
    pub ignore_managers: &'a [ManagerPattern],
    /// Also report live values that nothing declares.
    pub strict: bool,
    /// The declared values that this server does not store, if its version is known.
    pub unstored: Option<&'a Unstored>,
    /// Also return differences that are not drift.
    pub lists_suppressed: bool,
}

impl Desired<'_> {
    /// The values of the document that this server does not store.
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

/// Everything that a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    /// The drift, by path.
    pub findings: Vec<Finding>,
    /// Declared values that are not live because this server does not store them.
    pub not_stored: Vec<NodeId>,
    /// The path of the object's record of the last apply, if it cannot be read: what has left the manifest is unknown.
    pub unreadable_record: Option<Path>,
    /// Live fields that the tables do not know.
    pub unknown_live: Vec<Path>,
    /// The number of differences that rules ignore.
    pub ignored: usize,
    /// Differences that are not drift, by path, if they were requested.
    pub suppressed: Vec<(Finding, RuleId)>,
}

/// The path of a key in the other of two maps that must not share keys: setting the key in one map removes it from the
/// other.
fn removed_from_sibling(kind: Kind, live: &Value, finding: &Finding) -> Option<String> {
    let ([PointerToken::Key(map), PointerToken::Key(key)], Edit::Set(_)) =
        (&finding.at[..], &finding.edit)
    else {
        return None;
    };
    let other = exclusive_sibling(kind.name(), map)?;
    live.get(other)?.get(key)?;
    Some(Path::root().key(other).key(key).to_string())
}

/// The differences of an object that is being deleted: the deletion is the only one.
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
        let suppressed = subject
            .lists_suppressed
            .then_some((finding, RuleId::IGNORED));
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

/// The annotation in which kubectl records the applied manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Compares a live object with its manifest. `managed_fields` is the JSON text of the object's `metadata.managedFields`
/// if `live` does not contain it.
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
    let annotations = live.get("metadata").and_then(|of| of.get("annotations"));
    let record = annotations.and_then(|of| of.get(LAST_APPLIED)?.as_str());
    let left = record.filter(|text| !record::is_declared(text, subject.declared));
    let last = left.map(record::read);
    let mut differences = Differences {
        unreadable_record: matches!(last, Some(None)).then(|| {
            let annotations = Path::root().key("metadata").key("annotations");
            annotations.key(LAST_APPLIED)
        }),
        ..Differences::default()
    };
    let last = last.flatten();
    let last_root = last.as_ref().map(|(tree, root)| tree.node(*root));
    let sides = Sides {
        kind: subject.kind,
        declared: subject.declared,
        live,
        last_applied: last_root,
        applied: applied.as_ref(),
        ignore: Ignore::new(subject.ignore.iter().copied()),
        strict: subject.strict,
        unstored: subject.unstored,
        lists_suppressed: false,
    };
    compare(sides.clone(), &mut |verdict| match verdict {
        Verdict::Same | Verdict::NotDrift(..) => {}
        Verdict::LeftOut(count) => differences.ignored += count,
        Verdict::Drift(mut finding) => {
            finding
                .consequences
                .extend(removed_from_sibling(subject.kind, live, &finding));
            differences.findings.push(*finding);
        }
        Verdict::NotStored(node) => differences.not_stored.push(node),
        Verdict::UnknownLive(path) => differences.unknown_live.push(path),
    });
    if subject.lists_suppressed {
        differences.suppressed = suppressed(sides, &differences.findings);
    }
    differences
        .findings
        .sort_by_cached_key(|finding| finding.path.to_string());
    // All differences are kept until the last object is compared; most objects have one.
    differences.findings.shrink_to_fit();
    differences
}

/// Differences that are not drift, by path: those that the strict comparison accepts, and those that only the strict
/// comparison reports.
fn suppressed(sides: Sides<'_>, drift: &[Finding]) -> Vec<(Finding, RuleId)> {
    let drift: HashSet<&Path> = drift.iter().map(|finding| &finding.path).collect();
    let sides = Sides {
        strict: true,
        lists_suppressed: true,
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
