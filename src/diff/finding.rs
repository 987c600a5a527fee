//! The current position of the walk, and the findings made there.

use serde_json::Value;

use super::enclosing::Enclosing;
use super::walk::{Spot, Step, Walk};
use super::{Class, Edit, Finding, ManifestStep, Origin, PointerToken};
use crate::path::{Ignore, Path, Segment};
use crate::yaml::Node;

impl<'a> Walk<'_, 'a> {
    /// Enters a struct, map or list. Returns the previous enclosing node, which the caller restores afterwards.
    pub(super) fn enter(&mut self, declared: Option<Node<'a>>) -> Option<Enclosing<'a>> {
        let outer = self.enclosing;
        if let Some(node) = declared {
            let enclosing = match (self.steps.last(), outer) {
                (Some(Step::Key(key)), Some(outer)) => outer.value_of(key, node),
                _ => Enclosing::new(node),
            };
            self.enclosing = Some(enclosing);
        }
        outer
    }

    /// The path of the current place.
    pub(super) fn path(&self) -> Path {
        let mut path = Path::root();
        let last = self.steps.len().saturating_sub(1);
        for (at, step) in self.steps.iter().enumerate() {
            path.push(match step {
                Step::Key(key) => Segment::Key((*key).to_owned()),
                Step::Position(i, _) => Segment::Index(*i),
                Step::Item { list, item, .. } => list.segment(*item, at == last),
            });
        }
        path
    }

    /// The path of a sibling field.
    pub(super) fn sibling_path(&self, field: &str) -> Path {
        let mut path = self.path();
        path.pop();
        path.key(field)
    }

    /// Builds a finding at the current place.
    pub(super) fn finding(
        &self,
        class: Class,
        spot: &Spot<'a>,
        desired: Option<Value>,
        edit: Edit,
    ) -> Box<Finding> {
        let at = self.steps.iter().map(|step| match step {
            Step::Key(key) => PointerToken::Key((*key).to_owned()),
            Step::Position(_, j) => PointerToken::Index(*j),
            Step::Item { item, .. } => PointerToken::Index(item.live.unwrap_or_default()),
        });
        Box::new(Finding {
            path: self.path(),
            class,
            declared: spot
                .declared
                .or_else(|| self.enclosing.as_ref().map(Enclosing::place))
                .map(Node::id),
            desired,
            origin: Origin::Declared,
            live: spot.live.cloned(),
            declared_pointer: spot.declared.map(|_| self.declared_pointer()),
            at: at.collect(),
            in_manifest: self.in_manifest(),
            edit,
            immutable: self.immutable,
            kept: self.kept,
            consequences: self
                .consequences
                .iter()
                .map(|path| (*path).to_owned())
                .collect(),
            writers: Vec::new(),
        })
    }

    /// The finding to list for a difference that is not drift; `None` if both sides have the same value.
    pub(super) fn passed_over(&self, spot: &Spot<'a>) -> Option<Box<Finding>> {
        let desired = spot.declared.map(Node::to_json).filter(|v| !v.is_null());
        let class = match (&desired, spot.live) {
            (None, None) => return None,
            (Some(desired), Some(live)) if desired == live => return None,
            (Some(_), Some(_)) => Class::Changed,
            (Some(_), None) => Class::Missing,
            (None, Some(_)) => Class::Extra,
        };
        Some(self.finding(class, spot, desired, Edit::Nothing))
    }

    fn in_manifest(&self) -> Vec<ManifestStep> {
        let steps = self.steps.iter().map(|step| match step {
            Step::Key(key) => ManifestStep::Key((*key).to_owned()),
            Step::Position(i, _) => ManifestStep::Item(*i),
            Step::Item { item, after, .. } => match item.declared {
                Some(i) => ManifestStep::Item(i),
                None => ManifestStep::NewItem {
                    live: item.live.unwrap_or_default(),
                    after: *after,
                },
            },
        });
        steps.collect()
    }

    pub(super) fn declared_pointer(&self) -> String {
        let tokens: Vec<PointerToken> = self
            .steps
            .iter()
            .map(|step| match step {
                Step::Key(key) => PointerToken::Key((*key).to_owned()),
                Step::Position(i, _) => PointerToken::Index(*i),
                Step::Item { item, .. } => PointerToken::Index(item.declared.unwrap_or_default()),
            })
            .collect();
        super::pointer(&tokens)
    }
}

/// The edit that sets a declared value.
pub(super) fn set(value: Option<Value>) -> Edit {
    Edit::Set(value.unwrap_or(Value::Null))
}

/// A declared value as a repair writes it: ignored fields in it keep their live value, or stay absent.
pub(super) fn keep_ignored(desired: Value, live: Option<&Value>, ignore: &Ignore<'_>) -> Value {
    let Value::Object(mut desired) = desired else {
        return desired;
    };
    if ignore.is_empty() {
        return Value::Object(desired);
    }
    let live = live.and_then(Value::as_object);
    let keys: Vec<String> = desired
        .keys()
        .chain(live.into_iter().flat_map(serde_json::Map::keys))
        .cloned()
        .collect();
    for key in keys {
        let (below, live) = (ignore.key(&key), live.and_then(|live| live.get(&key)));
        if below.here() {
            match live {
                Some(live) => desired.insert(key, live.clone()),
                None => desired.remove(&key),
            };
        } else if let Some(value) = desired.remove(&key) {
            desired.insert(key, keep_ignored(value, live, &below));
        }
    }
    Value::Object(desired)
}
