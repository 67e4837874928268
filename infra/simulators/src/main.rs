//! Both simulated peers on two ports, with a small shop in them.

use std::net::SocketAddr;

use clap::Parser;
use simulators::{ProductFlowSim, RobawsSim, demo, spawn_server_on, system_clock};

/// Serves the simulated Robaws and ProductFlow.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Options {
    /// Where Robaws listens; its API is below /api/v2, its control API below /_control, its page at /.
    #[arg(long, default_value = "127.0.0.1:7001")]
    robaws: SocketAddr,
    /// Where ProductFlow listens; its API is below /api/v1, its control API below /_control, its page at /.
    #[arg(long, default_value = "127.0.0.1:7002")]
    productflow: SocketAddr,
    /// Begin without the small shop.
    #[arg(long)]
    empty: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let robaws = RobawsSim::new(system_clock());
    let productflow = ProductFlowSim::new(system_clock());
    if !options.empty {
        demo::seed_demo_shop(&robaws, &productflow);
    }
    let robaws_server = spawn_server_on(robaws.build_router(), options.robaws).await?;
    let productflow_server = spawn_server_on(productflow.build_router(), options.productflow).await?;
    robaws.set_other_page(&productflow_server.url());
    productflow.set_other_page(&robaws_server.url());
    tokio::spawn(robaws.run_deliveries());
    print_addresses(&robaws_server.url(), &productflow_server.url());
    tokio::signal::ctrl_c().await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program that says where it listens")]
fn print_addresses(robaws: &str, productflow: &str) {
    println!("Robaws       {robaws}/api/v2   control {robaws}/_control   page {robaws}/");
    println!("ProductFlow  {productflow}/api/v1   control {productflow}/_control   page {productflow}/");
}
