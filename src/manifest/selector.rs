//! Resources by name: `Deployment/web`, `deploy/shop/*`, `!*/kube-system/*`.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

use super::suggest;
use crate::schema::{Kind, ResourceId};

/// Selects resources for `--only` and the rules of `--ignore-fields`: `KIND/NAME` in any namespace, or
/// `KIND/NAMESPACE/NAME`. `*` matches any characters except `/`; a leading `!` selects all other resources.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    text: String,
    is_negated: bool,
    kinds: Vec<Kind>,
    namespace: Option<GlobMatcher>,
    name: GlobMatcher,
}

/// The error of a text that is not a selector.
#[derive(Debug, PartialEq, Eq)]
pub struct SelectorError {
    text: String,
    cause: SelectorCause,
}

#[derive(Debug, PartialEq, Eq)]
enum SelectorCause {
    /// It does not have two or three parts.
    Parts,
    EmptyPart,
    /// This is no kind that is compared.
    Kind(String),
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad resource `{}`: ", self.text)?;
        match &self.cause {
            SelectorCause::Parts => f.write_str("expected KIND/NAME or KIND/NAMESPACE/NAME"),
            SelectorCause::EmptyPart => {
                f.write_str("a part of it is empty: write `*` to match anything")
            }
            SelectorCause::Kind(word) => {
                let names = Kind::ALL.map(Kind::name);
                let known = names.join(", ");
                write!(
                    f,
                    "expected one of the compared kinds ({known}), found `{word}`"
                )?;
                match suggest::nearest(word, names, |_| true) {
                    Some(name) => write!(f, ", did you mean {name}?"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for SelectorError {}

impl Selector {
    /// Parses one selector. Fails if the form or the kind is unknown.
    pub(super) fn parse(text: &str) -> Result<Self, SelectorError> {
        let text = text.trim();
        let (is_negated, rest) = text
            .strip_prefix('!')
            .map_or((false, text), |rest| (true, rest.trim_start()));
        let bad = |cause: SelectorCause| SelectorError {
            text: text.to_owned(),
            cause,
        };
        let parts: Vec<&str> = rest.split('/').map(str::trim).collect();
        let (kind, namespace, name) = match parts[..] {
            [kind, name] => (kind, None, name),
            [kind, namespace, name] => (kind, Some(namespace), name),
            _ => return Err(bad(SelectorCause::Parts)),
        };
        if parts.iter().any(|part| part.is_empty()) {
            return Err(bad(SelectorCause::EmptyPart));
        }
        Ok(Self {
            text: text.to_owned(),
            is_negated,
            kinds: kinds(kind).map_err(bad)?,
            namespace: namespace.map(glob),
            name: glob(name),
        })
    }

    /// The selector as written.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it leaves out what it names.
    pub(crate) fn is_negated(&self) -> bool {
        self.is_negated
    }

    /// The kinds that it can select resources of.
    #[must_use]
    pub(crate) fn kinds(&self) -> &[Kind] {
        if self.is_negated {
            &Kind::ALL
        } else {
            &self.kinds
        }
    }

    /// Whether it selects this resource.
    #[must_use]
    pub(super) fn selects(&self, id: &ResourceId) -> bool {
        self.names(id) != self.is_negated
    }

    /// Whether it names this resource, to select it or to leave it out.
    #[must_use]
    pub(crate) fn names(&self, id: &ResourceId) -> bool {
        self.reaches(id.kind, &id.namespace) && self.name.is_match(&id.name)
    }

    /// Whether it names any resource of this kind in this namespace.
    fn reaches(&self, kind: Kind, namespace: &str) -> bool {
        let is_in = |of: &GlobMatcher| kind.is_namespaced() && of.is_match(namespace);
        self.kinds.contains(&kind) && self.namespace.as_ref().is_none_or(is_in)
    }
}

fn kinds(word: &str) -> Result<Vec<Kind>, SelectorCause> {
    if let Some(kind) = Kind::called(word) {
        return Ok(vec![kind]);
    }
    if word.contains('*') {
        let glob = glob(&word.to_ascii_lowercase());
        let found = Kind::ALL
            .into_iter()
            .filter(|kind| glob.is_match(kind.name().to_ascii_lowercase()));
        return Ok(found.collect());
    }
    Err(SelectorCause::Kind(word.to_owned()))
}

/// A pattern in which only `*` is special.
fn glob(text: &str) -> GlobMatcher {
    let parts: Vec<String> = text.split('*').map(globset::escape).collect();
    GlobBuilder::new(&parts.join("*"))
        .literal_separator(true)
        .build()
        .expect("everything but `*` is escaped")
        .compile_matcher()
}

/// The resources that a run compares.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    selectors: Vec<Selector>,
}

impl Selection {
    /// Adds a comma-separated list; blanks and empty items are ignored. Fails as [`Selector::parse`] does.
    pub fn add(&mut self, list: &str) -> Result<(), SelectorError> {
        for item in list.split(',').filter(|item| !item.trim().is_empty()) {
            self.selectors.push(Selector::parse(item)?);
        }
        Ok(())
    }

    /// Whether it includes all resources.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.selectors.is_empty()
    }

    /// Whether it includes this resource: one of its selectors matches it, or all are negated, and no negated one
    /// excludes it.
    #[must_use]
    pub fn includes(&self, id: &ResourceId) -> bool {
        let (without, with): (Vec<&Selector>, Vec<&Selector>) = self
            .selectors
            .iter()
            .partition(|selector| selector.is_negated);
        (with.is_empty() || with.iter().any(|selector| selector.names(id)))
            && !without.iter().any(|selector| selector.names(id))
    }

    /// Whether it may include resources of this kind in this namespace.
    #[must_use]
    pub(super) fn reaches(&self, kind: Kind, namespace: &str) -> bool {
        let mut of_place = self
            .selectors
            .iter()
            .filter(|of| of.reaches(kind, namespace));
        let is_open = self.selectors.iter().all(|selector| selector.is_negated);
        let is_closed =
            |selector: &Selector| selector.is_negated && selector.name.glob().glob() == "*";
        (is_open || of_place.clone().any(|selector| !selector.is_negated))
            && !of_place.any(is_closed)
    }

    /// Its selectors that match none of these resources.
    pub(super) fn unused<'s, 'r>(
        &'s self,
        resources: impl Iterator<Item = &'r ResourceId> + Clone,
    ) -> impl Iterator<Item = &'s Selector> {
        self.selectors
            .iter()
            .filter(move |selector| !resources.clone().any(|id| selector.names(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ResourceId {
        let parts: Vec<&str> = text.split('/').collect();
        ResourceId {
            kind: Kind::called(parts[0]).unwrap(),
            namespace: parts[1].to_owned(),
            name: parts[2].to_owned(),
        }
    }

    fn selected(list: &str) -> Vec<&'static str> {
        let mut selection = Selection::default();
        selection.add(list).unwrap();
        [
            "Deployment/shop/web",
            "Deployment/pay/web",
            "Service/shop/web",
            "ConfigMap/shop/leader-1",
            "Namespace//shop",
        ]
        .into_iter()
        .filter(|text| selection.includes(&id(text)))
        .collect()
    }

    #[test]
    fn resources_are_selected_by_kind_namespace_and_name() {
        let shop = [
            "Deployment/shop/web",
            "Service/shop/web",
            "ConfigMap/shop/leader-1",
        ];
        for (list, expected) in [
            (
                "deploy/web",
                &["Deployment/shop/web", "Deployment/pay/web"][..],
            ),
            ("DEPLOYMENTS/shop/web", &["Deployment/shop/web"]),
            ("deployments.apps/pay/*", &["Deployment/pay/web"]),
            ("*/shop/*", &shop),
            ("cm/leader-*", &["ConfigMap/shop/leader-1"]),
            ("ns/shop", &["Namespace//shop"]),
            ("ns/*/shop", &[]),
            ("*/shop/*, !svc/*,!deploy/*", &["ConfigMap/shop/leader-1"]),
            ("!*/web", &["ConfigMap/shop/leader-1", "Namespace//shop"]),
            ("S*/web,ns/*", &["Service/shop/web", "Namespace//shop"]),
            ("deploy/[w]eb", &[]),
        ] {
            assert_eq!(selected(list), expected, "{list}");
        }
        assert_eq!(selected(" , ").len(), 5);
    }

    #[test]
    fn only_places_that_a_selection_reaches_need_to_be_listed() {
        for (list, config_maps, services) in [
            ("", true, true),
            ("cm/x", true, false),
            ("*/shop/*", true, true),
            ("*/pay/*,svc/x", false, true),
            ("!cm/x", true, true),
            ("!cm/*", false, true),
            ("!cm/pay/*", true, true),
            ("*/*,!svc/shop/*", true, false),
        ] {
            let mut selection = Selection::default();
            selection.add(list).unwrap();
            let reached =
                [Kind::ConfigMap, Kind::Service].map(|kind| selection.reaches(kind, "shop"));
            assert_eq!(reached, [config_maps, services], "{list}");
        }
    }

    #[test]
    fn an_invalid_selector_is_refused_with_a_reason() {
        for (text, cause) in [
            ("web", "expected KIND/NAME or KIND/NAMESPACE/NAME"),
            ("a/b/c/d", "expected KIND/NAME or KIND/NAMESPACE/NAME"),
            (
                "deploy/",
                "a part of it is empty: write `*` to match anything",
            ),
            (
                "Deploymnet/web",
                "expected one of the compared kinds (ConfigMap, Deployment, Namespace, Service), found `Deploymnet`, did you mean Deployment?",
            ),
            (
                "Secret/x",
                "expected one of the compared kinds (ConfigMap, Deployment, Namespace, Service), found `Secret`",
            ),
        ] {
            assert_eq!(
                Selector::parse(text).unwrap_err().to_string(),
                format!("bad resource `{text}`: {cause}")
            );
        }
    }
}
