//! The run: connects, runs one cycle after another, and returns the exit code. Only this folder knows the order of the
//! stages.
//!
//! It decides nothing about fields, requests or formats: it passes values from one stage to the next. The meaning of the exit
//! codes and of a cycle is in README and DESIGN, *A cycle*.

mod color;
mod compare;
mod cycle;
mod describe;
mod health;
mod history;
mod known;
mod namespaces;
mod outage;
mod output;
mod pacing;
mod patch;
mod printed;
mod progress;
mod rbac;
mod search;
#[cfg(test)]
mod servers;
mod settle;
mod signals;
mod state;
mod unmanaged;
mod versions;

use std::io::{self, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

pub use self::color::{ColorChoice, style_of_stdout};
use self::outage::{Outage, span};
pub use self::output::Output;
use self::output::WriteError;
use self::printed::PrintedReport;
pub use self::rbac::{RbacOptions, print_rbac};
use self::signals::StopSignal;
use self::state::LoopState;
use crate::cluster::snapshot::Snapshot;
use crate::cluster::{self, Cluster, Environment, Target};
use crate::managed_fields::ManagerPattern;
use crate::manifest::{self, IgnoreRule, Selection};
use crate::remediate::Extent;
use crate::report::baseline::Baseline;
use crate::report::redact::SecretValues;
use crate::report::{self, Format, Report};

/// The message of a run that was stopped before it compared anything.
const STOPPED_EARLY: &str = "stopped by a signal before anything was compared";

/// The options of a run.
#[derive(Debug)]
// Each of them is a command-line option.
#[allow(clippy::struct_excessive_bools)]
pub struct RunOptions {
    /// The desired side.
    pub manifests: manifest::ManifestOptions,
    /// The live side.
    pub live: LiveOptions,
    /// What to do about drift.
    pub mode: Mode,
    /// Also report live values that nothing declares.
    pub strict: bool,
    /// Also list differences that are not drift.
    pub show_suppressed: bool,
    /// The resources in scope.
    pub only: Selection,
    /// The fields and resources to ignore.
    pub ignore: Vec<IgnoreRule>,
    /// The field managers whose fields are ignored.
    pub ignore_managers: Vec<ManagerPattern>,
    /// The drift that is already known.
    pub baseline: Option<Baseline>,
    /// How to show values whose names say that they are secret.
    pub secrets: SecretValues,
    /// How many commits of a manifest's file are searched for the live value.
    pub history: usize,
    /// The revision to print outside a Git repository.
    pub revision_label: Option<String>,
    /// The file that is touched after each cycle.
    pub health_file: Option<PathBuf>,
    /// Run only one cycle.
    pub once: bool,
    /// The pause between two cycles.
    pub interval: Duration,
    /// How and where the report is written.
    pub outputs: Vec<Output>,
    /// Exit with code 1 if drift is left.
    pub fail_on_drift: bool,
}

impl RunOptions {
    /// Whether one of the outputs is a patch.
    fn makes_patch(&self) -> bool {
        let mut outputs = self.outputs.iter();
        outputs.any(|output| output.format == Format::Patch)
    }
}

/// Where the live objects come from.
#[derive(Debug)]
pub enum LiveOptions {
    /// From a cluster: which one, and how to connect to it.
    Cluster(cluster::TargetOptions, cluster::ConnectOptions),
    /// From a file or directory.
    Snapshot(PathBuf),
}

/// What to do about drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Report it.
    DryRun,
    /// Report it as an alert.
    Alert,
    /// Repair it.
    Remediate(Extent),
}

/// Sends this program's messages to standard error. Those of libraries are dropped, since they may contain data from
/// the server.
pub fn log_to_stderr(level: tracing::Level, color: ColorChoice, with_time: bool) {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::fmt::format::debug_fn;
    use tracing_subscriber::prelude::*;
    let own = Targets::new().with_target("gitops_drift", level);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(progress::stderr)
        .fmt_fields(debug_fn(|out, _, text| {
            // Names and values of others are in it.
            write!(out, "{}", report::escape(&format!("{text:?}")))
        }))
        .with_ansi(color.is_on(io::stderr().is_terminal()))
        .with_target(false);
    let registry = tracing_subscriber::registry().with(own);
    if with_time {
        registry.with(layer).init();
    } else {
        registry.with(layer.without_time()).init();
    }
}

/// Writes the JSON document of a run that could not start.
pub fn write_failure(message: &str, out: &mut impl Write) -> io::Result<()> {
    report::json::write(&failure(message), true, out)
}

fn failure(message: &str) -> Report {
    let error = report::ErrorEntry {
        resource: None,
        source: None,
        message: message.to_owned(),
    };
    Report {
        time: describe::now(),
        errors: vec![error],
        ..Report::default()
    }
}

/// Runs until the work is done or a signal arrives. Returns the exit code; it does not fail.
pub async fn run(options: RunOptions, out: &mut impl Write) -> u8 {
    let stop = StopSignal::on_signals();
    // The process ends soon, so it is not worth dropping.
    let mut state = match LoopState::new(&options) {
        Ok(state) => ManuallyDrop::new(state),
        Err(error) => return give_up(&format!("{error:#}"), &options, out),
    };
    // Files are read while the connection is prepared.
    let mut inputs = state.begin(&options);
    let live = match stop.unless_asked(open(&options)).await {
        Some(Ok(live)) => live,
        Some(Err(error)) => return give_up(&format!("{error:#}"), &options, out),
        None => return give_up(STOPPED_EARLY, &options, out),
    };
    if options.fail_on_drift && !options.once {
        tracing::warn!(
            "--fail-on-drift without --once sets the exit code only when a signal ends the run"
        );
    }
    let mut outage = Outage::new(options.interval);
    let mut printed = PrintedReport::default();
    let mut is_hinted = false;
    loop {
        let report = cycle::run(&mut state, inputs, &options, &live, &stop).await;
        let Some(report) = report else {
            return give_up(STOPPED_EARLY, &options, out);
        };
        if state.unreachable.is_none()
            && let Some(message) = outage.end(Timestamp::now(), report.left_over())
        {
            tracing::info!("{message}");
        }
        let exit = exit_code(&report, options.fail_on_drift);
        // In a loop, one line says that the server is unreachable, instead of a report about what was not compared.
        let is_logged = !options.once && state.unreachable.is_some() && report.is_about_nothing();
        let printed_before = (!options.once).then_some(&mut printed);
        let outputs = options.outputs.iter();
        let outputs = outputs.filter(|output| {
            !(is_logged && matches!(output.format, Format::Text(_) | Format::Brief))
        });
        match output::write(&report, outputs, printed_before, out) {
            Ok(()) => {}
            Err(WriteError::Closed) => return exit,
            Err(WriteError::Other(error)) => {
                tracing::error!("{error:#}");
                return 2;
            }
        }
        if exit == 0 && report.leaves_declared_drift() && !is_hinted {
            hint(&options);
            is_hinted = true;
        }
        state.touch(options.health_file.as_deref());
        if options.once || stop.is_asked() {
            explain(exit, &report);
            return exit;
        }
        let pause = announce_next_cycle(&mut outage, &state, &options);
        if stop.asked_before(Instant::now() + pause).await {
            explain(exit, &report);
            return exit;
        }
        inputs = state.begin(&options);
    }
}

/// Logs that the server is unreachable, if it is, and when the next cycle begins. Returns the pause until then.
fn announce_next_cycle(outage: &mut Outage, state: &LoopState, options: &RunOptions) -> Duration {
    if let Some(cause) = &state.unreachable {
        let (pause, message) = outage.go_on(Timestamp::now(), cause);
        tracing::warn!("{message}");
        return pause;
    }
    if io::stderr().is_terminal() {
        let pause = span(options.interval);
        tracing::info!("next check in {pause}; Ctrl-C to stop");
    }
    options.interval
}

fn give_up(message: &str, options: &RunOptions, out: &mut impl Write) -> u8 {
    tracing::error!("{message}");
    // On a terminal the message is enough. Readers of the other formats must not find the report of an earlier run.
    let is_read =
        |output: &&Output| output.file.is_some() || !matches!(output.format, Format::Text(_));
    let outputs = options.outputs.iter().filter(is_read);
    if let Err(WriteError::Other(error)) = output::write(&failure(message), outputs, None, out) {
        tracing::error!("{error:#}");
    }
    2
}

/// The live side, ready for requests.
pub(crate) enum LiveSource {
    Cluster {
        cluster: Cluster,
        named: report::ClusterInfo,
        namespace: Option<String>,
    },
    Snapshot(Snapshot),
}

async fn open(options: &RunOptions) -> anyhow::Result<LiveSource> {
    match &options.live {
        LiveOptions::Snapshot(path) => {
            let path = path.clone();
            let reading = tokio::task::spawn_blocking(move || Snapshot::read(&path));
            let snapshot = reading.await.expect("reading does not panic")?;
            Ok(LiveSource::Snapshot(snapshot))
        }
        LiveOptions::Cluster(wishes, how) => {
            let wishes = wishes.clone();
            // A kubeconfig may be a pipe whose writer is slow.
            let choosing = tokio::task::spawn_blocking(move || {
                Target::choose(&wishes, &Environment::from_process())
            });
            let target = choosing.await.expect("choosing does not panic")?;
            let named = report::ClusterInfo {
                server: target.server.clone(),
                context: target.context.clone().unwrap_or_default(),
            };
            let context = target
                .context
                .as_ref()
                .map(|name| format!(", context {name}"))
                .unwrap_or_default();
            tracing::info!("cluster {}{context}, from {}", target.server, target.origin);
            let namespace = target.namespace.clone();
            let cluster = Cluster::connect(target, *how).await?;
            Ok(LiveSource::Cluster {
                cluster,
                named,
                namespace,
            })
        }
    }
}

/// Says on a terminal what to do about drift that was only reported.
fn hint(options: &RunOptions) {
    let is_live = matches!(options.live, LiveOptions::Cluster(..));
    if io::stderr().is_terminal() && is_live && !matches!(options.mode, Mode::Remediate(_)) {
        tracing::info!(
            "to restore the declared state, run with --remediate; to keep what is live, change the manifests at the lines above"
        );
    }
}

/// Explains an exit code other than 0.
fn explain(exit: u8, report: &Report) {
    match exit {
        0 => {}
        1 => tracing::error!(
            "exit code 1: {} resource(s) with drift left (--fail-on-drift)",
            report.left_over()
        ),
        _ => {
            let summary = report.summary();
            let parts = [
                (summary.errors, "error(s)"),
                (summary.failed, "resource(s) not repaired"),
            ];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            let parts: Vec<String> = parts
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            tracing::error!("exit code {exit}: {}", parts.join(", "));
        }
    }
}

/// 2 if something in scope could not be checked or repaired, which takes precedence over 1.
fn exit_code(report: &Report, fail_on_drift: bool) -> u8 {
    if report.is_incomplete() {
        2
    } else {
        u8::from(fail_on_drift && report.left_over() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_checked_wins_over_drift() {
        let error = || report::ErrorEntry {
            resource: None,
            source: None,
            message: String::new(),
        };
        assert_eq!(exit_code(&Report::default(), true), 0);
        assert_eq!(
            exit_code(
                &Report {
                    errors: vec![error()],
                    ..Report::default()
                },
                true
            ),
            2
        );
    }
}
