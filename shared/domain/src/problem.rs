//! A problem: a condition on an order, an article or the connection. Stored as code and arguments, rendered when read.

use crate::ids::{ArticleId, Sku};
use crate::money::Cents;
use crate::order::Change;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// What can be wrong (design.md, "Problems and notifications"). The first six are the manual's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &[ProblemCode] = &[$(ProblemCode::$variant,)*];

            /// The code as it stands in the API and the texts.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ProblemCode::$variant => $code,)*
                }
            }
        }
    };
}

codes! {
    /// No live article has the number.
    ArticleNotFound = "article_not_found",
    /// The order line carries no VAT code.
    VatCodeMissing = "vat_code_missing",
    /// The tariff exists but is not VAT-inclusive.
    VatNotInclusive = "vat_not_inclusive",
    /// No tariff has the code as id.
    VatTariffNotFound = "vat_tariff_not_found",
    /// Several live articles have the number.
    ArticleNotUnique = "article_not_unique",
    /// The number can't be addressed.
    ArticleNumberInvalid = "article_number_invalid",
    /// An essential field is missing or wrong.
    OrderUnreadable = "order_unreadable",
    /// A status word that neither we nor the settings know.
    OrderStatusUnknown = "order_status_unknown",
    /// ProductFlow answers 404 for it.
    OrderGone = "order_gone",
    /// Not EUR.
    CurrencyNotSupported = "currency_not_supported",
    /// A manually typed line.
    LineWithoutArticleNumber = "line_without_article_number",
    /// The invoice in Robaws comes to another total.
    TotalMismatch = "total_mismatch",
    /// Cancelled after its invoice was made.
    CancelledAfterInvoice = "cancelled_after_invoice",
    /// Changed after its invoice was made.
    ChangedAfterInvoice = "changed_after_invoice",
    /// Changed after it was closed as handled.
    ChangedAfterHandled = "changed_after_handled",
    /// Nobody can tell whether Robaws booked it.
    EffectInDoubt = "effect_in_doubt",
    /// The ledger was lost, and what it held of the order is not known.
    PastUnknown = "past_unknown",
    /// The ledger was lost, and documents of the order do not fit it.
    PastUnmatched = "past_unmatched",
    /// Robaws answered 4xx to the booking.
    RobawsRefused = "robaws_refused",
    /// The buyer has a company name or a VAT number.
    BuyerIsBusiness = "buyer_is_business",
    /// Three looks ended without an outcome.
    InternalError = "internal_error",
    /// The nightly check found a difference.
    RecordsDiffer = "records_differ",
    /// ProductFlow answered 4xx to the article.
    ProductflowRefused = "productflow_refused",
    /// No tariff says whether the sale price includes VAT.
    SalePriceVatUnknown = "sale_price_vat_unknown",
    /// A value flips back and forth.
    ArticleFlips = "article_flips",
    /// Robaws answers 401.
    RobawsCredentials = "robaws_credentials",
    /// ProductFlow answers 401 or with a login page.
    ProductflowCredentials = "productflow_credentials",
    /// Robaws answers 403 for a module.
    RobawsPermission = "robaws_permission",
    /// The day's requests are used up.
    RobawsQuota = "robaws_quota",
    /// No answer for an hour.
    RobawsUnreachable = "robaws_unreachable",
    /// No answer for an hour.
    ProductflowUnreachable = "productflow_unreachable",
    /// The tenant has no checkbox "ProductFlow".
    CheckboxMissing = "checkbox_missing",
    /// A chosen client, location or tariff no longer exists.
    SettingGone = "setting_gone",
    /// Changes happened that no webhook announced.
    WebhookSilent = "webhook_silent",
    /// Many articles lost their tick at once.
    WithdrawalHeld = "withdrawal_held",
    /// Orders from abroad carry the home VAT code.
    VatCodeSameAbroad = "vat_code_same_abroad",
}

/// An argument of a text, formatted in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "value")]
pub enum Arg {
    /// As it is.
    Text(String),
    /// Comma-separated.
    List(Vec<String>),
    /// An amount in euros.
    Amount(Cents),
    /// A moment, shown in the bookkeeping zone.
    Time(Timestamp),
    /// What changed on an order.
    Changes(Vec<Change>),
    /// A kind of effect: `stock_change_out`, `stock_change_in`, `invoice`, `credit_note`.
    Effect(String),
    /// A document in Robaws: the kind of effect that made it, and its number or id.
    Document {
        /// As in `Effect`.
        effect: String,
        /// What people find it by.
        number: String,
    },
    /// A setting by its name in the API.
    Setting(String),
    /// A text of the catalogue's `misc` section.
    Phrase(String),
}

/// Arguments by name.
pub type Args = BTreeMap<String, Arg>;

/// Builds [`Args`].
pub fn args<const N: usize>(pairs: [(&str, Arg); N]) -> Args {
    pairs
        .into_iter()
        .map(|(name, arg)| (name.to_owned(), arg))
        .collect()
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Arg::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Arg::Text(text)
    }
}

/// What a problem holds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Nothing; the merchant is told.
    Nothing,
    /// The invoice, not the stock.
    Invoice,
    /// The stock of its lines, and the invoice.
    Lines,
    /// Everything of the order.
    Everything,
}

/// What a blocked order waits for at Robaws: a thousand orders that wait for one cost one look-up a round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// One live article with this number.
    Article(Sku),
    /// This article, live.
    ArticleId(ArticleId),
    /// The list of VAT tariffs.
    Tariffs,
}

/// One problem of one order, article or connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What.
    pub code: ProblemCode,
    /// The arguments of its texts.
    pub args: Args,
    /// The SKUs it is about.
    pub skus: Vec<Sku>,
    /// What it holds up.
    pub holds: Holds,
    /// What would lift it at Robaws.
    pub waits_for: Vec<WaitsFor>,
}

impl Problem {
    /// A problem without SKUs that nothing at Robaws lifts.
    pub fn new(code: ProblemCode, holds: Holds, args: Args) -> Self {
        Self {
            code,
            args,
            skus: Vec::new(),
            holds,
            waits_for: Vec::new(),
        }
    }
}
