//! The Go types of the four kinds: every field, its type, whether it is a pointer, the keys of lists, and the versions
//! of Kubernetes that have it.
//!
//! `types.txt` is generated from the Go types and OpenAPI definitions of each version by `tests/controlplane/types.sh`; a
//! test compares the two. It is read once, at the first use.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use super::Kind;
use super::model::{Field, ListKind, Scalar, Struct, StructRef, Type, Versions};
use super::rules;

/// The generated tables.
const GENERATED: &str = include_str!("types.txt");

/// The type of the objects of a kind.
#[must_use]
pub(crate) fn root(kind: Kind) -> StructRef {
    TABLES.roots[kind as usize]
}

/// The minor versions of Kubernetes 1 from which the tables were generated.
#[must_use]
pub(crate) fn versions() -> RangeInclusive<u32> {
    TABLES.versions.clone()
}

/// Every struct of the tables.
#[cfg(test)]
pub(crate) fn structs() -> impl Iterator<Item = &'static Struct> {
    fn visit(ty: &Type, found: &mut Vec<&'static Struct>) {
        match ty {
            Type::Struct(of) if !found.iter().any(|known| known.name == of.name) => {
                found.push(of.get());
                of.get()
                    .fields
                    .iter()
                    .for_each(|field| visit(&field.ty, found));
            }
            Type::List { item: of, .. } | Type::Map { value: of, .. } => visit(of, found),
            Type::Struct(_) | Type::Scalar(_) | Type::Any => {}
        }
    }
    let mut found = Vec::new();
    for root in TABLES.roots {
        visit(&Type::Struct(root), &mut found);
    }
    found.into_iter()
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::read(GENERATED));

struct Tables {
    versions: RangeInclusive<u32>,
    /// Indexed by kind.
    roots: [StructRef; Kind::ALL.len()],
}

impl Tables {
    fn read(text: &'static str) -> Self {
        let places: Vec<(&str, StructRef)> = blocks(text)
            .map(|(name, _)| (name, StructRef::reserve()))
            .collect();
        let find = |name: &str| {
            let place = places.iter().find(|(known, _)| *known == name);
            place
                .unwrap_or_else(|| panic!("types.txt: no type {name}"))
                .1
        };
        let fields = |owner, lines: &[&'static str]| -> Vec<Field> {
            let fields = lines[1..].iter();
            fields.map(|line| field(owner, line, &find)).collect()
        };
        // The metadata of an object and of a template have the same Go type, but the server owns parts of the former.
        let root_meta = StructRef::reserve();
        let mut structs = Vec::new();
        for (name, lines) in blocks(text) {
            let is_root = Kind::ALL.iter().any(|kind| kind.name() == name);
            let is_atomic = lines[0].split(' ').any(|word| word == "atomic");
            let mut own = fields(name, &lines);
            for field in own
                .iter_mut()
                .filter(|field| is_root && field.name == "metadata")
            {
                field.ty = Type::Struct(root_meta);
            }
            structs.push((find(name), name, is_atomic, own));
            if name == "ObjectMeta" {
                structs.push((root_meta, "RootMeta", false, fields("RootMeta", &lines)));
            }
        }
        let roots = Kind::ALL.map(|kind| find(kind.name()));
        for (place, name, is_atomic, fields) in structs {
            place.fill(Struct::new(name, is_atomic, fields, rules::union_of(name)));
        }
        let versions = text
            .lines()
            .find_map(|line| line.strip_prefix("versions "))
            .expect("a line of versions");
        let mut minors = versions.split(' ').map(minor);
        let oldest = minors.next().expect("a version");
        Self {
            versions: oldest..=minors.next_back().unwrap_or(oldest),
            roots,
        }
    }
}

/// 37 of `v1.37.2`.
fn minor(version: &str) -> u32 {
    let minor = version.split('.').nth(1).expect("a minor version");
    minor.parse().expect("a number")
}

/// The blocks `type NAME …` with their lines, including the heading.
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
    let number = |flag: &str| {
        let text = flags.iter().find_map(|word| word.strip_prefix(flag));
        text.map(|text| text.parse().expect("a number"))
    };
    Field {
        name,
        ty: parse(word, &flags, find),
        pointer,
        versions: Versions {
            since: number("since="),
            until: number("until="),
        },
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
