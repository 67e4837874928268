//! `connector doctor`: examines a Robaws tenant and a ProductFlow company by calling them directly. Their credentials are asked
//! for, since the connector's API never gives credentials back.

use crate::assignments;
use crate::failure::{Exit, Failure};
use crate::logins;
use crate::options::doctor::DoctorOptions;
use crate::session::Session;
use doctor::{Checks, KnownOrder, Pace, render};
use domain::ids::CompanyId;
use domain::money::Cents;
use domain::settings::ConnectionSettings;
use runtime::clock::{Clock, SystemClock};
use serde_json::{Value, json};

/// Examines the peers that are named and prints the findings. The exit code is 5 when an assumption is refuted.
pub(super) async fn run(session: &mut Session<'_>, options: DoctorOptions) -> Result<Exit, Failure> {
    let settings = settings(&options.settings)?;
    let known_order = known_order(&options)?;
    let both = [&options.robaws_login, &options.productflow_token];
    if both.iter().all(|source| source.as_deref() == Some("-")) {
        return Err(Failure::usage(
            "--robaws-login and --productflow-token can't both be read from standard input.",
        ));
    }
    if both.iter().all(|source| source.is_none()) {
        return Err(Failure::usage("Nobody is to be examined.")
            .advise("Name --robaws-login, --productflow-token with --company, or both."));
    }
    let (environment, console) = (session.environment, &mut *session.console);
    let robaws = options.robaws_login.as_deref();
    let robaws = robaws
        .map(|source| logins::robaws_login(source, environment, console))
        .transpose()?;
    let token = options.productflow_token.as_deref();
    let productflow = token
        .map(|source| logins::productflow_login(source, environment, console))
        .transpose()?;
    let checks = Checks {
        robaws_url: options.robaws_url,
        productflow_url: options.productflow_url,
        robaws,
        productflow: productflow.zip(options.company.map(CompanyId)),
        settings,
        known_order,
        known_offer: options.known_offer,
        pace: if environment.pace.retry.is_zero() {
            // A test sets this delay to zero, and then calls need no gap either.
            Pace {
                robaws: environment.pace.retry,
                productflow: environment.pace.retry,
            }
        } else {
            Pace::default()
        },
    };
    let bar = session
        .console
        .progress(None, "examines both peers, by reading only");
    let found = doctor::run(&checks, SystemClock.now()).await;
    bar.finish_and_clear();
    let findings = found.map_err(|error| Failure::unreachable(error.to_string()))?;
    if session.wants_json() {
        session.console.print(json!(findings).to_string())?;
    } else {
        session.console.print(render(&findings).trim_end())?;
    }
    Ok(if doctor::any_refuted(&findings) {
        Exit::Some
    } else {
        Exit::Success
    })
}

fn known_order(options: &DoctorOptions) -> Result<Option<KnownOrder>, Failure> {
    let (Some(identifier), Some(total)) = (&options.known_order, &options.known_total) else {
        return Ok(None);
    };
    let euros = total.parse().ok().and_then(Cents::from_euros);
    let total =
        euros.ok_or_else(|| Failure::usage("--known-total must be an amount in euros, like 64.93."))?;
    Ok(Some(KnownOrder {
        identifier: identifier.clone(),
        total,
        placed_at: options.known_placed_at,
    }))
}

/// The default settings with the assigned ones over them.
fn settings(assignments: &[String]) -> Result<ConnectionSettings, Failure> {
    let assigned = assignments::read(assignments)?;
    let mut all = json!(ConnectionSettings::default());
    if let Value::Object(all) = &mut all {
        all.extend(assigned.settings);
    }
    serde_json::from_value(all).map_err(|error| Failure::usage(format!("A setting can't be used: {error}.")))
}
