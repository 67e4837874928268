//! `connector`: the operator's command line.

use cli::console::Console;
use cli::environment::Environment;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let environment = Environment::of_process();
    let mut console = Console::of_process(environment.no_color);
    let exit = cli::run(std::env::args_os(), &environment, &mut console).await;
    ExitCode::from(exit.code())
}
