//! Arguments of `connector doctor`.

use clap::Args;
use doctor::KnownOffer;
use jiff::Timestamp;
use url::Url;

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// Settings that the connection is to have, e.g. line_price=unit: the units and status words that are found are compared with
    /// these.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Robaws key and secret: two lines or {"key","secret"} of a file, `-` for standard input, `env` for CONNECTOR_ROBAWS_KEY
    /// and CONNECTOR_ROBAWS_SECRET, `ask` to type them. Without it Robaws is left out.
    #[arg(long, value_name = "FILE|-|env|ask")]
    pub(crate) robaws_login: Option<String>,
    /// ProductFlow access token: a file, `-` for standard input, `env` for CONNECTOR_PRODUCTFLOW_TOKEN, `ask` to type it. Without
    /// it ProductFlow is left out.
    #[arg(long, value_name = "FILE|-|env|ask", requires = "company")]
    pub(crate) productflow_token: Option<String>,
    /// The number of the ProductFlow company.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) company: Option<u64>,
    /// An order that you see in ProductFlow: several pieces on a line, odd cents, costs or a discount, a VAT group.
    #[arg(long, value_name = "IDENTIFIER", requires = "known_total")]
    pub(crate) known_order: Option<String>,
    /// What the buyer of the known order paid, VAT included, in euros, like 64.93.
    #[arg(long, value_name = "EUROS", requires = "known_order")]
    pub(crate) known_total: Option<String>,
    /// When the known order was placed, as ProductFlow shows it, with the zone, like 2026-11-23T09:15:00+01:00.
    #[arg(long, value_name = "TIME", requires = "known_order")]
    pub(crate) known_placed_at: Option<Timestamp>,
    /// An article that is in an open order, and the stock that was last sent for it, like A-1=25.
    #[arg(long, value_name = "NUMBER=STOCK", value_parser = known_offer)]
    pub(crate) known_offer: Option<KnownOffer>,
    /// Base URL of Robaws' API.
    #[arg(long, value_name = "URL", default_value = "https://app.robaws.com/api/v2")]
    pub(crate) robaws_url: Url,
    /// Base URL of ProductFlow's API.
    #[arg(long, value_name = "URL", default_value = "https://cloud.productflow.com/api/v1")]
    pub(crate) productflow_url: Url,
}

fn known_offer(text: &str) -> Result<KnownOffer, String> {
    let wrong = || "must be an article number, = and the stock last sent, like A-1=25".to_owned();
    let (sku, sent) = text.rsplit_once('=').ok_or_else(wrong)?;
    Ok(KnownOffer { sku: sku.to_owned(), sent: sent.parse().map_err(|_| wrong())? })
}
