//! `connector doctor`: examines a Robaws tenant and a ProductFlow company by calling them directly. Their credentials are asked
//! for, since the connector's API never gives credentials back.

use crate::assignments;
use crate::failure::{Exit, Failure};
use crate::logins;
use crate::options::doctor_options::DoctorOptions;
use crate::session::Session;
use doctor::{Examination, KnownOrder, Pace, render_findings};
use domain::ids::ProductFlowCompanyId;
use domain::money::Cents;
use domain::settings::ConnectionSettings;
use runtime::clock::{Clock, SystemClock};
use serde_json::{Value, json};

/// Examines the peers that are named and prints the findings. The exit code is 5 when an assumption is refuted.
pub(super) async fn run_doctor(session: &mut Session<'_>, options: DoctorOptions) -> Result<Exit, Failure> {
    let settings = assemble_settings(&options.settings)?;
    let known_order = parse_known_order(&options)?;
    let both = [&options.robaws_login, &options.productflow_token];
    if both.iter().all(|source| source.as_deref() == Some("-")) {
        return Err(Failure::wrong_usage(
            "--robaws-login and --productflow-token can't both be read from standard input.",
        ));
    }
    if both.iter().all(|source| source.is_none()) {
        return Err(Failure::wrong_usage("Nobody is to be examined.")
            .with_advice("Name --robaws-login, --productflow-token with --company, or both."));
    }
    let (environment, console) = (session.environment, &mut *session.console);
    let robaws = options.robaws_login.as_deref();
    let robaws = robaws.map(|source| logins::read_robaws_login(source, environment, console)).transpose()?;
    let token = options.productflow_token.as_deref();
    let productflow =
        token.map(|source| logins::read_productflow_login(source, environment, console)).transpose()?;
    let checks = Examination {
        robaws_url: options.robaws_url,
        productflow_url: options.productflow_url,
        robaws,
        productflow: productflow.zip(options.company.map(ProductFlowCompanyId)),
        settings,
        known_order,
        known_offer: options.known_offer,
        pace: if environment.pace.retry_delay.is_zero() {
            // A test sets this delay to zero, and then calls need no gap either.
            Pace { robaws: environment.pace.retry_delay, productflow: environment.pace.retry_delay }
        } else {
            Pace::default()
        },
    };
    let bar = session.console.make_progress_bar(None, "examines both peers, by reading only");
    let found = doctor::examine_peers(&checks, SystemClock.now()).await;
    bar.finish_and_clear();
    let findings = found.map_err(|error| Failure::not_reachable(error.to_string()))?;
    if session.wants_json() {
        session.console.print_text(json!(findings).to_string())?;
    } else {
        session.console.print_text(render_findings(&findings).trim_end())?;
    }
    Ok(if doctor::any_refuted(&findings) { Exit::FoundSome } else { Exit::Success })
}

fn parse_known_order(options: &DoctorOptions) -> Result<Option<KnownOrder>, Failure> {
    let (Some(identifier), Some(total)) = (&options.known_order, &options.known_total) else {
        return Ok(None);
    };
    let euros = total.parse().ok().and_then(Cents::from_euros);
    let total =
        euros.ok_or_else(|| Failure::wrong_usage("--known-total must be an amount in euros, like 64.93."))?;
    Ok(Some(KnownOrder { identifier: identifier.clone(), total, placed_at: options.known_placed_at }))
}

/// The default settings with the assigned ones over them.
fn assemble_settings(assignments: &[String]) -> Result<ConnectionSettings, Failure> {
    let assigned = assignments::parse_assignments(assignments)?;
    let mut all = json!(ConnectionSettings::default());
    if let Value::Object(all) = &mut all {
        all.extend(assigned.settings);
    }
    serde_json::from_value(all)
        .map_err(|error| Failure::wrong_usage(format!("A setting can't be used: {error}.")))
}
