//! The real binary, on files and against a real API server. One target, so that the program is linked once.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

/// What other tools get wrong.
mod classes;
/// Command line, bad input and exit codes, without a server.
mod cli;
/// Beside controllers and autoscalers.
mod controllers;
/// The table of defaults against the control plane.
mod defaults;
/// Detection on the control plane: what is read, with which rights, in which requests.
mod detect;
/// The examples and their report.
mod examples;
/// The report's JSON.
mod json;
/// Repairs on the control plane.
mod repair;
/// How the harness runs the binary and the control plane.
mod support;
/// The type tables against the control plane's Go types.
mod tables;
