//! Plans the patch of one file: the differences that it can keep, and its new text. Every text is read again and
//! compared with the live objects before it is shown.

use std::collections::HashMap;

use serde_json::Value;

use super::change::Change;
use super::draft::{Draft, Exactness, Finished};
use super::manner;
use super::obstacle::Obstacle;
use super::rewrite::{Rewriter, TextEdit, edited};
use crate::diff::{Class, Edit, Finding, Origin, PointerToken};
use crate::manifest::Resource;
use crate::schema::leader;
use crate::yaml::{self, Document, Layout, Node, NodeId, Stream};

/// One drifted resource of a file.
pub(crate) struct PatchSubject<'a> {
    /// The resource.
    pub(crate) resource: &'a Resource,
    /// Its live object.
    pub(crate) live: &'a Value,
    /// The paths of the differences to keep.
    pub(crate) paths: Vec<String>,
}

/// The result for one file.
#[derive(Debug, Default)]
pub(crate) struct PatchedFile {
    /// Its new text.
    pub(crate) text: String,
    /// The number of differences that it keeps.
    pub(crate) kept: usize,
    /// The differences that it does not keep.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A difference that a patch leaves out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// The index of the subject that has it.
    pub(crate) subject: usize,
    /// Its path.
    pub(crate) path: String,
    /// Why.
    pub(crate) reason: Obstacle,
}

/// Edits a file's text so that it declares what is live. `compare` finds the differences between a subject, as another
/// text declares it, and its live object.
pub(crate) fn patch_file<'a>(
    text: &str,
    subjects: &[PatchSubject<'a>],
    compare: &dyn Fn(usize, &Resource) -> Vec<Finding>,
) -> PatchedFile {
    let Some(bench) = Bench::new(text, subjects, compare) else {
        return nothing(text, subjects);
    };
    let mut kept: Vec<Candidate> = Vec::new();
    let mut left: HashMap<(usize, usize), Obstacle> = HashMap::new();
    let all = bench.candidates();
    let (followers, leaders): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|candidate| bench.follows_another(candidate));
    bench.keep(&mut kept, leaders, &mut left);
    // A difference that could not be kept alone may be possible together with its neighbours.
    let again = bench.still_there(&kept, left.keys().copied());
    bench.keep(&mut kept, again, &mut left);
    let followers = followers.iter().map(Candidate::place);
    let followers = bench.still_there(&kept, followers);
    bench.keep(&mut kept, followers, &mut left);
    bench.result(&kept, &left)
}

fn nothing(text: &str, subjects: &[PatchSubject<'_>]) -> PatchedFile {
    let left_out = subjects.iter().enumerate().flat_map(|(at, subject)| {
        subject.paths.iter().map(move |path| LeftOut {
            subject: at,
            path: path.clone(),
            reason: Obstacle::NoPlace,
        })
    });
    PatchedFile {
        text: text.to_owned(),
        kept: 0,
        left_out: left_out.collect(),
    }
}

/// A difference that may be kept, and how.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    subject: usize,
    finding: usize,
    exactness: Exactness,
}

impl Candidate {
    fn place(&self) -> (usize, usize) {
        (self.subject, self.finding)
    }
}

/// The place of the sibling that the server makes a copy of here.
fn leading_place(at: &[PointerToken]) -> Option<Vec<PointerToken>> {
    let (PointerToken::Key(field), parent) = at.split_last()? else {
        return None;
    };
    let leader = PointerToken::Key(leader(field)?.to_owned());
    Some(parent.iter().cloned().chain([leader]).collect())
}

/// What identifies a difference when the manifest changes: its place in the live object, which stays the same.
type Identity<'f> = (&'f [PointerToken], Option<String>);

fn identity(finding: &Finding) -> Identity<'_> {
    let of_list = match &finding.edit {
        Edit::Insert { item, .. } => Some(item.to_string()),
        Edit::Permute(_) => Some("order".to_owned()),
        _ => None,
    };
    (&finding.at, of_list)
}

/// Why an attempt failed.
enum Failure {
    /// These do not come out as they should.
    Of(Vec<Candidate>),
    /// Something else is wrong.
    Other(Obstacle),
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Of(_) => Self::NotLive,
            Failure::Other(obstacle) => obstacle,
        }
    }
}

/// The state of the planning of one file.
struct Bench<'b, 'a> {
    /// The text, which ends with a line break.
    text: String,
    /// Whether the file's own text ends with one.
    is_ended: bool,
    stream: Stream,
    subjects: &'b [PatchSubject<'a>],
    /// The current differences of each subject.
    findings: Vec<Vec<Finding>>,
    /// The document of each subject.
    documents: Vec<usize>,
    values: Vec<Value>,
    problems: usize,
    compare: &'b dyn Fn(usize, &Resource) -> Vec<Finding>,
}

impl<'b, 'a> Bench<'b, 'a> {
    fn new(
        text: &str,
        subjects: &'b [PatchSubject<'a>],
        compare: &'b dyn Fn(usize, &Resource) -> Vec<Finding>,
    ) -> Option<Self> {
        let stream = yaml::read(text.as_bytes().to_vec());
        let of = |subject: &PatchSubject<'_>| {
            let offset = subject.resource.node().offset();
            stream
                .documents
                .iter()
                .rposition(|d| stream.tree.node(d.root).offset() <= offset)
        };
        let documents = subjects.iter().map(of).collect::<Option<Vec<_>>>()?;
        let values = stream.documents.iter();
        let values = values.map(|d| stream.tree.node(d.root).to_json()).collect();
        let findings = subjects.iter().enumerate();
        let findings = findings.map(|(at, subject)| compare(at, subject.resource));
        Some(Self {
            text: stream.tree.text().to_owned(),
            is_ended: text.ends_with('\n'),
            findings: findings.collect(),
            problems: subjects.first()?.resource.reread(text).problems,
            values,
            documents,
            subjects,
            compare,
            stream,
        })
    }

    fn candidates(&self) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (subject, findings) in self.findings.iter().enumerate() {
            let wanted = &self.subjects[subject].paths;
            for (finding, found) in findings.iter().enumerate() {
                if wanted.contains(&found.path.to_string()) {
                    candidates.push(Candidate {
                        subject,
                        finding,
                        exactness: Exactness::Meant,
                    });
                }
            }
        }
        candidates
    }

    fn finding(&self, candidate: &Candidate) -> &Finding {
        &self.findings[candidate.subject][candidate.finding]
    }

    /// Whether it is derived from a value that differs too: with that it is gone.
    fn follows_another(&self, candidate: &Candidate) -> bool {
        let finding = self.finding(candidate);
        let mut others = self.findings[candidate.subject].iter();
        if let Origin::DefaultOf(path) = &finding.origin {
            return others.any(|other| other.path == *path);
        }
        let is_undeclared = matches!(finding.class, Class::Removed | Class::Extra);
        leading_place(&finding.at)
            .is_some_and(|place| is_undeclared && others.any(|other| other.at == place))
    }

    /// Keeps as many of these differences as can be kept beside the ones that are; notes why the others cannot.
    fn keep(
        &self,
        kept: &mut Vec<Candidate>,
        candidates: Vec<Candidate>,
        left: &mut HashMap<(usize, usize), Obstacle>,
    ) {
        if candidates.is_empty() {
            return;
        }
        let tried: Vec<Candidate> = kept.iter().chain(&candidates).copied().collect();
        let Err(failure) = self.attempt(&tried) else {
            for candidate in &candidates {
                left.remove(&candidate.place());
            }
            kept.extend(candidates);
            return;
        };
        match (failure, &candidates[..]) {
            (failure, [candidate]) => match candidate.exactness.next() {
                Some(exactness) => {
                    let candidate = Candidate {
                        exactness,
                        ..*candidate
                    };
                    let before = failure.into();
                    self.keep(kept, vec![candidate], left);
                    if let Some(reason) = left.get_mut(&candidate.place()) {
                        *reason = before;
                    }
                }
                None => {
                    left.insert(candidate.place(), failure.into());
                }
            },
            (Failure::Of(wrong), _) if wrong.len() < candidates.len() && !wrong.is_empty() => {
                let is_wrong = |c: &Candidate| wrong.iter().any(|w| w.place() == c.place());
                let (wrong, right): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_wrong);
                self.keep(kept, right, left);
                self.keep(kept, wrong, left);
            }
            (_, _) => {
                let mut first = candidates;
                let second = first.split_off(first.len() / 2);
                self.keep(kept, first, left);
                self.keep(kept, second, left);
            }
        }
    }

    /// Those of these differences that are there even with what is kept.
    fn still_there(
        &self,
        kept: &[Candidate],
        places: impl Iterator<Item = (usize, usize)>,
    ) -> Vec<Candidate> {
        let Ok(text) = self.attempt(kept) else {
            return Vec::new();
        };
        let now = self.compared(&text);
        let mut left: Vec<Candidate> = places
            .filter(|(subject, finding)| {
                let old = identity(&self.findings[*subject][*finding]);
                now[*subject].iter().any(|new| identity(new) == old)
            })
            .map(|(subject, finding)| Candidate {
                subject,
                finding,
                exactness: Exactness::Meant,
            })
            .collect();
        left.sort_by_key(Candidate::place);
        left
    }

    /// The differences of each subject with another text.
    fn compared(&self, text: &str) -> Vec<Vec<Finding>> {
        let Some(first) = self.subjects.first() else {
            return Vec::new();
        };
        let reread = first.resource.reread(text);
        let subjects = self.subjects.iter().enumerate();
        subjects
            .map(|(at, subject)| {
                let mut resources = reread.resources.iter();
                let resource = resources.find(|resource| resource.id == subject.resource.id);
                resource.map_or_else(Vec::new, |resource| (self.compare)(at, resource))
            })
            .collect()
    }

    /// The text with these differences kept, if it is right in everything.
    fn attempt(&self, candidates: &[Candidate]) -> Result<String, Failure> {
        let changes = self.changes(candidates)?;
        let text = self.rewritten(&changes).map_err(Failure::Other)?;
        self.verify(&text, &changes, candidates)?;
        Ok(text)
    }

    /// The change of each subject.
    fn changes(&self, candidates: &[Candidate]) -> Result<Vec<Option<Change>>, Failure> {
        let mut changes = Vec::new();
        for (at, subject) in self.subjects.iter().enumerate() {
            let node = self.node(subject);
            let mut draft = Draft::default();
            for candidate in candidates.iter().filter(|c| c.subject == at) {
                let finding = self.finding(candidate);
                draft
                    .add(node, finding, candidate.exactness)
                    .map_err(Failure::Other)?;
            }
            changes.push(match draft.finish(Some(node), Some(subject.live)) {
                Finished::Changed(change) => Some(change),
                Finished::Kept | Finished::Gone => None,
            });
        }
        Ok(changes)
    }

    fn node(&self, subject: &PatchSubject<'_>) -> Node<'_> {
        self.stream.tree.node(subject.resource.node().id())
    }

    fn rewritten(&self, changes: &[Option<Change>]) -> Result<String, Obstacle> {
        let mut edits = Vec::new();
        for (document, of_document) in self.stream.documents.iter().enumerate() {
            let is_here = |at: &usize| self.documents[*at] == document;
            let here = (0..changes.len()).filter(is_here);
            let here =
                here.filter_map(|at| Some((self.node(&self.subjects[at]), changes[at].as_ref()?)));
            let here: Vec<(Node<'_>, &Change)> = here.collect();
            if !here.is_empty() {
                edits.append(&mut self.edits(of_document, &here)?);
            }
        }
        let mut text = edited(&self.text, edits)?;
        if !self.is_ended && text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Ok(text)
    }

    /// The edits of a document that make these changes to its objects.
    fn edits(
        &self,
        document: &Document,
        changes: &[(Node<'_>, &Change)],
    ) -> Result<Vec<TextEdit>, Obstacle> {
        let tree = &self.stream.tree;
        let layout = Layout::of(tree, document).ok_or(Obstacle::NoPlace)?;
        let manner = manner::of(tree, &layout, tree.node(document.root));
        let mut results: HashMap<NodeId, Value> = HashMap::new();
        if tree.has_aliases() {
            for (node, change) in changes {
                change.note_results(*node, (tree, &layout), &mut results);
            }
        }
        let mut rewriter = Rewriter::new(&self.text, tree, &layout, manner, &results);
        for (node, change) in changes {
            rewriter.object(*node, change)?;
        }
        Ok(rewriter.edits)
    }

    /// Whether a text says in every document what it should, and leaves no difference that it should not.
    fn verify(
        &self,
        text: &str,
        changes: &[Option<Change>],
        candidates: &[Candidate],
    ) -> Result<(), Failure> {
        let read = yaml::read(text.as_bytes().to_vec());
        let root = |document: &Document| read.tree.node(document.root).to_json();
        let values: Vec<Value> = read.documents.iter().map(root).collect();
        if values != self.expected(changes) {
            return Err(Failure::Other(Obstacle::SomethingElse));
        }
        let Some(first) = self.subjects.first() else {
            return Ok(());
        };
        if first.resource.reread(text).problems > self.problems {
            return Err(Failure::Other(Obstacle::Problem));
        }
        let mut wrong = Vec::new();
        for (at, found) in self.compared(text).iter().enumerate() {
            for finding in found {
                let same = identity(finding);
                let mut old = self.findings[at].iter();
                let Some(old) = old.position(|old| identity(old) == same) else {
                    let path = finding.path.to_string();
                    return Err(Failure::Other(Obstacle::Differs(path)));
                };
                let tried = |c: &&Candidate| c.place() == (at, old);
                wrong.extend(candidates.iter().find(tried));
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Failure::Of(wrong))
        }
    }

    /// The values of all documents after these changes.
    fn expected(&self, changes: &[Option<Change>]) -> Vec<Value> {
        let mut values = self.values.clone();
        for ((subject, document), change) in self.subjects.iter().zip(&self.documents).zip(changes)
        {
            let pointer = subject.resource.document_pointer();
            if let (Some(change), Some(value)) = (change, values[*document].pointer_mut(pointer)) {
                *value = change.applied(value);
            }
        }
        values
    }

    fn result(&self, kept: &[Candidate], left: &HashMap<(usize, usize), Obstacle>) -> PatchedFile {
        let text = self.attempt(kept).unwrap_or_else(|_| self.text.clone());
        let now = self.compared(&text);
        let mut file = PatchedFile::default();
        for candidate in self.candidates() {
            let finding = self.finding(&candidate);
            let mut found = now[candidate.subject].iter();
            if !found.any(|new| identity(new) == identity(finding)) {
                file.kept += 1;
                continue;
            }
            let reason = left.get(&candidate.place()).cloned();
            file.left_out.push(LeftOut {
                subject: candidate.subject,
                path: finding.path.to_string(),
                reason: reason.unwrap_or(Obstacle::NotLive),
            });
        }
        file.text = text;
        file
    }
}
