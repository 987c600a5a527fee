//! Field paths such as `spec.template.spec.containers[name=web].image`: printing, parsing, matching.
//!
//! Printing and parsing share one grammar, so that any path in a report can be pasted into an ignore rule: keys joined
//! by dots; `[key=value,…]` for an item of a keyed list, `[key=value,1]` for the second one of several that have these
//! values, `[3]` for an item by position; in patterns also `[*]` for any item and `*` for any key. A key or value that
//! could be misread is quoted, and such a key is in brackets: `metadata.labels["app.kubernetes.io/name"]`.
//!
//! It knows nothing about Kubernetes.

use std::fmt;

use serde_json::Value;

/// The path that a report prints for the whole object, when the object is absent.
pub(crate) const RESOURCE: &str = "<resource>";

/// The path of one field of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Path(Vec<Segment>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Segment {
    /// A field of a struct or a key of a map.
    Key(String),
    /// An item of a list by its fields.
    Item(ItemSelector),
    /// An item of a list by its position.
    Index(usize),
}

/// What selects an item of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemSelector {
    /// The texts that these fields of the item have.
    pub fields: Vec<(String, String)>,
    /// Of several items with these texts, the one at this position among them.
    pub turn: Option<usize>,
}

impl Path {
    /// The path of the object itself.
    #[must_use]
    pub(crate) fn root() -> Self {
        Self::default()
    }

    /// The path that represents the whole object in a report.
    #[must_use]
    pub(crate) fn resource() -> Self {
        Self(vec![Segment::Key(RESOURCE.to_owned())])
    }

    /// Appends a segment.
    pub(crate) fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    /// Removes the last segment.
    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// Returns this path with a key appended.
    #[must_use]
    pub(crate) fn key(&self, key: &str) -> Self {
        let mut path = self.clone();
        path.push(Segment::Key(key.to_owned()));
        path
    }

    /// Whether it is the other path, or leads to something in it.
    #[must_use]
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Prints the path with `[*]` for each list item: the text is the same for a field of all items.
    #[must_use]
    pub(crate) fn of_any_item(&self) -> impl fmt::Display {
        AnyItem(self)
    }

    fn write(&self, any_item: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            match segment {
                // What precedes a colon in a rule may be read as the resources that it applies to.
                Segment::Key(key) if is_bare(key) && !key.contains(':') || key == RESOURCE => {
                    if i > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(key)?;
                }
                Segment::Key(key) => write!(f, "[{}]", Value::from(key.as_str()))?,
                Segment::Index(_) | Segment::Item(_) if any_item => f.write_str("[*]")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Item(selector) => write!(f, "{selector}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for ItemSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (field, text)) in self.fields.iter().enumerate() {
            f.write_str(if i > 0 { "," } else { "[" })?;
            if is_bare(text) {
                write!(f, "{field}={text}")?;
            } else {
                write!(f, "{field}={}", Value::from(text.as_str()))?;
            }
        }
        if let Some(turn) = self.turn {
            write!(f, ",{turn}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(false, f)
    }
}

struct AnyItem<'p>(&'p Path);

impl fmt::Display for AnyItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(true, f)
    }
}

/// Whether the text of a path is that of another one, or leads to a part of what the other leads to.
#[must_use]
pub(crate) fn is_within(path: &str, outer: &str) -> bool {
    let rest = path.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether a key or value can be parsed back without quotes.
fn is_bare(text: &str) -> bool {
    !text.is_empty()
        && text != "*"
        && !text.contains(|c: char| {
            matches!(c, '.' | '[' | ']' | ',' | '"' | '\'') || c.is_whitespace() || c.is_control()
        })
}

/// A path with wildcards, as used in ignore rules. It matches the whole subtree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    steps: Vec<PatternStep>,
}

/// One step of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternStep {
    /// This key. An unquoted one may be part of a key with dots that was written without quotes.
    Key {
        /// The key, or a part of it.
        name: String,
        /// Written without quotes.
        bare: bool,
    },
    /// Any key.
    AnyKey,
    /// The items of a list that have these fields.
    Item(ItemSelector),
    /// The item of a list at this position.
    Index(usize),
    /// Any item of a list.
    AnyItem,
}

/// The error of a text that is not a field path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub cause: PatternCause,
}

/// What is wrong with the text of a field path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternCause {
    /// It is a JSON pointer.
    JsonPointer,
    /// It does not begin with a key.
    NoFirstKey,
    /// It is empty.
    Empty,
    /// A dot is not followed by a key.
    NoKeyAfterDot,
    /// This character begins no step.
    NoStep(char),
    /// This character is part of a key only in quotes.
    Unquoted(char),
    /// The position in a list is too large.
    LargeIndex(String),
    /// The brackets hold nothing that selects a key or an item.
    Brackets,
    /// A comma in brackets is followed neither by a key and a value nor by a position.
    NoItemAfterComma,
    /// This quote or bracket is missing at the end.
    Unclosed(char),
    /// The text in double quotes is not a JSON string.
    NoJson(String),
    /// It leads into a list that is compared as a whole.
    AtomicItem,
}

impl fmt::Display for PatternCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JsonPointer => f.write_str(
                "expected keys joined by dots, as in `spec.replicas`, found a JSON pointer",
            ),
            Self::NoFirstKey => f.write_str("expected a key at the start, as in `spec.replicas`"),
            Self::Empty => f.write_str("the path is empty"),
            Self::NoKeyAfterDot => f.write_str("expected a key after `.`"),
            Self::NoStep(c) => write!(f, "expected `.` or `[`, found `{c}`"),
            Self::Unquoted(c) => write!(
                f,
                "unexpected `{c}`: write a key with such characters as `[\"key\"]`"
            ),
            Self::LargeIndex(index) => write!(f, "the index `{index}` is too large"),
            Self::Brackets => {
                f.write_str("expected `key=value`, a position, `*` or a quoted key in brackets")
            }
            Self::NoItemAfterComma => f.write_str("expected `key=value` or a position after `,`"),
            Self::Unclosed(end) => write!(f, "expected a closing `{end}`"),
            Self::NoJson(text) => write!(f, "`{text}` is not a JSON string"),
            Self::AtomicItem => f.write_str(
                "it names an item of a list that is compared as a whole: end the path at the list",
            ),
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad field path `{}`: {}", self.text, self.cause)
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Parses one pattern. Fails if the text is not a field path.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        let steps = PatternParser { text, at: 0 }.pattern();
        let steps = steps.map_err(|cause| PatternError {
            text: text.to_owned(),
            cause,
        })?;
        Ok(Self {
            text: text.to_owned(),
            steps,
        })
    }

    /// Parses a comma-separated list of patterns; blanks and empty items are ignored. Fails as [`Pattern::parse`] does.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, PatternError> {
        split_outside(text, ',')
            .into_iter()
            .filter(|item| !item.trim().is_empty())
            .map(Self::parse)
            .collect()
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pattern's steps from the root.
    #[must_use]
    pub fn steps(&self) -> &[PatternStep] {
        &self.steps
    }

    /// Whether it matches anything in this object.
    #[must_use]
    pub fn finds(&self, object: &Value) -> bool {
        finds(&self.steps, object)
    }

    /// Whether it matches the object itself.
    #[must_use]
    pub fn is_resource(&self) -> bool {
        matches!(&self.steps[..], [PatternStep::Key { name, .. }] if name == RESOURCE)
    }
}

fn finds(steps: &[PatternStep], value: &Value) -> bool {
    if steps.is_empty() {
        return true;
    }
    match value {
        Value::Object(map) => map.iter().any(|(key, child)| {
            PatternRest { steps }
                .at_key(key)
                .into_iter()
                .any(|next| finds(next.steps, child))
        }),
        Value::Array(items) => items.iter().enumerate().any(|(index, item)| {
            PatternRest { steps }
                .at_item(|at| at == index, |selector| may_select(selector, item))
                .is_some_and(|next| finds(next.steps, item))
        }),
        _ => false,
    }
}

/// Whether an item may be the selected one: it has one of the fields. The others may be what the server fills in, or
/// those of the item that it is compared with.
fn may_select(selector: &ItemSelector, item: &Value) -> bool {
    let mut fields = selector.fields.iter();
    fields.any(|(field, text)| item.get(field).map(scalar_text).unwrap_or_default() == *text)
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Splits at each `separator` outside brackets and quotes.
#[must_use]
pub(crate) fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut brackets, mut quote, mut escaped) =
        (Vec::new(), 0, 0_i32, None, false);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => brackets += 1,
            (None, ']') => brackets -= 1,
            (None, c) if c == separator && brackets <= 0 => {
                parts.push(&text[start..i]);
                start = i + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

struct PatternParser<'a> {
    text: &'a str,
    at: usize,
}

impl PatternParser<'_> {
    fn pattern(mut self) -> Result<Vec<PatternStep>, PatternCause> {
        if self.text.starts_with('/') {
            return Err(PatternCause::JsonPointer);
        }
        if self.text.starts_with('$') || self.text.starts_with('.') {
            return Err(PatternCause::NoFirstKey);
        }
        let mut steps = Vec::new();
        loop {
            match self.peek() {
                None if steps.is_empty() => return Err(PatternCause::Empty),
                None => return Ok(steps),
                Some('[') => steps.push(self.bracket()?),
                Some('.') if !steps.is_empty() => {
                    self.at += 1;
                    if matches!(self.peek(), None | Some('.' | '[')) {
                        return Err(PatternCause::NoKeyAfterDot);
                    }
                    steps.push(self.key());
                }
                Some(_) if steps.is_empty() => steps.push(self.key()),
                Some(c) => return Err(PatternCause::NoStep(c)),
            }
            if let Some(c @ (']' | '"')) = self.peek() {
                return Err(PatternCause::Unquoted(c));
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take_until(&mut self, end: impl Fn(char) -> bool) -> &str {
        let rest = &self.text[self.at..];
        let length = rest.find(end).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn key(&mut self) -> PatternStep {
        match self
            .take_until(|c| matches!(c, '.' | '[' | ']' | '"'))
            .trim()
        {
            "*" => PatternStep::AnyKey,
            name => PatternStep::Key {
                name: name.to_owned(),
                bare: true,
            },
        }
    }

    /// Parses `["key"]`, `[*]`, `[3]`, `[key=value,…]` or `[key=value,…,3]`.
    fn bracket(&mut self) -> Result<PatternStep, PatternCause> {
        self.at += 1;
        let step = match self.peek() {
            Some('"' | '\'') => PatternStep::Key {
                name: self.quoted()?,
                bare: false,
            },
            _ => match self
                .take_until(|c| matches!(c, '=' | ']' | ','))
                .trim()
                .to_owned()
            {
                name if self.peek() == Some('=') && !name.is_empty() => self.item(name)?,
                name if name == "*" => PatternStep::AnyItem,
                name if is_number(&name) => PatternStep::Index(index(&name)?),
                _ => {
                    return Err(PatternCause::Brackets);
                }
            },
        };
        match self.peek() {
            Some(']') => self.at += 1,
            _ => return Err(PatternCause::Unclosed(']')),
        }
        Ok(step)
    }

    fn item(&mut self, first: String) -> Result<PatternStep, PatternCause> {
        let (mut fields, mut field) = (Vec::new(), first);
        loop {
            self.at += 1;
            let value = match self.peek() {
                Some('"' | '\'') => self.quoted()?,
                _ => self
                    .take_until(|c| matches!(c, ',' | ']'))
                    .trim()
                    .to_owned(),
            };
            fields.push((field, value));
            if self.peek() != Some(',') {
                return Ok(PatternStep::Item(ItemSelector { fields, turn: None }));
            }
            self.at += 1;
            field = String::from(self.take_until(|c| matches!(c, '=' | ',' | ']')).trim());
            match self.peek() {
                Some('=') if !field.is_empty() => {}
                Some(']') if is_number(&field) => {
                    let turn = Some(index(&field)?);
                    return Ok(PatternStep::Item(ItemSelector { fields, turn }));
                }
                _ => return Err(PatternCause::NoItemAfterComma),
            }
        }
    }

    /// Parses a quoted text, with JSON's escapes in double quotes.
    fn quoted(&mut self) -> Result<String, PatternCause> {
        let quote = self.text[self.at..].chars().next().unwrap_or('"');
        let (start, mut escaped) = (self.at + 1, false);
        for (i, c) in self.text[start..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == quote => {
                    let inner = &self.text[start..start + i];
                    self.at = start + i + 1;
                    if quote == '\'' {
                        return Ok(inner.to_owned());
                    }
                    return serde_json::from_str(&format!("\"{inner}\""))
                        .map_err(|_| PatternCause::NoJson(inner.to_owned()));
                }
                _ => {}
            }
        }
        Err(PatternCause::Unclosed(quote))
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn index(text: &str) -> Result<usize, PatternCause> {
    let index = text.parse();
    index.map_err(|_| PatternCause::LargeIndex(text.to_owned()))
}

/// The rest of one pattern below a place in an object.
#[derive(Clone, Copy, Debug)]
struct PatternRest<'a> {
    steps: &'a [PatternStep],
}

impl PatternRest<'_> {
    /// The rest below this key; more than one where an unquoted key with dots can be read in two ways.
    fn at_key(self, key: &str) -> Vec<Self> {
        let rest = |n: usize| Self {
            steps: &self.steps[n..],
        };
        match self.steps.first() {
            Some(PatternStep::AnyKey) => vec![rest(1)],
            Some(PatternStep::Key { name, bare }) => {
                let mut found = if name == key {
                    vec![rest(1)]
                } else {
                    Vec::new()
                };
                if *bare && key.len() > name.len() {
                    found.extend(self.dotted(key).map(rest));
                }
                found
            }
            _ => Vec::new(),
        }
    }

    /// The number of unquoted keys that form this key when joined by dots.
    fn dotted(self, key: &str) -> Option<usize> {
        let mut left = key;
        for (i, step) in self.steps.iter().enumerate() {
            let PatternStep::Key { name, bare: true } = step else {
                return None;
            };
            left = left.strip_prefix(name.as_str())?;
            if left.is_empty() {
                return Some(i + 1);
            }
            left = left.strip_prefix('.')?;
        }
        None
    }

    /// The rest below an item of a list; the parameters are those of [`Ignore::item`].
    fn at_item(
        self,
        is_at: impl Fn(usize) -> bool,
        is_selected: impl Fn(&ItemSelector) -> bool,
    ) -> Option<Self> {
        let here = match self.steps.first()? {
            PatternStep::AnyItem => true,
            PatternStep::Index(index) => is_at(*index),
            PatternStep::Item(selector) => is_selected(selector),
            PatternStep::Key { .. } | PatternStep::AnyKey => false,
        };
        here.then(|| Self {
            steps: &self.steps[1..],
        })
    }
}

/// The rest of each ignore rule at one place of a walk over an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ignore<'a> {
    cursors: Vec<PatternRest<'a>>,
}

impl<'a> Ignore<'a> {
    /// The rules at the root of an object.
    pub(crate) fn new(patterns: impl IntoIterator<Item = &'a Pattern>) -> Self {
        Self {
            cursors: patterns
                .into_iter()
                .map(|p| PatternRest { steps: &p.steps })
                .collect(),
        }
    }

    /// Whether no rule applies at or below this place.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.cursors.is_empty()
    }

    /// Whether this place, and so its whole subtree, is ignored.
    #[must_use]
    pub(crate) fn here(&self) -> bool {
        self.cursors.iter().any(|c| c.steps.is_empty())
    }

    /// The rules below a key.
    #[must_use]
    pub(crate) fn key(&self, key: &str) -> Self {
        if self.cursors.is_empty() {
            return Self::default();
        }
        Self {
            cursors: self.cursors.iter().flat_map(|c| c.at_key(key)).collect(),
        }
    }

    /// The rules below an item of a list: `is_at` returns whether the item is at a position, and `is_selected` whether
    /// a selector selects it.
    #[must_use]
    pub(crate) fn item(
        &self,
        is_at: impl Fn(usize) -> bool,
        is_selected: impl Fn(&ItemSelector) -> bool,
    ) -> Self {
        Self {
            cursors: self
                .cursors
                .iter()
                .filter_map(|c| c.at_item(&is_at, &is_selected))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
