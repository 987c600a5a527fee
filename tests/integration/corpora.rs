//! The corpora of the fuzzer, on any toolchain: its checks, on each file as it is and with some damage.

use std::fs;
use std::path::{Path, PathBuf};

use gitops_drift::yaml;

#[path = "../../fuzz/read_yaml.rs"]
mod read_yaml;

/// How often each file is damaged.
const DAMAGES: u64 = 20;
/// As the fuzzer has it: in larger files the same happens, only slower.
const LONGEST: usize = 4096;

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The words of the fuzzer's dictionary.
fn words() -> Vec<Vec<u8>> {
    let words = include_str!("../../fuzz/yaml.dict").lines();
    let quoted = words.filter_map(|line| line.split_once('"')?.1.rsplit_once('"'));
    quoted
        .map(|(word, _)| word.replace("\\\"", "\"").into_bytes())
        .collect()
}

/// A number that depends on the seed alone (splitmix64).
fn random(seed: &mut u64) -> usize {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap()
}

/// Takes a part out, puts a word in, or changes a byte, a few times over.
fn damage(bytes: &mut Vec<u8>, words: &[Vec<u8>], seed: &mut u64) {
    for _ in 0..=random(seed) % 4 {
        let at = random(seed) % (bytes.len() + 1);
        match random(seed) % 4 {
            0 => drop(bytes.drain(at..bytes.len().min(at + random(seed) % 16))),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, words[random(seed) % words.len()].clone())),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (random(seed) % 8);
                }
            }
        }
    }
}

#[test]
fn whatever_is_read_agrees_with_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["tests/cases", "examples", "fuzz/corpus"] {
        files_below(&root.join(folder), &mut files);
    }
    files.sort();
    assert!(files.len() > 100, "only {} files", files.len());
    let words = words();
    assert!(words.len() > 10, "only {} words", words.len());
    let mut seed = 1;
    for file in files {
        let mut bytes = fs::read(&file).unwrap();
        read_yaml::check(&bytes);
        bytes.truncate(LONGEST);
        for _ in 0..DAMAGES {
            let mut damaged = bytes.clone();
            damage(&mut damaged, &words, &mut seed);
            read_yaml::check(&damaged);
        }
    }
}
