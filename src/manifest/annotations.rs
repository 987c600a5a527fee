//! The annotations of a manifest that control this program.

use std::fmt;

use crate::path::{Pattern, PatternError};
use crate::schema::Kind;
use crate::yaml::{Entry, Node, Position, Value};

use super::check::Mistake;
use super::ignore;
use super::problem::quoted;
use super::suggest;
use super::{PREFIX, Policy};

const SKIP: &str = "skip";
const IGNORE: &str = "ignore-fields";
const POLICY: &str = "remediation-policy";
/// The annotations of hooks.
const HOOKS: [&str; 2] = ["helm.sh/hook", "argocd.argoproj.io/hook"];

/// The instructions in a manifest's annotations.
#[derive(Debug, Default)]
pub(super) struct Instructions {
    pub policy: Policy,
    pub ignore: Vec<Pattern>,
    /// Errors in them. The resource is then never written: a misspelt instruction must not cause a repair.
    pub wrong: Vec<Mistake>,
    /// Annotations that look like instructions but are not.
    pub doubtful: Vec<Mistake>,
}

/// Whether the manifest has the `skip` annotation or is a hook, which Helm or Argo CD creates and deletes.
pub(super) fn is_skipped(object: Node<'_>) -> bool {
    let Some(annotations) = annotations(object) else {
        return false;
    };
    let skip = annotations.get(&format!("{PREFIX}{SKIP}"));
    let hooks = HOOKS.iter().filter_map(|key| annotations.get(key));
    skip.and_then(Node::as_str) == Some("true") || hooks.into_iter().any(|hook| !hook.is_null())
}

/// Reads the instructions from a manifest's annotations.
pub(super) fn read(kind: Kind, object: Node<'_>) -> Instructions {
    let mut instructions = Instructions::default();
    for entry in annotations(object).into_iter().flat_map(Node::entries) {
        if let Some(key) = entry.key.strip_prefix(PREFIX) {
            instructions.take(kind, key, &entry);
        } else if is_nearly_ours(entry.key) {
            let (position, message) = (entry.key_position(), format!("did you mean {PREFIX}?"));
            instructions
                .doubtful
                .push(finding(&entry, position, &message));
        }
    }
    let template = object.get("spec").and_then(|spec| spec.get("template"));
    for entry in template
        .and_then(annotations)
        .into_iter()
        .flat_map(Node::entries)
    {
        if entry.key.starts_with(PREFIX) {
            let message = format!(
                "spec.template.metadata.annotations[\"{}\"]: no effect here; move it to metadata.annotations of the {kind}",
                entry.key
            );
            instructions.wrong.push(Mistake {
                position: entry.key_position(),
                message,
            });
        }
    }
    instructions
}

fn annotations(object: Node<'_>) -> Option<Node<'_>> {
    object.get("metadata")?.get("annotations")
}

impl Instructions {
    /// Why the resource must not be written, if an instruction is invalid.
    pub(super) fn reason(&self) -> Option<String> {
        let first = self.wrong.first().or(self.doubtful.first())?;
        let path = first
            .message
            .split_once(": ")
            .map_or(first.message.as_str(), |(path, _)| path);
        Some(format!("{path} is not valid"))
    }

    fn take(&mut self, kind: Kind, key: &str, entry: &Entry<'_>) {
        let value = match entry.value.value() {
            Value::String(text) => text,
            Value::Null => "",
            // The type check reports it.
            _ => return,
        };
        let result = match key {
            SKIP => one_of(value, ["true", "false"]).map(|_| ()),
            POLICY => one_of(value, ["auto", "alert"]).map(|found| {
                self.policy = if found == 1 {
                    Policy::Alert
                } else {
                    Policy::Auto
                };
            }),
            IGNORE => patterns(kind, value)
                .map(|patterns| self.ignore = patterns)
                .map_err(InstructionError::Pattern),
            _ => {
                let nearest = suggest::nearest(key, [SKIP, IGNORE, POLICY], |_| true);
                let hint = nearest.map_or("unknown annotation".to_owned(), |n| {
                    format!("did you mean {PREFIX}{n}?")
                });
                self.wrong.push(finding(entry, entry.key_position(), &hint));
                return;
            }
        };
        if let Err(error) = result {
            self.wrong
                .push(finding(entry, entry.value.position(), &error.to_string()));
        }
    }
}

/// The error of an instruction's value.
#[derive(Debug)]
enum InstructionError {
    /// The value is neither of the two that are allowed.
    Choice {
        allowed: [&'static str; 2],
        value: String,
    },
    Pattern(PatternError),
}

impl fmt::Display for InstructionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Choice { allowed, value } => {
                let [first, second] = allowed;
                let found = quoted(value);
                write!(f, "expected \"{first}\" or \"{second}\", found {found}")?;
                match suggest::nearest(value, *allowed, |_| true) {
                    Some(nearest) => write!(f, ", did you mean \"{nearest}\"?"),
                    None => Ok(()),
                }
            }
            Self::Pattern(error) => error.fmt(f),
        }
    }
}

/// Which of two values this is, by index.
fn one_of(value: &str, allowed: [&'static str; 2]) -> Result<usize, InstructionError> {
    let found = allowed.iter().position(|allowed| *allowed == value);
    found.ok_or_else(|| InstructionError::Choice {
        allowed,
        value: value.to_owned(),
    })
}

fn patterns(kind: Kind, value: &str) -> Result<Vec<Pattern>, PatternError> {
    let patterns = Pattern::parse_list(value)?;
    patterns
        .iter()
        .try_for_each(|pattern| ignore::check_pattern(&[kind], pattern))?;
    Ok(patterns)
}

fn finding(entry: &Entry<'_>, position: Position, message: &str) -> Mistake {
    Mistake {
        position,
        message: format!(
            "metadata.annotations[\"{}\"]: {message}",
            super::problem::one_line(entry.key)
        ),
    }
}

/// Whether a key has almost the prefix of this program's annotations: `drift.gitop.io/skip`.
fn is_nearly_ours(key: &str) -> bool {
    let ours = PREFIX.trim_end_matches('/');
    key.split_once('/')
        .is_some_and(|(prefix, _)| suggest::distance_within(prefix, ours).is_some_and(|d| d <= 2))
}
