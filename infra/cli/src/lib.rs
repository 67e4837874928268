//! The operator's command line, `connector`. It talks to a deployed stack through the stack's HTTP API, and to the stack's
//! dead-letter queues through SQS. [`run_program`] is the whole program except for what belongs to the process, so that tests can call
//! it.

pub mod api;
pub mod assignments;
pub mod commands;
pub mod console;
pub mod dead_letter_queues;
pub mod deployment;
pub mod environment;
pub mod failure;
pub mod logins;
pub mod options;
pub mod paths;
pub mod session;
pub mod stack;
pub mod table;

use crate::console::Console;
use crate::environment::Environment;
use crate::failure::Exit;
use crate::options::Options;
use crate::session::Session;
use clap::Parser;
use std::ffi::OsString;

/// Runs one command and returns its exit code. The first argument is the program's name.
pub async fn run_program<I, A>(arguments: I, environment: &Environment, console: &mut Console) -> Exit
where
    I: IntoIterator<Item = A>,
    A: Into<OsString> + Clone,
{
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(told) => return console.report_clap_error(&told),
    };
    let mut session = Session::new(&options.global, environment, console);
    match commands::run_command(&mut session, options.command).await {
        Ok(exit) => exit,
        Err(failure) => console.report_failure(&failure),
    }
}
