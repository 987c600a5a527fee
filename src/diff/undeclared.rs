//! Places where nothing is declared: live values that are defaults, written by others, or removed from Git.

use super::walk::{Spot, Walk};
use super::{Class, Edit, Origin, Verdict};
use crate::normalize::{self, Plain};
use crate::schema::{
    DefaultRow, Field, Follower, ListKind, Members, RuleId, Scalar, Siblings, Struct, StructRef,
    Type, Union,
};

impl<'a> Walk<'_, 'a> {
    /// Compares a place where nothing is declared.
    pub(super) fn undeclared(
        &mut self,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        let rules = &field.rules;
        if let Some(rule) = rules.foreign.or(rules.allocated) {
            return self.not_drift(rule, spot);
        }
        if rules.kept.is_none() && spot.was_declared() && spot.live.is_some() {
            return self.removed(field, siblings, spot);
        }
        if !self.strict && self.default_of.is_none() {
            return self.not_drift(RuleId::NOT_DECLARED, spot);
        }
        match &field.ty {
            Type::Scalar(scalar) => self.defaulted(*scalar, field, siblings, spot),
            Type::Struct(ty) if !field.pointer || siblings.default(field.name).is_some() => {
                self.default_struct(rules.default, spot);
                self.structure(*ty, spot);
            }
            Type::List { .. } | Type::Map { .. } if spot.is_live_empty() => {
                self.alike(RuleId::EMPTY_VALUE, spot);
            }
            Type::Map {
                value,
                atomic: false,
            } => self.map(value, rules, spot),
            Type::List {
                item,
                kind: ListKind::Keyed(keys),
            } => self.items(item, keys, rules, spot),
            Type::List { .. } | Type::Map { .. } | Type::Struct(_) if spot.live.is_some() => {
                self.extra(spot);
            }
            Type::Any | Type::List { .. } | Type::Map { .. } | Type::Struct(_) => {}
        }
    }

    /// Compares a struct that the server fills in. Its fields have their own rows.
    fn default_struct(&mut self, row: Option<&DefaultRow>, spot: &Spot<'a>) {
        let rule = row.map(DefaultRow::id);
        if spot.is_live_empty() {
            self.alike(rule.unwrap_or(RuleId::EMPTY_VALUE), spot);
        }
        if let Some(rule) = rule {
            self.emit(Verdict::NotDrift(rule, None));
        }
    }

    /// Compares an undeclared scalar, which must be what the server fills in.
    pub(super) fn defaulted(
        &mut self,
        ty: Scalar,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        let rules = &field.rules;
        let Some(desired) = siblings.default(field.name) else {
            return match spot.live {
                Some(live) if field.pointer || !Plain::from(live).is_zero(ty) => self.extra(spot),
                _ => self.alike(RuleId::EMPTY_VALUE, spot),
            };
        };
        let live = spot.live.map_or(Plain::Nothing, Plain::from);
        if normalize::same(ty, rules.milli, Plain::from(&desired), live) {
            return self.not_drift(filled_in(field, siblings), spot);
        }
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let mut finding = self.finding(class, spot, Some(desired.clone()), Edit::Set(desired));
        finding.origin = self
            .default_of
            .clone()
            .map_or(Origin::Default, Origin::DefaultOf);
        self.emit(Verdict::Drift(finding));
    }

    /// Reports a live value that nothing declares and the server does not fill in.
    pub(super) fn extra(&mut self, spot: &Spot<'a>) {
        if self.strict {
            self.report_removal(Class::Extra, Origin::Default, spot);
        } else {
            self.not_drift(RuleId::NOT_DECLARED, spot);
        }
    }

    /// Reports a live value that a repair removes.
    pub(super) fn report_removal(&mut self, class: Class, origin: Origin, spot: &Spot<'a>) {
        let mut finding = self.finding(class, spot, None, Edit::Remove);
        finding.origin = origin;
        self.emit(Verdict::Drift(finding));
    }

    /// Compares a live field that was declared earlier and no longer is. What others have added below it stays: the
    /// field is reported as a whole only if it contains nothing else.
    pub(super) fn removed(
        &mut self,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        if is_as_filled_in(field, siblings, spot) {
            return self.left_as_filled_in(field, siblings, spot);
        }
        match &field.ty {
            Type::Map {
                value,
                atomic: false,
            } => self.map(value, &field.rules, spot),
            Type::List {
                item,
                kind: ListKind::Keyed(keys),
            } => self.items(item, keys, &field.rules, spot),
            Type::Struct(ty)
                if !(ty.atomic || is_one(field, ty) && is_removed_whole(*ty, spot)) =>
            {
                if self.strict && spot.last.is_none() && is_one(field, ty) {
                    // Others own the rest, which is an extra as a whole, its defaults included.
                    self.removed_parts(*ty, spot);
                    self.extra(spot);
                } else {
                    self.structure(*ty, spot);
                }
            }
            Type::Any
            | Type::Scalar(_)
            | Type::List { .. }
            | Type::Map { .. }
            | Type::Struct(_) => self.report_removed_field(field, siblings, spot),
        }
    }

    /// Compares a field that was removed from Git and whose live value is the server's default.
    fn left_as_filled_in(
        &mut self,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        if self.lists_suppressed {
            self.undeclared(field, siblings, &spot.without_history());
        } else {
            self.emit(Verdict::Same);
        }
    }

    /// Compares an item or a struct from which fields were removed in Git, and which stays because somebody else owns
    /// it.
    pub(super) fn removed_parts(&mut self, ty: StructRef, spot: &Spot<'a>) {
        let strict = std::mem::replace(&mut self.strict, false);
        self.structure(ty, spot);
        self.strict = strict;
    }

    /// Reports a field that was removed from Git as a whole.
    fn report_removed_field(
        &mut self,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        let default = siblings
            .default(field.name)
            .filter(|_| field.rules.carried_over);
        let edit = default.map_or(Edit::Remove, Edit::Set);
        let finding = self.finding(Class::Removed, spot, None, edit);
        self.emit(Verdict::Drift(finding));
    }
}

/// Whether a struct that was removed from Git contains nothing of others.
fn is_removed_whole(ty: StructRef, spot: &Spot<'_>) -> bool {
    let applied = spot.applied.zip(spot.live);
    applied.is_some_and(|(applied, live)| applied.empties(live))
        || spot.last.is_some() && is_explained_by_last(ty, spot)
}

/// Whether a struct is added and removed as a unit: a pointer, or a union whose `type` determines the rest.
fn is_one(field: &Field, ty: &Struct) -> bool {
    let by_type = |union: &Union| matches!(union.members, Members::ByType(_));
    field.pointer || ty.union.is_some_and(by_type)
}

/// Whether the live value is what the server fills in if nothing is declared, so that removing it changes nothing.
fn is_as_filled_in<'a>(field: &'static Field, siblings: &Siblings<'a>, spot: &Spot<'a>) -> bool {
    let mut same = true;
    let mut sink = |verdict: Verdict| same &= !matches!(verdict, Verdict::Drift(_));
    Walk::new(true, &mut sink).undeclared(field, siblings, &spot.without_history());
    same
}

/// Whether everything live below a struct was declared by the last apply or is a default.
pub(super) fn is_explained_by_last(ty: StructRef, spot: &Spot<'_>) -> bool {
    let mut explained = true;
    let spot = Spot {
        declared: spot.last,
        last: None,
        applied: None,
        ..spot.clone()
    };
    let mut sink = |verdict: Verdict| {
        explained &= !matches!(verdict, Verdict::Drift(finding) if finding.class == Class::Extra);
    };
    Walk::new(true, &mut sink).structure(ty, &spot);
    explained
}

/// The row according to which the server fills in a field.
fn filled_in(field: &Field, siblings: &Siblings<'_>) -> RuleId {
    let follower = field.rules.follows.filter(|row| siblings.has(row.from));
    let follower = follower.map(Follower::id);
    let default = || field.rules.default.map(DefaultRow::id);
    follower.or_else(default).unwrap_or(RuleId::NOT_DECLARED)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::diff::{Sides, Verdict, compare};
    use crate::path::Ignore;
    use crate::schema::{DEFAULTS, Kind};
    use crate::yaml;

    /// `tests/integration/defaults.rs` shows that the API server makes these objects of these manifests.
    #[test]
    fn each_row_of_the_defaults_is_needed_to_find_no_drift() {
        let manifests = include_bytes!("../../tests/cases/defaults/manifests.yaml");
        let live = include_str!("../../tests/cases/defaults/live.json");
        let live: Value = serde_json::from_str(live).unwrap();
        let stream = yaml::read(manifests.to_vec());
        let mut used = BTreeSet::new();
        let objects = live["items"].as_array().unwrap();
        assert_eq!(stream.documents.len(), objects.len());
        for (document, live) in stream.documents.iter().zip(objects) {
            let text = |key: &str| live[key].as_str().unwrap();
            let sides = Sides {
                kind: Kind::find(text("apiVersion"), text("kind")).unwrap(),
                declared: stream.tree.node(document.root),
                live,
                last_applied: None,
                applied: None,
                ignore: Ignore::default(),
                strict: true,
                unstored: None,
                lists_suppressed: false,
            };
            compare(sides, &mut |verdict| match verdict {
                Verdict::Same => {}
                Verdict::NotDrift(rule, _) => drop(used.insert(rule)),
                Verdict::LeftOut(_) => panic!("there are no rules"),
                Verdict::Drift(finding) => panic!("{finding:#?}"),
                Verdict::NotStored(_) => panic!("the server stores all of it"),
                Verdict::UnknownLive(path) => panic!("unknown: {path}"),
            });
        }
        let unused: Vec<&str> = DEFAULTS
            .iter()
            .filter(|row| !used.contains(&row.id()))
            .map(|row| row.at)
            .collect();
        assert!(unused.is_empty(), "no object needs {unused:?}");
    }
}
