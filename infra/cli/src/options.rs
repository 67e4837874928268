//! The arguments of the program, as clap parses them. Doc comments of options and commands are the texts of `--help`.

pub mod connection_options;
pub(crate) mod doctor_options;
pub mod order_options;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use connection_options::ConnectionCommand;
use doctor_options::DoctorOptions;
use domain::Language;
use jiff::Timestamp;
use order_options::OrderCommand;

const AFTER_HELP: &str = "\
Where to: --stack NAME finds the API and the operator's token with your AWS credentials; --api URL takes the token from
CONNECTOR_TOKEN; --local is the stack of `cargo run`. Instead of a flag: CONNECTOR_STACK or CONNECTOR_API.

Exit codes: 0 done, 1 refused or failed by the server, 2 wrong arguments, 3 not found, 4 not reachable or not let in,
5 --fail-if-any found some, or doctor refuted something.";

/// Operates a connector between Robaws and ProductFlow.
#[derive(Debug, Parser)]
#[command(name = "connector", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Options {
    #[command(flatten)]
    pub(crate) global: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct GlobalOptions {
    /// The API's URL; the token is read from CONNECTOR_TOKEN.
    #[arg(long, global = true, value_name = "URL", conflicts_with_all = ["stack", "local"])]
    pub api: Option<String>,
    /// The CloudFormation stack whose API and token to use, with your AWS credentials.
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "local")]
    pub stack: Option<String>,
    /// The stack's region, if not that of your AWS profile.
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The stack that `cargo run` started on this machine.
    #[arg(long, global = true, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "7000")]
    pub local: Option<u16>,
    /// Prints the API's JSON as it came, for scripts.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connections: each ties one Robaws tenant to one ProductFlow company.
    #[command(subcommand, visible_alias = "connections")]
    Connection(ConnectionCommand),
    /// Orders: what became of them and why.
    #[command(subcommand, visible_alias = "orders")]
    Order(OrderCommand),
    /// What the newest orders would do to Robaws, without doing it.
    Plan(PlanOptions),
    /// Articles: what ProductFlow has of them.
    #[command(subcommand, visible_alias = "article")]
    Articles(ArticlesCommand),
    /// What is wrong, and what to do about it: one per cause.
    Notifications(NotificationsOptions),
    /// Runs the nightly check of articles and documents now.
    Reconcile(ReconcileOptions),
    /// Messages that no function could take.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Whether a tenant's Robaws and a company's ProductFlow answer as we assume; before the first activation. Reads only.
    Doctor(Box<DoctorOptions>),
    /// Whether the API answers, and its version.
    Health,
    /// The completions of a shell, to be put where it looks for them.
    Completions {
        /// The shell for which the completions are.
        shell: Shell,
    },
}

/// The option of commands that change something.
#[derive(Debug, Clone, Copy, Args)]
pub struct DryRun {
    /// Prints the request instead of sending it; secrets are masked.
    #[arg(long)]
    pub dry_run: bool,
}

/// How many items of a list to show.
#[derive(Debug, Clone, Copy, Args)]
pub struct HowMany {
    /// Shows at most this many, newest first.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Shows all of them.
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanOptions {
    /// Id of the connection.
    pub(crate) id: String,
    /// Plans at most this many orders.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) limit: u32,
    /// Plans as if the connection went live then: orders placed before this moment are left alone.
    #[arg(long, value_name = "TIME")]
    pub(crate) go_live: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ArticleState {
    Sent,
    Due,
    Problem,
    Off,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ArticlesCommand {
    /// Lists articles.
    List {
        /// Id of the connection.
        id: String,
        /// Lists only articles in this state.
        #[arg(long)]
        state: Option<ArticleState>,
        #[command(flatten)]
        how_many: HowMany,
    },
    /// Sends all ticked articles again.
    Push {
        /// Id of the connection.
        id: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Ticks articles "ProductFlow" in Robaws.
    Tick {
        /// Id of the connection.
        id: String,
        /// Ticks all of them; a single article is ticked in Robaws.
        #[arg(long, required = true)]
        all: bool,
        #[command(flatten)]
        dry: DryRun,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NotificationState {
    Open,
    Resolved,
    All,
}

/// Takes the tag of a language in which the connector has its texts.
pub(crate) fn language_parser() -> impl TypedValueParser<Value = Language> {
    PossibleValuesParser::new(Language::TAGS).map(|tag| Language::from_tag(&tag).unwrap_or_default())
}

#[derive(Debug, Args)]
pub(crate) struct NotificationsOptions {
    /// Id of the connection.
    pub(crate) id: String,
    /// Shows open notifications, resolved ones, or both.
    #[arg(long, default_value = "open")]
    pub(crate) state: NotificationState,
    /// Shows the texts in this language instead of the connection's.
    #[arg(long, value_parser = language_parser())]
    pub(crate) lang: Option<Language>,
    #[command(flatten)]
    pub(crate) how_many: HowMany,
    /// Exits with 5 if there is any, for monitoring.
    #[arg(long)]
    pub(crate) fail_if_any: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReconcileOptions {
    /// Id of the connection.
    pub(crate) id: String,
    /// Confirms the withdrawals that the last check held back.
    #[arg(long)]
    pub(crate) confirm_withdrawals: bool,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueueName {
    Orders,
    Articles,
    Sweeps,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// Lists what each dead-letter queue holds: the number of messages, and the orders and articles they are about.
    List {
        /// Exits with 5 if there is any, for monitoring.
        #[arg(long)]
        fail_if_any: bool,
    },
    /// Puts the messages of a dead-letter queue back where they came from.
    Redrive {
        /// The queue whose dead letters are put back.
        queue: QueueName,
        /// Only says how many messages there are, and moves none.
        #[arg(long)]
        dry_run: bool,
    },
}

/// The API's word for a value of an option: the name on the command line with `_` for `-`.
pub(crate) fn to_api_word<T: ValueEnum + Copy>(value: T) -> String {
    value.to_possible_value().map(|word| word.get_name().replace('-', "_")).unwrap_or_default()
}
