//! The ledger of one order: what was sent to Robaws for the order, how each call ended, and what the merchant decided.
//! Robaws books deltas, so a repeated call makes a wrong stock. Therefore each effect is a row that is written, with its
//! exact body, before its call, and a row number is never used for a second body.

use crate::ids::{
    ArticleId, ConnectionId, DocumentId, LineId, OrderIdentifier, Sku, StockLocationId, VatTariffId,
};
use crate::invoice::DocumentKind;
use crate::money::Cents;
use crate::order::OrderFacts;
use crate::rebuild::UnmatchedDocuments;
use crate::undo::{UndoDecision, UndoInvoice, UndoStock};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long after its first attempt a row may be sent again when Robaws does not show its document.
pub const RESEND_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// State of an order in the API and on the pages. When several apply, the first variant wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Nobody can tell whether an effect stands in Robaws. The merchant is asked.
    InDoubt,
    /// The order changed in ProductFlow after its invoice was made, or after it was closed as handled.
    Conflict,
    /// A problem holds up the stock or the invoice.
    Blocked,
    /// Nothing is to be done: placed before go-live, cancelled before anything was booked, or closed as handled.
    Skipped,
    /// An effect is still to be carried out, or there is nothing to book yet.
    Waiting,
    /// The invoice stands in Robaws.
    Invoiced,
    /// The order was cancelled, and all stock that was booked out is back.
    Reversed,
    /// The stock is out, and no invoice is due yet.
    Booked,
}

impl OrderState {
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

/// Direction of a stock change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Goods leave a stock location.
    Out,
    /// Goods come back to the stock location: the reversal of an earlier stock change.
    In,
}

/// The key under which wanted and booked quantities are compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockKey {
    /// All lines with one SKU. Lines that the marketplace ships have a key of their own.
    Sku {
        sku: Sku,
        /// Whether the marketplace ships the lines from its own warehouse.
        fbm: bool,
    },
    /// One line for which the merchant chose an article.
    Chosen {
        line: LineId,
        article_id: ArticleId,
        /// Whether the marketplace ships the line from its own warehouse.
        fbm: bool,
    },
}

/// One line of a stock change in Robaws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockItem {
    /// The key under which this item's quantity is counted.
    pub key: StockKey,
    /// SKU of the order line, shown to people only.
    pub sku: Option<Sku>,
    /// The Robaws article whose stock moves. The SKU may stand for another article later.
    pub article_id: ArticleId,
    /// Pieces, at least 1.
    pub quantity: u32,
}

/// What the call of a row does in Robaws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowEffect {
    StockChange {
        direction: Direction,
        stock_location_id: StockLocationId,
        items: Vec<StockItem>,
    },
    /// The sales invoice with all its steps: header, lines, check and booking.
    Invoice {
        /// Total of the frozen invoice, VAT-inclusive.
        total: Cents,
        progress: InvoiceProgress,
    },
    /// The credit note for a booked invoice. It is made in the same steps as an invoice.
    CreditNote {
        /// Row number of the invoice.
        invoice: u32,
        /// Total of the frozen credit note, which equals the total of the invoice, VAT-inclusive.
        total: Cents,
        progress: InvoiceProgress,
    },
    DeleteDraft {
        /// Row number of the invoice whose draft is deleted.
        invoice: u32,
    },
}

impl RowEffect {
    /// Progress of an invoice or credit note; `None` for other effects.
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

    /// Total of an invoice or credit note; `None` for other effects.
    pub fn total(&self) -> Option<Cents> {
        match self {
            Self::Invoice { total, .. } | Self::CreditNote { total, .. } => Some(*total),
            Self::StockChange { .. } | Self::DeleteDraft { .. } => None,
        }
    }

    /// Whether a second call does no harm. A draft that is gone stays gone, so a refusal of its deletion can be believed even
    /// after an attempt whose end is unknown.
    fn is_harmless_to_repeat(&self) -> bool {
        matches!(self, Self::DeleteDraft { .. })
    }

    /// The kind of sales document that the effect makes; `None` for other effects.
    pub fn document_kind(&self) -> Option<DocumentKind> {
        match self {
            Self::Invoice { .. } => Some(DocumentKind::Invoice),
            Self::CreditNote { .. } => Some(DocumentKind::CreditNote),
            Self::StockChange { .. } | Self::DeleteDraft { .. } => None,
        }
    }
}

/// How far an invoice or credit note has come since its header was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InvoiceProgress {
    /// Number of steps that are done: the header, each line, the check, the booking. 0: the header does not stand yet.
    pub step: u32,
    /// Number of all steps, from [`crate::invoice::FrozenDocument::step_count`].
    pub steps: u32,
    /// The number that Robaws gave the document and people use. `None` until Robaws gives one.
    pub number: Option<String>,
    /// Whether the document is booked in Robaws.
    pub booked: bool,
    /// The total that Robaws shows, VAT-inclusive, when the check found other lines or another total than was frozen.
    pub mismatch: Option<Cents>,
    /// Whether the buyer is a business.
    pub business: bool,
    /// Why the invoice stays a draft although the settings ask to book invoices.
    pub kept_draft: Option<DraftReason>,
    /// The merchant dealt with the invoice of a business: it was seen with another client, or booked.
    pub business_dealt_with: bool,
    /// Date of the document, as frozen. `None` on ledgers that were written before this field existed.
    pub date: Option<Date>,
}

impl InvoiceProgress {
    /// Whether steps are missing that the connector may still do. After a mismatch people have to look at the document.
    pub fn is_unfinished(&self) -> bool {
        self.mismatch.is_none() && self.step < self.steps
    }
}

/// Why an invoice stays a draft although the settings ask to book invoices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftReason {
    /// The invoice's date lies in an earlier month than the day on which it was made: its VAT period may be closed.
    EarlierMonth,
    /// The buyer is a business, and its invoice is made on the client for consumers.
    Business,
}

/// State of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// The row is written, and no attempt was counted: nothing can have happened in Robaws.
    Intended,
    /// An attempt was counted, and nobody knows how it ended.
    Unknown,
    /// The effect stands in Robaws.
    Done,
    /// The effect does not stand in Robaws and never will.
    Refused,
    /// Nobody can tell whether the effect stands in Robaws. The merchant is asked.
    InDoubt,
}

/// One effect of an order, with the exact call and how its attempts ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Number of the row within its order, from 1 upwards. A number is never used again.
    pub no: u32,
    pub effect: RowEffect,
    /// The exact body of the call, for an invoice of the header's call. It is emptied when the header of an invoice for a
    /// business is done, because the body names the buyer.
    pub body: String,
    /// The text by which the document is found in Robaws: the description of a stock change, the client reference of an
    /// invoice or credit note.
    pub reference: String,
    pub state: RowState,
    /// Number of attempts that were counted.
    pub attempts: u32,
    /// Whether any attempt ended unknown. A later refusal then proves nothing.
    pub ever_unknown: bool,
    /// When the first attempt was counted.
    pub first_attempt_at: Option<Timestamp>,
    /// Digest of the id of the API key that made the first attempt. Robaws keeps idempotency keys per API user.
    pub api_user: Option<String>,
    /// Id of the document in Robaws, once an answer showed one.
    pub robaws_id: Option<DocumentId>,
    /// Why Robaws refused the call, in Robaws' words.
    pub reason: Option<String>,
    pub created_at: Timestamp,
    /// When the state last changed.
    pub at: Timestamp,
}

/// The merchant's choice for one line whose cause cannot be mended in ProductFlow or Robaws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub line: LineId,
    /// The VAT tariff that replaces the VAT code of the line.
    pub vat_tariff_id: Option<VatTariffId>,
    /// The article that replaces the SKU of the line.
    pub article: Option<ArticleChoice>,
    pub at: Timestamp,
}

/// Which article stands for a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArticleChoice {
    Article(ArticleId),
    /// No article: the line is invoiced without one and moves no stock.
    None,
}

/// An order that a person closed by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handled {
    pub at: Timestamp,
    /// The order at that moment. `None` when it could not be read.
    pub facts: Option<OrderFacts>,
    /// ProductFlow's word for the status at that moment, when it was an unknown word.
    pub status: Option<String>,
}

/// One decision of a person on an order, for the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// `handled`, `done`, `not_done` or `undo`.
    pub kind: String,
    /// Who decided: `operator`, or the user of a page.
    pub by: String,
    pub at: Timestamp,
    /// Row number of the effect that was decided on.
    pub row: Option<u32>,
    /// The document in Robaws that the person named.
    pub robaws_id: Option<DocumentId>,
    /// The answer for the invoice, when an invoice was undone.
    pub invoice: Option<UndoInvoice>,
    /// The answer for the stock, when an invoice was undone.
    pub stock: Option<UndoStock>,
}

/// A refusal of Robaws during the present look. The same look does not send the refused call again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookRefusal {
    /// A stock change with several items was refused. Each item is then tried alone, once.
    SeveralItems,
    /// A stock change with this one item was refused.
    Item {
        key: StockKey,
        article_id: ArticleId,
        /// Why, in Robaws' words.
        reason: String,
    },
    /// Robaws has no record with the id that a setting holds.
    SettingGone {
        /// Name of the setting in the API.
        setting: String,
        /// The id that Robaws does not have.
        value: String,
    },
    /// A step of the invoice was refused.
    Invoice {
        /// Why, in Robaws' words.
        reason: String,
    },
    /// A step of the credit note was refused.
    CreditNote {
        /// Why, in Robaws' words.
        reason: String,
    },
}

/// Everything that the ledger holds of one order and the rules use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    pub connection: ConnectionId,
    pub identifier: OrderIdentifier,
    /// Rows, oldest first.
    pub rows: Vec<Row>,
    /// Number that the next row gets.
    pub next_row: u32,
    /// The order as it was when its invoice was frozen.
    pub invoiced_facts: Option<OrderFacts>,
    /// When the order was first seen shipped. The invoice is dated by this moment when ProductFlow gives no shipping date.
    pub first_shipped_at: Option<Timestamp>,
    pub choices: Vec<Choice>,
    /// Set when a person closed the order as handled.
    pub handled: Option<Handled>,
    /// All decisions of people on this order, oldest first.
    pub settlements: Vec<Settlement>,
    /// The merchant's last decision on an invoice that the order contradicts.
    pub undo: Option<UndoDecision>,
    /// Documents in Robaws that do not fit the order, found while a lost ledger was rebuilt.
    pub unmatched_documents: Option<UnmatchedDocuments>,
    /// When a person confirmed, after the ledger was lost and rebuilt, that nothing was done but what the rows show.
    pub vouched_at: Option<Timestamp>,
    /// What Robaws refused during the present look. Not stored.
    #[serde(skip)]
    pub look_refusals: Vec<LookRefusal>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Robaws answered 2xx, and the body shows what was asked for.
    Done {
        robaws_id: DocumentId,
        /// The number that people use, when the document is an invoice or credit note and has a number.
        number: Option<String>,
    },
    /// Robaws answered 400, 401, 403, 404, 413, 415, 422 or 429: nothing happened.
    Refused {
        /// Why, in Robaws' words.
        reason: String,
    },
    /// No answer, 408, 409, 5xx, a 2xx that cannot be read, or anything else: the effect may stand.
    Unknown,
}

/// What to do with an unknown row that Robaws does not show when asked for its reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFoundVerdict {
    /// Send the same body with the same key again.
    Resend,
    /// Record the row as refused: the effect cannot have happened.
    Refused,
    /// Ask Robaws again later: the document may still appear.
    AskAgain,
    /// Record the row as in doubt and ask the merchant.
    InDoubt,
}

impl Ledger {
    /// The ledger of an order that was never seen before.
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
            unmatched_documents: None,
            vouched_at: None,
            look_refusals: Vec::new(),
        }
    }

    /// The idempotency key of row `no`, see [`compute_row_key`].
    pub fn row_key(&self, no: u32) -> String {
        compute_row_key(&self.connection, &self.identifier, no)
    }

    /// The mark of row `no` in the description of a stock change: `#<row>-<first 12 digits of its key>`. The mark is short and
    /// depends on the connection, so that two connections in one Robaws tenant never find each other's documents.
    pub fn row_mark(&self, no: u32) -> String {
        format!("#{no}-{}", &self.row_key(no)[..12])
    }

    /// Adds a row for an effect that is to be carried out, and returns its number. The ledger must be stored before the call.
    pub fn add_intended_row(
        &mut self,
        effect: RowEffect,
        body: String,
        reference: String,
        now: Timestamp,
    ) -> u32 {
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

    /// Counts an attempt. The ledger must be stored by a conditional write before the call. From now on the row is unknown
    /// until the end of the attempt is recorded.
    pub fn begin_attempt(&mut self, no: u32, api_user: &str, now: Timestamp) {
        if let Some(row) = self.find_row_mut(no) {
            row.attempts += 1;
            if row.first_attempt_at.is_none() {
                row.first_attempt_at = Some(now);
                row.api_user = Some(api_user.to_owned());
            }
            row.state = RowState::Unknown;
            row.at = now;
        }
    }

    /// Records how an attempt ended.
    pub fn end_attempt(&mut self, no: u32, outcome: &AttemptOutcome, now: Timestamp) {
        let Some(row) = self.find_row_mut(no) else { return };
        // An answer that comes late does not undo what another attempt has proved.
        if row.state == RowState::Done {
            return;
        }
        row.at = now;
        match outcome {
            AttemptOutcome::Done { robaws_id, number } => {
                row.state = RowState::Done;
                row.robaws_id = Some(robaws_id.clone());
                row.reason = None;
                if let Some(progress) = row.effect.progress_mut() {
                    progress.step = progress.step.max(1);
                    progress.number.clone_from(number);
                    // The body names the buyer, of whom nothing is kept.
                    if progress.business {
                        row.body.clear();
                    }
                }
            }
            // A refusal proves that nothing happened only if no earlier attempt can have happened.
            AttemptOutcome::Refused { reason }
                if (!row.ever_unknown && row.attempts <= 1) || row.effect.is_harmless_to_repeat() =>
            {
                row.state = RowState::Refused;
                row.reason = Some(reason.clone());
            }
            AttemptOutcome::Refused { .. } | AttemptOutcome::Unknown => {
                row.state = RowState::Unknown;
                row.ever_unknown = true;
            }
        }
    }

    /// Decides what to do with unknown row `no` after Robaws was asked for its reference and did not show it.
    ///
    /// `wanted` says whether the order as it is now still asks for the effect. `same_look_up_shows_ours` says whether the same
    /// look-up shows another document of ours; such a look-up would have shown this document too.
    pub fn judge_not_found(
        &self,
        no: u32,
        api_user: &str,
        wanted: bool,
        same_look_up_shows_ours: bool,
        now: Timestamp,
    ) -> NotFoundVerdict {
        let Some(row) = self.find_row(no) else {
            return NotFoundVerdict::Refused;
        };
        let first = row.first_attempt_at.unwrap_or(row.created_at);
        // Robaws keeps a key per API user and only for a while, so a repeat is safe for a young row of the same user alone.
        let young = now.duration_since(first).abs() < RESEND_WITHIN;
        let same_user = row.api_user.as_deref() == Some(api_user);
        match (young && same_user, wanted) {
            (true, true) => NotFoundVerdict::Resend,
            (true, false) => NotFoundVerdict::AskAgain,
            (false, _) if same_look_up_shows_ours => NotFoundVerdict::Refused,
            (false, _) => NotFoundVerdict::InDoubt,
        }
    }

    /// Sets the state of row `no` to what a look-up or the merchant found.
    pub fn record_row_end(&mut self, no: u32, state: RowState, reason: Option<String>, now: Timestamp) {
        if let Some(row) = self.find_row_mut(no) {
            row.state = state;
            row.reason = reason;
            row.at = now;
        }
    }

    pub fn find_row(&self, no: u32) -> Option<&Row> {
        self.rows.iter().find(|r| r.no == no)
    }

    pub fn find_row_mut(&mut self, no: u32) -> Option<&mut Row> {
        self.rows.iter_mut().find(|r| r.no == no)
    }

    /// The oldest row that is unknown, or that was written and never attempted.
    pub fn find_unresolved_row(&self) -> Option<&Row> {
        self.rows.iter().find(|r| matches!(r.state, RowState::Unknown | RowState::Intended))
    }

    pub fn find_row_in_doubt(&self) -> Option<&Row> {
        self.rows.iter().find(|r| r.state == RowState::InDoubt)
    }

    /// The invoice whose header was made, also when it was undone later (see [`Ledger::invoice_end`]).
    pub fn find_invoice(&self) -> Option<(&Row, &InvoiceProgress)> {
        self.rows.iter().find_map(|r| match &r.effect {
            RowEffect::Invoice { progress, .. } if r.state == RowState::Done => Some((r, progress)),
            _ => None,
        })
    }

    /// Progress of the invoice or credit note in row `no`.
    pub fn progress_mut(&mut self, no: u32) -> Option<&mut InvoiceProgress> {
        self.find_row_mut(no).and_then(|row| row.effect.progress_mut())
    }

    /// The invoice whose header was made and whose lines, check or booking are missing.
    pub fn find_unfinished_invoice(&self) -> Option<&Row> {
        self.find_invoice()
            .filter(|(_, progress)| progress.is_unfinished() && self.invoice_end().is_none())
            .map(|(row, _)| row)
    }

    /// The merchant's choice for a line.
    pub fn find_choice(&self, line: &LineId) -> Option<&Choice> {
        self.choices.iter().find(|c| &c.line == line)
    }

    /// Whether any effect of this order stands in Robaws.
    pub fn has_bookings(&self) -> bool {
        self.rows.iter().any(|r| r.state == RowState::Done)
    }

    /// Drops all refused rows but the newest. They only tell people what happened, and an order that stays blocked would
    /// otherwise grow with each try.
    fn forget_old_refusals(&mut self) {
        const MOST_KEPT_REFUSALS: usize = 5;
        let refused = self.rows.iter().filter(|r| r.state == RowState::Refused).count();
        let mut surplus = refused.saturating_sub(MOST_KEPT_REFUSALS);
        self.rows.retain(|r| {
            let drop = surplus > 0 && r.state == RowState::Refused;
            surplus -= usize::from(drop);
            !drop
        });
    }
}

/// Digest of connection, order and row number in 40 hex digits: the idempotency key of a row. The keys of an invoice's lines
/// are derived from it.
pub fn compute_row_key(connection: &ConnectionId, identifier: &OrderIdentifier, no: u32) -> String {
    let mut hash = Sha256::new();
    // Each part is preceded by its length, so that no two pairs of connection and order give the same bytes.
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
