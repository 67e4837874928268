//! The ledger of one order: what was sent to Robaws for it, what came of it, and what the merchant decided.
//! Robaws books deltas, so a repeat is a wrong stock: every effect is a row, written before its call with its exact
//! body, and a row number is never used for two bodies (design.md, "Exactly once").

use crate::ids::{
    ArticleId, ConnectionId, DocumentId, LineId, OrderIdentifier, Sku, StockLocationId, VatTariffId,
};
use crate::invoice::DocumentKind;
use crate::money::Cents;
use crate::order::OrderFacts;
use crate::rebuild::Doubt;
use crate::undo::{Undo, UndoInvoice, UndoStock};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long after its first attempt a row that Robaws does not show may be sent again (design.md).
pub const RESEND_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// State of an order, as the API and the page show it: the first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// An effect may or may not stand in Robaws; the merchant is asked.
    InDoubt,
    /// ProductFlow changed after the invoice, or after the order was closed as handled.
    Conflict,
    /// A problem holds something up.
    Blocked,
    /// Before go-live, cancelled with nothing done, or handled.
    Skipped,
    /// Something is still to be done, or nothing is to be booked yet.
    Waiting,
    /// The invoice is made.
    Invoiced,
    /// Cancelled, and what was booked is back.
    Reversed,
    /// The stock is out.
    Booked,
}

impl OrderState {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InDoubt => "in_doubt",
            Self::Conflict => "conflict",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
            Self::Waiting => "waiting",
            Self::Invoiced => "invoiced",
            Self::Reversed => "reversed",
            Self::Booked => "booked",
        }
    }
}

/// Which way a stock change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Out of a stock location.
    Out,
    /// Back into it: the reverse stock change.
    In,
}

/// What quantities are compared by: the SKU (apart for what the marketplace ships), or the article that the merchant chose
/// for a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockKey {
    /// Lines with this SKU.
    Sku {
        /// The SKU.
        sku: Sku,
        /// Shipped by the marketplace.
        fbm: bool,
    },
    /// A line for which the merchant chose an article.
    Chosen {
        /// The line.
        line: LineId,
        /// The article chosen.
        article_id: ArticleId,
        /// Shipped by the marketplace.
        fbm: bool,
    },
}

/// One line of a stock change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockItem {
    /// What it counts for.
    pub key: StockKey,
    /// The SKU of the order line, for people.
    pub sku: Option<Sku>,
    /// The Robaws article whose stock moves.
    pub article_id: ArticleId,
    /// Pieces, at least 1.
    pub quantity: u32,
}

/// What a row does in Robaws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowEffect {
    /// A stock change, out or back in.
    StockChange {
        /// Which way.
        direction: Direction,
        /// Where.
        stock_location_id: StockLocationId,
        /// What.
        items: Vec<StockItem>,
    },
    /// The invoice: its header, lines, check and booking.
    Invoice {
        /// Total of the frozen invoice.
        total: Cents,
        /// How far it is.
        progress: InvoiceProgress,
    },
    /// The credit note for a booked invoice, made in the same steps.
    CreditNote {
        /// Row of the invoice.
        invoice: u32,
        /// Total of the frozen credit note, which is the invoice's.
        total: Cents,
        /// How far it is.
        progress: InvoiceProgress,
    },
    /// The deletion of an invoice that is still a draft.
    DeleteDraft {
        /// Row of the invoice.
        invoice: u32,
    },
}

impl RowEffect {
    /// How far an invoice or credit note is.
    pub fn progress(&self) -> Option<&InvoiceProgress> {
        match self {
            Self::Invoice { progress, .. } | Self::CreditNote { progress, .. } => Some(progress),
            Self::StockChange { .. } | Self::DeleteDraft { .. } => None,
        }
    }

    fn progress_mut(&mut self) -> Option<&mut InvoiceProgress> {
        match self {
            Self::Invoice { progress, .. } | Self::CreditNote { progress, .. } => Some(progress),
            Self::StockChange { .. } | Self::DeleteDraft { .. } => None,
        }
    }

    /// What an invoice or credit note comes to.
    pub fn total(&self) -> Option<Cents> {
        match self {
            Self::Invoice { total, .. } | Self::CreditNote { total, .. } => Some(*total),
            Self::StockChange { .. } | Self::DeleteDraft { .. } => None,
        }
    }

    /// Deleting what is deleted does nothing: a refusal may be believed whatever went before.
    fn is_harmless_to_repeat(&self) -> bool {
        matches!(self, Self::DeleteDraft { .. })
    }

    /// The kind of sales document that it makes.
    pub fn document(&self) -> Option<DocumentKind> {
        match self {
            Self::Invoice { .. } => Some(DocumentKind::Invoice),
            Self::CreditNote { .. } => Some(DocumentKind::CreditNote),
            Self::StockChange { .. } | Self::DeleteDraft { .. } => None,
        }
    }
}

/// How far an invoice or credit note is, once its header stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InvoiceProgress {
    /// Steps done, see [`crate::invoice::Frozen::steps`]: 0 is nothing, then the header, each line, the check, the booking.
    pub step: u32,
    /// Steps in all.
    pub steps: u32,
    /// The human number, once Robaws gave one.
    pub number: Option<String>,
    /// Whether it is booked.
    pub booked: bool,
    /// The check found other lines or another total than frozen; holds what Robaws says.
    pub mismatch: Option<Cents>,
    /// The buyer is a business.
    pub business: bool,
    /// Why it stays a draft although the settings say booked.
    pub kept_draft: Option<KeptDraft>,
    /// The business buyer's invoice was seen with another client or booked: the merchant dealt with it.
    pub business_settled: bool,
    /// The date that was frozen for it; absent until it is frozen.
    pub date: Option<Date>,
}

impl InvoiceProgress {
    /// Lines, check or booking are missing, and it is still ours to go on with.
    pub fn is_unfinished(&self) -> bool {
        self.mismatch.is_none() && self.step < self.steps
    }
}

/// Why an invoice stays a draft although the settings say booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptDraft {
    /// Its date lies in an earlier month than the day it was made.
    EarlierMonth,
    /// The buyer is a business.
    Business,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// Written, no attempt counted yet; nothing can have happened.
    Intended,
    /// An attempt was counted, and its end is not known.
    Unknown,
    /// Stands in Robaws.
    Done,
    /// Does not stand in Robaws, and never will.
    Refused,
    /// Nobody can tell; the merchant is asked.
    InDoubt,
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its number within the order, from 1, never used again.
    pub no: u32,
    /// What it does.
    pub effect: RowEffect,
    /// The exact body of the (header) call; emptied when an invoice's header that names a business is done.
    pub body: String,
    /// What it can be found by in Robaws: within the description of a stock change, the client reference of an invoice or
    /// credit note.
    pub reference: String,
    /// Where it stands.
    pub state: RowState,
    /// Attempts counted.
    pub attempts: u32,
    /// An earlier or the present attempt ended unknown: no refusal can be believed any more.
    pub ever_unknown: bool,
    /// When the first attempt was counted.
    pub first_attempt_at: Option<Timestamp>,
    /// Digest of the API key id that made the first attempt: idempotency keys are per API user.
    pub api_user: Option<String>,
    /// The document in Robaws.
    pub robaws_id: Option<DocumentId>,
    /// Why it was refused, in the peer's words.
    pub reason: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub at: Timestamp,
}

/// The merchant's choice for one line (design.md: causes that can't be mended at their source).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The line.
    pub line: LineId,
    /// The VAT tariff to use.
    pub vat_tariff_id: Option<VatTariffId>,
    /// The article to use, or none at all.
    pub article: Option<ArticleChoice>,
    /// When it was made.
    pub at: Timestamp,
}

/// Which article stands for a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArticleChoice {
    /// This one.
    Article(ArticleId),
    /// None: the line is invoiced without an article and moves no stock.
    None,
}

/// The order was closed by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handled {
    /// When.
    pub at: Timestamp,
    /// What the order was then; `None` when it could not be read.
    pub facts: Option<OrderFacts>,
    /// Status word then, when it was an unknown one.
    pub status: Option<String>,
}

/// Who settled what, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// `handled`, `done`, `not_done`, `undo`.
    pub kind: String,
    /// `operator`, or the user of a page.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The row it was about.
    pub row: Option<u32>,
    /// The document named.
    pub robaws_id: Option<DocumentId>,
    /// What was decided for the invoice.
    pub invoice: Option<UndoInvoice>,
    /// What was decided for the stock.
    pub stock: Option<UndoStock>,
}

/// A refusal within the present look, so that the same look does not send it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookRefusal {
    /// A stock change with several items: each is tried alone, once.
    Together,
    /// One item of a stock change.
    Item {
        /// What it counts for.
        key: StockKey,
        /// The article.
        article_id: ArticleId,
        /// Why, in Robaws' words.
        reason: String,
    },
    /// What a setting names is gone from Robaws.
    SettingGone {
        /// The setting, by its name in the API.
        setting: String,
        /// The id that is gone.
        value: String,
    },
    /// A step of the invoice.
    Invoice {
        /// Why, in Robaws' words.
        reason: String,
    },
    /// A step of the credit note.
    CreditNote {
        /// Why, in Robaws' words.
        reason: String,
    },
}

/// Everything the ledger holds of one order that the rules look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The connection.
    pub connection: ConnectionId,
    /// The order.
    pub identifier: OrderIdentifier,
    /// Rows, oldest first.
    pub rows: Vec<Row>,
    /// Number of the next row.
    pub next_row: u32,
    /// What the order was when its invoice was frozen.
    pub invoiced_facts: Option<OrderFacts>,
    /// When it was first seen shipped: the invoice's date when ProductFlow gives none.
    pub first_shipped_at: Option<Timestamp>,
    /// The merchant's choices.
    pub choices: Vec<Choice>,
    /// Closed by hand.
    pub handled: Option<Handled>,
    /// What was settled by hand.
    pub settlements: Vec<Settlement>,
    /// What the merchant decided last about an invoice that the order contradicts.
    pub undo: Option<Undo>,
    /// The ledger was lost, and documents of this order do not fit it.
    pub doubt: Option<Doubt>,
    /// When people said that nothing was done for it but what the rows show: after the ledger was lost and rebuilt.
    pub vouched_at: Option<Timestamp>,
    /// Refusals of this look; not stored.
    #[serde(skip)]
    pub look: Vec<LookRefusal>,
}

/// How a call for a row ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A 2xx whose body shows what we asked.
    Done {
        /// The document's id.
        robaws_id: DocumentId,
        /// The human number, if it is an invoice or credit note and has one.
        number: Option<String>,
    },
    /// 400, 401, 403, 404, 413, 415, 422 or 429.
    Refused {
        /// In the peer's words.
        reason: String,
    },
    /// No answer, 408, 409, 5xx, an unreadable 2xx, or anything else.
    Unknown,
}

/// What to do about a row whose end is not known, after Robaws was asked for its reference and did not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFound {
    /// Send the same body with the same key.
    Resend,
    /// It cannot have happened.
    Refused,
    /// Wait and look again: it is too early to tell.
    LookAgain,
    /// Ask the merchant.
    InDoubt,
}

impl Ledger {
    /// Of an order that was never seen before.
    pub fn new(connection: ConnectionId, identifier: OrderIdentifier) -> Self {
        Self {
            connection,
            identifier,
            rows: Vec::new(),
            next_row: 1,
            invoiced_facts: None,
            first_shipped_at: None,
            choices: Vec::new(),
            handled: None,
            settlements: Vec::new(),
            undo: None,
            doubt: None,
            vouched_at: None,
            look: Vec::new(),
        }
    }

    /// The idempotency key of a row: a digest of connection, order and row number, 40 hex digits.
    pub fn key(&self, no: u32) -> String {
        row_key(&self.connection, &self.identifier, no)
    }

    /// What row `no` is found by within a stock change's description: its number and the start of its key.
    pub fn row_mark(&self, no: u32) -> String {
        format!("#{no}-{}", &self.key(no)[..12])
    }

    /// Writes a new row and gives its number. Nothing may be called before it is stored.
    pub fn intend(&mut self, effect: RowEffect, body: String, reference: String, now: Timestamp) -> u32 {
        let no = self.next_row;
        self.next_row += 1;
        self.rows.push(Row {
            no,
            effect,
            body,
            reference,
            state: RowState::Intended,
            attempts: 0,
            ever_unknown: false,
            first_attempt_at: None,
            api_user: None,
            robaws_id: None,
            reason: None,
            created_at: now,
            at: now,
        });
        self.forget_old_refusals();
        no
    }

    /// Counts an attempt; to be stored, by a conditional write, before the call. Until the call's end is recorded
    /// the row is unknown, for whoever reads it.
    pub fn begin_attempt(&mut self, no: u32, api_user: &str, now: Timestamp) {
        if let Some(row) = self.row_mut(no) {
            row.attempts += 1;
            if row.first_attempt_at.is_none() {
                row.first_attempt_at = Some(now);
                row.api_user = Some(api_user.to_owned());
            }
            row.state = RowState::Unknown;
            row.at = now;
        }
    }

    /// Records how an attempt ended. `earlier_unknown` says whether an attempt *before* this one ended unknown: then a
    /// refusal proves nothing.
    pub fn end_attempt(&mut self, no: u32, outcome: &Outcome, now: Timestamp) {
        let Some(row) = self.row_mut(no) else { return };
        if row.state == RowState::Done {
            return;
        }
        row.at = now;
        match outcome {
            Outcome::Done { robaws_id, number } => {
                row.state = RowState::Done;
                row.robaws_id = Some(robaws_id.clone());
                row.reason = None;
                if let Some(progress) = row.effect.progress_mut() {
                    progress.step = progress.step.max(1);
                    progress.number.clone_from(number);
                    if progress.business {
                        row.body.clear();
                    }
                }
            }
            Outcome::Refused { reason }
                if (!row.ever_unknown && row.attempts <= 1) || row.effect.is_harmless_to_repeat() =>
            {
                row.state = RowState::Refused;
                row.reason = Some(reason.clone());
            }
            Outcome::Refused { .. } | Outcome::Unknown => {
                row.state = RowState::Unknown;
                row.ever_unknown = true;
            }
        }
    }

    /// What follows when Robaws was asked for the reference of unknown row `no` and did not show it. `wanted`: the order as
    /// it is now still asks for it. `same_look_up_shows_ours`: that look-up shows another document of ours, so it can be
    /// trusted to show this one.
    pub fn after_not_found(
        &self,
        no: u32,
        api_user: &str,
        wanted: bool,
        same_look_up_shows_ours: bool,
        now: Timestamp,
    ) -> NotFound {
        let Some(row) = self.row(no) else {
            return NotFound::Refused;
        };
        let first = row.first_attempt_at.unwrap_or(row.created_at);
        let young = now.duration_since(first).abs() < RESEND_WITHIN;
        let same_user = row.api_user.as_deref() == Some(api_user);
        match (young && same_user, wanted) {
            (true, true) => NotFound::Resend,
            (true, false) => NotFound::LookAgain,
            (false, _) if same_look_up_shows_ours => NotFound::Refused,
            (false, _) => NotFound::InDoubt,
        }
    }

    /// Puts row `no` where a look-up or the merchant says it is.
    pub fn settle(&mut self, no: u32, state: RowState, reason: Option<String>, now: Timestamp) {
        if let Some(row) = self.row_mut(no) {
            row.state = state;
            row.reason = reason;
            row.at = now;
        }
    }

    /// A row by its number.
    pub fn row(&self, no: u32) -> Option<&Row> {
        self.rows.iter().find(|r| r.no == no)
    }

    /// A row by its number.
    pub fn row_mut(&mut self, no: u32) -> Option<&mut Row> {
        self.rows.iter_mut().find(|r| r.no == no)
    }

    /// The oldest row whose end is not known, or that was written and never tried.
    pub fn unsettled(&self) -> Option<&Row> {
        self.rows
            .iter()
            .find(|r| matches!(r.state, RowState::Unknown | RowState::Intended))
    }

    /// The oldest row in doubt.
    pub fn in_doubt(&self) -> Option<&Row> {
        self.rows.iter().find(|r| r.state == RowState::InDoubt)
    }

    /// The invoice whose header was made, also when it was undone since ([`Ledger::undone`]).
    pub fn invoice(&self) -> Option<(&Row, &InvoiceProgress)> {
        self.rows.iter().find_map(|r| match &r.effect {
            RowEffect::Invoice { progress, .. } if r.state == RowState::Done => Some((r, progress)),
            _ => None,
        })
    }

    /// The progress of the invoice or credit note in row `no`.
    pub fn progress_mut(&mut self, no: u32) -> Option<&mut InvoiceProgress> {
        self.row_mut(no).and_then(|row| row.effect.progress_mut())
    }

    /// The invoice whose header stands, when lines, check or booking are missing.
    pub fn unfinished_invoice(&self) -> Option<&Row> {
        self.invoice()
            .filter(|(_, progress)| progress.is_unfinished() && self.undone().is_none())
            .map(|(row, _)| row)
    }

    /// The choice for a line.
    pub fn choice(&self, line: &LineId) -> Option<&Choice> {
        self.choices.iter().find(|c| &c.line == line)
    }

    /// Whether anything was ever booked.
    pub fn has_bookings(&self) -> bool {
        self.rows.iter().any(|r| r.state == RowState::Done)
    }

    /// The last refused rows tell people what happened; older ones would grow with every try of a blocked order.
    fn forget_old_refusals(&mut self) {
        const KEPT: usize = 5;
        let refused = self.rows.iter().filter(|r| r.state == RowState::Refused).count();
        let mut surplus = refused.saturating_sub(KEPT);
        self.rows.retain(|r| {
            let drop = surplus > 0 && r.state == RowState::Refused;
            surplus -= usize::from(drop);
            !drop
        });
    }
}

/// Digest of connection, order and row number (design.md), 40 hex digits; also the stem of the keys of an invoice's lines.
pub fn row_key(connection: &ConnectionId, identifier: &OrderIdentifier, no: u32) -> String {
    let mut hash = Sha256::new();
    for part in [connection.as_str(), identifier.as_str()] {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(no.to_le_bytes());
    hex::encode(&hash.finalize()[..20])
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
