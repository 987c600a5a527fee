//! The command line: parses it and converts it to plain options.
//!
//! No other module uses clap.
//!
//! It decides nothing: what an option does is said in its help, which README's table repeats.

mod duration;
mod help;
mod output;
mod rbac;
mod usage;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory as _, Parser, Subcommand, ValueEnum};

use self::help::{AFTER_HELP, Program};
use self::output::OutputArg;
use self::rbac::RbacArgs;
use self::usage::{asks_for_json, one_line};
use crate::managed_fields::ManagerPattern;
use crate::manifest::{self, IgnoreRule, Selection};
use crate::reconcile::{ColorChoice, LiveOptions, Mode, RbacOptions, RunOptions};
use crate::report::baseline::Baseline;
use crate::report::redact::SecretValues;
use crate::{cluster, remediate};

/// Compares manifests with a live cluster, reports drift, and restores the declared state on request.
///
/// Compares Deployments, Services, ConfigMaps and Namespaces in plain YAML or JSON manifests with the live objects.
/// It needs only the rights to `get` and `list`, unless --remediate is given.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Debug, Parser)]
#[command(
    name = "gitops-drift",
    version,
    after_long_help = AFTER_HELP,
    max_term_width = 100,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
)]
struct Cli {
    /// A file, directory or `-`; may be repeated
    #[arg(short = 'f', long, value_name = "PATH", required = true, action = ArgAction::Append, long_help = "A manifest file, a directory (read recursively), or `-` for standard input; may be repeated")]
    manifests: Vec<PathBuf>,

    /// Paths below a directory to exclude, such as `test/**`; may be repeated
    #[arg(long, value_name = "GLOB", action = ArgAction::Append, hide_short_help = true)]
    exclude: Vec<String>,

    /// Namespace of manifests that name none
    #[arg(short, long, value_name = "NAME", default_value = "default", value_parser = namespace, hide_default_value = true, long_help = "The namespace of manifests that name none (default `default`)")]
    namespace: String,

    /// Report only (the default)
    #[arg(long, conflicts_with_all = ["no_dry_run", "remediate"], hide_short_help = true)]
    dry_run: bool,

    /// Report only, without the `(dry-run)` suffix
    #[arg(long, conflicts_with = "remediate", hide_short_help = true)]
    no_dry_run: bool,

    /// Restore the declared state
    #[arg(
        long,
        long_help = "Restore the declared state: replace objects that have drifted, and create missing ones"
    )]
    remediate: bool,

    /// Run one cycle, then exit
    #[arg(
        long,
        long_help = "Run one cycle, then exit; without it, cycles repeat until a signal arrives"
    )]
    once: bool,

    /// Pause between two cycles
    #[arg(long, value_name = "DURATION", default_value = "60", value_parser = duration::parse, long_help = "The pause between the end of a cycle and the next: seconds, or with a unit, such as 90s, 5m or 1h")]
    interval: Duration,

    /// The kubeconfig; without it `$KUBECONFIG`, then `~/.kube/config`, then the pod's own ServiceAccount
    #[arg(long, value_name = "PATH", hide_short_help = true)]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME", long_help = "The context of the kubeconfig")]
    context: Option<String>,

    /// The timeout of each request, including its retries
    #[arg(long, value_name = "DURATION", default_value = "60", value_parser = duration::parse, hide_short_help = true)]
    request_timeout: Duration,

    /// Compare with a saved snapshot (`kubectl get … -o yaml`, a file or a directory) instead of a cluster
    #[arg(long, value_name = "PATH", conflicts_with_all = ["remediate", "kubeconfig", "context"], hide_short_help = true)]
    live: Option<PathBuf>,

    /// Compare only these resources, such as `deploy/web,*/shop/*`
    #[arg(long, value_name = "RESOURCES", action = ArgAction::Append, long_help = "Only these resources: KIND/NAME or KIND/NAMESPACE/NAME, separated by commas; may be repeated. Kinds are written in any case or by kubectl's short names, `*` matches any characters but `/`, and `!` leaves out what follows it")]
    only: Vec<String>,

    /// Field paths to ignore, separated by commas; a path may begin with the resources to which it applies, such as `Deployment/*:spec.replicas`; may be repeated
    #[arg(long, value_name = "RULES", action = ArgAction::Append, hide_short_help = true)]
    ignore_fields: Vec<String>,

    /// A file with such rules, one per line; `#` begins a comment; may be repeated
    #[arg(long, value_name = "FILE", action = ArgAction::Append, hide_short_help = true)]
    ignore_fields_from: Vec<PathBuf>,

    /// Field managers whose fields to ignore, separated by commas, with `*` as a wildcard: a field is ignored only if all its owners match; may be repeated
    #[arg(long, value_name = "NAMES", action = ArgAction::Append, hide_short_help = true)]
    ignore_managers: Vec<String>,

    /// A JSON report of an earlier run: the drift in it is only counted, and not repaired
    #[arg(long, value_name = "REPORT", hide_short_help = true)]
    baseline: Option<PathBuf>,

    /// Show values whose names say that they are secret (password, token, API key and the like)
    #[arg(long, hide_short_help = true)]
    no_redact: bool,

    /// Also report live values that nothing declares
    #[arg(
        long,
        long_help = "Also report live values that nothing declares: added keys and items, changed defaults"
    )]
    strict: bool,

    /// Also list differences that are not drift, each with its reason
    #[arg(long, hide_short_help = true)]
    show_suppressed: bool,

    /// Also report live objects that no manifest declares
    #[arg(
        long,
        long_help = "Also report Deployments, Services and ConfigMaps that no manifest declares, in the namespaces in which the manifests declare something, unless a controller, Helm, Argo CD or Flux manages them; they are never written or deleted",
        hide_short_help = true
    )]
    unmanaged: bool,

    /// With --remediate --strict: also remove undeclared values, and reset changed defaults
    #[arg(
        long,
        requires = "remediate",
        requires = "strict",
        hide_short_help = true
    )]
    remove_extras: bool,

    /// Format of the report, and a file for it
    #[arg(short, long, value_name = "FORMAT[=FILE]", action = ArgAction::Append, default_value = "text", hide_default_value = true, long_help = "The format of the report: text (the default), brief, json, markdown, github, sarif, junit or patch; with `=FILE`, written to that file; may be repeated, one of them without a file")]
    output: Vec<OutputArg>,

    /// The number of commits of a manifest's file to search for the live value; 0 for none
    #[arg(long, value_name = "N", default_value_t = 50, hide_short_help = true)]
    history: usize,

    /// The revision to print outside a Git repository, such as the tag of an image
    #[arg(long, value_name = "TEXT", value_parser = label, hide_short_help = true)]
    revision_label: Option<String>,

    /// A file to touch after each cycle, for a liveness probe
    #[arg(long, value_name = "PATH", hide_short_help = true)]
    health_file: Option<PathBuf>,

    /// Do not truncate long values
    #[arg(long, hide_short_help = true)]
    no_truncate: bool,

    /// When to use colors; NO_COLOR, CLICOLOR_FORCE and TERM=dumb are honoured
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorArg::Auto, hide_short_help = true)]
    color: ColorArg,

    /// The least severe messages to log to standard error
    #[arg(long, value_name = "LEVEL", value_enum, ignore_case = true, default_value_t = Level::Info, hide_short_help = true)]
    log_level: Level,

    /// Exit with code 1 if drift is left
    #[arg(
        long,
        long_help = "Exit with code 1 if drift is left at the end of the (last) cycle"
    )]
    fail_on_drift: bool,
    #[command(subcommand)]
    command: Option<CommandArg>,
}

#[derive(Debug, Subcommand)]
enum CommandArg {
    /// Print the completion script of a shell
    Completion {
        /// Which shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the least rights that a run with these manifests needs
    Rbac(RbacArgs),
    /// Print the manual page
    #[command(hide = true)]
    Man,
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

/// The command to run.
#[derive(Debug)]
pub enum Invocation {
    /// Compare, in one cycle or in a loop.
    Run(Box<RunInvocation>),
    /// Print the least rights.
    Rbac(RbacOptions),
}

/// A run and its logging.
#[derive(Debug)]
pub struct RunInvocation {
    /// The options of the run.
    pub options: RunOptions,
    /// The least severe messages to log.
    pub log_level: tracing::Level,
    /// Whether to use colours in messages.
    pub color: ColorChoice,
}

/// Why there is no run.
#[derive(Debug, PartialEq, Eq)]
pub enum EarlyExit {
    /// Show this text: help or the version.
    Show(String),
    /// The command line is invalid.
    Usage {
        /// The message, on one line.
        message: String,
        /// Whether a JSON report was requested.
        json: bool,
    },
}

/// Parses the command line. Fails with what to show instead of a run.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, EarlyExit> {
    let args: Vec<OsString> = args.into_iter().collect();
    let json = asks_for_json(&args);
    let program = Program::of(args.first());
    let usage = |message: String| EarlyExit::Usage { message, json };
    let mut cli = Cli::try_parse_from(args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            EarlyExit::Show(program.speaks(&error.to_string()))
        }
        _ => usage(one_line(&error)),
    })?;
    match cli.command.take() {
        None => cli.into_run().map_err(|error| usage(format!("{error:#}"))),
        Some(CommandArg::Completion { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), program.file, &mut script);
            Err(EarlyExit::Show(
                String::from_utf8_lossy(&script).into_owned(),
            ))
        }
        Some(CommandArg::Man) => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
            rendered.map_err(|error| usage(error.to_string()))?;
            Err(EarlyExit::Show(String::from_utf8_lossy(&page).into_owned()))
        }
        Some(CommandArg::Rbac(args)) => args
            .into_invocation()
            .map_err(|error| usage(format!("{error:#}"))),
    }
}

/// Checks a revision's label, which must fit on one line of the report.
fn label(text: &str) -> anyhow::Result<String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        bail!("expected text on one line");
    }
    Ok(text.to_owned())
}

/// The selection of the lists of `--only`.
fn selection(lists: &[String]) -> anyhow::Result<Selection> {
    let mut only = Selection::default();
    for list in lists {
        only.add(list).context("--only")?;
    }
    Ok(only)
}

/// Checks the name of a namespace.
fn namespace(name: &str) -> anyhow::Result<String> {
    manifest::check_namespace(name)?;
    Ok(name.to_owned())
}

impl Cli {
    fn into_run(self) -> anyhow::Result<Invocation> {
        let once = self.once || self.live.is_some();
        if self.reads_stdin() && !once {
            bail!("standard input can be read only once: `-f -` needs --once");
        }
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        if self.reads_stdin() && self.live.as_ref().is_some_and(is_stdin) {
            bail!("standard input can be read only once: `-f -` or `--live -`, not both");
        }
        Ok(Invocation::Run(Box::new(RunInvocation {
            log_level: self.log_level(),
            color: self.color(),
            options: RunOptions {
                only: selection(&self.only)?,
                ignore: self.ignore()?,
                ignore_managers: self.ignore_managers(),
                baseline: self.baseline()?,
                secrets: self.secrets(),
                mode: self.mode(),
                outputs: self.outputs(once)?,
                strict: self.strict,
                show_suppressed: self.show_suppressed,
                once,
                interval: self.interval,
                fail_on_drift: self.fail_on_drift,
                live: self.live(),
                history: self.history,
                revision_label: self.revision_label,
                health_file: self.health_file,
                manifests: manifest::ManifestOptions {
                    inputs: self.manifests,
                    exclude: self.exclude,
                    namespace: self.namespace,
                    with_declared: self.unmanaged,
                },
            },
        })))
    }

    fn reads_stdin(&self) -> bool {
        self.manifests.iter().any(|path| path.as_os_str() == "-")
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

    fn baseline(&self) -> anyhow::Result<Option<Baseline>> {
        let Some(file) = &self.baseline else {
            return Ok(None);
        };
        let bad = || format!("--baseline: {}", file.display());
        let text = fs::read_to_string(file).with_context(bad)?;
        Baseline::parse(&text).map(Some).with_context(bad)
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
    use std::path::Path;

    use clap::builder::PossibleValue;

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

    /// The options as README lists them: a row for each, with the text of the long help.
    fn table_of_options() -> String {
        let mut table = "| option | meaning |\n|---|---|\n".to_owned();
        for arg in Cli::command().get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            let short = arg.get_short().map_or(String::new(), |c| format!("-{c}, "));
            let possible = arg.get_possible_values();
            let possible: Vec<&str> = possible.iter().map(PossibleValue::get_name).collect();
            let value = match arg.get_value_names() {
                _ if !arg.get_action().takes_values() => String::new(),
                _ if !possible.is_empty() => format!(" {}", possible.join("\\|")),
                names => format!(" {}", names.unwrap()[0]),
            };
            let help = arg.get_long_help().or(arg.get_help()).unwrap().to_string();
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            let default = arg
                .get_default_values()
                .iter()
                .map(|value| value.to_string_lossy());
            let is_shown = !arg.is_hide_default_value_set();
            let default: Vec<String> = default
                .filter(|value| is_shown && !value.is_empty() && value != "false")
                .map(|value| format!(" (default `{value}`)"))
                .collect();
            let (default, help) = (default.concat(), help.replace('|', "\\|"));
            let row = [
                "| `", &short, "--", long, &value, "` | ", &help, &default, " |\n",
            ];
            table.push_str(&row.concat());
        }
        table
    }

    /// With `RECORD=1` the table is written into README instead.
    #[test]
    fn readme_lists_the_options_as_the_program_has_them() {
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let text = fs::read_to_string(&readme).unwrap();
        let (begin, end) = (
            "<!-- options: RECORD=1 cargo test --lib options -->\n",
            "<!-- end of options -->",
        );
        let (before, rest) = text.split_once(begin).unwrap();
        let (table, after) = rest.split_once(end).unwrap();
        let expected = table_of_options();
        if std::env::var_os("RECORD").is_some() {
            fs::write(&readme, format!("{before}{begin}{expected}{end}{after}")).unwrap();
        } else {
            assert_eq!(table, expected);
        }
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
                &["-f", "a.yaml", "b.yaml", "c.yaml"],
                "unexpected argument 'b.yaml' found; tip: to read manifests from there, use '-f b.yaml' (see --help)",
            ),
            (
                &["-f", ".", "rbac"],
                "the subcommand 'rbac' cannot be used with '--manifests <PATH>' (see --help)",
            ),
            (
                &["-f", ".", "-o", "JSON"],
                "invalid value 'JSON' for '--output <FORMAT[=FILE]>': the formats are text, brief, json, markdown, github, sarif, junit, patch; tip: a similar value exists: 'json' (see --help)",
            ),
            (
                &["-f", ".", "-n", "Shop_1"],
                "invalid value 'Shop_1' for '--namespace <NAME>': expected a name of lower-case letters, digits and `-` (see --help)",
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
                "--ignore-fields: bad field path `a[`: expected `key=value`, a position, `*` or a quoted key in brackets",
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
            let Ok(Invocation::Run(run)) = parse(args) else {
                panic!("no run");
            };
            assert_eq!(run.log_level, tracing::Level::WARN);
        }
    }
}
