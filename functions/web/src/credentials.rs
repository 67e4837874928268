//! Credentials as they come in, and what a try with them shows.

use crate::body::Credential;
use connection::Trouble;
use domain::ids::CompanyId;
use serde::Deserialize;
use std::num::NonZeroU64;
use store::model::{NewestDocument, NewestDocuments};
use store::secrets::{Credentials, ProductflowLogin, RobawsLogin};

/// `robaws` of a body.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobawsBody {
    key: Credential,
    secret: Credential,
}

/// `productflow` of a body.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductflowBody {
    access_token: Option<Credential>,
    company_id: Option<NonZeroU64>,
}

impl ProductflowBody {
    /// The company named.
    pub fn company(&self) -> Option<CompanyId> {
        self.company_id.map(|id| CompanyId(id.get()))
    }
}

/// What `known` becomes with what came in.
pub fn merged(
    known: &Credentials,
    robaws: Option<&RobawsBody>,
    productflow: Option<&ProductflowBody>,
) -> Credentials {
    let mut merged = known.clone();
    if let Some(body) = robaws {
        merged.robaws = Some(RobawsLogin {
            key: body.key.0.clone(),
            secret: body.secret.0.clone(),
        });
    }
    if let Some(token) = productflow.and_then(|body| body.access_token.as_ref()) {
        merged.productflow = Some(ProductflowLogin {
            access_token: token.0.clone(),
        });
    }
    merged
}

/// Whether an access token came in.
pub fn brings_token(productflow: Option<&ProductflowBody>) -> bool {
    productflow.is_some_and(|body| body.access_token.is_some())
}

/// A ledger that describes one tenant must not go on in another: whether these credentials see the newest document of ours.
/// `None`: we never booked anything. A draft that was deleted by hand proves nothing, so any of the two will do.
pub async fn sees_newest(robaws: &robaws::Client, newest: &NewestDocuments) -> Result<Option<bool>, Trouble> {
    let mut booked = false;
    if let Some(document) = &newest.stock_change {
        booked = true;
        let found = robaws
            .stock_change(&document.robaws_id)
            .await
            .map_err(|e| Trouble::from(&e))?;
        let ours = found.and_then(|change| change.description);
        if ours.is_some_and(|text| text.contains(&document.reference)) {
            return Ok(Some(true));
        }
    }
    if let Some(document) = &newest.invoice {
        booked = true;
        let found = robaws
            .invoice(&document.robaws_id, false)
            .await
            .map_err(|e| Trouble::from(&e))?;
        if found.is_some_and(|invoice| invoice.client_reference.as_ref() == Some(&document.reference)) {
            return Ok(Some(true));
        }
    }
    Ok(booked.then_some(false))
}

/// The newest of the newest, for people.
pub fn newest_reference(newest: &NewestDocuments) -> String {
    let documents = [newest.stock_change.as_ref(), newest.invoice.as_ref()];
    documents
        .into_iter()
        .flatten()
        .max_by_key(|document| document.at)
        .map(|document: &NewestDocument| document.reference.clone())
        .unwrap_or_default()
}
