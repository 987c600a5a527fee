//! Suggests the nearest allowed word for a misspelt one.

/// The nearest of some words, if one is near enough. A word that differs only in case, `-` and `_` is preferred; among
/// equals the one that `fits`, then the first.
pub(super) fn nearest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    fits: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    known
        .into_iter()
        .filter_map(|candidate| {
            Some((
                distance_within(word, candidate)?,
                !fits(candidate),
                candidate,
            ))
        })
        .min_by_key(|(distance, misfit, _)| (*distance, *misfit))
        .map(|(_, _, candidate)| candidate)
}

/// The number of edits between two words; `None` if they are too many for a typo.
pub(super) fn distance_within(word: &str, known: &str) -> Option<usize> {
    if word != known && folded(word) == folded(known) {
        return Some(0);
    }
    // A third of the word may differ, or one letter of a short word.
    let length = known.chars().count();
    let limit = (length / 3).clamp(1, 3);
    if length.abs_diff(word.chars().count()) > limit {
        return None;
    }
    let distance = edits(word, known);
    (distance <= limit).then_some(distance)
}

fn folded(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The number of letters to insert, delete, replace or swap with a neighbour.
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 1..=from.len() {
        let mut row = vec![i; to.len() + 1];
        for j in 1..=to.len() {
            let replaced = last[j - 1] + usize::from(from[i - 1] != to[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (from, to, count) in [
            ("", "", 0),
            ("", "ab", 2),
            ("replicas", "replicas", 0),
            ("replcas", "replicas", 1),
            ("repliicas", "replicas", 1),
            ("rplicas", "replicas", 1),
            ("erplicas", "replicas", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edits(from, to), count, "{from} {to}");
        }
    }

    #[test]
    fn finds_the_nearest_word() {
        let known = ["image", "imagePullPolicy", "name", "ports"];
        for (word, found) in [
            ("imagePullpolicy", Some("imagePullPolicy")),
            ("image_pull_policy", Some("imagePullPolicy")),
            ("port", Some("ports")),
            ("nmae", Some("name")),
            ("volumes", None),
            ("na", None),
        ] {
            assert_eq!(nearest(word, known, |_| true), found, "{word}");
        }
        assert_eq!(nearest("cat", ["car", "bat"], |w| w == "bat"), Some("bat"));
    }
}
