//! `connector doctor`: does this tenant's Robaws, and this company's ProductFlow, answer as we assume? Nothing public settles all
//! of what the connector relies on; each such assumption is marked `[A:id]` in a wire module, and [`inventory`] says of every
//! one how it is checked, or why reading can't decide it.
//!
//! Only reads: the private `reader::Reader` is the one thing here that calls a peer, and all it can do is GET. Few and paced, so that it
//! may run beside a connection that works. What it finds is told in names, kinds, counts, formats and words of enumerations:
//! never in values of an order, a client or a credential.

mod finding;
pub mod inventory;
mod notes;
mod productflow;
mod reader;
mod render;
mod robaws;
mod shape;

use domain::ids::CompanyId;
use domain::money::Cents;
use domain::settings::ConnectionSettings;
use jiff::Timestamp;
use notes::Notes;
use reader::{Auth, Reader};
use std::time::Duration;
pub use store::secrets::{ProductflowLogin, RobawsLogin};
use url::Url;

pub use finding::{Finding, Peer, Place, Verdict};
pub use inventory::{Basis, Decided, Entry};
pub use render::render;

/// Calls to Robaws at most.
pub const MOST_ROBAWS_CALLS: usize = 27;
/// Calls to ProductFlow at most.
pub const MOST_PRODUCTFLOW_CALLS: usize = 13;

/// What is checked, and with what.
#[derive(Debug, Clone)]
pub struct Checks {
    /// The base URL of Robaws' API.
    pub robaws_url: Url,
    /// The base URL of ProductFlow's API.
    pub productflow_url: Url,
    /// For Robaws; `None` leaves Robaws out.
    pub robaws: Option<RobawsLogin>,
    /// For ProductFlow, with the company's number; `None` leaves ProductFlow out.
    pub productflow: Option<(ProductflowLogin, CompanyId)>,
    /// What the connection is set to, or the defaults: units of amounts and status words are compared with these.
    pub settings: ConnectionSettings,
    /// An order that the operator sees in ProductFlow.
    pub known_order: Option<KnownOrder>,
    /// An offer of which the operator knows what was sent.
    pub known_offer: Option<KnownOffer>,
    /// How far calls are apart.
    pub pace: Pace,
}

/// An order as a person sees it in ProductFlow. The best one has a line of several pieces, odd cents, shipping costs and a VAT code.
#[derive(Debug, Clone)]
pub struct KnownOrder {
    /// ProductFlow's key of it.
    pub identifier: String,
    /// What the buyer paid, VAT included.
    pub total: Cents,
    /// When it was placed, as ProductFlow's own page shows it: tells the zone of times without an offset.
    pub placed_at: Option<Timestamp>,
}

/// An offer of which somebody knows what was sent last, from the connector's list of articles.
#[derive(Debug, Clone)]
pub struct KnownOffer {
    /// Its article number.
    pub sku: String,
    /// The stock last sent.
    pub sent: u64,
}

/// The least time between two calls to one peer.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// To Robaws: well below its 15 a second, which the connection may be using at the same time.
    pub robaws: Duration,
    /// To ProductFlow, whose limit is not known.
    pub productflow: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            robaws: Duration::from_millis(250),
            productflow: Duration::from_secs(1),
        }
    }
}

/// The doctor could not begin.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be built")]
pub struct DoctorError(#[from] reqwest::Error);

/// Checks all of it, one peer after the other: a finding per entry of the inventory, in its order. A peer that does not
/// answer, or that refuses the credentials, is one finding, and the other peer is checked all the same.
///
/// `now` is only compared with times of orders.
pub async fn run(checks: &Checks, now: Timestamp) -> Result<Vec<Finding>, DoctorError> {
    let http = runtime::http::client_of_this_machine(&[&checks.robaws_url, &checks.productflow_url])?;
    let mut notes = Notes::default();
    let mut tariffs = robaws::Tariffs::default();
    if let Some(login) = &checks.robaws {
        let reader = Reader::new(
            http.clone(),
            checks.robaws_url.clone(),
            Auth::Basic(login.clone()),
            checks.pace.robaws,
            MOST_ROBAWS_CALLS,
        );
        tariffs = robaws::examine(&reader, &mut notes).await;
        notes.close(Peer::Robaws, &reader.stop_reason());
    } else {
        notes.close(Peer::Robaws, "Robaws was left out: no credentials were given");
    }
    if let Some((login, company)) = &checks.productflow {
        let reader = Reader::new(
            http,
            checks.productflow_url.clone(),
            Auth::Bearer(login.clone(), *company),
            checks.pace.productflow,
            MOST_PRODUCTFLOW_CALLS,
        );
        productflow::examine(&reader, checks, &tariffs, now, &mut notes).await;
        notes.close(Peer::Productflow, &reader.stop_reason());
    } else {
        notes.close(
            Peer::Productflow,
            "ProductFlow was left out: no credentials were given",
        );
    }
    Ok(notes.into_findings())
}

/// Whether any assumption is refuted: the exit code of a command line.
pub fn any_refuted(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.verdict == Verdict::Refuted)
}
