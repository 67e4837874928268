//! The library of `connector doctor`: does this tenant's Robaws, and this company's ProductFlow, answer as we assume? The
//! connector relies on things that neither peer publishes. Each such assumption has an `[A:id]` tag in a wire module, and
//! [`inventory`] says how it is checked, or why reading can't decide it.
//!
//! The doctor only reads: the private `reader::Reader` is the one type here that calls a peer, and all it can do is GET. Its
//! calls are few and paced, so that it may run beside a connection that works. The findings hold names, kinds, counts, formats
//! and words of enumerations, never a value of an order, a client or a credential.

mod finding;
pub mod inventory;
mod notes;
mod productflow;
mod reader;
mod render;
mod robaws;
mod shape;

use domain::ids::ProductFlowCompanyId;
use domain::money::Cents;
use domain::settings::ConnectionSettings;
use jiff::Timestamp;
use notes::Notes;
use reader::{Auth, Reader};
use std::time::Duration;
pub use store::secrets::{ProductflowLogin, RobawsLogin};
use url::Url;

pub use finding::{CodePlace, Finding, Peer, Verdict};
pub use inventory::{Assumption, Basis, CheckMethod};
pub use render::render_findings;

/// Calls to Robaws at most, in one examination.
pub const MOST_ROBAWS_CALLS: usize = 27;
/// Calls to ProductFlow at most, in one examination.
pub const MOST_PRODUCTFLOW_CALLS: usize = 13;

/// What to examine, with which credentials and settings.
#[derive(Debug, Clone)]
pub struct Examination {
    /// The base URL of Robaws' API.
    pub robaws_url: Url,
    /// The base URL of ProductFlow's API.
    pub productflow_url: Url,
    /// Credentials for Robaws; `None` leaves Robaws out.
    pub robaws: Option<RobawsLogin>,
    /// Credentials for ProductFlow and the company's number; `None` leaves ProductFlow out.
    pub productflow: Option<(ProductflowLogin, ProductFlowCompanyId)>,
    /// Settings of the connection, or the defaults: the units and status words that are found are compared with these.
    pub settings: ConnectionSettings,
    /// An order whose total the operator has read in ProductFlow.
    pub known_order: Option<KnownOrder>,
    /// An offer of which the operator knows the stock that was sent.
    pub known_offer: Option<KnownOffer>,
    /// Time between two calls.
    pub pace: Pace,
}

/// An order as a person sees it in ProductFlow. The best one has a line of several pieces, odd cents, shipping costs and a VAT code.
#[derive(Debug, Clone)]
pub struct KnownOrder {
    /// ProductFlow's identifier of the order.
    pub identifier: String,
    /// What the buyer paid, in integer cents, VAT included.
    pub total: Cents,
    /// When the order was placed, as ProductFlow's own page shows it. It decides the zone of times without an offset.
    pub placed_at: Option<Timestamp>,
}

/// An offer and the stock last sent for it, as the connector's list of articles shows it.
#[derive(Debug, Clone)]
pub struct KnownOffer {
    pub sku: String,
    /// The stock last sent, in pieces.
    pub sent: u64,
}

/// The least time between two calls to the same peer.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// For Robaws: far below its limit of 15 calls a second, which the connection may be using at the same time.
    pub robaws: Duration,
    /// For ProductFlow, whose limit is not known.
    pub productflow: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { robaws: Duration::from_millis(250), productflow: Duration::from_secs(1) }
    }
}

/// The doctor could not begin: its HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be built")]
pub struct DoctorError(#[from] reqwest::Error);

/// Examines both peers, one after the other, and returns one finding per assumption, in the order of the inventory. A peer that
/// does not answer, or that refuses the credentials, is told by one finding, and the other peer is examined all the same.
///
/// `now` is only compared with times of orders, to see whether they lie in the future.
///
/// # Errors
///
/// When the HTTP client can't be built.
pub async fn examine_peers(checks: &Examination, now: Timestamp) -> Result<Vec<Finding>, DoctorError> {
    let http = runtime::http::peer_client_with_machine_roots(&[&checks.robaws_url, &checks.productflow_url])?;
    let mut notes = Notes::default();
    let mut tariffs = robaws::TariffPercentages::default();
    if let Some(login) = &checks.robaws {
        let reader = Reader::new(
            http.clone(),
            checks.robaws_url.clone(),
            Auth::Basic(login.clone()),
            checks.pace.robaws,
            MOST_ROBAWS_CALLS,
        );
        tariffs = robaws::examine_tenant(&reader, &mut notes).await;
        notes.close_peer(Peer::Robaws, &reader.stop_reason());
    } else {
        notes.close_peer(Peer::Robaws, "Robaws was left out: no credentials were given");
    }
    if let Some((login, company)) = &checks.productflow {
        let reader = Reader::new(
            http,
            checks.productflow_url.clone(),
            Auth::Bearer(login.clone(), *company),
            checks.pace.productflow,
            MOST_PRODUCTFLOW_CALLS,
        );
        productflow::examine_company(&reader, checks, &tariffs, now, &mut notes).await;
        notes.close_peer(Peer::Productflow, &reader.stop_reason());
    } else {
        notes.close_peer(Peer::Productflow, "ProductFlow was left out: no credentials were given");
    }
    Ok(notes.into_findings())
}

/// Whether any assumption is refuted.
pub fn any_refuted(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.verdict == Verdict::Refuted)
}
