//! Field paths such as `spec.template.spec.containers[name=web].image`: printing, parsing, matching.
//!
//! One grammar for both directions, so that whatever path a report prints can be pasted into an ignore rule:
//! keys joined by dots; `[key=value,…]` for the item of a keyed list, `[3]` for one by position; in patterns also
//! `[*]` for any item and `*` for any key. A key or value that could be misread stands in quotes, a key then in
//! brackets: `metadata.labels["app.kubernetes.io/name"]`.

use std::fmt;

use serde_json::Value;

/// What a report names where the whole object is meant: its absence.
pub const RESOURCE: &str = "<resource>";

/// The path of one field of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Segment>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field of a struct or a key of a map.
    Key(String),
    /// The item of a list that has these values.
    Item(Vec<(String, String)>),
    /// An item of a list by its position.
    Index(usize),
}

impl Path {
    /// The path of the object itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The path that stands for the whole object in a report.
    #[must_use]
    pub fn resource() -> Self {
        Self(vec![Segment::Key(RESOURCE.to_owned())])
    }

    /// Goes one step down.
    pub fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    /// Goes one step up.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// This path and one key more.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut path = self.clone();
        path.push(Segment::Key(key.to_owned()));
        path
    }

    /// The path's text with `[*]` for each item of a list: what all places of one field have in common.
    #[must_use]
    pub fn of_any_item(&self) -> impl fmt::Display {
        AnyItem(self)
    }

    fn write(&self, any_item: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if is_bare(key) || key == RESOURCE => {
                    if i > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(key)?;
                }
                Segment::Key(key) => write!(f, "[{}]", Value::from(key.as_str()))?,
                Segment::Index(_) | Segment::Item(_) if any_item => f.write_str("[*]")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Item(keys) => {
                    f.write_str("[")?;
                    for (j, (key, value)) in keys.iter().enumerate() {
                        let comma = if j > 0 { "," } else { "" };
                        if is_bare(value) {
                            write!(f, "{comma}{key}={value}")?;
                        } else {
                            write!(f, "{comma}{key}={}", Value::from(value.as_str()))?;
                        }
                    }
                    f.write_str("]")?;
                }
            }
        }
        Ok(())
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

/// Whether a key or value reads back as itself without quotes.
fn is_bare(text: &str) -> bool {
    !text.is_empty()
        && text != "*"
        && !text.contains(|c: char| {
            matches!(c, '.' | '[' | ']' | ',' | '"' | '\'') || c.is_whitespace() || c.is_control()
        })
}

/// A path with wildcards, as ignore rules have it. It stands for the whole subtree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    steps: Vec<PatternStep>,
}

/// One step of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternStep {
    /// This key. A bare one may be the part of a key with dots that was written without quotes.
    Key {
        /// The key, or a part of it.
        name: String,
        /// Written without quotes.
        bare: bool,
    },
    /// Any key.
    AnyKey,
    /// The items of a list that have these values.
    Item(Vec<(String, String)>),
    /// The item of a list at this position.
    Index(usize),
    /// Any item of a list.
    AnyItem,
}

/// Why a text is not a field path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub cause: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad field path `{}`: {}", self.text, self.cause)
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Reads one pattern.
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

    /// Reads a comma-separated list of patterns; blanks and empty items are passed over. Fails as [`Pattern::parse`].
    pub fn parse_list(text: &str) -> Result<Vec<Self>, PatternError> {
        split_outside(text, ',')
            .into_iter()
            .filter(|item| !item.trim().is_empty())
            .map(Self::parse)
            .collect()
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pattern's steps from the root.
    #[must_use]
    pub fn steps(&self) -> &[PatternStep] {
        &self.steps
    }

    /// Whether it names anything in this object.
    #[must_use]
    pub fn finds(&self, object: &Value) -> bool {
        finds(&self.steps, object)
    }

    /// Whether it names the object itself.
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
            let has =
                |key: &str, wanted: &str| item.get(key).is_some_and(|v| scalar_text(v) == wanted);
            PatternRest { steps }
                .at_item(|i| i == index, has)
                .is_some_and(|next| finds(next.steps, item))
        }),
        _ => false,
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Splits at each `separator` that stands outside of brackets and quotes.
#[must_use]
pub fn split_outside(text: &str, separator: char) -> Vec<&str> {
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
    fn pattern(mut self) -> Result<Vec<PatternStep>, String> {
        if self.text.starts_with('/') {
            return Err(
                "a JSON pointer; write keys joined by dots, as in `spec.replicas`".to_owned(),
            );
        }
        if self.text.starts_with('$') || self.text.starts_with('.') {
            return Err("it must begin with a key, as in `spec.replicas`".to_owned());
        }
        let mut steps = Vec::new();
        loop {
            match self.peek() {
                None if steps.is_empty() => return Err("it is empty".to_owned()),
                None => return Ok(steps),
                Some('[') => steps.push(self.bracket()?),
                Some('.') if !steps.is_empty() => {
                    self.at += 1;
                    if matches!(self.peek(), None | Some('.' | '[')) {
                        return Err("a key is missing after `.`".to_owned());
                    }
                    steps.push(self.key());
                }
                Some(_) if steps.is_empty() => steps.push(self.key()),
                Some(c) => return Err(format!("`.` or `[` expected before `{c}`")),
            }
            if let Some(c @ (']' | '"')) = self.peek() {
                return Err(format!(
                    "unexpected `{c}`; a key with such characters is written `[\"key\"]`"
                ));
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

    /// `["key"]`, `[*]`, `[3]` or `[key=value,…]`.
    fn bracket(&mut self) -> Result<PatternStep, String> {
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
                name if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) => {
                    PatternStep::Index(
                        name.parse()
                            .map_err(|_| format!("`{name}` is too large an index"))?,
                    )
                }
                _ => {
                    return Err(
                        "in brackets stands `key=value`, a position, `*` or a quoted key"
                            .to_owned(),
                    );
                }
            },
        };
        match self.peek() {
            Some(']') => self.at += 1,
            _ => return Err("`]` is missing".to_owned()),
        }
        Ok(step)
    }

    fn item(&mut self, first: String) -> Result<PatternStep, String> {
        let (mut keys, mut key) = (Vec::new(), first);
        loop {
            self.at += 1;
            let value = match self.peek() {
                Some('"' | '\'') => self.quoted()?,
                _ => self
                    .take_until(|c| matches!(c, ',' | ']'))
                    .trim()
                    .to_owned(),
            };
            keys.push((key, value));
            if self.peek() != Some(',') {
                return Ok(PatternStep::Item(keys));
            }
            self.at += 1;
            key = String::from(self.take_until(|c| matches!(c, '=' | ',' | ']')).trim());
            if self.peek() != Some('=') || key.is_empty() {
                return Err("`key=value` expected after `,`".to_owned());
            }
        }
    }

    /// A text in quotes, with the escapes of JSON.
    fn quoted(&mut self) -> Result<String, String> {
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
                        .map_err(|_| format!("`{inner}` is no JSON string"));
                }
                _ => {}
            }
        }
        Err(format!("the closing {quote} is missing"))
    }
}

/// What is left of one pattern below some place of an object.
#[derive(Clone, Copy, Debug)]
struct PatternRest<'a> {
    steps: &'a [PatternStep],
}

impl PatternRest<'_> {
    /// What is left below this key; more than one where a bare dotted key can be read in two ways.
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

    /// How many bare keys, joined by dots, make up this one.
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

    /// What is left below an item of a list; the callers tell its positions and the texts of its fields.
    fn at_item(
        self,
        is_at: impl Fn(usize) -> bool,
        has: impl Fn(&str, &str) -> bool,
    ) -> Option<Self> {
        let here = match self.steps.first()? {
            PatternStep::AnyItem => true,
            PatternStep::Index(index) => is_at(*index),
            PatternStep::Item(keys) => keys.iter().all(|(key, value)| has(key, value)),
            PatternStep::Key { .. } | PatternStep::AnyKey => false,
        };
        here.then(|| Self {
            steps: &self.steps[1..],
        })
    }
}

/// The ignore rules as they stand at one place of a walk over an object.
#[derive(Clone, Debug, Default)]
pub struct Ignore<'a> {
    cursors: Vec<PatternRest<'a>>,
}

impl<'a> Ignore<'a> {
    /// The rules at the root of an object.
    pub fn new(patterns: impl IntoIterator<Item = &'a Pattern>) -> Self {
        Self {
            cursors: patterns
                .into_iter()
                .map(|p| PatternRest { steps: &p.steps })
                .collect(),
        }
    }

    /// Whether no rule reaches below this place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cursors.is_empty()
    }

    /// Whether this place itself, and so its whole subtree, is ignored.
    #[must_use]
    pub fn here(&self) -> bool {
        self.cursors.iter().any(|c| c.steps.is_empty())
    }

    /// The rules below a key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        if self.cursors.is_empty() {
            return Self::default();
        }
        Self {
            cursors: self.cursors.iter().flat_map(|c| c.at_key(key)).collect(),
        }
    }

    /// The rules below an item of a list: `is_at` says whether it stands at a position, on either side, and `has`
    /// whether a field of it has this text, on either side.
    #[must_use]
    pub fn item(&self, is_at: impl Fn(usize) -> bool, has: impl Fn(&str, &str) -> bool) -> Self {
        Self {
            cursors: self
                .cursors
                .iter()
                .filter_map(|c| c.at_item(&is_at, &has))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
