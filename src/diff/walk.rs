//! The recursion: a struct's fields, a map's keys, a list's items, and what is said of each.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Class, Edit, Finding, Origin, Sides, Token, Verdict};
use crate::normalize::{self, Plain};
use crate::path::{Ignore, Path, Segment};
use crate::schema::rules::{Follower, Immutable, KeyRow, Order, RuleId, Rules, Siblings};
use crate::schema::types::{Field, ListKind, Scalar, Struct, StructRef, Type};
use crate::yaml::{self, Node};

/// The reason why live values that nothing declares are passed over.
const UNDECLARED: RuleId = RuleId {
    table: "mode",
    at: "undeclared",
};
/// The reason why what the user leaves out is passed over.
pub(super) const IGNORED: RuleId = RuleId {
    table: "mode",
    at: "ignored",
};

/// The three sides of one place.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub(super) declared: Option<Node<'a>>,
    pub(super) live: Option<&'a Value>,
    /// What was declared when the object was last applied.
    pub(super) last: Option<Node<'a>>,
    pub(super) ignore: Ignore<'a>,
}

impl<'a> Spot<'a> {
    /// The same place one key further down.
    fn key(&self, key: &str) -> Self {
        Self {
            declared: self.declared.and_then(|node| get(node, key)),
            live: self
                .live
                .and_then(|value| value.get(key))
                .filter(|value| !value.is_null()),
            last: self.last.and_then(|node| get(node, key)),
            ignore: self.ignore.key(key),
        }
    }

    fn is_empty(&self) -> bool {
        self.declared.is_none() && self.live.is_none() && self.last.is_none()
    }

    pub(super) fn live_items(&self) -> &'a [Value] {
        self.live
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

/// A key's value that says something: `null` declares nothing.
fn get<'a>(node: Node<'a>, key: &str) -> Option<Node<'a>> {
    node.get(key).filter(|node| !node.is_null())
}

/// One step from the root to the current place.
pub(super) enum Step<'a> {
    Key(&'a str),
    Item {
        segment: Segment,
        declared: Option<usize>,
        live: Option<usize>,
    },
}

/// What is known on the way down.
pub(super) struct Walk<'w, 'a> {
    /// Live values that nothing declares are told too.
    pub(super) strict: bool,
    /// Inside of what the server derives from the field at this path: defaults count as declared.
    default_of: Option<Path>,
    /// The nearest row around that forbids a change.
    immutable: Option<&'static Immutable>,
    /// The row by which repairs leave the current field alone where nothing declares it.
    kept: Option<RuleId>,
    /// What the server changes with the current field.
    consequences: &'static [&'static str],
    pub(super) steps: Vec<Step<'a>>,
    /// What is declared nearest around the current place.
    around: Option<Node<'a>>,
    sink: &'w mut dyn FnMut(Verdict),
}

/// Compares two whole objects.
pub(super) fn object<'a>(ty: StructRef, sides: Sides<'a>, sink: &mut dyn FnMut(Verdict)) {
    let mut walk = Walk::new(sides.strict, sink);
    walk.around = Some(sides.declared);
    let spot = Spot {
        declared: Some(sides.declared),
        live: Some(sides.live),
        last: sides.last_applied,
        ignore: sides.ignore,
    };
    walk.structure(ty, &spot);
}

/// Whether the live value equals what the server makes of the declared one, nothing more and nothing less.
pub(super) fn is_exact<'a>(ty: &Type, rules: &'static Rules, spot: Spot<'a>) -> bool {
    let mut same = true;
    let mut sink = |verdict: Verdict| {
        same &= !matches!(verdict, Verdict::Drift(_) | Verdict::NotStored(..));
    };
    let mut walk = Walk::new(true, &mut sink);
    let spot = Spot { last: None, ..spot };
    match ty {
        Type::Struct(ty) => walk.structure(*ty, &spot),
        Type::List { item, .. } => walk.exact_list(item, rules, &spot),
        Type::Map { value, .. } => walk.map(value, rules, &spot),
        Type::Scalar(scalar) => walk.scalar(*scalar, rules, true, &spot),
        Type::Any => {}
    }
    same
}

/// Whether nothing is live below a struct that was not declared when the object was last applied, or by default.
pub(super) fn is_explained_by_last(ty: StructRef, spot: &Spot<'_>) -> bool {
    let mut explained = true;
    let spot = Spot {
        declared: spot.last,
        last: None,
        ..spot.clone()
    };
    let mut sink = |verdict: Verdict| {
        explained &= !matches!(verdict, Verdict::Drift(finding) if finding.class == Class::Extra);
    };
    Walk::new(true, &mut sink).structure(ty, &spot);
    explained
}

impl<'w, 'a> Walk<'w, 'a> {
    fn new(strict: bool, sink: &'w mut dyn FnMut(Verdict)) -> Self {
        Self {
            strict,
            default_of: None,
            immutable: None,
            kept: None,
            consequences: &[],
            steps: Vec::new(),
            around: None,
            sink,
        }
    }

    pub(super) fn say(&mut self, verdict: Verdict) {
        (self.sink)(verdict);
    }

    pub(super) fn not_drift(&mut self, rule: RuleId) {
        self.say(Verdict::NotDrift(rule));
    }

    /// All fields of a struct.
    pub(super) fn structure(&mut self, ty: StructRef, spot: &Spot<'a>) {
        let ty: &'static Struct = ty.get();
        let around = self.around;
        self.around = spot.declared.or(around);
        if !self.union(ty, spot) {
            for field in &ty.fields {
                let inner = spot.key(field.name);
                let follows = field.rules.follows.is_some() && spot.declared.is_some();
                if inner.is_empty() && !follows {
                    continue;
                }
                self.steps.push(Step::Key(field.name));
                self.field(ty, field, spot.declared, inner);
                self.steps.pop();
            }
            if self.strict {
                self.unknown_fields(ty, spot);
            }
        }
        self.around = around;
    }

    /// Fields of a newer server.
    fn unknown_fields(&mut self, ty: &Struct, spot: &Spot<'a>) {
        let Some(Value::Object(live)) = spot.live else {
            return;
        };
        for key in live.keys() {
            let is_type = self.steps.is_empty() && matches!(key.as_str(), "apiVersion" | "kind");
            if !is_type && ty.field(key).is_none() && !spot.ignore.key(key).here() {
                let path = self.path().key(key);
                self.say(Verdict::UnknownLive(path));
            }
        }
    }

    /// One field: the columns of its row decide in turn, the first that has a say.
    fn field(
        &mut self,
        owner: &'static Struct,
        field: &'static Field,
        parent: Option<Node<'a>>,
        mut spot: Spot<'a>,
    ) {
        let rules = &field.rules;
        let siblings = Siblings {
            ty: owner,
            declared: parent,
        };
        if spot.ignore.here() {
            return self.not_drift(IGNORED);
        }
        if let Some(rule) = rules.owned {
            return self.not_drift(rule);
        }
        let filled_if_zero =
            rules.allocated.is_some() || rules.default.is_some() || rules.follows.is_some();
        if filled_if_zero
            && !field.pointer
            && spot.declared.is_some_and(|node| is_zero(field, node))
        {
            spot.declared = None;
        }
        if rules
            .dropped
            .is_some_and(|row| spot.declared.is_some() && (row.when)(&siblings))
        {
            return self.not_drift(rules.dropped.expect("just seen").id());
        }
        let (immutable, consequences) = (self.immutable, self.consequences);
        self.immutable = rules.immutable.or(immutable);
        self.consequences = rules.consequences;
        self.kept = rules.kept;
        match rules.follows {
            Some(follower)
                if siblings.has(follower.from)
                    && (spot.declared.is_none() || follower.overrides) =>
            {
                self.follower(follower, field, &siblings, &spot);
            }
            _ if spot.declared.is_some() => self.declared(field, &spot),
            _ if self.implied(field, &siblings, &spot) => {}
            _ => self.undeclared(field, &siblings, &spot),
        }
        self.immutable = immutable;
        self.consequences = consequences;
    }

    /// A value that the server derives from a declared sibling counts as declared.
    fn follower(
        &mut self,
        follower: &Follower,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        let Some(desired) = follower.fill.value(siblings) else {
            return self.not_drift(follower.id());
        };
        let from = self.sibling_path(follower.from);
        if let Type::Struct(ty) = &field.ty {
            let outer = self.default_of.replace(from);
            self.structure(*ty, spot);
            self.default_of = outer;
            return;
        }
        if self.is_live(&field.ty, &field.rules, &desired, spot.live) {
            return self.not_drift(follower.id());
        }
        let around = std::mem::replace(&mut self.around, siblings.declared(follower.from));
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let mut finding = self.finding(class, spot, Some(desired.clone()), Edit::Set(desired));
        finding.origin = Origin::DefaultOf(from);
        self.around = around;
        self.say(Verdict::Drift(finding));
    }

    /// Whether a value that the tables give is live.
    fn is_live(&self, ty: &Type, rules: &Rules, desired: &Value, live: Option<&Value>) -> bool {
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

    /// A place with a declared value.
    fn declared(&mut self, field: &'static Field, spot: &Spot<'a>) {
        let rules = &field.rules;
        let before = self.gated(rules, spot);
        if before {
            return;
        }
        match &field.ty {
            Type::Any => {}
            Type::Scalar(scalar) => self.scalar(*scalar, rules, field.pointer, spot),
            Type::List {
                kind: ListKind::Keyed(keys),
                item,
            } => self.items(item, keys, rules, spot),
            Type::List {
                kind: ListKind::Set,
                item,
            } if !self.strict || rules.foreign.is_some() => {
                self.set(item, rules, spot);
            }
            Type::Map {
                value,
                atomic: false,
            } => self.map(value, rules, spot),
            Type::Struct(ty) if !ty.atomic => {
                if spot.live.is_none() && field.pointer {
                    self.missing(spot);
                } else {
                    self.structure(*ty, spot);
                }
            }
            Type::List { .. } | Type::Map { .. } | Type::Struct(_) => {
                self.atomic(&field.ty, rules, spot)
            }
        }
    }

    /// A declared field that is not live and that this server may not store at all.
    fn gated(&mut self, rules: &'static Rules, spot: &Spot<'a>) -> bool {
        let Some(gate) = rules.gate.filter(|_| spot.live.is_none()) else {
            return false;
        };
        let declares = spot
            .declared
            .is_some_and(|node| !(is_collection(node) && node.is_empty()));
        if declares {
            let desired = spot.declared.map(Node::to_json);
            let finding = self.finding(Class::Missing, spot, desired.clone(), set(desired));
            self.say(Verdict::NotStored(gate, finding));
        }
        true
    }

    /// A declared value without parts.
    pub(super) fn scalar(
        &mut self,
        ty: Scalar,
        rules: &'static Rules,
        pointer: bool,
        spot: &Spot<'a>,
    ) {
        let desired = spot.declared.map_or(Plain::Nothing, Plain::from);
        let same = match spot.live {
            Some(live) => normalize::same(ty, rules.milli, desired, Plain::from(live)),
            None => !pointer && desired.is_zero(ty),
        };
        if same {
            return self.say(Verdict::Same);
        }
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let value = spot.declared.map(Node::to_json);
        let finding = self.finding(class, spot, value.clone(), set(value));
        self.say(Verdict::Drift(finding));
    }

    /// A declared value that is compared and replaced as a whole.
    fn atomic(&mut self, ty: &Type, rules: &'static Rules, spot: &Spot<'a>) {
        let is_empty = spot
            .declared
            .is_some_and(|node| is_collection(node) && node.is_empty());
        if is_empty && spot.live.is_none() && !matches!(ty, Type::Struct(_)) {
            return self.say(Verdict::Same);
        }
        if is_empty && rules.extended.is_some() {
            return self.not_drift(rules.extended.expect("just seen"));
        }
        if spot.live.is_some() && is_exact(ty, rules, spot.clone()) {
            return self.say(Verdict::Same);
        }
        self.whole(spot);
    }

    /// A declared value that differs as a whole.
    fn whole(&mut self, spot: &Spot<'a>) {
        if spot.live.is_none() {
            return self.missing(spot);
        }
        let desired = spot.declared.map(Node::to_json);
        let edit = set(desired
            .clone()
            .map(|value| keep_ignored(value, spot.live, &spot.ignore)));
        let finding = self.finding(Class::Changed, spot, desired, edit);
        self.say(Verdict::Drift(finding));
    }

    /// A declared value of which nothing is live.
    fn missing(&mut self, spot: &Spot<'a>) {
        let desired = spot.declared.map(Node::to_json);
        let finding = self.finding(Class::Missing, spot, desired.clone(), set(desired));
        self.say(Verdict::Drift(finding));
    }

    /// A list whose items are their own keys: each declared one must be live.
    fn set(&mut self, item: &Type, rules: &'static Rules, spot: &Spot<'a>) {
        let Type::Scalar(scalar) = item else { return };
        let live = spot.live_items();
        let is_live = |node: Node<'_>| {
            live.iter()
                .any(|value| normalize::same(*scalar, rules.milli, node.into(), value.into()))
        };
        let absent: Vec<Value> = spot
            .declared
            .into_iter()
            .flat_map(Node::items)
            .filter(|n| !is_live(*n))
            .map(Node::to_json)
            .collect();
        if absent.is_empty() {
            return self.say(Verdict::Same);
        }
        let class = if spot.live.is_some() {
            Class::Changed
        } else {
            Class::Missing
        };
        let desired = spot.declared.map(Node::to_json);
        let edit = Edit::Set(Value::Array(live.iter().cloned().chain(absent).collect()));
        let finding = self.finding(class, spot, desired, edit);
        self.say(Verdict::Drift(finding));
    }

    /// A list inside of an atomic value.
    fn exact_list(&mut self, item: &Type, rules: &'static Rules, spot: &Spot<'a>) {
        let declared: Vec<Node<'a>> = spot.declared.into_iter().flat_map(Node::items).collect();
        let live = spot.live_items();
        let alike = |declared: Node<'a>, live: &'a Value| {
            let ignore = Ignore::default();
            is_exact(
                item,
                rules,
                Spot {
                    declared: Some(declared),
                    live: Some(live),
                    last: None,
                    ignore,
                },
            )
        };
        let same = if rules.extended.is_some() {
            declared.len() <= live.len() && declared.iter().zip(live).all(|(d, l)| alike(*d, l))
        } else if declared.len() != live.len() {
            false
        } else if declared.iter().zip(live).all(|(d, l)| alike(*d, l)) {
            true
        } else {
            rules.order == Order::Free && is_permutation(&declared, live, alike)
        };
        if !same {
            self.whole(spot);
        }
    }

    /// The keys of a map.
    pub(super) fn map(&mut self, value: &Type, rules: &'static Rules, spot: &Spot<'a>) {
        let declared: BTreeMap<&'a str, Node<'a>> = spot
            .declared
            .into_iter()
            .flat_map(Node::entries)
            .map(|entry| (entry.key, entry.value))
            .collect();
        let around = self.around;
        self.around = spot.declared.or(around);
        for (&key, &node) in &declared {
            let live = spot.live.and_then(|live| live.get(key));
            let last = spot.last.and_then(|last| last.get(key));
            let inner = Spot {
                declared: Some(node),
                live,
                last,
                ignore: spot.ignore.key(key),
            };
            self.steps.push(Step::Key(key));
            self.declared_key(key, value, rules, &inner);
            self.steps.pop();
        }
        if let Some(Value::Object(live)) = spot.live {
            for (key, live) in live
                .iter()
                .filter(|(key, _)| !declared.contains_key(key.as_str()))
            {
                let last = spot.last.and_then(|last| last.get(key));
                let inner = Spot {
                    declared: None,
                    live: Some(live),
                    last,
                    ignore: spot.ignore.key(key),
                };
                self.steps.push(Step::Key(key));
                self.undeclared_key(key, rules, &inner);
                self.steps.pop();
            }
        }
        self.around = around;
    }

    fn declared_key(&mut self, key: &str, ty: &Type, rules: &'static Rules, spot: &Spot<'a>) {
        if spot.ignore.here() {
            return self.not_drift(IGNORED);
        }
        let text = spot.declared.and_then(Node::as_str);
        if let Some(row) = key_row(rules.keys, key, text).filter(|row| row.owned) {
            return self.not_drift(row.id());
        }
        if let Type::Scalar(scalar) = ty {
            // Go reads `null` as the zero, and stores it.
            let is_null = spot.declared.is_some_and(Node::is_null);
            if is_null
                && spot
                    .live
                    .is_some_and(|live| Plain::from(live).is_zero(*scalar))
            {
                return self.say(Verdict::Same);
            }
            self.scalar(*scalar, rules, true, spot);
        }
    }

    fn undeclared_key(&mut self, key: &str, rules: &'static Rules, spot: &Spot<'a>) {
        if spot.ignore.here() {
            return self.not_drift(IGNORED);
        }
        let text = spot.live.and_then(Value::as_str);
        match key_row(rules.keys, key, text) {
            Some(row) => self.not_drift(row.id()),
            None if spot.last.is_some() => self.taken_out(Class::Removed, spot),
            None => self.extra(spot),
        }
    }

    /// A live value that nothing declares and the server does not fill in.
    pub(super) fn extra(&mut self, spot: &Spot<'a>) {
        if self.strict {
            self.taken_out(Class::Extra, spot);
        } else {
            self.not_drift(UNDECLARED);
        }
    }

    /// A live value that should not be there.
    pub(super) fn taken_out(&mut self, class: Class, spot: &Spot<'a>) {
        let finding = self.finding(class, spot, None, Edit::Remove);
        self.say(Verdict::Drift(finding));
    }

    /// A place where nothing is declared.
    pub(super) fn undeclared(
        &mut self,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        let rules = &field.rules;
        if let Some(rule) = rules.foreign.or(rules.allocated) {
            return self.not_drift(rule);
        }
        if rules.kept.is_none() && spot.last.is_some() && spot.live.is_some() {
            return self.removed(field, siblings, spot);
        }
        if !self.strict && self.default_of.is_none() {
            return self.not_drift(UNDECLARED);
        }
        match &field.ty {
            Type::Any => {}
            Type::Scalar(scalar) => self.defaulted(*scalar, field, siblings, spot),
            Type::Struct(ty) if !field.pointer || siblings.default(field.name).is_some() => {
                self.structure(*ty, spot);
            }
            Type::Map {
                value,
                atomic: false,
            } => self.map(value, rules, spot),
            Type::List {
                item,
                kind: ListKind::Keyed(keys),
            } => self.items(item, keys, rules, spot),
            Type::List { .. } | Type::Map { .. } if is_empty(spot.live) => self.say(Verdict::Same),
            Type::List { .. } | Type::Map { .. } | Type::Struct(_) if spot.live.is_some() => {
                self.extra(spot)
            }
            Type::List { .. } | Type::Map { .. } | Type::Struct(_) => {}
        }
    }

    /// A value without parts that nothing declares: it must be what the server fills in.
    fn defaulted(
        &mut self,
        ty: Scalar,
        field: &'static Field,
        siblings: &Siblings<'a>,
        spot: &Spot<'a>,
    ) {
        let rules = &field.rules;
        let Some(live) = spot.live else { return };
        let Some(desired) = siblings.default(field.name) else {
            return if !field.pointer && Plain::from(live).is_zero(ty) {
                self.say(Verdict::Same);
            } else {
                self.extra(spot);
            };
        };
        if normalize::same(ty, rules.milli, Plain::from(&desired), Plain::from(live)) {
            let id = rules.default.map_or(UNDECLARED, |row| row.id());
            return self.not_drift(id);
        }
        let mut finding = self.finding(
            Class::Changed,
            spot,
            Some(desired.clone()),
            Edit::Set(desired),
        );
        finding.origin = self
            .default_of
            .clone()
            .map_or(Origin::Default, Origin::DefaultOf);
        self.say(Verdict::Drift(finding));
    }

    /// The path of the current place.
    pub(super) fn path(&self) -> Path {
        let mut path = Path::root();
        for step in &self.steps {
            path.push(match step {
                Step::Key(key) => Segment::Key((*key).to_owned()),
                Step::Item { segment, .. } => segment.clone(),
            });
        }
        path
    }

    /// The path of a field beside the current one.
    fn sibling_path(&self, field: &str) -> Path {
        let mut path = self.path();
        path.pop();
        path.key(field)
    }

    /// A finding at the current place.
    pub(super) fn finding(
        &self,
        class: Class,
        spot: &Spot<'a>,
        desired: Option<Value>,
        edit: Edit,
    ) -> Box<Finding> {
        let at = self.steps.iter().map(|step| match step {
            Step::Key(key) => Token::Key((*key).to_owned()),
            Step::Item { live, .. } => Token::Index(live.unwrap_or_default()),
        });
        Box::new(Finding {
            path: self.path(),
            class,
            declared: spot.declared.or(self.around).map(Node::id),
            desired,
            origin: Origin::Declared,
            live: spot.live.cloned(),
            declared_pointer: spot.declared.map(|_| self.declared_pointer()),
            at: at.collect(),
            edit,
            immutable: self.immutable,
            kept: self.kept,
            consequences: self.consequences,
        })
    }

    fn declared_pointer(&self) -> String {
        let tokens: Vec<Token> = self
            .steps
            .iter()
            .map(|step| match step {
                Step::Key(key) => Token::Key((*key).to_owned()),
                Step::Item { declared, .. } => Token::Index(declared.unwrap_or_default()),
            })
            .collect();
        super::pointer(&tokens)
    }
}

fn is_collection(node: Node<'_>) -> bool {
    matches!(node.value(), yaml::Value::List | yaml::Value::Map)
}

fn set(value: Option<Value>) -> Edit {
    Edit::Set(value.unwrap_or(Value::Null))
}

/// The row about a key of a map.
fn key_row(rows: &'static [KeyRow], key: &str, value: Option<&str>) -> Option<&'static KeyRow> {
    rows.iter().find(|row| row.is_about(key, value))
}

fn is_empty(live: Option<&Value>) -> bool {
    match live {
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        _ => false,
    }
}

/// Whether a field's declared value is the zero that the server fills in.
fn is_zero(field: &Field, node: Node<'_>) -> bool {
    matches!(field.ty, Type::Scalar(scalar) if Plain::from(node).is_zero(scalar))
}

/// Whether each declared item has a live one of its own, wherever it stands.
fn is_permutation<'a>(
    declared: &[Node<'a>],
    live: &'a [Value],
    alike: impl Fn(Node<'a>, &'a Value) -> bool,
) -> bool {
    let mut left: Vec<&Value> = live.iter().collect();
    declared.iter().all(|node| {
        let found = left.iter().position(|value| alike(*node, value));
        found.map(|at| left.swap_remove(at)).is_some()
    })
}

/// A declared value as it is to be written: what is ignored inside of it stays as it is live, absence included.
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
