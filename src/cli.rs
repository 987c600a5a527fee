//! The command line: what can be said on it, and the plain options that it becomes.
//!
//! Nothing behind this file knows clap.

mod duration;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Parser, ValueEnum};

use crate::managed_fields::ManagerPattern;
use crate::manifest::{self, IgnoreRule, Selection};
use crate::reconcile::{ColorChoice, LiveOptions, Mode, Output, RunOptions, style_of_stdout};
use crate::report::redact::SecretValues;
use crate::{cluster, remediate};

/// Tells whether a Kubernetes cluster still is what Git says it is, shows what changed, and, when told to, puts it back.
///
/// Compares Deployments, Services, ConfigMaps and Namespaces in plain YAML or JSON manifests with the live objects.
/// Reads only, unless --remediate is given: it needs `get` and `list`, nothing else.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Debug, Parser)]
#[command(
    name = "gitops-drift",
    version,
    after_help = AFTER_HELP,
    max_term_width = 100,
)]
struct Cli {
    /// A manifest file, a directory (read recursively), or `-` for standard input; may be repeated
    #[arg(short = 'f', long, value_name = "PATH", required = true, action = ArgAction::Append)]
    manifests: Vec<PathBuf>,

    /// Paths below a directory to pass over, such as `test/**`; may be repeated
    #[arg(long, value_name = "GLOB", action = ArgAction::Append)]
    exclude: Vec<String>,

    /// The namespace of manifests that name none
    #[arg(short, long, value_name = "NAME", default_value = "default", value_parser = namespace)]
    namespace: String,

    /// Report only (the default)
    #[arg(long, conflicts_with_all = ["no_dry_run", "remediate"])]
    dry_run: bool,

    /// Report only as well, but as alerts: actions lose their `(dry-run)`
    #[arg(long, conflicts_with = "remediate")]
    no_dry_run: bool,

    /// Put the declared state back where it has drifted: replaces objects that differ, creates missing ones
    #[arg(long)]
    remediate: bool,

    /// Run one cycle, then exit; without it cycles go on until a signal comes
    #[arg(long)]
    once: bool,

    /// The pause between the end of a cycle and the next: seconds, or with a unit, such as 90s, 5m or 1h
    #[arg(long, value_name = "DURATION", default_value = "60", value_parser = duration::parse)]
    interval: Duration,

    /// The kubeconfig; without it `$KUBECONFIG`, then `~/.kube/config`, then the pod's own ServiceAccount
    #[arg(long, value_name = "PATH")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// The time for each request, its retries included
    #[arg(long, value_name = "DURATION", default_value = "60", value_parser = duration::parse)]
    request_timeout: Duration,

    /// Compare with a saved snapshot (`kubectl get … -o yaml`, a file or a directory) instead of a cluster
    #[arg(long, value_name = "PATH", conflicts_with_all = ["remediate", "kubeconfig", "context"])]
    live: Option<PathBuf>,

    /// Only these resources, such as `deploy/web` or `*/shop/*`; `!` before one leaves it out; may be repeated
    #[arg(long, value_name = "RESOURCES", action = ArgAction::Append)]
    only: Vec<String>,

    /// Field paths to leave out, separated by commas; one may begin with the resources that it is for, such as
    /// `Deployment/*:spec.replicas`; may be repeated
    #[arg(long, value_name = "RULES", action = ArgAction::Append)]
    ignore_fields: Vec<String>,

    /// A file with such rules, one a line; `#` begins a comment; may be repeated
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    ignore_fields_from: Vec<PathBuf>,

    /// Field managers whose fields to leave out, separated by commas, `*` as a wildcard: a field is left out only where
    /// each of its owners matches; may be repeated
    #[arg(long, value_name = "NAMES", action = ArgAction::Append)]
    ignore_managers: Vec<String>,

    /// Show values that are secret by their names (password, token, API key and the like) as they are
    #[arg(long)]
    no_redact: bool,

    /// Also report what is live but declared nowhere: added keys and items, changed defaults
    #[arg(long)]
    strict: bool,

    /// With --remediate --strict: also remove what is declared nowhere, and set changed defaults back
    #[arg(long, requires = "remediate", requires = "strict")]
    remove_extras: bool,

    /// The format of the report
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,

    /// The revision to print where there is no Git, such as an image's tag
    #[arg(long, value_name = "TEXT", value_parser = label)]
    revision_label: Option<String>,

    /// A file to touch after each cycle, for a liveness probe
    #[arg(long, value_name = "PATH")]
    health_file: Option<PathBuf>,

    /// Show long values whole
    #[arg(long)]
    no_truncate: bool,

    /// When to use colors; NO_COLOR, CLICOLOR_FORCE and TERM=dumb are honoured
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorArg::Auto)]
    color: ColorArg,

    /// How much is told on standard error
    #[arg(long, value_name = "LEVEL", value_enum, ignore_case = true, default_value_t = Level::Info)]
    log_level: Level,

    /// Exit with 1 when drift is left
    #[arg(long)]
    fail_on_drift: bool,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  everything was compared; no drift, or drift without --fail-on-drift, or all drift was repaired
  1  --fail-on-drift, and drift is left
  2  something could not be checked or repaired, or the command line or configuration is wrong

Annotations, read from the manifest only:
  drift.gitops.io/skip: \"true\"                 the resource is not looked at
  drift.gitops.io/ignore-fields: \"PATHS\"       these fields are neither compared nor written
  drift.gitops.io/remediation-policy: \"alert\"  the resource is reported, never written

Field paths look like spec.template.spec.containers[name=web].image; `[*]` is any item, `*` any key,
and a key with dots is quoted: metadata.labels[\"app.kubernetes.io/name\"].

A value that is live but declared nowhere is not drift, unless the object's record of the last apply
(client-side or server-side) shows that it has left the manifest, or --strict is given.

Examples:
  gitops-drift -f deploy/ --once
  gitops-drift -f deploy/ --once --fail-on-drift --output json
  helm template my-chart | gitops-drift -f - --once
  gitops-drift -f deploy/ --remediate --interval 30s";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ColorArg {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Level {
    Debug,
    Info,
    #[value(alias = "WARN")]
    Warning,
    Error,
}

/// What the command line asks for.
#[derive(Debug)]
pub struct Invocation {
    /// What to do.
    pub options: RunOptions,
    /// The least severe messages that are shown.
    pub log_level: tracing::Level,
    /// Whether they have colors.
    pub color: ColorChoice,
}

/// Why nothing is done.
#[derive(Debug, PartialEq, Eq)]
pub enum EarlyExit {
    /// The text that was asked for: help or the version.
    Show(String),
    /// The command line is wrong, in one line.
    Usage {
        /// What is wrong.
        message: String,
        /// A report as JSON was asked for.
        json: bool,
    },
}

/// Reads the command line. Fails with what is to be shown instead of doing anything.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, EarlyExit> {
    let args: Vec<OsString> = args.into_iter().collect();
    let json = asks_for_json(&args);
    let usage = |message: String| EarlyExit::Usage { message, json };
    let cli = Cli::try_parse_from(args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => EarlyExit::Show(error.to_string()),
        _ => usage(one_line(&error)),
    })?;
    cli.into_invocation()
        .map_err(|error| usage(format!("{error:#}")))
}

/// Whether the report of even a wrong command line should be JSON.
fn asks_for_json(args: &[OsString]) -> bool {
    args.iter().any(|arg| arg == "--output=json")
        || args
            .windows(2)
            .any(|pair| pair[0] == "--output" && pair[1] == "json")
}

/// What is wrong and clap's tips, without the usage behind them.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let before_usage = text.split("\nUsage:").next().unwrap_or(text);
    let paragraphs = before_usage.split("\n\n").map(|paragraph| {
        let lines = paragraph.lines().map(str::trim);
        lines.collect::<Vec<_>>().join(" ")
    });
    let said: Vec<String> = paragraphs
        .filter(|said| !said.is_empty() && !said.starts_with("For more information"))
        .chain(own_tip(error))
        .collect();
    format!("{} (see --help)", said.join("; "))
}

/// A tip where clap has none: a path without its option, a value that only differs in case.
fn own_tip(error: &clap::Error) -> Option<String> {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let path = text(ContextKind::InvalidArg).filter(|arg| !arg.starts_with('-'))?;
            Some(format!(
                "tip: to read manifests from there, use '-f {path}'"
            ))
        }
        ErrorKind::InvalidValue => {
            let given = text(ContextKind::InvalidValue)?.to_lowercase();
            let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidValue) else {
                return None;
            };
            let meant = known.iter().find(|value| value.to_lowercase() == given)?;
            Some(format!("tip: a similar value exists: '{meant}'"))
        }
        _ => None,
    }
}

/// Checks a revision's label: it stands in one line of the report.
fn label(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("expected a text in one line".to_owned());
    }
    Ok(text.to_owned())
}

/// Checks the name of a namespace.
fn namespace(name: &str) -> Result<String, String> {
    manifest::check_namespace(name).map(|()| name.to_owned())
}

impl Cli {
    fn into_invocation(self) -> anyhow::Result<Invocation> {
        let once = self.once || self.live.is_some();
        if self.reads_stdin() && !once {
            bail!("standard input can be read only once: `-f -` needs --once");
        }
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        if self.reads_stdin() && self.live.as_ref().is_some_and(is_stdin) {
            bail!("standard input can be read only once: `-f -` or `--live -`, not both");
        }
        Ok(Invocation {
            log_level: self.log_level(),
            color: self.color(),
            options: RunOptions {
                only: self.only()?,
                ignore: self.ignore()?,
                ignore_managers: self.ignore_managers(),
                secrets: self.secrets(),
                mode: self.mode(),
                output: self.output(once),
                strict: self.strict,
                once,
                interval: self.interval,
                fail_on_drift: self.fail_on_drift,
                live: self.live(),
                revision_label: self.revision_label,
                health_file: self.health_file,
                manifests: manifest::ManifestOptions {
                    inputs: self.manifests,
                    exclude: self.exclude,
                    namespace: self.namespace,
                },
            },
        })
    }

    fn reads_stdin(&self) -> bool {
        self.manifests.iter().any(|path| path.as_os_str() == "-")
    }

    fn only(&self) -> anyhow::Result<Selection> {
        let mut only = Selection::default();
        for list in &self.only {
            only.add(list).context("--only")?;
        }
        Ok(only)
    }

    fn ignore(&self) -> anyhow::Result<Vec<IgnoreRule>> {
        let mut ignore = Vec::new();
        for list in &self.ignore_fields {
            ignore.extend(IgnoreRule::parse_list(list, "--ignore-fields")?);
        }
        for file in &self.ignore_fields_from {
            ignore.extend(IgnoreRule::read_file(file)?);
        }
        Ok(ignore)
    }

    fn ignore_managers(&self) -> Vec<ManagerPattern> {
        let lists = self.ignore_managers.iter();
        lists
            .flat_map(|list| ManagerPattern::parse_list(list))
            .collect()
    }

    fn secrets(&self) -> SecretValues {
        if self.no_redact {
            SecretValues::Shown
        } else {
            SecretValues::Hidden
        }
    }

    fn mode(&self) -> Mode {
        let extent = if self.remove_extras {
            remediate::Extent::Extras
        } else {
            remediate::Extent::Declared
        };
        match (self.remediate, self.no_dry_run) {
            (true, _) => Mode::Remediate(extent),
            (false, true) => Mode::Alert,
            (false, false) => Mode::DryRun,
        }
    }

    fn live(&self) -> LiveOptions {
        if let Some(path) = &self.live {
            return LiveOptions::Snapshot(path.clone());
        }
        LiveOptions::Cluster(
            cluster::TargetOptions {
                kubeconfig: self.kubeconfig.clone(),
                context: self.context.clone(),
            },
            cluster::ConnectOptions {
                request_timeout: self.request_timeout,
                stdin_is_taken: self.reads_stdin(),
            },
        )
    }

    fn output(&self, once: bool) -> Output {
        match self.output {
            Format::Text => Output::Text(style_of_stdout(self.color(), self.no_truncate)),
            Format::Json => Output::Json { indented: once },
        }
    }

    fn color(&self) -> ColorChoice {
        match self.color {
            ColorArg::Auto => ColorChoice::Auto,
            ColorArg::Always => ColorChoice::Always,
            ColorArg::Never => ColorChoice::Never,
        }
    }

    fn log_level(&self) -> tracing::Level {
        match self.log_level {
            Level::Debug => tracing::Level::DEBUG,
            Level::Info => tracing::Level::INFO,
            Level::Warning => tracing::Level::WARN,
            Level::Error => tracing::Level::ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(args: &[&str]) -> String {
        let args = ["gitops-drift"].iter().chain(args).map(OsString::from);
        match parse(args) {
            Err(EarlyExit::Usage { message, .. }) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_errors_are_one_line() {
        for (args, message) in [
            (
                &[][..],
                "the following required arguments were not provided: --manifests <PATH> (see --help)",
            ),
            (
                &["-f", ".", "--log-level", "loud"],
                "invalid value 'loud' for '--log-level <LEVEL>' [possible values: DEBUG, INFO, WARNING, ERROR] (see --help)",
            ),
            (
                &["-f", ".", "--remediate", "--dry-run"],
                "the argument '--remediate' cannot be used with '--dry-run' (see --help)",
            ),
            (
                &["-f", ".", "--interval", "0"],
                "invalid value '0' for '--interval <DURATION>': expected a duration of at least 1 s, such as 60 or 5m (see --help)",
            ),
            (
                &["-f", ".", "--remediat"],
                "unexpected argument '--remediat' found; tip: a similar argument exists: '--remediate' (see --help)",
            ),
            (
                &["deploy/"],
                "unexpected argument 'deploy/' found; tip: to read manifests from there, use '-f deploy/' (see --help)",
            ),
            (
                &["-f", ".", "-n", "Shop_1"],
                "invalid value 'Shop_1' for '--namespace <NAME>': a name of lower-case letters, digits and `-` expected (see --help)",
            ),
            (
                &["-f", "-", "--live", "-"],
                "standard input can be read only once: `-f -` or `--live -`, not both",
            ),
            (
                &["-f", "-"],
                "standard input can be read only once: `-f -` needs --once",
            ),
            (
                &["-f", ".", "--ignore-fields", "a["],
                "--ignore-fields: bad field path `a[`: in brackets stands `key=value`, a position, `*` or a quoted key",
            ),
        ] {
            assert_eq!(usage(args), message);
        }
    }

    #[test]
    fn json_is_known_even_from_a_wrong_command_line() {
        let args = ["gitops-drift", "--output", "json"].map(OsString::from);
        assert!(matches!(
            parse(args),
            Err(EarlyExit::Usage { json: true, .. })
        ));
    }

    #[test]
    fn levels_are_read_in_any_case() {
        for level in ["warning", "WARN", "Warn"] {
            let args = ["gitops-drift", "-f", ".", "--log-level", level].map(OsString::from);
            assert_eq!(parse(args).unwrap().log_level, tracing::Level::WARN);
        }
    }
}
