//! `connector order …`.

use super::{DryRun, HowMany};
use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum OrderState {
    Waiting,
    Booked,
    Invoiced,
    Reversed,
    Skipped,
    Blocked,
    InDoubt,
    Conflict,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrderCommand {
    /// Lists orders, newest first.
    List {
        /// The connection.
        id: String,
        /// Only those in this state.
        #[arg(long)]
        state: Option<OrderState>,
        /// Only those with this in identifier or reference.
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        #[command(flatten)]
        how_many: HowMany,
    },
    /// Shows an order: state and why, effects, problems.
    Show {
        #[command(flatten)]
        order: OrderId,
    },
    /// Has it looked at again at once.
    Retry {
        #[command(flatten)]
        order: OrderId,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Chooses tariffs and articles for lines that can't be mended at ProductFlow.
    Choose {
        #[command(flatten)]
        order: OrderId,
        /// A choice: 1=tariff:7, 2=article:12, 3=no-article, or 1=tariff:none to take one back.
        #[arg(long = "line", value_name = "LINE=CHOICE", required = true)]
        lines: Vec<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Says how something open ends.
    Settle(Settle),
}

#[derive(Debug, Args)]
pub(crate) struct OrderId {
    /// The connection.
    pub(crate) id: String,
    /// ProductFlow's identifier of the order.
    pub(crate) identifier: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum SettleAs {
    /// Done by hand: nothing more is ever done.
    Handled,
    /// What is in doubt was done: --robaws-id names it.
    Done,
    /// What is in doubt was not done.
    NotDone,
    /// The invoice is undone: --invoice and --stock say how.
    Undo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum UndoInvoice {
    /// A credit note for a booked invoice.
    Credit,
    /// The draft is deleted.
    DeleteDraft,
    /// It stays.
    Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum UndoStock {
    /// It comes back.
    Return,
    /// It stays out; it can be returned later.
    Keep,
}

#[derive(Debug, Args)]
pub(crate) struct Settle {
    #[command(flatten)]
    pub(crate) order: OrderId,
    /// How it ends.
    #[arg(long = "as", value_name = "HOW")]
    pub(crate) how: SettleAs,
    /// The document in Robaws, with --as done.
    #[arg(long, value_name = "ID", required_if_eq("how", "done"))]
    pub(crate) robaws_id: Option<String>,
    /// With --as undo.
    #[arg(long, required_if_eq("how", "undo"))]
    pub(crate) invoice: Option<UndoInvoice>,
    /// With --as undo.
    #[arg(long, required_if_eq("how", "undo"))]
    pub(crate) stock: Option<UndoStock>,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}
