//! Which values are secret according to their names: environment variables and keys of ConfigMaps. They belong in a
//! Secret but often are elsewhere, and a report must not disclose them.

/// Where the name of a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The sibling field with this name.
    Sibling(&'static str),
    /// The key of the map that contains it.
    Key,
}

/// The fields whose values may be secret.
pub(super) static NAMED: &[(&str, NamedBy)] = &[
    ("EnvVar.value", NamedBy::Sibling("name")),
    ("ConfigMap.data", NamedBy::Key),
    ("ConfigMap.binaryData", NamedBy::Key),
];

/// The words that mark a secret, also in the plural.
static WORDS: &[&[&str]] = &[
    &["password"],
    &["passwd"],
    &["secret"],
    &["token"],
    &["credential"],
    &["api", "key"],
    &["access", "key"],
    &["private", "key"],
    &["apikey"],
    &["accesskey"],
    &["privatekey"],
];

/// Where the name of this field's value comes from, if the value may be secret.
#[must_use]
pub(crate) fn named_by(owner: &str, field: &str) -> Option<NamedBy> {
    let is_it = |at: &str| at.split_once('.') == Some((owner, field));
    NAMED
        .iter()
        .find(|(at, _)| is_it(at))
        .map(|(_, named_by)| *named_by)
}

/// Whether a name says that its value is secret.
#[must_use]
pub(crate) fn is_secret(name: &str) -> bool {
    let words = words(name);
    WORDS.iter().any(|wanted| {
        let mut places = words.windows(wanted.len());
        places.any(|place| place.iter().zip(*wanted).all(|(word, w)| is_word(word, w)))
    })
}

fn is_word(word: &str, wanted: &str) -> bool {
    word.strip_suffix('s').unwrap_or(word) == wanted || word == wanted
}

/// The words of a name in `camelCase`, `snake_case`, `kebab-case` or any mixture of them, in lower case.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(i + 1);
        // `dbPassword` and `DBPassword` both have two words.
        let begins = c.is_uppercase()
            && (before.is_some_and(char::is_lowercase)
                || before.is_some_and(char::is_uppercase)
                    && after.is_some_and(|c| c.is_lowercase()));
        if begins || !c.is_alphabetic() {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            let last = words.last_mut().expect("there is one");
            last.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_into_words() {
        for (name, expected) in [
            ("dbPassword", "db password"),
            ("DB_PASSWORD", "db password"),
            ("db-password.txt", "db password txt"),
            ("AWSSecretAccessKey", "aws secret access key"),
            ("PASSWORD2", "password"),
            ("__a__", "a"),
            ("", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn whole_words_say_that_a_value_is_secret() {
        for (name, expected) in [
            ("PASSWORD", true),
            ("DB_PASSWORD_FILE", true),
            ("mysqlPasswd", true),
            ("client-secret", true),
            ("github.token", true),
            ("AWS_CREDENTIALS", true),
            ("API_KEY", true),
            ("apiKeys", true),
            ("APIKEY", true),
            ("AWS_ACCESS_KEY_ID", true),
            ("tls.private-key", true),
            ("PrivateKey", true),
            ("TOKENIZER", false),
            ("tokenizerPath", false),
            ("PASSWORDLESS", false),
            ("SECRETARY", false),
            ("API_URL_KEY", false),
            ("KEY", false),
            ("PUBLIC_KEY", false),
            ("accessLog", false),
            ("", false),
        ] {
            assert_eq!(is_secret(name), expected, "{name}");
        }
    }
}
