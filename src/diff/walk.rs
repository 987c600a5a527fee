//! The recursion over a struct's fields, a map's keys and a list's items.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::applied::Applied;
use super::enclosing::Enclosing;
use super::keyed::{ItemSides, KeyedItems};
use super::unstored::Unstored;
use super::{Class, Edit, Origin, Sides, Verdict};
use crate::normalize::{self, Plain};
use crate::path::{Ignore, Path};
use crate::schema::{
    Field, Follower, Immutable, MOST_FIELDS, RuleId, Rules, Siblings, Struct, StructRef, Type,
};
use crate::yaml::{self, Node};

/// The three sides of one place.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub(super) declared: Option<Node<'a>>,
    pub(super) live: Option<&'a Value>,
    /// What the last apply declared.
    pub(super) last: Option<Node<'a>>,
    /// What only the manager that applied the manifest with server-side apply owns.
    pub(super) applied: Option<&'a Applied>,
    pub(super) ignore: Ignore<'a>,
}

impl<'a> Spot<'a> {
    /// Whether a record on the object says that an earlier manifest declared this, or a part of it.
    pub(super) fn was_declared(&self) -> bool {
        self.last.is_some() || self.applied.is_some()
    }

    /// The same place without the records of earlier manifests.
    pub(super) fn without_history(&self) -> Self {
        Self {
            declared: None,
            last: None,
            applied: None,
            ..self.clone()
        }
    }

    /// The same place without ignore rules.
    pub(super) fn without_rules(&self) -> Self {
        Self {
            ignore: Ignore::default(),
            ..self.clone()
        }
    }

    /// Whether an empty list, map or struct is live.
    pub(super) fn is_live_empty(&self) -> bool {
        match self.live {
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Object(map)) => map.is_empty(),
            _ => false,
        }
    }

    pub(super) fn live_items(&self) -> &'a [Value] {
        self.live
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

/// The fields of a struct that need a comparison, because a side has them or the server fills them in. Each key of each
/// side is looked up once. Unused fields, of which most structs have many, cost nothing.
struct Fields<'a> {
    /// Their indices among the struct's fields, as a bit set.
    places: u64,
    declared: [Option<Node<'a>>; MOST_FIELDS],
    live: [Option<&'a Value>; MOST_FIELDS],
    last: [Option<Node<'a>>; MOST_FIELDS],
}

impl<'a> Fields<'a> {
    /// `null` counts as absent.
    fn of(ty: &Struct, spot: &Spot<'a>, strict: bool) -> Self {
        let mut fields = Self {
            places: 0,
            declared: [None; MOST_FIELDS],
            live: [None; MOST_FIELDS],
            last: [None; MOST_FIELDS],
        };
        let defaulted = ty.defaulted.iter().filter(|_| strict);
        let followers = ty.followers.iter().filter(|_| spot.declared.is_some());
        for index in defaulted.chain(followers) {
            fields.places |= 1 << index;
        }
        for (node, side) in [
            (spot.declared, &mut fields.declared),
            (spot.last, &mut fields.last),
        ] {
            let entries = node.into_iter().flat_map(Node::entries);
            for entry in entries.filter(|entry| !entry.value.is_null()) {
                if let Some(index) = ty.index(entry.key) {
                    fields.places |= 1 << index;
                    side[index] = Some(entry.value);
                }
            }
        }
        let live = spot.live.and_then(Value::as_object).into_iter().flatten();
        for (key, value) in live.filter(|(_, value)| !value.is_null()) {
            if let Some(index) = ty.index(key) {
                fields.places |= 1 << index;
                fields.live[index] = Some(value);
            }
        }
        fields
    }

    /// Removes and returns the next index.
    fn next(&mut self) -> Option<usize> {
        let index = self.places.trailing_zeros();
        self.places &= self.places.wrapping_sub(1);
        (index < u64::BITS).then_some(index as usize)
    }
}

/// One step from the root to the current place.
#[derive(Clone)]
pub(super) enum Step<'a> {
    Key(&'a str),
    /// An item of a list that is compared as a whole, by its positions on both sides.
    Position(usize, usize),
    Item {
        list: Rc<KeyedItems<'a>>,
        item: ItemSides,
        /// For an undeclared item: the declared item that matches the nearest live one before it.
        after: Option<usize>,
    },
}

/// The state of the recursion.
pub(super) struct Walk<'w, 'a> {
    /// Also report live values that nothing declares.
    pub(super) strict: bool,
    /// Also return the values of differences that are not drift.
    pub(super) lists_suppressed: bool,
    /// The declared values that this server does not store.
    pub(super) unstored: Option<&'a Unstored>,
    /// Set inside a value that the server derives from the field at this path; defaults then count as declared.
    pub(super) default_of: Option<Path>,
    /// The nearest enclosing row that forbids a change.
    pub(super) immutable: Option<&'static Immutable>,
    /// The row according to which repairs keep the current field if nothing declares it.
    pub(super) kept: Option<RuleId>,
    /// What the server changes with the current field.
    pub(super) consequences: &'static [&'static str],
    pub(super) steps: Vec<Step<'a>>,
    /// The nearest declared node around the current place.
    pub(super) enclosing: Option<Enclosing<'a>>,
    sink: &'w mut dyn FnMut(Verdict),
}

/// Compares two whole objects.
pub(super) fn object(ty: StructRef, sides: Sides<'_>, sink: &mut dyn FnMut(Verdict)) {
    let mut walk = Walk::new(sides.strict, sink);
    walk.lists_suppressed = sides.lists_suppressed;
    walk.unstored = sides.unstored;
    let spot = Spot {
        declared: Some(sides.declared),
        live: Some(sides.live),
        last: sides.last_applied,
        applied: sides.applied,
        ignore: sides.ignore,
    };
    walk.structure(ty, &spot);
}

impl<'w, 'a> Walk<'w, 'a> {
    pub(super) fn new(strict: bool, sink: &'w mut dyn FnMut(Verdict)) -> Self {
        Self {
            strict,
            lists_suppressed: false,
            unstored: None,
            default_of: None,
            immutable: None,
            kept: None,
            consequences: &[],
            steps: Vec::new(),
            enclosing: None,
            sink,
        }
    }

    pub(super) fn emit(&mut self, verdict: Verdict) {
        (self.sink)(verdict);
    }

    /// Reports that a place has no drift by this rule, whether or not the sides differ.
    pub(super) fn not_drift(&mut self, rule: RuleId, spot: &Spot<'a>) {
        let passed = self
            .lists_suppressed
            .then(|| self.passed_over(spot))
            .flatten();
        self.emit(Verdict::NotDrift(rule, passed));
    }

    /// Reports two values that differ only in spelling, by this rule.
    pub(super) fn alike(&mut self, rule: RuleId, spot: &Spot<'a>) {
        if self.lists_suppressed {
            self.not_drift(rule, spot);
        } else {
            self.emit(Verdict::Same);
        }
    }

    /// Handles a place that ignore rules cover: `compare` finds what they hide.
    pub(super) fn ignored(
        &mut self,
        spot: &Spot<'a>,
        compare: impl FnOnce(&mut Walk<'_, 'a>, &Spot<'a>),
    ) {
        self.not_drift(RuleId::IGNORED, spot);
        let mut count = 0;
        let mut sink = |verdict| count += usize::from(matches!(verdict, Verdict::Drift(_)));
        let mut walk = Walk {
            unstored: self.unstored,
            default_of: self.default_of.clone(),
            steps: std::mem::take(&mut self.steps),
            enclosing: self.enclosing,
            ..Walk::new(self.strict, &mut sink)
        };
        compare(&mut walk, &spot.without_rules());
        self.steps = walk.steps;
        if count > 0 {
            self.emit(Verdict::LeftOut(count));
        }
    }

    /// Compares all fields of a struct.
    pub(super) fn structure(&mut self, ty: StructRef, spot: &Spot<'a>) {
        let ty: &'static Struct = ty.get();
        let enclosing = self.enter(spot.declared);
        if !self.union(ty, spot) {
            let mut fields = Fields::of(ty, spot, self.strict);
            while let Some(index) = fields.next() {
                let field = &ty.fields[index];
                let inner = Spot {
                    declared: fields.declared[index],
                    live: fields.live[index],
                    last: fields.last[index],
                    applied: spot.applied.and_then(|applied| applied.field(field.name)),
                    ignore: spot.ignore.key(field.name),
                };
                self.steps.push(Step::Key(field.name));
                self.field(ty, field, spot, inner);
                self.steps.pop();
            }
            if self.strict {
                self.unknown_fields(ty, spot);
            }
            if self.lists_suppressed {
                self.nulls(ty, spot);
            }
        }
        self.enclosing = enclosing;
    }

    /// Reports live fields that the tables do not know, which come from a newer server.
    fn unknown_fields(&mut self, ty: &Struct, spot: &Spot<'a>) {
        let Some(Value::Object(live)) = spot.live else {
            return;
        };
        for key in live.keys() {
            let is_type = self.steps.is_empty() && matches!(key.as_str(), "apiVersion" | "kind");
            if !is_type && ty.field(key).is_none() && !spot.ignore.key(key).here() {
                let path = self.path().key(key);
                self.emit(Verdict::UnknownLive(path));
                self.pass_over_live(RuleId::UNKNOWN_FIELD, key, live);
            }
        }
    }

    /// Passes over live fields that are `null`, which older servers write.
    fn nulls(&mut self, ty: &Struct, spot: &Spot<'a>) {
        let Some(Value::Object(live)) = spot.live else {
            return;
        };
        for (key, _) in live.iter().filter(|(_, value)| value.is_null()) {
            let is_declared = spot.declared.is_some_and(|node| node.get(key).is_some());
            let field = ty.field(key).filter(|_| !is_declared);
            if field.is_some_and(|field| field.rules.owned.is_none()) {
                self.pass_over_live(RuleId::EMPTY_VALUE, key, live);
            }
        }
    }

    fn pass_over_live(&mut self, rule: RuleId, key: &'a str, live: &'a Map<String, Value>) {
        let spot = Spot {
            declared: None,
            live: live.get(key),
            last: None,
            applied: None,
            ignore: Ignore::default(),
        };
        self.steps.push(Step::Key(key));
        self.not_drift(rule, &spot);
        self.steps.pop();
    }

    /// Compares one field. The columns of its row are checked in turn, and the first that applies decides.
    fn field(
        &mut self,
        owner: &'static Struct,
        field: &'static Field,
        parent: &Spot<'a>,
        mut spot: Spot<'a>,
    ) {
        let rules = &field.rules;
        let siblings = Siblings {
            ty: owner,
            declared: parent.declared,
            kept: parent
                .live
                .filter(|_| parent.declared.is_none() && parent.applied.is_some()),
        };
        if spot.ignore.here() || is_led_by_ignored(rules, parent, &spot) {
            let parent = parent.without_rules();
            return self.ignored(&spot, |walk, spot| {
                walk.field(owner, field, &parent, spot.clone());
            });
        }
        if let Some(rule) = rules.owned {
            return self.not_drift(rule, &spot);
        }
        let follows = rules.follows.is_some_and(|row| siblings.has(row.from));
        let is_filled =
            || rules.allocated.is_some() || follows || siblings.default(field.name).is_some();
        if !field.pointer && spot.declared.is_some_and(|node| is_zero(field, node)) && is_filled() {
            spot.declared = None;
        }
        // What is declared as null or as a zero is applied as well: the next apply does not remove it.
        let is_written = || {
            parent
                .declared
                .and_then(|node| node.get(field.name))
                .is_some()
        };
        if spot.declared.is_none_or(Node::is_null) && spot.applied.is_some() && is_written() {
            spot.applied = None;
        }
        leave_with_sibling(owner, field, parent, &mut spot);
        if let Some(row) = rules.dropped
            && spot.declared.is_some()
            && (row.when)(&siblings)
        {
            return self.not_drift(row.id(), &spot);
        }
        let (immutable, consequences) = (self.immutable, self.consequences);
        self.immutable = rules.immutable.or(immutable);
        self.consequences = rules.consequences;
        self.kept = rules.kept;
        let strict = self.strict;
        self.strict &= rules.foreign.is_none();
        match rules.follows {
            Some(follower)
                if siblings.has(follower.from)
                    && (spot.declared.is_none() || follower.overrides) =>
            {
                self.follower(follower, field, &siblings, &spot);
            }
            Some(follower) if spot.declared.is_some() && siblings.has(follower.from) => {
                // Declared in part: what the server derives for the rest also counts as declared.
                let from = self.sibling_path(follower.from);
                let outer = self.default_of.replace(from);
                self.declared(field, &spot);
                self.default_of = outer;
            }
            _ if spot.declared.is_some() => self.declared(field, &spot),
            _ if self.implied(field, &siblings, &spot) => {}
            _ => self.undeclared(field, &siblings, &spot),
        }
        self.immutable = immutable;
        self.consequences = consequences;
        self.strict = strict;
    }

    /// Compares a value that the server derives from a declared sibling, and that therefore counts as declared.
    fn follower(
        &mut self,
        follower: &Follower,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        let Some(desired) = follower.fill.value(siblings) else {
            return self.not_drift(follower.id(), spot);
        };
        let from = self.sibling_path(follower.from);
        if let Type::Struct(ty) = &field.ty {
            let outer = self.default_of.replace(from);
            self.structure(*ty, spot);
            self.default_of = outer;
            return;
        }
        if is_live(&field.ty, &field.rules, &desired, spot.live) {
            return self.not_drift(follower.id(), spot);
        }
        // The sibling is what is declared, even if it overrides a declared value here.
        let spot = &Spot {
            declared: None,
            ..spot.clone()
        };
        let enclosing = std::mem::replace(
            &mut self.enclosing,
            siblings.declared(follower.from).map(Enclosing::new),
        );
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let mut finding = self.finding(class, spot, Some(desired.clone()), Edit::Set(desired));
        finding.origin = Origin::DefaultOf(from);
        self.enclosing = enclosing;
        self.emit(Verdict::Drift(finding));
    }
}

/// Whether a value can change only together with an ignored sibling.
fn is_led_by_ignored(rules: &Rules, parent: &Spot<'_>, spot: &Spot<'_>) -> bool {
    rules.follows.is_some_and(|row| {
        (spot.declared.is_none() || row.overrides) && parent.ignore.key(row.from).here()
    })
}

/// Gives a copy the history of its sibling if the sibling was removed from Git: the copy is removed too, because the
/// server would restore the sibling from it.
fn leave_with_sibling<'a>(
    owner: &'static Struct,
    field: &Field,
    parent: &Spot<'a>,
    spot: &mut Spot<'a>,
) {
    let siblings = |declared| Siblings {
        ty: owner,
        declared,
        kept: None,
    };
    let Some(row) = field.rules.follows else {
        return;
    };
    if spot.declared.is_some() || siblings(parent.declared).has(row.from) {
        return;
    }
    let is_copy = |value: Option<&Value>| {
        matches!(field.ty, Type::Scalar(_))
            && value.is_some_and(|value| is_live(&field.ty, &field.rules, value, spot.live))
    };
    let last = siblings(parent.last);
    if spot.last.is_none() && is_copy(row.fill.value(&last).as_ref()) {
        spot.last = last.declared(row.from);
    }
    let of_sibling = parent.live.and_then(|live| live.get(row.from));
    if spot.applied.is_none() && is_copy(of_sibling) {
        spot.applied = parent.applied.and_then(|applied| applied.field(row.from));
    }
}

/// Whether a value from the tables is live.
fn is_live(ty: &Type, rules: &Rules, desired: &Value, live: Option<&Value>) -> bool {
    match (ty, desired, live) {
        (Type::Scalar(scalar), _, Some(live)) => normalize::same(
            *scalar,
            rules.milli,
            Plain::from(desired),
            Plain::from(live),
        ),
        (_, Value::Array(desired), Some(Value::Array(live))) if rules.extended.is_some() => {
            live.starts_with(desired)
        }
        (_, desired, live) => Some(desired) == live,
    }
}

/// Whether a field's declared value is the zero that the server fills in.
fn is_zero(field: &Field, node: Node<'_>) -> bool {
    matches!(field.ty, Type::Scalar(scalar) if Plain::from(node).is_zero(scalar))
}

/// Whether a node is a list or a map without entries.
pub(super) fn is_empty(node: Node<'_>) -> bool {
    matches!(node.value(), yaml::Value::List | yaml::Value::Map) && node.is_empty()
}
