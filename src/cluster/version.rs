//! The version of the server.

use std::fmt;

use serde::Deserialize;

/// The version that the server behaves as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// The major version, such as 1 in `v1.37.2`.
    pub major: u32,
    /// The minor version, such as 37 in `v1.37.2`.
    pub minor: u32,
    /// The version as the server reports it.
    text: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The response to a GET of `/version`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionAnswer {
    git_version: String,
    #[serde(default)]
    emulation_major: String,
    #[serde(default)]
    emulation_minor: String,
}

/// Parses the response; `None` if it has no Kubernetes version.
pub(super) fn read(body: &[u8]) -> Option<Version> {
    let answer: VersionAnswer = serde_json::from_slice(body).ok()?;
    let mut parts = answer.git_version.strip_prefix('v')?.split(['.', '-', '+']);
    let mut number = || parts.next()?.parse().ok();
    let (major, minor) = (number()?, number()?);
    // The feature gates are those of the emulated version.
    let emulated = answer.emulation_major.parse().ok();
    match emulated.zip(answer.emulation_minor.parse().ok()) {
        Some(emulated) if emulated != (major, minor) => Some(Version {
            major: emulated.0,
            minor: emulated.1,
            text: format!(
                "{}, which emulates {}.{}",
                answer.git_version, emulated.0, emulated.1
            ),
        }),
        _ => Some(Version {
            major,
            minor,
            text: answer.git_version,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn versions_of_managed_servers_and_emulated_ones_are_understood() {
        for (body, expected) in [
            (r#"{"gitVersion":"v1.37.2"}"#, Some((1, 37, "v1.37.2"))),
            (
                r#"{"major":"1","minor":"33+","gitVersion":"v1.33.5-gke.1080"}"#,
                Some((1, 33, "v1.33.5-gke.1080")),
            ),
            (
                r#"{"gitVersion":"v1.34.2-eks-abcdef"}"#,
                Some((1, 34, "v1.34.2-eks-abcdef")),
            ),
            (
                r#"{"gitVersion":"v1.35.0+k3s1","emulationMajor":"1","emulationMinor":"35"}"#,
                Some((1, 35, "v1.35.0+k3s1")),
            ),
            (
                r#"{"gitVersion":"v1.36.1","emulationMajor":"1","emulationMinor":"34"}"#,
                Some((1, 34, "v1.36.1, which emulates 1.34")),
            ),
            (
                r#"{"gitVersion":"v2.0.0-alpha.1"}"#,
                Some((2, 0, "v2.0.0-alpha.1")),
            ),
            (r#"{"gitVersion":"nonsense"}"#, None),
            (r#"{"gitVersion":"v1"}"#, None),
            ("{}", None),
            ("<html>", None),
        ] {
            let read = read(body.as_bytes());
            let read = read.map(|version| (version.major, version.minor, version.to_string()));
            let expected = expected.map(|(major, minor, text)| (major, minor, text.to_owned()));
            assert_eq!(read, expected, "{body}");
        }
    }
}
