//! Groups resources that differ in the same way, so that they are shown once.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{FieldEntry, ResourceEntry};

/// The least number of resources that form a group.
const FEWEST: usize = 5;
/// The most namespaces of a group that are named.
const MOST_NAMESPACES: usize = 6;

/// A block of the report: one resource, or several that differ in the same way, represented by the first.
pub(super) type Group<'a> = Vec<&'a ResourceEntry>;

/// Groups the resources that differ in the same way, each group at the position of its first resource.
pub(super) fn groups<'a>(resources: impl Iterator<Item = &'a ResourceEntry>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places: HashMap<u64, usize> = HashMap::new();
    for resource in resources {
        let place = *places.entry(likeness(resource)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(resource),
            None => groups.push(vec![resource]),
        }
    }
    if groups.iter().all(|group| group.len() == 1) {
        return groups;
    }
    let mut groups: Vec<Group<'a>> = groups
        .into_iter()
        .flat_map(|group| {
            if group.len() < FEWEST {
                group.into_iter().map(|one| vec![one]).collect()
            } else {
                vec![group]
            }
        })
        .collect();
    groups.sort_by(|a, b| a[0].id.cmp(&b[0].id));
    groups
}

/// A hash that is equal for resources that differ in the same way.
fn likeness(resource: &ResourceEntry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (resource.id.kind, resource.action.name(), &resource.reason).hash(&mut hasher);
    for field in &resource.fields {
        (
            without_names(&field.path),
            field.class.name(),
            &field.desired,
            &field.live,
        )
            .hash(&mut hasher);
        (field.outcome, &field.default_of, &field.consequences).hash(&mut hasher);
    }
    hasher.finish()
}

/// The path without the names of items: `containers[name=*].image`.
pub(super) fn without_names(path: &str) -> String {
    let (mut shown, mut quoted, mut is_value, mut in_item) = (String::new(), false, false, false);
    let mut characters = path.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' if quoted => {
                let next = characters.next();
                if !is_value {
                    shown.push(c);
                    shown.extend(next);
                }
                continue;
            }
            '"' => quoted = !quoted,
            '[' if !quoted => in_item = true,
            ']' | ',' if !quoted => {
                if is_value {
                    shown.push('*');
                }
                is_value = false;
                in_item &= c == ',';
            }
            '=' if !quoted && in_item && !is_value => {
                is_value = true;
                shown.push(c);
                continue;
            }
            _ => {}
        }
        if !is_value {
            shown.push(c);
        }
    }
    shown
}

/// The path of a field of a group: with the names of items if all resources have the same.
pub(super) fn path(group: &Group<'_>, at: usize) -> String {
    let field = |resource: &&'_ ResourceEntry| resource.fields[at].path.clone();
    let first = field(&group[0]);
    if group.iter().all(|resource| field(resource) == first) {
        first
    } else {
        without_names(&first)
    }
}

/// The namespaces of the group's resources, with the number in each.
pub(super) fn namespaces(group: &Group<'_>) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in group {
        *counts.entry(resource.id.namespace.as_str()).or_default() += 1;
    }
    counts.remove("");
    if counts.is_empty() {
        return None;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named = counts.iter().take(MOST_NAMESPACES);
    let mut named: Vec<String> = named
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    if counts.len() > MOST_NAMESPACES {
        named.push(format!(
            "{} more namespaces",
            counts.len() - MOST_NAMESPACES
        ));
    }
    Some(named.join(", "))
}

/// The last writers of a field of the group, the most frequent first, with their counts.
pub(super) fn writers(fields: &[&FieldEntry]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for writer in fields.iter().filter_map(|field| field.last_writer.as_ref()) {
        *counts.entry(writer.to_string()).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_without_the_names_of_items() {
        for (path, expected) in [
            ("spec.replicas", "spec.replicas"),
            ("a.containers[name=web].image", "a.containers[name=*].image"),
            (
                "ports[containerPort=80,protocol=TCP].name",
                "ports[containerPort=*,protocol=*].name",
            ),
            ("data[\"a=b].c\"]", "data[\"a=b].c\"]"),
            ("env[name=\"A].\\\"B\"].value", "env[name=*].value"),
            ("list[3]", "list[3]"),
        ] {
            assert_eq!(without_names(path), expected);
        }
    }
}
