//! Arguments of `connector connection …`.

use super::{DryRun, HowMany, language_parser};
use clap::{Args, Subcommand, ValueEnum};
use domain::Language;
use jiff::Timestamp;

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionCommand {
    /// Creates an inactive connection. Everything but its id can follow later.
    Create(CreateOptions),
    /// Lists the connections.
    List {
        #[command(flatten)]
        how_many: HowMany,
    },
    /// Shows a connection: state, settings, problems.
    Show {
        /// Id of the connection.
        id: String,
    },
    /// Changes settings or credentials; what is not named stays.
    Set(SetOptions),
    /// Checks settings and credentials, and switches the connection on.
    Activate(ActivateOptions),
    /// Switches the connection off. Its records are kept.
    Deactivate(ConnectionTarget),
    /// Deletes an inactive connection: secrets and settings. What was booked stays known.
    Delete {
        /// Id of the connection.
        id: String,
        /// Deletes without asking.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Stops the connection for safety: nothing is booked until its ledger has been rebuilt.
    Suspend(ConnectionTarget),
    /// Makes a link that opens the merchant's pages once, within 24 hours.
    Link(ConnectionTarget),
    /// Rebuilds a lost ledger from what is in Robaws.
    Rebuild(RebuildOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ConnectionTarget {
    /// Id of the connection.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}

/// Where credentials come from. A credential itself is never an argument.
#[derive(Debug, Clone, Args)]
pub struct Credentials {
    /// Robaws key and secret: two lines or {"key","secret"} of a file, `-` for standard input, `env` for CONNECTOR_ROBAWS_KEY
    /// and CONNECTOR_ROBAWS_SECRET, `ask` to type them.
    #[arg(long, value_name = "FILE|-|env|ask")]
    pub robaws_login: Option<String>,
    /// ProductFlow access token: a file, `-` for standard input, `env` for CONNECTOR_PRODUCTFLOW_TOKEN, `ask` to type it.
    #[arg(long, value_name = "FILE|-|env|ask")]
    pub productflow_token: Option<String>,
    /// The number of the ProductFlow company.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    pub company: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct CreateOptions {
    /// The new connection's id: 1 to 64 of a-z, 0-9 and -.
    pub(crate) id: String,
    /// Settings, e.g. stock_location_id=3 book_invoices=true.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Language of the connection's texts; nl if not given.
    #[arg(long, value_parser = language_parser())]
    pub(crate) language: Option<Language>,
    #[command(flatten)]
    pub(crate) credentials: Credentials,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}

#[derive(Debug, Args)]
pub(crate) struct SetOptions {
    /// Id of the connection.
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
pub(crate) struct ActivateOptions {
    /// Id of the connection.
    pub(crate) id: String,
    /// Orders placed before this moment are left alone; if not given at the first activation: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) go_live: Option<Timestamp>,
    /// After a break of more than 7 days: book the orders of that time (yes), or leave them as handled (no).
    #[arg(long)]
    pub(crate) catch_up: Option<YesNo>,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}

#[derive(Debug, Args)]
pub(crate) struct RebuildOptions {
    /// Id of the connection.
    pub(crate) id: String,
    /// Orders placed before this moment are left alone; needed when the settings were lost too.
    #[arg(long, value_name = "TIME")]
    pub(crate) go_live: Option<Timestamp>,
    /// The moment at which the table was lost: a person is asked about orders last changed before it, before anything is booked
    /// for them.
    #[arg(long, value_name = "TIME")]
    pub(crate) lost_at: Option<Timestamp>,
    /// Has the server count what it would make, without making it.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Waits until the rebuild is finished.
    #[arg(long)]
    pub(crate) wait: bool,
}
