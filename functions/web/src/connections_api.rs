//! API of connections: create, list, show and change.

use crate::api_error::ApiError;
use crate::checks::{self, Fault};
use crate::config::Deps;
use crate::credentials::{self, ProductflowBody, RobawsBody};
use crate::handler::Reply;
use crate::request::Request;
use crate::{articles_api, connection_json, json_body};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connection::Trouble;
use domain::ids::{ConnectionId, ProductFlowCompanyId};
use domain::problem::Arg;
use domain::{Language, settings::ConnectionSettings};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::StoreError;
use store::connections::ClaimError;
use store::model::{Connection, ConnectionItem, ConnectionState, Peer};
use store::queue::Sweep;
use store::secrets::Credentials;
use store::sweep::SweepRequest;

/// Attempts to store a change when others write the same connection at the same time.
const MOST_TRIES: usize = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    id: ConnectionId,
    #[serde(default)]
    language: Language,
    robaws: Option<RobawsBody>,
    productflow: Option<ProductflowBody>,
    settings: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    language: Option<Language>,
    robaws: Option<RobawsBody>,
    productflow: Option<ProductflowBody>,
    settings: Option<Map<String, Value>>,
}

/// `POST /api/connections`: creates a connection.
pub(crate) async fn create_connection(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let body: CreateBody = json_body::parse_body(&request.body)?;
    let language = body.language;
    create_from_body(deps, body).await.map_err(|error| error.in_language(language))
}

async fn create_from_body(deps: &Deps, body: CreateBody) -> Result<Reply, ApiError> {
    let settings =
        json_body::merge_settings(&ConnectionSettings::default(), body.settings.unwrap_or_default())?;
    let mut connection = Connection {
        company: body.productflow.as_ref().and_then(ProductflowBody::company),
        ..Connection::new(body.id, body.language, settings, deps.clock.now())
    };
    // The item is stored before the secret, so that the secret of a connection that exists is never overwritten.
    let known = store_new_connection(deps, &mut connection)
        .await
        .map_err(|error| claim_error_to_api(error, &connection))?;
    let credentials = credentials::merge_credentials(&known, body.robaws.as_ref(), body.productflow.as_ref());
    if credentials.robaws.is_some() || credentials.productflow.is_some() {
        connection.has_robaws = credentials.robaws.is_some();
        connection.has_productflow = credentials.productflow.is_some();
        let version = deps.peers.secrets().save_credentials(&connection.id, &credentials).await?;
        connection.secret_version = Some(version);
        deps.store.update_connection(&connection).await?;
    }
    let item = reload_connection(deps, &connection.id).await?;
    tracing::info!(connection.id = %connection.id, "connection created");
    Ok(Reply {
        status: StatusCode::CREATED,
        body: connection_json::render_connection_json(&item, deps.clock.now()),
    })
}

/// Stores a new connection and gives the credentials that its secret already holds.
///
/// A connection with the id of a deleted one goes on with the ledger of that one, and only for the same ProductFlow company.
async fn store_new_connection(deps: &Deps, connection: &mut Connection) -> Result<Credentials, ClaimError> {
    let asked = connection.company;
    let fixed = |known: Option<ProductFlowCompanyId>| match (asked, known) {
        (Some(asked), Some(known)) if asked != known => Err(ClaimError::CompanyIsFixed(known)),
        _ => Ok(()),
    };
    if deps.store.load_connection(&connection.id).await?.is_some() {
        return Err(ClaimError::Exists);
    }
    if let Some(deleted) = deps.store.load_deleted_connection(&connection.id).await? {
        fixed(deleted.connection.company)?;
        let newest = deleted.newest.clone();
        *connection = deleted.hand_over_to(connection.clone());
        deps.store.recreate_connection(connection, &newest).await?;
        tracing::info!(connection.id = %connection.id, "the ledger of a deleted connection is taken up");
        return Ok(Credentials::default());
    }
    // The secret says that the connection was activated and the table has no ledger of it: the table was lost. The connection is
    // suspended until its ledger has been rebuilt from the documents in Robaws.
    let left = deps.peers.secrets().reload_credentials(&connection.id).await?;
    if let Some(past) = left.past {
        fixed(Some(past.company))?;
        connection.company = Some(past.company);
        connection.go_live = Some(past.go_live);
        connection.first_activated_at = Some(past.first_activated_at);
        connection.begin_suspension(Some(connection.created_at));
        tracing::warn!(connection.id = %connection.id, "there is a secret of this connection, but no ledger: suspended");
    }
    deps.store.create_connection(connection).await?;
    Ok(left)
}

/// The answer of the API when a connection could not be created or activated.
pub(crate) fn claim_error_to_api(error: ClaimError, connection: &Connection) -> ApiError {
    match error {
        ClaimError::Exists => ApiError::http_conflict("exists").with_arg("id", connection.id.to_string()),
        ClaimError::CompanyIsFixed(company) => {
            ApiError::http_conflict("company_is_fixed").with_arg("company", company.to_string())
        }
        ClaimError::Secret(error) => error.into(),
        ClaimError::CompanyTaken => {
            let company = connection.company.map(|c| c.to_string()).unwrap_or_default();
            ApiError::http_conflict("company_taken").with_arg("company", company)
        }
        ClaimError::Store(error) => error.into(),
    }
}

/// Reads a connection again after it was written.
pub(crate) async fn reload_connection(deps: &Deps, id: &ConnectionId) -> Result<ConnectionItem, ApiError> {
    let found = deps.store.load_connection(id).await?;
    found.ok_or_else(|| ApiError::not_found("no_connection").with_arg("id", id.to_string()))
}

/// `GET /api/connections`: lists all connections.
pub(crate) async fn list_connections(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let limit = request.parse_limit(50, 100)?;
    let after = request.query_parameter("cursor").map(decode_cursor).transpose()?;
    let connections = deps.store.load_connections().await?;
    let begin = match &after {
        None => 0,
        // A connection that was deleted since then ends the list; starting over would repeat entries.
        Some(id) => connections
            .iter()
            .position(|item| item.connection.id == *id)
            .map_or(connections.len(), |at| at + 1),
    };
    let now = deps.clock.now();
    let page: Vec<&ConnectionItem> = connections.iter().map(Box::as_ref).skip(begin).take(limit).collect();
    let is_last = begin + page.len() >= connections.len();
    let cursor =
        page.last().filter(|_| !is_last).map(|item| URL_SAFE_NO_PAD.encode(item.connection.id.as_str()));
    let items: Vec<Value> =
        page.into_iter().map(|item| connection_json::render_connection_json(item, now)).collect();
    Ok(Reply::ok(json!({ "items": items, "cursor": cursor })))
}

fn decode_cursor(cursor: &str) -> Result<ConnectionId, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|id| ConnectionId::parse(id).ok())
        .ok_or_else(|| StoreError::BadCursor.into())
}

/// `GET /api/connections/{id}`: shows one connection.
pub(crate) fn show_connection(deps: &Deps, item: &ConnectionItem) -> Reply {
    Reply::ok(connection_json::render_connection_json(item, deps.clock.now()))
}

/// `PATCH /api/connections/{id}`: changes language, settings, company or credentials.
pub(crate) async fn change_connection(
    deps: &Deps,
    request: &Request,
    item: ConnectionItem,
) -> Result<Reply, ApiError> {
    let change: ChangeBody = json_body::parse_body(&request.body)?;
    let language = change.language.unwrap_or(item.connection.language);
    apply_change(deps, &change, item).await.map_err(|error| error.in_language(language))
}

async fn apply_change(deps: &Deps, change: &ChangeBody, item: ConnectionItem) -> Result<Reply, ApiError> {
    let id = item.connection.id.clone();
    let next = merge_change(change, &item.connection)?;
    if let Some(company) = next.company.filter(|_| next.company != item.connection.company)
        && checks::check_company_is_free(&deps.store, &id, company).await?.is_some()
    {
        return Err(ApiError::http_conflict("company_taken").with_arg("company", company.to_string()));
    }
    let mut answered = Vec::new();
    let mut secret_version = None;
    let brings_credentials =
        change.robaws.is_some() || credentials::brings_access_token(change.productflow.as_ref());
    let known = deps.peers.secrets().reload_credentials(&id).await?;
    let credentials =
        credentials::merge_credentials(&known, change.robaws.as_ref(), change.productflow.as_ref());
    if brings_credentials {
        answered = try_new_credentials(deps, change, &item, &next, &credentials).await?;
    }
    check_changed_settings(deps, &item, &next, &credentials).await?;
    if brings_credentials {
        secret_version = Some(deps.peers.secrets().save_credentials(&id, &credentials).await?);
    }
    store_change(deps, change, &id, &credentials, secret_version).await?;
    if next.settings != item.connection.settings {
        // The user who gets the tasks may have changed, and a problem of a setting may be solved.
        deps.store.announce_problem_change(&id, deps.clock.now()).await?;
    }
    for peer in answered {
        // New credentials that a peer accepted end `needs_credentials` and any pause.
        let healthy = item.health(peer).without_failures();
        deps.store.save_peer_health(&id, peer, &healthy).await?;
    }
    if item.connection.state == ConnectionState::Active && changes_offers(&item.connection, &next) {
        let ask = SweepRequest::new(deps.clock.now());
        articles_api::ask_for_sweep(deps, &id, Sweep::Push, ask).await?;
    }
    tracing::info!(connection.id = %id, credentials = brings_credentials, "connection changed");
    Ok(show_connection(deps, &reload_connection(deps, &id).await?))
}

/// Whether a change of the settings changes the products or offers that ProductFlow is to have.
fn changes_offers(was: &Connection, is: &Connection) -> bool {
    let of = |c: &Connection| {
        let settings = c.settings.clone();
        (settings.send_sale_price, settings.sale_price_vat_tariff_id, settings.product_language)
    };
    of(was) != of(is)
}

/// Merges the language, the settings and the company of a change into a connection. Everything else stays as it is.
fn merge_change(change: &ChangeBody, connection: &Connection) -> Result<Connection, ApiError> {
    let mut next = connection.clone();
    if let Some(language) = change.language {
        next.language = language;
    }
    if let Some(settings) = &change.settings {
        next.settings = json_body::merge_settings(&connection.settings, settings.clone())?;
    }
    if let Some(company) = change.productflow.as_ref().and_then(ProductflowBody::company)
        && connection.company != Some(company)
    {
        if connection.first_activated_at.is_some() {
            let fixed = connection.company.map(|c| c.to_string()).unwrap_or_default();
            return Err(ApiError::http_conflict("company_is_fixed").with_arg("company", fixed));
        }
        next.company = Some(company);
    }
    if next.settings != connection.settings {
        // A new settings stamp makes orders due that wait for a setting. A new catalogue stamp voids what was looked up before.
        next.settings_stamp += 1;
        next.catalogue_stamp += 1;
    }
    Ok(next)
}

async fn store_change(
    deps: &Deps,
    change: &ChangeBody,
    id: &ConnectionId,
    credentials: &Credentials,
    secret_version: Option<String>,
) -> Result<(), ApiError> {
    for _ in 0..MOST_TRIES {
        let item = reload_connection(deps, id).await?;
        let mut next = merge_change(change, &item.connection)?;
        if secret_version.is_some() {
            next.secret_version.clone_from(&secret_version);
            next.has_robaws = credentials.robaws.is_some();
            next.has_productflow = credentials.productflow.is_some();
        }
        match deps.store.update_connection(&next).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// Tries new credentials at the peers and gives the peers that accepted them.
///
/// An active connection keeps its old credentials when a peer refuses the new ones. An inactive connection is checked when it
/// is activated; but its Robaws credentials must see the newest document of its ledger even then, because a ledger that
/// describes one tenant must not be used in another.
async fn try_new_credentials(
    deps: &Deps,
    change: &ChangeBody,
    item: &ConnectionItem,
    next: &Connection,
    credentials: &Credentials,
) -> Result<Vec<Peer>, ApiError> {
    let is_active = item.connection.state != ConnectionState::Inactive;
    let mut answered = Vec::new();
    let refused =
        |fault: Fault| ApiError::unprocessable_entity("credentials_refused").with_faults(vec![fault]);
    if change.robaws.is_some()
        && let Some(robaws) = deps.peers.robaws_client(&next.id, credentials)
    {
        match credentials::sees_newest_document(&robaws, &item.newest).await {
            Ok(Some(false)) => {
                let document = credentials::newest_document_reference(&item.newest);
                return Err(
                    ApiError::unprocessable_entity("other_robaws_tenant").with_arg("document", document)
                );
            }
            Ok(Some(true)) => answered.push(Peer::Robaws),
            Ok(None) | Err(_) if !is_active => {}
            Ok(None) => match robaws.make_cheapest_read().await.map_err(|e| Trouble::from(&e)) {
                Ok(()) | Err(Trouble::Permission { .. } | Trouble::Refused { .. }) => {
                    answered.push(Peer::Robaws);
                }
                Err(Trouble::Credentials) => return Err(refused(Fault::for_field("robaws.key"))),
                // Nothing was booked yet, so no ledger is at risk: the next poll shows whether the credentials work.
                Err(_) => {}
            },
            Err(Trouble::Credentials) => return Err(refused(Fault::for_field("robaws.key"))),
            Err(Trouble::Permission { module }) => {
                let modules = Arg::List(vec![module]);
                let fault = Fault::for_field("robaws.permissions")
                    .with_args(domain::problem::build_args([("modules", modules)]));
                return Err(refused(fault));
            }
            Err(_) => return Err(ApiError::peer_unavailable("Robaws")),
        }
    }
    if is_active
        && credentials::brings_access_token(change.productflow.as_ref())
        && let Some(company) = next.company
        && let Some(productflow) = deps.peers.productflow_client(credentials, company)
    {
        let faults = checks::check_productflow_login(&productflow).await;
        match faults.into_iter().next() {
            None => answered.push(Peer::Productflow),
            Some(fault) if fault.is_unreachable() => {}
            Some(fault) => return Err(refused(fault)),
        }
    }
    Ok(answered)
}

/// Checks the changed settings of an active connection at Robaws: what they name must exist there.
async fn check_changed_settings(
    deps: &Deps,
    item: &ConnectionItem,
    next: &Connection,
    credentials: &Credentials,
) -> Result<(), ApiError> {
    let (was, is) = (&item.connection.settings, &next.settings);
    if item.connection.state == ConnectionState::Inactive || was == is {
        return Ok(());
    }
    // Credentials and company count as present: they are not part of the settings.
    let mut faults: Vec<Fault> = checks::find_missing_fields(is, true, true, true);
    if let Some(robaws) = deps.peers.robaws_client(&next.id, credentials) {
        faults.extend(checks::keep_faults_of_changed_settings(
            checks::check_robaws_settings(&robaws, is).await,
            was,
            is,
        ));
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(ApiError::unprocessable_entity("settings_refused").with_faults(faults))
}
