//! Checks the paths of ignore rules against the types: an item of an atomic list cannot be ignored, because such a
//! list is compared and written as one value.

use crate::path::{Pattern, Step};
use crate::schema::{Kind, ListKind, Struct, Type, types};

/// Checks one path for objects of these kinds. Fails with a text that says what is wrong, if the path leads into an
/// atomic list wherever it leads anywhere. A path that leads nowhere is no error here: whether it matches something is
/// known after the comparison.
pub fn check_pattern(kinds: &[Kind], pattern: &Pattern) -> Result<(), String> {
    let outcomes = kinds
        .iter()
        .map(|kind| through_struct(&types::root(*kind), pattern.steps()));
    match outcomes.max() {
        Some(Outcome::Atomic) => Err(format!(
            "bad field path `{0}`: it names an item of a list that is compared as a whole; end it at the list",
            pattern.text()
        )),
        _ => Ok(()),
    }
}

/// Where a path leads, the better outcome being the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Nowhere,
    Atomic,
    Somewhere,
}

fn through(ty: &Type, steps: &[Step]) -> Outcome {
    let Some((step, rest)) = steps.split_first() else {
        return Outcome::Somewhere;
    };
    let is_key = matches!(step, Step::Key { .. } | Step::AnyKey);
    match ty {
        Type::Struct(of) => through_struct(of, steps),
        Type::Any => Outcome::Somewhere,
        // What follows may be the rest of a key with dots.
        Type::Map { value, .. } if is_key => match **value {
            Type::Scalar(_) => Outcome::Somewhere,
            ref value => through(value, rest),
        },
        Type::List {
            kind: ListKind::Atomic,
            ..
        } if !is_key => Outcome::Atomic,
        Type::List { item, .. } if !is_key => through(item, rest),
        Type::Map { .. } | Type::List { .. } | Type::Scalar(_) => Outcome::Nowhere,
    }
}

fn through_struct(ty: &Struct, steps: &[Step]) -> Outcome {
    let Some((step, rest)) = steps.split_first() else {
        return Outcome::Somewhere;
    };
    match step {
        Step::Key { name, .. } => ty
            .field(name)
            .map_or(Outcome::Nowhere, |field| through(&field.ty, rest)),
        Step::AnyKey => ty
            .fields
            .iter()
            .map(|field| through(&field.ty, rest))
            .max()
            .unwrap_or(Outcome::Nowhere),
        Step::Item(_) | Step::Index(_) | Step::AnyItem => Outcome::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_of_an_atomic_list_is_refused() {
        for (path, good) in [
            ("spec.replicas", true),
            ("spec.template.spec.containers[name=web].image", true),
            ("spec.template.spec.containers[*].args", true),
            ("spec.template.spec.containers[*].args[0]", false),
            ("spec.template.spec.containers[*].args[*]", false),
            ("spec.template.spec.tolerations[key=a]", false),
            ("spec.template.spec.*[0]", true),
            ("spec.template.spec.containers[*].*[name=x]", true),
            (
                "spec.template.spec.containers[*].securityContext.capabilities.*[0]",
                false,
            ),
            ("metadata.labels.app.kubernetes.io/name", true),
            ("spec.nope[0]", true),
            ("<resource>", true),
        ] {
            let pattern = Pattern::parse(path).unwrap();
            assert_eq!(
                check_pattern(&[Kind::Deployment], &pattern).is_ok(),
                good,
                "{path}"
            );
        }
        let pattern = Pattern::parse("spec.clusterIPs[0]").unwrap();
        assert_eq!(
            check_pattern(&Kind::ALL, &pattern).unwrap_err(),
            "bad field path `spec.clusterIPs[0]`: it names an item of a list that is compared as a whole; end it at the list"
        );
        assert!(check_pattern(&Kind::ALL, &Pattern::parse("spec.ports[0]").unwrap()).is_ok());
    }
}
