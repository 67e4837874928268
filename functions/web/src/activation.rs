//! API of activation: `activate` and `deactivate`.

use crate::api_error::ApiError;
use crate::checks::{self, Fault};
use crate::config::Deps;
use crate::connections_api::{claim_error_to_api, reload_connection, show_connection};
use crate::handler::Reply;
use crate::request::Request;
use crate::{articles_api, catch_up, credentials, json_body, webhook_setup};
use connection::Trouble;
use domain::problem::Arg;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use store::StoreError;
use store::connections::ClaimError;
use store::model::{ConnectionItem, ConnectionState, Peer, PollState};
use store::queue::Sweep;
use store::secrets::{Credentials, PastActivation};
use store::sweep::SweepRequest;
use tokio::time::Instant;

/// Longest break after which a connection is activated without the question whether to catch up: 7 days (`contracts/api.md`).
const LONGEST_SHORT_BREAK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Time for reading the orders of a break. The whole answer must come within the 30 s of API Gateway.
const SURVEY_TIME: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActivateBody {
    #[serde(default, deserialize_with = "json_body::deserialize_moment")]
    go_live: Option<Timestamp>,
    catch_up: Option<bool>,
}

/// `POST …/activate`: makes every check first and changes nothing when one of them fails.
pub(crate) async fn activate_connection(
    deps: &Deps,
    request: &Request,
    item: ConnectionItem,
) -> Result<Reply, ApiError> {
    let body: ActivateBody = json_body::parse_body(&request.body)?;
    let until = Instant::now() + SURVEY_TIME;
    let now = deps.clock.now();
    let connection = &item.connection;
    if connection.state == ConnectionState::Suspended {
        return Err(ApiError::http_conflict("suspended"));
    }
    let go_live = decide_go_live(&item, body.go_live, now)?;
    let credentials = deps.peers.secrets().reload_credentials(&connection.id).await?;
    check_activation(deps, &item, &credentials).await?;
    let was_off = connection.state == ConnectionState::Inactive;
    let long_break =
        connection.deactivated_at.filter(|at| was_off && now.duration_since(*at) > LONGEST_SHORT_BREAK);
    if let Some(since) = long_break
        && body.catch_up != Some(true)
    {
        catch_up_after_break(deps, &item, &credentials, go_live, since, body.catch_up, until).await?;
    }
    let mut next = connection.clone();
    next.state = ConnectionState::Active;
    next.go_live = Some(go_live);
    next.first_activated_at.get_or_insert(now);
    // The URL is kept with the connection, because other functions need it for the webhook and for links in tasks.
    next.public_base_url = deps.public_base_url.clone().or_else(|| request.own_url.clone());
    if was_off {
        next.activated_at = Some(now);
        next.deactivated_at = None;
    }
    let Some(company) = next.company else {
        return Err(activation_failed(vec![Fault::missing_field("productflow.company_id")]));
    };
    let robaws = deps.peers.robaws_client(&next.id, &credentials);
    let robaws = robaws.ok_or_else(|| activation_failed(vec![Fault::missing_field("robaws.key")]))?;
    // The secret also keeps what the table may lose. By this a connection whose ledger was lost is recognised and suspended.
    let past =
        PastActivation { company, go_live, first_activated_at: next.first_activated_at.unwrap_or(now) };
    let tells_past = credentials.past == Some(past);
    let credentials = Credentials { past: Some(past), ..credentials };
    // The webhook is registered before the connection becomes active: without it the activation fails as a whole.
    let registered = webhook_setup::register_webhook(&item, &credentials, &robaws, &next)
        .await
        .map_err(|fault| activation_failed(vec![fault]))?;
    if let Some(webhook) = &registered {
        let version = webhook_setup::store_webhook_secret(deps, &next, credentials.clone(), webhook).await;
        next.secret_version =
            Some(webhook_setup::remove_webhook_unless_stored(&robaws, webhook, version).await?);
    } else if !tells_past {
        next.secret_version = Some(deps.peers.secrets().save_credentials(&next.id, &credentials).await?);
    }
    let activated = deps.store.activate_connection(&next, company).await;
    // The connection was not activated, so the webhook that was just registered would announce changes to nobody.
    if let (Err(_), Some(webhook)) = (&activated, &registered) {
        connection::webhook_registration::remove_webhook(&robaws, &webhook.endpoint_id).await;
    }
    match activated {
        Ok(_) => {}
        Err(ClaimError::CompanyTaken) => {
            return Err(activation_failed(vec![checks::company_taken_fault()]));
        }
        Err(error) => return Err(claim_error_to_api(error, &next)),
    }
    webhook_setup::record_webhook(deps, &next, registered.as_ref(), now).await?;
    // Both peers answered the checks, so earlier refusals and pauses are over.
    for peer in [Peer::Robaws, Peer::Productflow] {
        let healthy = item.health(peer).without_failures();
        deps.store.save_peer_health(&next.id, peer, &healthy).await?;
    }
    if connection.go_live.is_some_and(|known| known != go_live) {
        // Another go-live may make orders eligible that polls left alone. The poll's state is reset to one without a
        // watermark, so that the next pass reads the list anew, as far back as needed.
        let anew = PollState {
            last_poll_at: item.poll.last_poll_at,
            settings_stamp: item.poll.settings_stamp,
            ..PollState::default()
        };
        deps.store.save_poll_state(&next.id, &anew).await?;
    }
    webhook_setup::check_for_checkbox(deps, &item, &robaws).await;
    let ask = SweepRequest {
        // After a break ProductFlow may hold anything, so everything is sent again, even what has not changed.
        again: was_off && connection.first_activated_at.is_some(),
        ..SweepRequest::new(now)
    };
    articles_api::ask_for_sweep(deps, &next.id, Sweep::Push, ask).await?;
    tracing::info!(connection.id = %next.id, go_live = %go_live, "connection activated");
    Ok(show_connection(deps, &reload_connection(deps, &next.id).await?))
}

/// The go-live that holds from now on: `asked`, else the one that is known, else now. It is fixed once anything was booked.
fn decide_go_live(
    item: &ConnectionItem,
    asked: Option<Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, ApiError> {
    let booked = item.newest.stock_change.is_some() || item.newest.invoice.is_some();
    match (item.connection.go_live, asked) {
        (Some(known), Some(asked)) if asked != known && booked => {
            Err(ApiError::http_conflict("go_live_is_fixed").with_arg("go_live", Arg::Time(known)))
        }
        (_, Some(asked)) => Ok(asked),
        (Some(known), None) => Ok(known),
        (None, None) => Ok(now),
    }
}

fn activation_failed(faults: Vec<Fault>) -> ApiError {
    ApiError::unprocessable_entity("activation_failed").with_faults(faults)
}

/// Makes every check of settings and credentials and gives all faults. Changes nothing.
pub(crate) async fn find_activation_faults(
    deps: &Deps,
    item: &ConnectionItem,
    credentials: &store::secrets::Credentials,
) -> Result<Vec<Fault>, ApiError> {
    let connection = &item.connection;
    let robaws = deps.peers.robaws_client(&connection.id, credentials);
    let productflow =
        connection.company.and_then(|company| deps.peers.productflow_client(credentials, company));
    let mut faults = checks::find_missing_fields(
        &connection.settings,
        robaws.is_some(),
        credentials.productflow.is_some(),
        connection.company.is_some(),
    );
    if let Some(company) = connection.company {
        faults.extend(checks::check_company_is_free(&deps.store, &connection.id, company).await?);
    }
    let of_productflow = async {
        match &productflow {
            Some(client) => checks::check_productflow_login(client).await,
            None => Vec::new(),
        }
    };
    let of_robaws = async {
        let Some(client) = &robaws else {
            return Vec::new();
        };
        match checks::check_robaws_key(client).await {
            Some(fault) => vec![fault],
            None => checks::check_robaws_settings(client, &connection.settings).await,
        }
    };
    // Both peers are asked at the same time, because the answer must come within the 30 s of API Gateway.
    let (of_productflow, of_robaws) = futures::join!(of_productflow, of_robaws);
    faults.extend(of_productflow);
    faults.extend(of_robaws);
    Ok(faults)
}

/// Makes every check, and checks that the ledger describes the tenant of the credentials.
async fn check_activation(
    deps: &Deps,
    item: &ConnectionItem,
    credentials: &store::secrets::Credentials,
) -> Result<(), ApiError> {
    let faults = find_activation_faults(deps, item, credentials).await?;
    if !faults.is_empty() {
        return Err(activation_failed(faults));
    }
    let robaws = deps.peers.robaws_client(&item.connection.id, credentials);
    let Some(robaws) = robaws else { return Ok(()) };
    match credentials::sees_newest_document(&robaws, &item.newest).await {
        Ok(None | Some(true)) => Ok(()),
        Ok(Some(false)) => {
            let document = credentials::newest_document_reference(&item.newest);
            Err(ApiError::unprocessable_entity("other_robaws_tenant").with_arg("document", document))
        }
        Err(Trouble::Permission { module }) => {
            let modules = Arg::List(vec![module]);
            let fault = Fault::for_field("robaws.permissions")
                .with_args(domain::problem::build_args([("modules", modules)]));
            Err(activation_failed(vec![fault]))
        }
        Err(_) => Err(activation_failed(vec![Fault::unreachable_peer("robaws.key", "Robaws")])),
    }
}

/// After a long break: refuses with 409 and what would be booked, or, with `catch_up: false`, closes those orders as handled.
async fn catch_up_after_break(
    deps: &Deps,
    item: &ConnectionItem,
    credentials: &store::secrets::Credentials,
    go_live: Timestamp,
    since: Timestamp,
    catch_up: Option<bool>,
    until: Instant,
) -> Result<(), ApiError> {
    let Some(company) = item.connection.company else {
        return Ok(());
    };
    let Some(client) = deps.peers.productflow_client(credentials, company) else {
        return Ok(());
    };
    let survey = catch_up::survey_break(deps, item, &client, go_live, since, until).await?;
    if catch_up == Some(false) {
        catch_up::close_survey_as_handled(deps, &item.connection.id, &survey, until).await?;
        return if survey.is_complete {
            Ok(())
        } else {
            Err(ApiError::new(http::StatusCode::SERVICE_UNAVAILABLE, "out_of_time"))
        };
    }
    if survey.orders.is_empty() && survey.is_complete {
        return Ok(());
    }
    let count = survey.orders.len();
    let total = survey.total_amount();
    Err(ApiError::http_conflict("catch_up_needed")
        .with_arg("since", Arg::Time(since))
        .with_arg("count", count.to_string())
        .with_arg("amount", Arg::Amount(total))
        .with_details(vec![json!({
            "orders": count, "total_cents": total.0, "complete": survey.is_complete,
        })]))
}

/// `POST …/deactivate`: no call to either peer from now on; the ledger stays.
pub(crate) async fn deactivate_connection(
    deps: &Deps,
    request: &Request,
    item: ConnectionItem,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct EmptyBody {}
    let EmptyBody {} = json_body::parse_body(&request.body)?;
    if item.connection.state == ConnectionState::Suspended {
        // A suspended connection books nothing anyway. It stays suspended until its ledger has been rebuilt.
        return Err(ApiError::http_conflict("suspended"));
    }
    webhook_setup::remove_webhook(deps, &item).await;
    let id = item.connection.id;
    for _ in 0..5 {
        let item = reload_connection(deps, &id).await?;
        match item.connection.state {
            ConnectionState::Inactive => return Ok(show_connection(deps, &item)),
            ConnectionState::Suspended => return Err(ApiError::http_conflict("suspended")),
            ConnectionState::Active => {}
        }
        let mut next = item.connection;
        next.state = ConnectionState::Inactive;
        next.deactivated_at = Some(deps.clock.now());
        match deps.store.update_connection(&next).await {
            Ok(_) => {
                tracing::info!(connection.id = %id, "connection deactivated");
                return Ok(show_connection(deps, &reload_connection(deps, &id).await?));
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}
