//! Rules that exclude fields from the comparison, and the check of their paths against the types: an item of an atomic
//! list cannot be ignored, because such a list is compared and written as one value.

use std::fmt;
use std::fs;
use std::path::Path;

use super::problem::cause;
use super::selector::{Selector, SelectorError};
use crate::path::{Pattern, PatternCause, PatternError, PatternStep, split_outside};
use crate::schema::{Kind, ListKind, ResourceId, Struct, Type, types};

/// A rule from the command line or a file: a path and, optionally before it, the resources that it applies to.
#[derive(Clone, Debug)]
pub struct IgnoreRule {
    text: String,
    resources: Option<Selector>,
    pattern: Pattern,
    origin: String,
}

/// The error of a rule that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The option or the file and line of the rule.
    origin: String,
    cause: RuleCause,
}

#[derive(Debug, PartialEq, Eq)]
enum RuleCause {
    /// The file of rules cannot be read, for this reason.
    Unreadable(String),
    Selector(SelectorError),
    Pattern(PatternError),
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        match &self.cause {
            RuleCause::Unreadable(cause) => f.write_str(cause),
            RuleCause::Selector(error) => error.fmt(f),
            RuleCause::Pattern(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RuleError {}

impl IgnoreRule {
    /// Parses a comma-separated list of rules; blanks and empty items are ignored. `origin` names their source in
    /// messages.
    pub fn parse_list(list: &str, origin: &str) -> Result<Vec<Self>, RuleError> {
        split_outside(list, ',')
            .into_iter()
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| {
                Self::parse(item, origin).map_err(|cause| RuleError {
                    origin: origin.to_owned(),
                    cause,
                })
            })
            .collect()
    }

    /// Reads a file with one rule per line; `#` begins a comment. Fails if the file is unreadable or a rule is invalid.
    pub fn read_file(path: &Path) -> Result<Vec<Self>, RuleError> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| RuleError {
            origin: format!("--ignore-fields-from: {shown}"),
            cause: RuleCause::Unreadable(cause(&error)),
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut rules = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            rules.extend(Self::parse_list(
                without_comment(line),
                &format!("{shown}:{number}"),
            )?);
        }
        Ok(rules)
    }

    fn parse(text: &str, origin: &str) -> Result<Self, RuleCause> {
        let (resources, path) = match split_outside(text, ':')[0] {
            before if before.contains('/') && before.len() < text.len() => {
                let selector = Selector::parse(before).map_err(RuleCause::Selector)?;
                (Some(selector), &text[before.len() + 1..])
            }
            _ => (None, text),
        };
        let pattern = Pattern::parse(path).map_err(RuleCause::Pattern)?;
        let kinds = resources.as_ref().map_or(&Kind::ALL[..], Selector::kinds);
        check_pattern(kinds, &pattern).map_err(RuleCause::Pattern)?;
        Ok(Self {
            text: text.to_owned(),
            resources,
            pattern,
            origin: origin.to_owned(),
        })
    }

    /// The path that it ignores.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Whether it applies to this resource.
    #[must_use]
    pub fn is_for(&self, id: &ResourceId) -> bool {
        self.resources.as_ref().is_none_or(|of| of.selects(id))
    }

    /// Whether it ignores this resource as a whole.
    #[must_use]
    pub fn leaves_out(&self, id: &ResourceId) -> bool {
        let names = |of: &Selector| of.selects(id);
        self.pattern.is_resource() && self.resources.as_ref().is_some_and(names)
    }

    /// The warning that the rule matched nothing.
    #[must_use]
    pub fn unused(&self) -> String {
        format!("{}: `{}` matched no resource", self.origin, self.text)
    }
}

/// The line without its comment: a `#` at the start or after a blank, outside brackets and quotes.
fn without_comment(line: &str) -> &str {
    let mut end = 0;
    for part in split_outside(line, '#') {
        let before = &line[..end + part.len()];
        if before.is_empty() || before.ends_with(char::is_whitespace) {
            return before;
        }
        end = before.len() + 1;
    }
    line
}

/// Checks one path for objects of these kinds. Fails with a text that says what is wrong, if the path leads into an
/// atomic list wherever it leads anywhere. A path that leads nowhere is no error here: whether it matches something is
/// known after the comparison.
pub(super) fn check_pattern(kinds: &[Kind], pattern: &Pattern) -> Result<(), PatternError> {
    let outcomes = kinds
        .iter()
        .map(|kind| through_struct(&types::root(*kind), pattern.steps()));
    match outcomes.max() {
        Some(PathTarget::Atomic) => Err(PatternError {
            text: pattern.text().to_owned(),
            cause: PatternCause::AtomicItem,
        }),
        _ => Ok(()),
    }
}

/// Where a path leads; the better outcome is the greater one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PathTarget {
    Nowhere,
    Atomic,
    Somewhere,
}

fn through(ty: &Type, steps: &[PatternStep]) -> PathTarget {
    let Some((step, rest)) = steps.split_first() else {
        return PathTarget::Somewhere;
    };
    let is_key = matches!(step, PatternStep::Key { .. } | PatternStep::AnyKey);
    match ty {
        Type::Struct(of) => through_struct(of, steps),
        Type::Any => PathTarget::Somewhere,
        // The next steps may be the rest of a key with dots.
        Type::Map { value, .. } if is_key => match **value {
            Type::Scalar(_) => PathTarget::Somewhere,
            ref value => through(value, rest),
        },
        Type::List {
            kind: ListKind::Atomic,
            ..
        } if !is_key => PathTarget::Atomic,
        Type::List { item, .. } if !is_key => through(item, rest),
        Type::Map { .. } | Type::List { .. } | Type::Scalar(_) => PathTarget::Nowhere,
    }
}

fn through_struct(ty: &Struct, steps: &[PatternStep]) -> PathTarget {
    let Some((step, rest)) = steps.split_first() else {
        return PathTarget::Somewhere;
    };
    match step {
        PatternStep::Key { name, .. } => ty
            .field(name)
            .map_or(PathTarget::Nowhere, |field| through(&field.ty, rest)),
        PatternStep::AnyKey => ty
            .fields
            .iter()
            .map(|field| through(&field.ty, rest))
            .max()
            .unwrap_or(PathTarget::Nowhere),
        PatternStep::Item(_) | PatternStep::Index(_) | PatternStep::AnyItem => PathTarget::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(kind: Kind, namespace: &str, name: &str) -> ResourceId {
        ResourceId {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_rule_may_begin_with_the_resources_that_it_applies_to() {
        let list = "Deployment/*:spec.replicas, metadata.labels[\"a/b:c\"],!*/shop/*:data[\"x,y\"]";
        let rules = IgnoreRule::parse_list(list, "--ignore-fields").unwrap();
        let (web, svc) = (
            id(Kind::Deployment, "shop", "web"),
            id(Kind::Service, "pay", "web"),
        );
        let is_for: Vec<(bool, bool)> = rules
            .iter()
            .map(|rule| (rule.is_for(&web), rule.is_for(&svc)))
            .collect();
        assert_eq!(is_for, [(true, false), (true, true), (false, true)]);
        assert_eq!(rules[0].pattern().text(), "spec.replicas");
        assert!(rules.iter().all(|rule| !rule.leaves_out(&web)));
        let whole = IgnoreRule::parse_list("Deployment/w*:<resource>,<resource>", "x").unwrap();
        let leaves_out: Vec<bool> = whole.iter().map(|rule| rule.leaves_out(&web)).collect();
        assert_eq!(leaves_out, [true, false]);
        assert!(!whole[0].leaves_out(&svc));
    }

    #[test]
    fn an_invalid_rule_is_reported_with_its_place() {
        for (list, message) in [
            (
                "Pod/x:spec",
                "rules:3: bad resource `Pod/x`: expected one of the compared kinds (ConfigMap, Deployment, Namespace, Service), found `Pod`",
            ),
            (
                "svc/*:spec.clusterIPs[0]",
                "rules:3: bad field path `spec.clusterIPs[0]`: it names an item of a list that is compared as a whole: end the path at the list",
            ),
            ("svc/x:", "rules:3: bad field path ``: the path is empty"),
        ] {
            assert_eq!(
                IgnoreRule::parse_list(list, "rules:3")
                    .unwrap_err()
                    .to_string(),
                message
            );
        }
    }

    #[test]
    fn a_comment_begins_at_the_start_or_after_a_blank() {
        for (line, rest) in [
            ("# all of it", ""),
            ("spec.replicas # autoscaled", "spec.replicas "),
            ("data[\"a #b\"]#c # d", "data[\"a #b\"]#c "),
            ("data.a#b", "data.a#b"),
            ("", ""),
        ] {
            assert_eq!(without_comment(line), rest);
        }
    }

    #[test]
    fn an_item_of_an_atomic_list_is_refused() {
        for (path, good) in [
            ("spec.replicas", true),
            ("spec.template.spec.containers[name=web].image", true),
            ("spec.template.spec.containers[*].args", true),
            ("spec.template.spec.containers[*].args[0]", false),
            ("spec.template.spec.containers[*].args[*]", false),
            ("spec.template.spec.tolerations[key=a]", false),
            ("spec.template.spec.*[0]", true),
            ("spec.template.spec.containers[*].*[name=x]", true),
            (
                "spec.template.spec.containers[*].securityContext.capabilities.*[0]",
                false,
            ),
            ("metadata.labels.app.kubernetes.io/name", true),
            ("spec.nope[0]", true),
            ("<resource>", true),
        ] {
            let pattern = Pattern::parse(path).unwrap();
            assert_eq!(
                check_pattern(&[Kind::Deployment], &pattern).is_ok(),
                good,
                "{path}"
            );
        }
        let pattern = Pattern::parse("spec.clusterIPs[0]").unwrap();
        assert_eq!(
            check_pattern(&Kind::ALL, &pattern).unwrap_err().to_string(),
            "bad field path `spec.clusterIPs[0]`: it names an item of a list that is compared as a whole: end the path at the list"
        );
        assert!(check_pattern(&Kind::ALL, &Pattern::parse("spec.ports[0]").unwrap()).is_ok());
    }
}
