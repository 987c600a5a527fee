//! The program: parses arguments, runs, and exits with the code.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use gitops_drift::cli::{self, EarlyExit, Invocation, RunInvocation};
use gitops_drift::reconcile;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let exit = match cli::parse(std::env::args_os()) {
        Ok(Invocation::Run(invocation)) => run(*invocation),
        Ok(Invocation::Rbac(options)) => reconcile::print_rbac(options, &mut io::stdout().lock()),
        Err(EarlyExit::Show(text)) => {
            // It does not matter whether anybody reads it.
            let _ = io::stdout().write_all(text.as_bytes());
            Ok(0)
        }
        Err(EarlyExit::Usage { message, json }) => {
            let _ = writeln!(io::stderr(), "error: {message}");
            if json {
                let _ = reconcile::write_failure(&message, &mut io::stdout());
            }
            Ok(2)
        }
    };
    ExitCode::from(exit.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "error: {error:#}");
        2
    }))
}

fn run(invocation: RunInvocation) -> anyhow::Result<u8> {
    let RunInvocation {
        options,
        log_level,
        color,
    } = invocation;
    reconcile::log_to_stderr(log_level, color, !options.once);
    // One thread decodes responses and one compares objects. More would wait for the server, whose pages arrive one
    // after the other, and would make the memory of a loop depend on scheduling.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start")?;
    let exit = runtime.block_on(reconcile::run(options, &mut io::stdout().lock()));
    // Requests that are still waiting for a server are abandoned.
    runtime.shutdown_background();
    Ok(exit)
}
