//! Credentials in the bodies of the API, and whether Robaws credentials belong to the tenant of the ledger.

use crate::json_body::Credential;
use connection::Trouble;
use domain::ids::ProductFlowCompanyId;
use serde::Deserialize;
use std::num::NonZeroU64;
use store::model::{NewestDocument, NewestDocuments};
use store::secrets::{Credentials, ProductflowLogin, RobawsLogin};

/// The field `robaws` of a body.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RobawsBody {
    key: Credential,
    secret: Credential,
}

/// The field `productflow` of a body.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductflowBody {
    access_token: Option<Credential>,
    company_id: Option<NonZeroU64>,
}

impl ProductflowBody {
    pub(crate) fn company(&self) -> Option<ProductFlowCompanyId> {
        self.company_id.map(|id| ProductFlowCompanyId(id.get()))
    }
}

/// Puts the credentials of a body in place of those in `known`; what the body leaves out stays.
pub(crate) fn merge_credentials(
    known: &Credentials,
    robaws: Option<&RobawsBody>,
    productflow: Option<&ProductflowBody>,
) -> Credentials {
    let mut merged = known.clone();
    if let Some(body) = robaws {
        merged.robaws = Some(RobawsLogin { key: body.key.0.clone(), secret: body.secret.0.clone() });
    }
    if let Some(token) = productflow.and_then(|body| body.access_token.as_ref()) {
        merged.productflow = Some(ProductflowLogin { access_token: token.0.clone() });
    }
    merged
}

/// Whether the body holds an access token.
pub(crate) fn brings_access_token(productflow: Option<&ProductflowBody>) -> bool {
    productflow.is_some_and(|body| body.access_token.is_some())
}

/// Whether the tenant of these credentials holds the newest stock change or the newest invoice of our ledger; `None` when
/// nothing was ever booked.
///
/// One of the two is enough, because people may have deleted a draft invoice by hand. The check keeps a ledger that describes
/// one tenant from being used in another.
pub(crate) async fn sees_newest_document(
    robaws: &robaws::Client,
    newest: &NewestDocuments,
) -> Result<Option<bool>, Trouble> {
    let mut booked = false;
    if let Some(document) = &newest.stock_change {
        booked = true;
        let found = robaws.read_stock_change(&document.robaws_id).await.map_err(|e| Trouble::from(&e))?;
        let ours = found.and_then(|change| change.description);
        if ours.is_some_and(|text| text.contains(&document.reference)) {
            return Ok(Some(true));
        }
    }
    if let Some(document) = &newest.invoice {
        booked = true;
        let found = robaws.read_invoice(&document.robaws_id, false).await.map_err(|e| Trouble::from(&e))?;
        if found.is_some_and(|invoice| invoice.client_reference.as_ref() == Some(&document.reference)) {
            return Ok(Some(true));
        }
    }
    Ok(booked.then_some(false))
}

/// The reference of the newest document, to name it in an error message.
pub(crate) fn newest_document_reference(newest: &NewestDocuments) -> String {
    let documents = [newest.stock_change.as_ref(), newest.invoice.as_ref()];
    documents
        .into_iter()
        .flatten()
        .max_by_key(|document| document.at)
        .map(|document: &NewestDocument| document.reference.clone())
        .unwrap_or_default()
}
