//! Hints about unknown fields, which usually are typos or wrong indentation.

use crate::schema::{Struct, Type};
use crate::yaml::{Entry, Node, Value};

use super::problem::one_line;
use super::suggest;
use super::trail::{Trail, TrailStep};

/// The hint about a field of `node` that `at.ty` does not have, to append to a message.
pub(super) fn hint(root: &Struct, at: &Trail<'_>, node: Node<'_>, entry: &Entry<'_>) -> String {
    match meant(root, at, node, entry) {
        Some(Hint::Name(name)) => format!(", did you mean `{name}`?"),
        Some(Hint::Place(place)) => {
            let key = one_line(entry.key);
            let place = if place.is_empty() {
                "at the top level".to_owned()
            } else {
                format!("in {place}")
            };
            format!(", `{key}` belongs {place}")
        }
        None => String::new(),
    }
}

/// The field that was probably meant.
enum Hint {
    /// Another field of the same struct.
    Name(&'static str),
    /// The same field of another struct, at this path.
    Place(String),
}

/// Suggests a field that differs by one letter, else the same field elsewhere, else a field that differs by more.
fn meant(root: &Struct, at: &Trail<'_>, node: Node<'_>, entry: &Entry<'_>) -> Option<Hint> {
    let fits = |name: &str| {
        let field = at.ty.field(name);
        node.get(name).is_none() && field.is_some_and(|f| has_shape(&f.ty, entry.value))
    };
    let name = suggest::nearest(entry.key, at.ty.fields.iter().map(|f| f.name), fits);
    let slip = name.is_some_and(|name| suggest::distance_within(entry.key, name) <= Some(1));
    if slip {
        return name.map(Hint::Name);
    }
    elsewhere(root, at, entry)
        .map(Hint::Place)
        .or(name.map(Hint::Name))
}

/// Whether a value could be of this type, judged by its outermost form.
fn has_shape(ty: &Type, node: Node<'_>) -> bool {
    match node.value() {
        Value::Null => true,
        Value::List => matches!(ty, Type::List { .. } | Type::Any),
        Value::Map => matches!(ty, Type::Map { .. } | Type::Struct(_) | Type::Any),
        _ => matches!(ty, Type::Scalar(_) | Type::Any),
    }
}

/// The path of the nearest struct that has the field with a type that fits the value.
fn elsewhere(root: &Struct, at: &Trail<'_>, entry: &Entry<'_>) -> Option<String> {
    let mut search = Search {
        entry,
        here: steps(at),
        path: Vec::new(),
        names: Vec::new(),
        best: None,
    };
    search.visit(root);
    search.best.map(|(_, place)| place)
}

/// The steps from the root to a place, as [`Search::path`] has them.
fn steps<'a>(at: &'a Trail<'a>) -> Vec<&'a str> {
    let mut steps = at.above.map(steps).unwrap_or_default();
    match at.step {
        TrailStep::Root => {}
        TrailStep::Key(key) => steps.push(key),
        TrailStep::Item { .. } => steps.push(ANY),
    }
    steps
}

/// Any item of a list.
const ANY: &str = "[*]";

/// Looks for a field in all structs below the root.
struct Search<'a> {
    entry: &'a Entry<'a>,
    here: Vec<&'a str>,
    path: Vec<&'static str>,
    /// The names of the structs on the current path, to avoid cycles.
    names: Vec<&'static str>,
    best: Option<(usize, String)>,
}

impl Search<'_> {
    fn visit(&mut self, ty: &Struct) {
        /// Beyond this many steps, a match is a coincidence.
        const FAR: usize = 5;
        if self.names.contains(&ty.name) {
            return;
        }
        if ty
            .field(self.entry.key)
            .is_some_and(|field| has_shape(&field.ty, self.entry.value))
        {
            let distance = self.distance();
            if distance <= FAR && self.best.as_ref().is_none_or(|(best, _)| distance < *best) {
                self.best = Some((distance, self.path.join(".").replace(".[", "[")));
            }
        }
        self.names.push(ty.name);
        for field in &ty.fields {
            self.path.push(field.name);
            self.descend(&field.ty);
            self.path.pop();
        }
        self.names.pop();
    }

    fn descend(&mut self, ty: &Type) {
        match ty {
            Type::Struct(of) => self.visit(of),
            Type::List { item, .. } => {
                self.path.push(ANY);
                self.descend(item);
                self.path.pop();
            }
            _ => {}
        }
    }

    /// The number of steps between the start and the current place of the search.
    fn distance(&self) -> usize {
        let common = self
            .path
            .iter()
            .zip(&self.here)
            .take_while(|(a, b)| a == b)
            .count();
        self.path.len() + self.here.len() - 2 * common
    }
}
