//! Arguments of `connector order …`.

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
        /// Id of the connection.
        id: String,
        /// Lists only orders in this state.
        #[arg(long)]
        state: Option<OrderState>,
        /// Lists only orders whose identifier or reference contains this text.
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        #[command(flatten)]
        how_many: HowMany,
    },
    /// Shows an order: its state and the reason for it, its effects and its problems.
    Show {
        #[command(flatten)]
        order: OrderId,
    },
    /// Has the order looked at again at once.
    Retry {
        #[command(flatten)]
        order: OrderId,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Chooses tariffs and articles for order lines that can't be corrected in ProductFlow.
    Choose {
        #[command(flatten)]
        order: OrderId,
        /// A choice for one order line: 1=tariff:7, 2=article:12, 3=no-article, or 1=tariff:none to take a tariff back.
        #[arg(long = "line", value_name = "LINE=CHOICE", required = true)]
        lines: Vec<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Decides on an order that is open: handled by hand, done or not done, or its invoice undone.
    Settle(SettleOptions),
}

#[derive(Debug, Args)]
pub(crate) struct OrderId {
    /// Id of the connection.
    pub(crate) id: String,
    /// ProductFlow's identifier of the order.
    pub(crate) identifier: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum SettleAs {
    /// The order was handled by hand: the connector does nothing more for it.
    Handled,
    /// The effect in doubt was done: --robaws-id names its document.
    Done,
    /// The effect in doubt was not done.
    NotDone,
    /// The invoice is taken back: --invoice and --stock say how.
    Undo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum UndoInvoice {
    /// A credit note is made for the booked invoice.
    Credit,
    /// The draft invoice is deleted.
    DeleteDraft,
    /// The invoice stays as it is.
    Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum UndoStock {
    /// The stock comes back.
    Return,
    /// The stock stays out; it can be returned later.
    Keep,
}

#[derive(Debug, Args)]
pub(crate) struct SettleOptions {
    #[command(flatten)]
    pub(crate) order: OrderId,
    /// The decision.
    #[arg(long = "as", value_name = "HOW")]
    pub(crate) how: SettleAs,
    /// Id of the document in Robaws, with --as done.
    #[arg(long, value_name = "ID", required_if_eq("how", "done"))]
    pub(crate) robaws_id: Option<String>,
    /// What becomes of the invoice, with --as undo.
    #[arg(long, required_if_eq("how", "undo"))]
    pub(crate) invoice: Option<UndoInvoice>,
    /// What becomes of the stock, with --as undo.
    #[arg(long, required_if_eq("how", "undo"))]
    pub(crate) stock: Option<UndoStock>,
    #[command(flatten)]
    pub(crate) dry: DryRun,
}
