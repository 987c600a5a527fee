//! The types of the four kinds as Go has them: every field, its type, pointers, lists and their keys.
//!
//! `types.txt` is generated from Kubernetes' own Go types and OpenAPI document by the test control plane's
//! `types` command; a test compares the two. It is read once, at the first use.

use std::sync::LazyLock;

use super::Kind;
use super::rules::{self, Rules, Union};

/// The generated tables.
const GENERATED: &str = include_str!("types.txt");

/// A Go struct.
#[derive(Debug)]
pub struct Struct {
    /// Its name in Go: `Container`.
    pub name: &'static str,
    /// One owner for the whole of it: it is compared and replaced as one value.
    pub atomic: bool,
    /// Its fields, those of embedded structs included, by name.
    pub fields: Vec<Field>,
    /// Where among them those stand that have a default.
    pub defaulted: Vec<usize>,
    /// Where among them those stand that follow another.
    pub followers: Vec<usize>,
    /// The union that some of its fields form.
    pub union: Option<&'static Union>,
    /// Where each field stands, at a place that its name gives or, where that was taken, at the next free one. Fields
    /// are looked up for every key of every object, and this takes one comparison where a search takes five.
    slots: Vec<Option<u8>>,
}

/// No struct has more fields.
pub const MOST_FIELDS: usize = 64;

impl Struct {
    fn new(name: &'static str, atomic: bool, fields: Vec<Field>) -> Self {
        assert!(
            fields.len() <= MOST_FIELDS,
            "{name} has {} fields",
            fields.len()
        );
        let places = |is_one: fn(&Field) -> bool| {
            let all = fields.iter().enumerate();
            all.filter(|(_, field)| is_one(field))
                .map(|(index, _)| index)
                .collect()
        };
        let mut slots = vec![None; (fields.len() * 4).next_power_of_two()];
        for (index, field) in (0..).zip(&fields) {
            let mut slot = first_slot(field.name) % slots.len();
            while slots[slot].is_some() {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = Some(index);
        }
        Self {
            name,
            atomic,
            defaulted: places(|field| field.rules.default.is_some()),
            followers: places(|field| field.rules.follows.is_some()),
            fields,
            union: rules::union_of(name),
            slots,
        }
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.index(name).map(|i| &self.fields[i])
    }

    /// Where the field of this name stands among the fields.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<usize> {
        let last = self.slots.len() - 1;
        let mut slot = first_slot(name) & last;
        while let Some(index) = self.slots[slot] {
            if self.fields[usize::from(index)].name == name {
                return Some(index.into());
            }
            slot = (slot + 1) & last;
        }
        None
    }
}

/// Where a name is looked for first; the rest of a division by a power of two counts.
fn first_slot(name: &str) -> usize {
    let byte = |at: Option<&u8>| at.map_or(0, |byte| usize::from(*byte));
    let bytes = name.as_bytes();
    let middle = bytes.get(bytes.len() / 2);
    bytes.len() + 7 * byte(bytes.first()) + 31 * byte(bytes.last()) + 5 * byte(middle)
}

/// A field of a [`Struct`].
#[derive(Debug)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// A pointer in Go: an explicit zero or `{}` is kept and differs from absence.
    pub pointer: bool,
    /// What the server is known to do with it.
    pub rules: Rules,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A value without parts.
    Scalar(Scalar),
    /// Anything; not compared.
    Any,
    /// A map with string keys.
    Map {
        /// The type of its values.
        value: Box<Type>,
        /// One owner for the whole of it.
        atomic: bool,
    },
    /// A list.
    List {
        /// The type of its items.
        item: Box<Type>,
        /// What tells its items apart.
        kind: ListKind,
    },
    /// A struct.
    Struct(StructRef),
}

/// The types without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// A text.
    String,
    /// `true` or `false`.
    Bool,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A `resource.Quantity`, such as `500m`.
    Quantity,
    /// A number or a text: a port or a percentage.
    IntOrString,
    /// An instant, to the second.
    Time,
    /// An instant, to the microsecond.
    MicroTime,
    /// Bytes in base64.
    Bytes,
}

/// What tells the items of a list apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKind {
    /// Nothing: the list is one value.
    Atomic,
    /// Their value.
    Set,
    /// The values of these fields.
    Keyed(Vec<&'static str>),
}

/// Refers to a [`Struct`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StructRef(usize);

impl StructRef {
    /// The struct.
    #[must_use]
    pub fn get(self) -> &'static Struct {
        &TABLES.structs[self.0]
    }
}

impl std::ops::Deref for StructRef {
    type Target = Struct;

    fn deref(&self) -> &Struct {
        self.get()
    }
}

/// The type of a kind's objects.
#[must_use]
pub fn root(kind: Kind) -> StructRef {
    TABLES.roots[kind as usize]
}

/// The version of Kubernetes that the tables were made from, as `(1, 37)`.
#[must_use]
pub fn version() -> (u32, u32) {
    TABLES.version
}

/// Every struct of the tables.
pub fn structs() -> impl Iterator<Item = &'static Struct> {
    TABLES.structs.iter()
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::read(GENERATED));

struct Tables {
    version: (u32, u32),
    structs: Vec<Struct>,
    /// By the number of the kind.
    roots: [StructRef; Kind::ALL.len()],
}

impl Tables {
    fn read(text: &'static str) -> Self {
        let names: Vec<&str> = blocks(text).map(|(name, _)| name).collect();
        let find = |name: &str| {
            let index = names.iter().position(|n| *n == name);
            StructRef(index.unwrap_or_else(|| panic!("types.txt: no type {name}")))
        };
        let fields = |owner, lines: &[&'static str]| {
            let fields = lines[1..].iter();
            fields.map(|line| field(owner, line, &find)).collect()
        };
        let mut structs: Vec<Struct> = blocks(text)
            .map(|(name, lines)| {
                let atomic = lines[0].split(' ').any(|word| word == "atomic");
                Struct::new(name, atomic, fields(name, &lines))
            })
            .collect();
        // The metadata of an object and of a template are one Go type, but the server owns parts of the former.
        let meta = find("ObjectMeta");
        let root_meta = StructRef(structs.len());
        let copy = blocks(text).nth(meta.0).expect("found above").1;
        structs.push(Struct::new("RootMeta", false, fields("RootMeta", &copy)));
        let roots = Kind::ALL.map(|kind| find(kind.name()));
        for root in roots {
            let fields = &mut structs[root.0].fields;
            for field in fields.iter_mut().filter(|f| f.name == "metadata") {
                field.ty = Type::Struct(root_meta);
            }
        }
        let version = text
            .lines()
            .find_map(|line| line.strip_prefix("version v"))
            .expect("a version line");
        let mut parts = version.split('.').map(|n| n.parse().expect("a number"));
        Self {
            version: (parts.next().unwrap_or(0), parts.next().unwrap_or(0)),
            structs,
            roots,
        }
    }
}

/// The blocks `type NAME …` with their lines, the heading included.
fn blocks(text: &'static str) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    text.split("\n\n").filter_map(|block| {
        let lines: Vec<&str> = block.lines().filter(|line| !line.is_empty()).collect();
        let name = lines.first()?.strip_prefix("type ")?.split(' ').next()?;
        Some((name, lines))
    })
}

/// A line `name TYPE [flags…]`.
fn field(owner: &'static str, line: &'static str, find: &impl Fn(&str) -> StructRef) -> Field {
    let mut words = line.split_whitespace();
    let name = words.next().expect("a name");
    let word = words.next().expect("a type");
    let flags: Vec<&str> = words.collect();
    let (word, pointer) = word
        .strip_prefix('*')
        .map_or((word, false), |rest| (rest, true));
    Field {
        name,
        ty: parse(word, &flags, find),
        pointer,
        rules: rules::of(owner, name),
    }
}

fn parse(word: &'static str, flags: &[&'static str], find: &impl Fn(&str) -> StructRef) -> Type {
    if let Some(item) = word.strip_prefix("[]") {
        let keys = flags.iter().find_map(|flag| flag.strip_prefix("keys="));
        let kind = match keys {
            Some(keys) => ListKind::Keyed(keys.split(',').collect()),
            None if flags.contains(&"set") => ListKind::Set,
            None => ListKind::Atomic,
        };
        return Type::List {
            item: Box::new(parse(item.trim_start_matches('*'), &[], find)),
            kind,
        };
    }
    if let Some(value) = word
        .strip_prefix("map[")
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let value = Box::new(parse(value, &[], find));
        return Type::Map {
            value,
            atomic: flags.contains(&"atomic"),
        };
    }
    match word {
        "any" => Type::Any,
        "string" => Type::Scalar(Scalar::String),
        "bool" => Type::Scalar(Scalar::Bool),
        "int32" => Type::Scalar(Scalar::Int32),
        "int64" => Type::Scalar(Scalar::Int64),
        "quantity" => Type::Scalar(Scalar::Quantity),
        "intorstring" => Type::Scalar(Scalar::IntOrString),
        "time" => Type::Scalar(Scalar::Time),
        "microtime" => Type::Scalar(Scalar::MicroTime),
        "bytes" => Type::Scalar(Scalar::Bytes),
        name => Type::Struct(find(name)),
    }
}
