//! The pages that set a connection up and change it: credentials, settings, activation and deactivation. Before the first
//! activation they are three steps, afterwards one page of settings.

pub mod choices;
pub mod connect;
pub mod faults;
pub mod fields;
pub mod lists;
pub mod settings;
pub mod start;
pub mod steps;
pub mod switch;

use super::answer::{Answer, PageError};
use super::visit::Visit;
use faults::{Faults, Step};
use http::Method;
use store::model::ConnectionState;

/// Answers the requests below `/set-up`, `/settings`, `/activate` and `/deactivate`.
pub async fn answer(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    let method = &visit.request.method;
    let is_set_up = visit.item.connection.first_activated_at.is_some();
    match (method, path) {
        (&Method::GET, ["set-up", ..]) if is_set_up => Ok(visit.go("/settings", None)),
        (&Method::GET, ["settings" | "activate" | "deactivate"]) if !is_set_up => {
            Ok(visit.go("/set-up", None))
        }
        (&Method::GET, ["set-up"]) => Box::pin(steps::connect(visit)).await,
        (&Method::POST, ["set-up"]) if !is_set_up => Box::pin(steps::take_credentials(visit)).await,
        (&Method::GET, ["set-up", "choices"]) => Box::pin(steps::choices(visit)).await,
        (&Method::POST, ["set-up", "choices"]) if !is_set_up => Box::pin(steps::take_choices(visit)).await,
        (&Method::GET, ["set-up", "start"]) => start::show(visit),
        (&Method::POST, ["set-up", "start"]) if !is_set_up => Box::pin(start::take(visit)).await,
        (&Method::GET, ["settings"]) => Box::pin(settings::show(visit)).await,
        (&Method::POST, ["settings"]) if is_set_up => Box::pin(settings::take(visit)).await,
        (&Method::POST, ["settings", "credentials"]) if is_set_up => {
            Box::pin(settings::take_credentials(visit)).await
        }
        (&Method::POST, ["settings", "new-link"]) => Box::pin(settings::new_link(visit)).await,
        (&Method::GET, ["activate"]) => switch::show_activate(visit),
        (&Method::POST, ["activate"]) if is_set_up => Box::pin(switch::activate(visit)).await,
        (&Method::GET, ["deactivate"]) => Box::pin(switch::show_deactivate(visit)).await,
        (&Method::POST, ["deactivate"]) if is_set_up => Box::pin(switch::deactivate(visit)).await,
        // A form of the set-up that was sent after the first activation, or a form of the settings before it.
        (&Method::POST, ["set-up" | "settings" | "activate" | "deactivate", ..]) => {
            visit.form()?;
            Ok(visit.go(if is_set_up { "/settings" } else { "/set-up" }, None))
        }
        _ => Err(PageError::NotFound),
    }
}

fn is_suspended(visit: &Visit<'_>) -> bool {
    visit.item.connection.state == ConnectionState::Suspended
}

/// What is wrong, shown above the form: a sentence, and each fault as a link to its field.
struct Summary {
    intro: Option<String>,
    links: Vec<(String, String)>,
}

/// Summarises faults whose fields are on this page. Faults that `said` shows already are not repeated.
fn summary_here(faults: &Faults, said: &[connect::Said]) -> Summary {
    if !said.is_empty() {
        return Summary {
            intro: faults.intro.clone(),
            links: Vec::new(),
        };
    }
    let link = |fault: &faults::Shown| (format!("#{}", fault.element), fault.text.clone());
    Summary {
        intro: faults.intro.clone(),
        links: faults.list.iter().map(link).collect(),
    }
}

/// Summarises faults whose fields are on other pages. The links lead to those pages, which check again and show the faults.
fn summary_elsewhere(visit: &Visit<'_>, faults: &Faults) -> Summary {
    let is_set_up = visit.item.connection.first_activated_at.is_some();
    let link = |fault: &faults::Shown| {
        let page = match fault.step {
            _ if is_set_up => "/settings",
            Step::Connect => "/set-up",
            Step::Choices => "/set-up/choices",
            Step::Start => return (format!("#{}", fault.element), fault.text.clone()),
        };
        let path = visit.path(&format!("{page}?check={}#{}", fault.check, fault.element));
        (path, fault.text.clone())
    };
    Summary {
        intro: faults.intro.clone(),
        links: faults.list.iter().map(link).collect(),
    }
}
