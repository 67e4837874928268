//! The program of `cargo run`: the whole stack on this machine. `cargo run -- demo` plays a scripted day and ends.

use clap::{Parser, Subcommand};
use local::runner::InitialConnection;
use local::stack::{Ports, StackOptions};
use local::{Directory, demo, runner};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use url::Url;

/// The connector with a simulated Robaws and ProductFlow, in one process.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Port of the connector's API; another is taken if it is not free.
    #[arg(long, default_value_t = 7000)]
    port: u16,
    /// Port of the simulated Robaws.
    #[arg(long, default_value_t = 7001)]
    robaws_port: u16,
    /// Port of the simulated ProductFlow.
    #[arg(long, default_value_t = 7002)]
    productflow_port: u16,
    /// Seconds between polls.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=300))]
    poll_every: u64,
    /// Begins with a connection that is still to be set up on the merchant's pages, instead of an active one.
    #[arg(long)]
    set_up: bool,
    /// Keeps the connector's table and secrets in this directory; its files hold credentials, and only their owner may read them.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A Robaws that runs elsewhere, instead of the simulated one: such as http://127.0.0.1:7001/api/v2 of `cargo run -p simulators`.
    #[arg(long, value_name = "URL")]
    robaws_url: Option<Url>,
    /// A ProductFlow that runs elsewhere, instead of the simulated one: such as http://127.0.0.1:7002/api/v1.
    #[arg(long, value_name = "URL")]
    productflow_url: Option<Url>,
    /// What to log, beside what happens to orders: error, warn, info, debug.
    #[arg(long, default_value = "error")]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a day of orders to its end, prints what each became and why, and fails if anything is not as it must be.
    Demo,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let lines = tracing_subscriber::fmt::layer().compact().with_target(false).with_writer(std::io::stderr);
    let levels: Targets = options.log.parse()?;
    tracing_subscriber::registry().with(lines).with(levels).init();
    let mut out = std::io::stdout();
    match options.command {
        Some(Command::Demo) => {
            let as_expected = demo::run_demo(&mut out).await?;
            Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        None => {
            let start = StackOptions {
                ports: Ports {
                    api: options.port,
                    robaws: options.robaws_port,
                    productflow: options.productflow_port,
                },
                directory: options.data.as_deref().map(Directory::open).transpose()?,
                robaws_url: options.robaws_url,
                productflow_url: options.productflow_url,
            };
            let begin = if options.set_up { InitialConnection::SetUp } else { InitialConnection::Active };
            runner::run_until_interrupted(start, Duration::from_secs(options.poll_every), begin, &mut out)
                .await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
