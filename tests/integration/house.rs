//! `scripts/check-house.sh` finds what breaks its rules.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::Run;

/// A copy of what the script reads.
fn house() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .args([
            "-r",
            "--parents",
            "src",
            "tests/integration",
            "scripts/check-house.sh",
        ])
        .arg(copy.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(copied.unwrap().success());
    copy
}

fn check(house: &Path) -> Run {
    let script = house.join("scripts/check-house.sh");
    Run::of(&Command::new("bash").arg(script).output().unwrap())
}

#[test]
fn each_breach_of_a_rule_of_the_house_is_found_and_nothing_else_is() {
    let house = house();
    check(house.path()).exits(0);
    let breaches = [
        (
            "src/cluster/retry.rs",
            "use super::tries::Tries;",
            "src/cluster: these files of the folder use each other in a circle: ",
        ),
        (
            "src/history/search.rs",
            "struct SourceLocation;",
            ": SourceLocation: this name of a type is declared more than once",
        ),
        (
            "src/yaml/lines.rs",
            "use crate::diff::Finding;",
            ": yaml uses diff, which stands below it in the list of src/lib.rs",
        ),
        (
            "src/normalize.rs",
            "use std::fs::File;",
            ": no file, clock, task or network in this module",
        ),
        (
            "src/path.rs",
            "use kube::Client;",
            ": only src/cluster uses kube",
        ),
        (
            "src/git/log.rs",
            "use clap::Parser;",
            ": only src/cli and src/main.rs use clap",
        ),
        (
            "tests/integration/scope.rs",
            "#[test]\nfn class_01() {}",
            ": class_01: this name of a test is used twice, or is a word with a number",
        ),
    ];
    for (file, line, _) in breaches {
        let file = house.path().join(file);
        let text = fs::read_to_string(&file).unwrap();
        // Behind the comment that the file begins with.
        let (head, rest) = text.split_once("\n\n").unwrap();
        fs::write(file, format!("{head}\n\n{line}\n{rest}")).unwrap();
    }
    let run = check(house.path()).exits(1);
    for (file, _, expected) in breaches {
        let is_found = run.stderr.lines().any(|line| line.contains(expected));
        assert!(is_found, "{file}: {}", run.stderr);
    }
    let found = run.stderr.lines().count() - 1;
    assert_eq!(found, breaches.len(), "{}", run.stderr);
}
