//! How often the field that was meant is found for one that is misspelt by one letter.

use super::said;
use crate::schema::{Field, Kind, Scalar, Struct, Type, types};

/// A struct of a Deployment, with the text before and after it in a manifest.
struct Spot {
    ty: &'static str,
    before: String,
    after: String,
}

/// Every struct of a Deployment, each where it is met first.
fn spots() -> Vec<Spot> {
    let before = "{apiVersion: apps/v1, kind: Deployment, ".to_owned();
    let mut spots = vec![Spot {
        ty: "Deployment",
        before,
        after: "}".to_owned(),
    }];
    let mut next = 0;
    while let Some(spot) = spots.get(next) {
        let (before, after) = (spot.before.clone(), spot.after.clone());
        // What only the server writes comes from a saved object, and is not checked.
        let checked = find(spot.ty)
            .fields
            .iter()
            .filter(|field| field.rules.owned.is_none());
        for field in checked {
            let (mut open, mut close, mut ty) =
                (format!("{}: ", field.name), String::new(), &field.ty);
            while let Type::List { item, .. } = ty {
                (open, close, ty) = (open + "[", format!("]{close}"), item);
            }
            let Type::Struct(of) = ty else { continue };
            if spots.iter().all(|spot| spot.ty != of.name) {
                let name = if of.name == "RootMeta" {
                    "name: web, "
                } else {
                    ""
                };
                spots.push(Spot {
                    ty: of.name,
                    before: format!("{before}{open}{{{name}"),
                    after: format!("}}{close}{after}"),
                });
            }
        }
        next += 1;
    }
    for spot in &mut spots {
        if !spot.before.contains("name: web") {
            spot.before = spot.before.replacen(
                "kind: Deployment, ",
                "kind: Deployment, metadata: {name: web}, ",
                1,
            );
        }
    }
    spots
}

fn find(name: &str) -> &'static Struct {
    types::structs().find(|s| s.name == name).unwrap()
}

/// A value that the field takes.
fn value(field: &Field) -> &'static str {
    match &field.ty {
        Type::Scalar(Scalar::Bool) => "true",
        Type::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::IntOrString | Scalar::Quantity) => "1",
        Type::Scalar(_) => "\"\"",
        Type::List { .. } => "[]",
        Type::Map { .. } | Type::Struct(_) | Type::Any => "{}",
    }
}

/// A word with each letter left out, swapped with the next, replaced, and with one put before it.
fn misspelt(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let mut found = Vec::new();
    for i in 0..letters.len() {
        let other =
            char::from(b'a' + ((i * 7 + letters.len() * 5 + letters[i] as usize) % 26) as u8);
        let mut edits = [
            letters.clone(),
            letters.clone(),
            letters.clone(),
            letters.clone(),
        ];
        edits[0].remove(i);
        if i + 1 < letters.len() {
            edits[1].swap(i, i + 1);
        }
        edits[2][i] = other;
        edits[3].insert(i, other);
        found.extend(edits.map(String::from_iter));
    }
    found.retain(|typo| typo != word && !typo.is_empty());
    found
}

#[test]
fn nine_of_ten_typos_get_the_right_suggestion() {
    assert_eq!(types::root(Kind::Deployment).name, "Deployment");
    let (mut all, mut caught, mut right) = (0_u32, 0_u32, 0_u32);
    for spot in spots() {
        for field in &find(spot.ty).fields {
            for typo in misspelt(field.name) {
                let text = format!("{}{typo}: {}{}", spot.before, value(field), spot.after);
                let said = said(&text);
                all += 1;
                caught += u32::from(said.iter().any(|s| s.contains("unknown field")));
                right += u32::from(
                    said.iter()
                        .any(|s| s.ends_with(&format!("did you mean `{}`?", field.name))),
                );
            }
        }
    }
    println!(
        "{all} typos: {caught} caught, {right} with the right suggestion ({:.2} %)",
        f64::from(right) * 100.0 / f64::from(all)
    );
    assert!(all > 10_000 && caught * 1000 >= all * 995 && right * 10 >= all * 9);
}
