//! Redacts values whose names say that they are secret in a whole report, so that no writer sees them.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::{FieldEntry, Report};
use crate::path::{Pattern, PatternStep};
use crate::schema::{Kind, NamedBy, RECORDS, ResourceId, Struct, Type, is_secret, named_by, types};

/// How to show values whose names say that they are secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretValues {
    /// They are redacted.
    Hidden,
    /// They are shown.
    Shown,
}

/// Redacts the secret values in a report's fields and messages. `declared` returns what the manifest of a resource
/// declares.
pub(crate) fn redact(report: &mut Report, declared: impl Fn(&ResourceId) -> Option<Value>) {
    let mut shown: HashMap<ResourceId, Secrets> = HashMap::new();
    for (id, field) in fields(report) {
        let secrets = shown.entry(id.clone()).or_default();
        hide_field(id.kind, field, secrets);
    }
    let secrets_of = |id: &ResourceId| {
        let mut secrets = Secrets::default();
        if let Some(mut declared) = declared(id) {
            secrets.hide_in_object(id.kind, &mut declared);
        }
        let shown = shown.get(id).into_iter();
        let texts = shown.flat_map(|secrets| secrets.texts.iter().cloned());
        secrets.texts.extend(texts);
        secrets
    };
    for resource in &mut report.resources {
        if let Some(reason) = &mut resource.reason {
            secrets_of(&resource.id).hide_in_message(reason);
        }
    }
    for error in report.errors.iter_mut().chain(&mut report.warnings) {
        let id = error.resource.as_ref().and_then(|subject| {
            Some(ResourceId {
                kind: Kind::find(&subject.api_version, &subject.kind)?,
                namespace: subject.namespace.clone(),
                name: subject.name.clone(),
            })
        });
        if let Some(id) = id {
            hide_wrong_value(id.kind, &mut error.message);
            secrets_of(&id).hide_in_message(&mut error.message);
        }
    }
}

/// All fields of a report that have values.
fn fields(report: &mut Report) -> impl Iterator<Item = (&ResourceId, &mut FieldEntry)> {
    let drifted = report.resources.iter_mut().flat_map(|resource| {
        let id = &resource.id;
        resource.fields.iter_mut().map(move |field| (id, field))
    });
    let known = report.known.iter_mut().flat_map(|known| {
        let id = &known.id;
        known.fields.iter_mut().map(move |field| (id, field))
    });
    let suppressed = report.suppressed.iter_mut().flatten();
    let suppressed = suppressed.flat_map(|(id, entry)| {
        let fields = entry.fields.iter_mut();
        fields.map(move |suppressed| (id, &mut suppressed.field))
    });
    drifted.chain(known).chain(suppressed)
}

/// Redacts the secrets in both values of a field.
fn hide_field(kind: Kind, field: &mut FieldEntry, secrets: &mut Secrets) {
    let Ok(path) = Pattern::parse(&field.path) else {
        return;
    };
    let Some(spot) = RedactedPlace::at(kind, path.steps()) else {
        return;
    };
    field.redacted = secrets.hide(&spot, [field.desired.as_mut(), field.live.as_mut()]);
}

/// Redacts the value of a secret field in a message about a manifest: `PATH: expected WHAT, found VALUE`.
fn hide_wrong_value(kind: Kind, message: &mut String) {
    let is_secret = |path: &str| {
        let path = Pattern::parse(path).ok();
        let spot = path
            .as_ref()
            .and_then(|path| RedactedPlace::at(kind, path.steps()));
        spot.is_some_and(|spot| matches!(spot.name, ValueName::Secret))
    };
    if let Some((expected, _)) = message.split_once(", found ")
        && expected
            .split_once(": ")
            .is_some_and(|(path, what)| what.starts_with("expected ") && is_secret(path))
    {
        *message = format!("{expected}, found <redacted>");
    }
}

/// A place in an object, with what determines whether its value is secret.
struct RedactedPlace<'a> {
    ty: &'a Type,
    name: ValueName,
    /// The fields by which the path identifies this item.
    item: &'a [(String, String)],
}

/// Whether the name of a value says that it is secret.
#[derive(Clone, Copy)]
enum ValueName {
    /// It has no name that could say so.
    None,
    /// The keys of this map are the names of its values.
    OfKeys,
    /// Its name says that it is secret.
    Secret,
    /// The value is the text of a whole object.
    Record,
}

impl ValueName {
    /// Whether one of a value's names says so. A value without a name may be anything.
    fn of_any<'n>(mut names: impl Iterator<Item = &'n str>) -> Self {
        let Some(first) = names.next() else {
            return Self::Secret;
        };
        if is_secret(first) || names.any(is_secret) {
            Self::Secret
        } else {
            Self::None
        }
    }
}

impl<'a> RedactedPlace<'a> {
    fn new(ty: &'a Type, name: ValueName) -> Self {
        Self {
            ty,
            name,
            item: &[],
        }
    }

    /// The place of a path. `None` if it is the path of the whole object, or does not exist.
    fn at(kind: Kind, steps: &'a [PatternStep]) -> Option<Self> {
        let (first, steps) = steps.split_first()?;
        let mut spot = Self::field(types::root(kind).get(), first, &[])?;
        for step in steps {
            spot = match (spot.ty, step) {
                (Type::Struct(of), step) => Self::field(of.get(), step, spot.item)?,
                (Type::Map { .. }, PatternStep::Key { name, .. }) => spot.key(name)?,
                (Type::List { item, .. }, PatternStep::Item(selector)) => Self {
                    item: &selector.fields,
                    ..Self::new(item, ValueName::None)
                },
                (Type::List { item, .. }, _) => Self::new(item, ValueName::None),
                _ => return None,
            };
        }
        Some(spot)
    }

    /// A field of a struct of which these fields are known.
    fn field(of: &'static Struct, step: &PatternStep, known: &[(String, String)]) -> Option<Self> {
        let PatternStep::Key { name: field, .. } = step else {
            return None;
        };
        let name = match named_by(of.name, field) {
            None => ValueName::None,
            Some(NamedBy::Key) => ValueName::OfKeys,
            Some(NamedBy::Sibling(sibling)) => {
                let known = known.iter().filter(|(key, _)| key == sibling);
                ValueName::of_any(known.map(|(_, name)| name.as_str()))
            }
        };
        Some(Self::new(&of.field(field)?.ty, name))
    }

    /// A value of the map at this place.
    fn key(&self, key: &str) -> Option<Self> {
        let Type::Map { value, .. } = self.ty else {
            return None;
        };
        let name = match self.name {
            _ if RECORDS.contains(&key) => ValueName::Record,
            ValueName::OfKeys => ValueName::of_any([key].into_iter()),
            other => other,
        };
        Some(Self::new(value, name))
    }
}

/// The redacted values.
#[derive(Default)]
struct Secrets {
    texts: BTreeSet<String>,
}

impl Secrets {
    /// Returns whether anything was redacted.
    fn hide_in_object(&mut self, kind: Kind, object: &mut Value) -> bool {
        let ty = Type::Struct(types::root(kind));
        self.hide(
            &RedactedPlace::new(&ty, ValueName::None),
            [Some(object), None],
        )
    }

    /// Redacts the secrets in the values of both sides at a place. Returns whether there were any.
    fn hide(&mut self, spot: &RedactedPlace<'_>, sides: [Option<&mut Value>; 2]) -> bool {
        match spot.name {
            ValueName::Secret => return self.hide_whole(sides),
            ValueName::Record => return self.hide_in_records(sides),
            ValueName::None | ValueName::OfKeys => {}
        }
        match spot.ty {
            Type::Struct(of) => self.hide_in_struct(of.get(), spot.item, sides),
            Type::Map { .. } => {
                let [mut a, mut b] = sides.map(|side| side.and_then(Value::as_object_mut));
                let mut hidden = false;
                for key in keys([a.as_deref(), b.as_deref()]) {
                    let sides = [&mut a, &mut b].map(|side| side.as_mut()?.get_mut(&key));
                    hidden |= spot.key(&key).is_some_and(|spot| self.hide(&spot, sides));
                }
                hidden
            }
            Type::List { item, .. } => self.hide_in_list(item, sides),
            Type::Scalar(_) | Type::Any => false,
        }
    }

    fn hide_in_struct(
        &mut self,
        of: &'static Struct,
        item: &[(String, String)],
        sides: [Option<&mut Value>; 2],
    ) -> bool {
        let [mut a, mut b] = sides.map(|side| side.and_then(Value::as_object_mut));
        let maps = [a.as_deref(), b.as_deref()];
        let text = |map: &Map<String, Value>, key: &str| Some(map.get(key)?.as_str()?.to_owned());
        let mut known = item.to_vec();
        for key in of.fields.iter().map(|field| field.name) {
            let texts = maps.into_iter().flatten().filter_map(|map| text(map, key));
            known.extend(texts.map(|text| (key.to_owned(), text)));
        }
        let mut hidden = false;
        for key in keys(maps) {
            let step = PatternStep::Key {
                name: key.clone(),
                bare: false,
            };
            let sides = [&mut a, &mut b].map(|side| side.as_mut()?.get_mut(&key));
            let spot = RedactedPlace::field(of, &step, &known);
            hidden |= spot.is_some_and(|spot| self.hide(&spot, sides));
        }
        hidden
    }

    /// Items are compared with those of the same name, or else at the same position.
    fn hide_in_list(&mut self, item: &Type, sides: [Option<&mut Value>; 2]) -> bool {
        let [a, b] = sides.map(|side| side.and_then(Value::as_array_mut));
        let spot = RedactedPlace::new(item, ValueName::None);
        let mut left: Vec<Option<&mut Value>> = b.into_iter().flatten().map(Some).collect();
        let mut hidden = false;
        for (i, one) in a.into_iter().flatten().enumerate() {
            let name = one.get("name").cloned();
            let partner = match &name {
                Some(_) => left.iter().position(|other| {
                    other.as_ref().and_then(|other| other.get("name")) == name.as_ref()
                }),
                None => Some(i),
            };
            let partner = partner.and_then(|at| left.get_mut(at)?.take());
            hidden |= self.hide(&spot, [Some(one), partner]);
        }
        for other in left.into_iter().flatten() {
            hidden |= self.hide(&spot, [None, Some(other)]);
        }
        hidden
    }

    /// Redacts the secrets in kubectl's record of the last apply.
    fn hide_in_records(&mut self, sides: [Option<&mut Value>; 2]) -> bool {
        let mut hidden = false;
        for side in sides.into_iter().flatten() {
            let record = side
                .as_str()
                .and_then(|text| serde_json::from_str(text).ok());
            let Some(mut record) = record.filter(Value::is_object) else {
                continue;
            };
            let text = |key: &str| record[key].as_str().unwrap_or_default();
            if let Some(kind) = Kind::find(text("apiVersion"), text("kind"))
                && self.hide_in_object(kind, &mut record)
            {
                *side = record.to_string().into();
                hidden = true;
            }
        }
        hidden
    }

    fn hide_whole(&mut self, sides: [Option<&mut Value>; 2]) -> bool {
        let texts = [&sides[0], &sides[1]].map(|side| side.as_deref().and_then(secret_text));
        let differs = match &texts {
            [Some(a), Some(b)] => a != b && a.len() == b.len(),
            _ => false,
        };
        let mut hidden = false;
        for (side, text) in sides.into_iter().zip(texts) {
            let (Some(side), Some(text)) = (side, text) else {
                continue;
            };
            *side = mark(text.len(), differs).into();
            self.texts.insert(text);
            hidden = true;
        }
        hidden
    }

    /// Redacts the secrets in a message, quoted in any way. Short ones are redacted only in quotes, since they could be
    /// part of any word.
    fn hide_in_message(&self, message: &mut String) {
        /// The shortest text that is searched for without quotes.
        const SHORT: usize = 4;
        // The longest first, because one may be part of another.
        let mut texts: Vec<&String> = self.texts.iter().filter(|text| !text.is_empty()).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        for text in texts {
            let mark = mark(text.len(), false);
            let quoted = Value::from(text.as_str()).to_string();
            *message = message.replace(&quoted, &mark);
            if text.len() >= SHORT {
                *message = message.replace(&quoted[1..quoted.len() - 1], &mark);
                *message = message.replace(text.as_str(), &mark);
            }
        }
    }
}

/// The text that a secret value would disclose.
fn secret_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn mark(bytes: usize, differs: bool) -> String {
    let differs = if differs { ", differs" } else { "" };
    format!("<redacted, {bytes} bytes{differs}>")
}

/// The keys of both sides.
fn keys(sides: [Option<&Map<String, Value>>; 2]) -> BTreeSet<String> {
    let maps = sides.into_iter().flatten();
    maps.flat_map(Map::keys).cloned().collect()
}
