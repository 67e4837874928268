//! `connector connection …`.

use super::{DryRun, HowMany, Language};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionCommand {
    /// Makes a connection, inactive. All but its id can follow later.
    Create(Create),
    /// Lists the connections.
    List {
        #[command(flatten)]
        how_many: HowMany,
    },
    /// Shows a connection: state, settings, problems.
    Show {
        /// The connection.
        id: String,
    },
    /// Changes settings or credentials; what is not named stays.
    Set(Set),
    /// Checks everything and switches it on.
    Activate(Activate),
    /// Switches it off. Its records are kept.
    Deactivate(Simple),
    /// Deletes an inactive connection: secrets and settings. What was booked stays known.
    Delete {
        /// The connection.
        id: String,
        /// Without asking.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Stops it for safety: nothing is booked until its ledger was rebuilt.
    Suspend(Simple),
    /// Makes a link that opens the merchant's pages once, within 24 hours.
    Link(Simple),
    /// Rebuilds a lost ledger from what is in Robaws.
    Rebuild(Rebuild),
}

#[derive(Debug, Args)]
pub(crate) struct Simple {
    /// The connection.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}

/// Credentials, none of which is ever an argument.
#[derive(Debug, Clone, Args)]
pub struct Credentials {
    /// Robaws key and secret: two lines or {"key","secret"} of a file, `-` for standard input, `env` for CONNECTOR_ROBAWS_KEY
    /// and CONNECTOR_ROBAWS_SECRET, `ask` to type them.
    #[arg(long, value_name = "FILE|-|env|ask")]
    pub robaws_login: Option<String>,
    /// ProductFlow access token: a file, `-` for standard input, `env` for CONNECTOR_PRODUCTFLOW_TOKEN, `ask` to type it.
    #[arg(long, value_name = "FILE|-|env|ask")]
    pub productflow_token: Option<String>,
    /// ProductFlow company.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    pub company: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its id: 1 to 64 of a-z, 0-9 and -.
    pub(crate) id: String,
    /// Settings, e.g. stock_location_id=3 book_invoices=true.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Language of its texts (nl unless said).
    #[arg(long)]
    pub(crate) language: Option<Language>,
    #[command(flatten)]
    pub(crate) credentials: Credentials,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The connection.
    pub(crate) id: String,
    /// Settings, e.g. stock_location_id=4 task_user_id=null language=nl; null goes back to the default.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    #[command(flatten)]
    pub(crate) credentials: Credentials,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

#[derive(Debug, Args)]
pub(crate) struct Activate {
    /// The connection.
    pub(crate) id: String,
    /// Orders placed before this moment are left alone (now, the first time).
    #[arg(long, value_name = "TIME")]
    pub(crate) go_live: Option<Timestamp>,
    /// After a long break: book what happened meanwhile, or leave it as handled.
    #[arg(long)]
    pub(crate) catch_up: Option<YesNo>,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}

#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// The connection.
    pub(crate) id: String,
    /// Orders placed before this moment are left alone; needed when the settings were lost too.
    #[arg(long, value_name = "TIME")]
    pub(crate) go_live: Option<Timestamp>,
    /// When the table was lost: orders last changed before then are asked about before anything is booked for them.
    #[arg(long, value_name = "TIME")]
    pub(crate) lost_at: Option<Timestamp>,
    /// Has the server count what it would make, without making it.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Waits until it is finished.
    #[arg(long)]
    pub(crate) wait: bool,
}
