//! Reads any bytes as a file, and looks at all that was read.
#![no_main]

#[path = "../read_yaml.rs"]
mod read_yaml;
// The reader alone, so that this builds in seconds.
#[allow(dead_code, unused_imports, unreachable_pub)]
#[path = "../../src/yaml/mod.rs"]
mod yaml;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| read_yaml::check(bytes));
