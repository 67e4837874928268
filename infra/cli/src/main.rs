//! `connector`: the operator's command line.

use cli::console::Console;
use cli::environment::Environment;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let environment = Environment::from_process();
    let mut console = Console::for_process(environment.no_color);
    let exit = cli::run_program(std::env::args_os(), &environment, &mut console).await;
    ExitCode::from(exit.code())
}
