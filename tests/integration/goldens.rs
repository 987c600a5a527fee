//! Reports as they are kept in `tests/cases/reports`: each case in every format, text at 80 and at 160 columns, together
//! with the command, its exit code and what it says on standard error. `RECORD=1` rewrites them; read the difference
//! as a person who has nothing but the report.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;
use unicode_width::UnicodeWidthStr as _;

use crate::formats::{assert_junit, assert_valid, schema};
use crate::made_reports;
use crate::support::{Run, program, text};

const CASES: &str = "tests/cases/reports";

/// The columns at which text is recorded.
pub(crate) const WIDTHS: [usize; 2] = [80, 160];

/// The other formats, and the names of their files.
const FORMATS: [(&str, &str); 6] = [
    ("brief", "report.brief.txt"),
    ("json", "report.json"),
    ("markdown", "report.md"),
    ("github", "report.github.txt"),
    ("sarif", "report.sarif"),
    ("junit", "report.xml"),
];

/// Instants of the inputs, and how many hours ago they are made to be, so that reports say the same every day.
const INSTANTS: [(&str, i64); 2] = [
    ("2026-11-22T10:04:11Z", 3 * 24 + 1),
    ("2026-10-01T08:00:00Z", 56 * 24 + 1),
];

/// Of a longer report only the beginning and the end are kept, and a hash of the whole.
const MOST_LINES: usize = 400;
const KEPT_LINES: [usize; 2] = [120, 20];

/// Where the manifests and the live objects of a case come from.
enum Inputs {
    /// They are kept beside the reports.
    Kept,
    /// They are long, and made by a function: the manifests and the live objects.
    Made(fn() -> [String; 2]),
    /// They are kept, and this makes the folder of the manifests a repository.
    Committed(fn(&Path)),
}
use Inputs::{Committed, Kept, Made};

/// The cases that a snapshot is enough for: the name, the inputs, the arguments and the exit code.
const OF_SNAPSHOTS: &[(&str, Inputs, &[&str], i32)] = &[
    ("text-of-200-lines", Made(made_reports::long_text), &[], 0),
    (
        "one-argument-of-forty",
        Made(made_reports::forty_arguments),
        &[],
        0,
    ),
    ("url-that-differs-at-its-end", Kept, &[], 0),
    (
        "json-in-one-line",
        Made(made_reports::json_in_one_line),
        &[],
        0,
    ),
    (
        "three-hundred-deployments",
        Made(made_reports::three_hundred_deployments),
        &[],
        0,
    ),
    ("list-reordered", Kept, &[], 0),
    ("line-ends", Kept, &[], 0),
    ("binary-data", Kept, &[], 0),
    ("hostile-values", Kept, &[], 2),
    ("secrets", Kept, &[], 0),
    ("secrets-shown", Kept, &["--no-redact"], 0),
    ("invisible-characters", Kept, &[], 0),
    ("missing-objects", Kept, &["--fail-on-drift"], 1),
    ("declared-nowhere", Kept, &["--strict"], 0),
    ("left-git", Kept, &[], 0),
    ("followers", Kept, &[], 0),
    ("several-namespaces", Kept, &["--no-dry-run"], 0),
    ("suppressed", Kept, &["--show-suppressed"], 0),
    (
        "ignored",
        Kept,
        &["--ignore-fields", "Deployment/*:spec.replicas,data.NOWHERE"],
        0,
    ),
    ("baseline", Kept, &["--baseline", "baseline.json"], 0),
    ("errors-of-input", Kept, &[], 2),
    ("nothing-was-checked", Kept, &[], 2),
    ("nothing-to-check", Kept, &[], 2),
    ("not-in-the-snapshot", Kept, &[], 2),
    ("no-drift", Kept, &[], 0),
    ("wide-characters", Kept, &[], 0),
    ("long-keys-and-paths", Kept, &[], 0),
    ("long-maps", Kept, &[], 0),
    ("deep-differences", Kept, &["--strict"], 0),
    ("null-and-absent", Kept, &[], 0),
    ("number-and-string", Kept, &[], 0),
    ("amounts", Kept, &[], 0),
    ("doubled-variable", Kept, &[], 0),
    ("writers", Kept, &[], 0),
    ("equal-groups", Made(made_reports::equal_groups), &[], 0),
    ("being-deleted", Kept, &[], 0),
    (
        "whole-values",
        Made(made_reports::whole_values),
        &["--no-truncate"],
        0,
    ),
    ("history", Committed(made_reports::commit_history), &[], 0),
];

#[test]
fn reports_of_snapshots_are_as_recorded() {
    let mut differing = Vec::new();
    for (name, inputs, args, exit) in OF_SNAPSHOTS {
        let files = inputs.folder(name);
        let mut golden = Golden::new(name);
        for width in WIDTHS {
            let run = golden.of_snapshot(&files, "desired.yaml", args, width);
            if run.exit != *exit {
                differing.push(format!("{name}: exit code {}", run.exit));
            }
        }
        differing.extend(golden.differing);
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// A case that nobody runs proves nothing.
#[test]
fn each_folder_of_reports_belongs_to_a_case() {
    let folders = fs::read_dir(root().join(CASES)).unwrap();
    let of_servers = crate::server_reports::CASES;
    let folders = folders.map(|folder| folder.unwrap().path());
    for folder in folders.filter(|path| path.is_dir()) {
        let name = text(folder.strip_prefix(root().join(CASES)).unwrap()).to_owned();
        let mut names = OF_SNAPSHOTS.iter().map(|(name, ..)| *name);
        assert!(
            names.any(|known| known == name) || of_servers.contains(&name.as_str()),
            "{name}"
        );
    }
}

/// Those of JSON and SARIF.
fn schemas() -> &'static [jsonschema::Validator; 2] {
    static READ: OnceLock<[jsonschema::Validator; 2]> = OnceLock::new();
    READ.get_or_init(|| {
        [
            schema("report.schema.json", true),
            schema("tests/cases/schemas/sarif-2.1.0.json", false),
        ]
    })
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Inputs {
    /// The inputs in a folder outside of every repository.
    fn folder(&self, name: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        if let Made(make) = self {
            let [desired, live] = make();
            fs::write(path.join("desired.yaml"), desired).unwrap();
            fs::write(path.join("live.yaml"), live).unwrap();
            return folder;
        }
        for file in fs::read_dir(root().join(CASES).join(name)).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            if !name.starts_with("report.") {
                let text = fs::read_to_string(file.path()).unwrap();
                fs::write(path.join(name), with_instants(&text)).unwrap();
            }
        }
        if let Committed(commit) = self {
            commit(path);
        }
        folder
    }
}

/// The kept reports of a case, and what differs from them.
pub(crate) struct Golden {
    folder: PathBuf,
    pub(crate) differing: Vec<String>,
}

impl Golden {
    pub(crate) fn new(name: &str) -> Self {
        Self::at(&format!("{CASES}/{name}"))
    }

    pub(crate) fn at(folder: &str) -> Self {
        Self {
            folder: root().join(folder),
            differing: Vec::new(),
        }
    }

    /// A run on a snapshot in `live.yaml` is as recorded, in all formats.
    pub(crate) fn of_snapshot(
        &mut self,
        files: &TempDir,
        manifests: &str,
        args: &[&str],
        width: usize,
    ) -> Run {
        let args = [&["-f", manifests, "--live", "live.yaml"], args].concat();
        let run = self.run(files, &args, width);
        self.is_run(&args, &run);
        run
    }

    /// The command, standard error and the exit code are as recorded.
    pub(crate) fn is_run(&mut self, args: &[&str], run: &Run) {
        let command = format!("$ gitops-drift {}", args.join(" "));
        let said: String = run
            .stderr
            .lines()
            .map(|line| undated(line) + "\n")
            .collect();
        self.is(
            "report.run.txt",
            &format!("{command}\n{said}$ echo $?\n{}\n", run.exit),
        );
    }

    /// A run of one cycle, whose report goes to standard output as text and to files in the other formats, is as
    /// recorded.
    pub(crate) fn run(&mut self, files: &TempDir, args: &[&str], width: usize) -> Run {
        let mut command = program();
        command
            .current_dir(files.path())
            .env("COLUMNS", width.to_string());
        command.args(args).args(["-o", "text"]);
        for (format, file) in FORMATS {
            command.args(["-o", &format!("{format}={file}")]);
        }
        let run = Run::of(&command.output().unwrap());
        self.is_text(width, &run.stdout);
        for (format, file) in FORMATS {
            let report = fs::read_to_string(files.path().join(file)).unwrap();
            match format {
                "json" => assert_valid(&schemas()[0], &report),
                "sarif" => assert_valid(&schemas()[1], &report),
                "junit" => assert_junit(&report),
                _ => {}
            }
            self.is(file, &report);
        }
        run
    }

    /// Fails with all that differs.
    #[track_caller]
    pub(crate) fn assert(&self) {
        assert!(self.differing.is_empty(), "{}", self.differing.join("\n"));
    }

    /// A text report, which has no line that could have been broken and was not.
    pub(crate) fn is_text(&mut self, width: usize, report: &str) {
        let is_long = |line: &&str| line.width() > width && !has_one_word(line);
        let long: Vec<&str> = report.lines().filter(is_long).collect();
        if !long.is_empty() {
            let (name, lines) = (self.folder.display(), long.join("\n"));
            let message = format!("{name}: wider than {width} columns:\n{lines}");
            self.differing.push(message);
        }
        self.is(&format!("report.{width}.txt"), report);
    }

    pub(crate) fn is(&mut self, file: &str, report: &str) {
        let report = abridged(&timeless(report));
        let file = self.folder.join(file);
        if std::env::var_os("RECORD").is_some() {
            fs::create_dir_all(&self.folder).unwrap();
            fs::write(&file, &report).unwrap();
        }
        let recorded = fs::read_to_string(&file).unwrap_or_default();
        if report != recorded {
            let diff = similar::TextDiff::from_lines(&recorded, &report);
            let name = text(&file);
            self.differing
                .push(diff.unified_diff().header(name, "now").to_string());
        }
    }
}

/// Whether a line is a path, a file's place or a heading, which are copied and so never broken.
fn has_one_word(line: &str) -> bool {
    let is_heading = !line.starts_with(' ') && line.ends_with(')') && line.contains(" (ns: ");
    let line = line.trim_start();
    let value = line.split_once(" : ").map_or(line, |(_, value)| value);
    is_heading || !value.contains(' ')
}

/// An input with instants that are as long ago as they are to be.
pub(crate) fn with_instants(input: &str) -> String {
    let instants = instants().iter();
    instants.fold(input.to_owned(), |text, (fixed, now)| {
        text.replace(fixed, now)
    })
}

/// The instants, and what stands for each in this run of the tests.
fn instants() -> &'static [(&'static str, String)] {
    static MADE: OnceLock<Vec<(&str, String)>> = OnceLock::new();
    MADE.get_or_init(|| {
        let now = jiff::Timestamp::now();
        let before = |hours: i64| now - jiff::SignedDuration::from_hours(hours);
        let text = |instant: jiff::Timestamp| instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        INSTANTS
            .map(|(fixed, hours)| (fixed, text(before(hours))))
            .to_vec()
    })
}

fn abridged(report: &str) -> String {
    let lines: Vec<&str> = report.lines().collect();
    if lines.len() <= MOST_LINES {
        return report.to_owned();
    }
    // The 64-bit FNV-1a hash.
    let hash = report
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let [first, last] = KEPT_LINES;
    let rest = lines.len() - first - last;
    let note = format!("[{rest} lines more; hash of the whole {hash:016x}]");
    let kept = [&lines[..first], &[&note], &lines[lines.len() - last..]].concat();
    kept.join("\n") + "\n"
}

/// A report without what is different in each run: its time and the revision.
fn timeless(report: &str) -> String {
    let instants = instants().iter();
    // Markdown may have colons as references.
    let in_markdown = |instant: &str| instant.replace(':', "&#58;");
    let report = instants.fold(report.to_owned(), |text, (fixed, now)| {
        let text = text.replace(now, fixed);
        text.replace(&in_markdown(now), &in_markdown(fixed))
    });
    let mut lines = Vec::new();
    for line in report.lines() {
        let mut line = line.to_owned();
        if line.starts_with("  \"time\": ") {
            "  \"time\": \"…\",".clone_into(&mut line);
        }
        for (start, end) in [
            ("  Git revision : ", '\n'),
            ("  Time         : ", '\n'),
            ("{\"schemaVersion\":\"1\",\"time\":\"", '"'),
            ("\"revision\":\"", '"'),
            ("Git revision `", '\n'),
            ("\"revision\": \"", '"'),
            ("\"endTimeUtc\": \"", '"'),
            ("timestamp=\"", '"'),
        ] {
            if let Some(at) = line.find(start) {
                let rest = &line[at + start.len()..];
                let rest = rest.find(end).map_or("", |end| &rest[end..]);
                line = format!("{}{start}…{rest}", &line[..at]);
            }
        }
        lines.push(without_places_and_clocks(&line));
    }
    lines.join("\n") + "\n"
}

/// A line of the log without its time, and with the same spans of time in each run.
fn undated(line: &str) -> String {
    let line = match line.split_once('Z') {
        Some((time, rest)) if time.starts_with("20") && time.len() > 18 => rest,
        _ => line,
    };
    let Some((before, after)) = line.split_once("reachable again after ") else {
        return line.to_owned();
    };
    let unit = after.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}reachable again after 3{unit}")
}

/// Ports and times of the day are different in each run, and as long.
fn without_places_and_clocks(line: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(HOST) {
        let (before, after) = rest.split_at(at + HOST.len());
        let port = after.trim_start_matches(|c: char| c.is_ascii_digit());
        text = text + before + "36443";
        rest = port;
    }
    text += rest;
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_clock = |at: usize, fixed: &str| {
        let starts = at == 0 || !matches!(bytes[at - 1], b'0'..=b'9' | b':' | b'T');
        let mut offsets = fixed.bytes().enumerate();
        starts
            && offsets.all(|(offset, byte)| match byte {
                b':' | b'Z' => bytes.get(at + offset) == Some(&byte),
                _ => digit(at + offset),
            })
    };
    let fixed = ["10:04Z", "10:04:11Z"];
    let clock = |at: usize| Some((at, fixed.into_iter().find(|fixed| is_clock(at, fixed))?));
    let clocks: Vec<(usize, &str)> = (0..bytes.len()).filter_map(clock).collect();
    for (at, fixed) in clocks {
        text.replace_range(at..at + fixed.len(), fixed);
    }
    text
}
