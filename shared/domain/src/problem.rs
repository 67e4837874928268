//! A problem: a condition on an order, an article or the connection. It is stored as a code with arguments and turned into
//! text when somebody reads it.

use crate::ids::{ArticleId, Sku};
use crate::money::Cents;
use crate::order::OrderChange;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// What can be wrong. The first six codes are the errors that the manual names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl ProblemCode {
            pub const ALL: &[ProblemCode] = &[$(ProblemCode::$variant,)*];

            /// The code in the API and in the files of texts.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ProblemCode::$variant => $code,)*
                }
            }
        }
    };
}

codes! {
    /// No live article has the number of a line.
    ArticleNotFound = "article_not_found",
    /// An order line has no VAT code.
    VatCodeMissing = "vat_code_missing",
    /// The VAT tariff of a line exists and does not include VAT.
    VatNotInclusive = "vat_not_inclusive",
    /// Robaws has no VAT tariff whose id is the VAT code of a line.
    VatTariffNotFound = "vat_tariff_not_found",
    /// Several live articles have the number.
    ArticleNotUnique = "article_not_unique",
    /// ProductFlow cannot address the article number, see [`Sku::is_addressable`].
    ArticleNumberInvalid = "article_number_invalid",
    /// An essential field of an order is missing or wrong.
    OrderUnreadable = "order_unreadable",
    /// The status of an order is a word that neither the defaults nor the settings name.
    OrderStatusUnknown = "order_status_unknown",
    /// ProductFlow answers 404 for an order.
    OrderGone = "order_gone",
    /// The currency of an order is not EUR.
    CurrencyNotSupported = "currency_not_supported",
    /// A line without SKU, typed by hand in ProductFlow.
    LineWithoutArticleNumber = "line_without_article_number",
    /// The total of an order, invoice or credit note is another than the sum of its lines.
    TotalMismatch = "total_mismatch",
    /// The order was cancelled after its invoice was made.
    CancelledAfterInvoice = "cancelled_after_invoice",
    /// The order changed after its invoice was made.
    ChangedAfterInvoice = "changed_after_invoice",
    /// The order changed after it was closed as handled.
    ChangedAfterHandled = "changed_after_handled",
    /// Nobody can tell whether an effect stands in Robaws.
    EffectInDoubt = "effect_in_doubt",
    /// The ledger was lost, and what it held of the order is not known.
    PastUnknown = "past_unknown",
    /// The ledger was lost, and documents of the order in Robaws do not fit the order.
    PastUnmatched = "past_unmatched",
    /// Robaws refused a call with a 4xx.
    RobawsRefused = "robaws_refused",
    /// The buyer has a company name or a VAT number.
    BuyerIsBusiness = "buyer_is_business",
    /// Three looks in a row ended without an outcome.
    InternalError = "internal_error",
    /// The nightly check found that ledger, Robaws and ProductFlow differ.
    RecordsDiffer = "records_differ",
    /// ProductFlow refused an article with a 4xx.
    ProductflowRefused = "productflow_refused",
    /// No VAT tariff says whether the sale price of an article includes VAT.
    SalePriceVatUnknown = "sale_price_vat_unknown",
    /// A value of an article changes back and forth.
    ArticleFlips = "article_flips",
    /// Robaws answers 401.
    RobawsCredentials = "robaws_credentials",
    /// ProductFlow answers 401, or with a page for signing in.
    ProductflowCredentials = "productflow_credentials",
    /// Robaws answers 403 for one of its modules.
    RobawsPermission = "robaws_permission",
    /// The day's requests to Robaws are used up.
    RobawsQuota = "robaws_quota",
    /// Robaws gave no answer for an hour.
    RobawsUnreachable = "robaws_unreachable",
    /// ProductFlow gave no answer for an hour.
    ProductflowUnreachable = "productflow_unreachable",
    /// Articles of the Robaws tenant have no checkbox "ProductFlow".
    CheckboxMissing = "checkbox_missing",
    /// A client, stock location or tariff that a setting names no longer exists in Robaws.
    SettingGone = "setting_gone",
    /// Articles changed, and no webhook announced the changes.
    WebhookSilent = "webhook_silent",
    /// Many articles lost their tick at once. Their offers are not withdrawn until the merchant agrees.
    WithdrawalHeld = "withdrawal_held",
    /// Orders to another country carry the same VAT code as orders at home.
    VatCodeSameAbroad = "vat_code_same_abroad",
}

/// An argument of a text. It is formatted in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "value")]
pub enum Arg {
    /// Text that is shown unchanged.
    Text(String),
    /// Entries that are shown with commas between them.
    List(Vec<String>),
    Amount(Cents),
    /// A moment, shown in the zone of the bookkeeping (Europe/Brussels).
    Time(Timestamp),
    /// What changed in an order.
    Changes(Vec<OrderChange>),
    /// Name of an effect, see [`crate::plan::effect_name`].
    Effect(String),
    /// A document in Robaws.
    Document {
        /// Name of the effect that made the document.
        effect: String,
        /// Number of the document, or its id when it has no number.
        number: String,
    },
    /// Name of a setting in the API.
    Setting(String),
    /// Key of a text in section `misc` of the files of texts.
    Phrase(String),
}

/// Arguments of a text by name.
pub type Args = BTreeMap<String, Arg>;

/// Collects pairs of name and argument into [`Args`].
pub fn build_args<const N: usize>(pairs: [(&str, Arg); N]) -> Args {
    pairs.into_iter().map(|(name, arg)| (name.to_owned(), arg)).collect()
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

/// What a problem holds up. A later variant holds up more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Nothing is held up. The merchant is told.
    Nothing,
    /// The invoice is held up, the stock is not.
    Invoice,
    /// The stock of the lines with the problem is held up, and the invoice.
    Lines,
    /// All effects of the order are held up.
    Everything,
}

/// What would have to appear in Robaws before a blocked order can go on. Orders that wait for the same thing share one look-up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// A live article with this number, and only one.
    Article(Sku),
    /// A live article with this id.
    ArticleId(ArticleId),
    /// A change in the list of VAT tariffs.
    Tariffs,
}

/// One problem of one order, article or connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub code: ProblemCode,
    pub args: Args,
    /// The SKUs that the problem is about.
    pub skus: Vec<Sku>,
    pub holds: Holds,
    /// What in Robaws would solve the problem. Empty when nothing there would.
    pub waits_for: Vec<WaitsFor>,
}

impl Problem {
    /// A problem that is about no SKU and that waits for nothing in Robaws.
    pub fn new(code: ProblemCode, holds: Holds, args: Args) -> Self {
        Self { code, args, skus: Vec::new(), holds, waits_for: Vec::new() }
    }
}
