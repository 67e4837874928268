//! The pages that set a connection up and change it: credentials, settings, activation and deactivation. Before the first
//! activation they are three steps, afterwards one page of settings.

pub mod activation_pages;
pub mod credentials_form;
pub mod form_faults;
pub mod form_fields;
pub mod go_live_page;
pub mod robaws_lists;
pub mod set_up_steps;
pub mod settings_form;
pub mod settings_page;

use super::answer::{Answer, PageError};
use super::visit::Visit;
use form_faults::{FormFaults, SetUpStep};
use http::Method;
use store::model::ConnectionState;

/// Answers the requests below `/set-up`, `/settings`, `/activate` and `/deactivate`.
pub async fn route_set_up_pages(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    let method = &visit.request.method;
    let is_set_up = visit.item.connection.first_activated_at.is_some();
    match (method, path) {
        (&Method::GET, ["set-up", ..]) if is_set_up => Ok(visit.redirect_to("/settings", None)),
        (&Method::GET, ["settings" | "activate" | "deactivate"]) if !is_set_up => {
            Ok(visit.redirect_to("/set-up", None))
        }
        (&Method::GET, ["set-up"]) => Box::pin(set_up_steps::show_credentials_step(visit)).await,
        (&Method::POST, ["set-up"]) if !is_set_up => {
            Box::pin(set_up_steps::take_credentials_step_form(visit)).await
        }
        (&Method::GET, ["set-up", "choices"]) => Box::pin(set_up_steps::show_settings_step(visit)).await,
        (&Method::POST, ["set-up", "choices"]) if !is_set_up => {
            Box::pin(set_up_steps::take_settings_step_form(visit)).await
        }
        (&Method::GET, ["set-up", "start"]) => go_live_page::show_go_live_page(visit),
        (&Method::POST, ["set-up", "start"]) if !is_set_up => {
            Box::pin(go_live_page::take_go_live_form(visit)).await
        }
        (&Method::GET, ["settings"]) => Box::pin(settings_page::show_settings_page(visit)).await,
        (&Method::POST, ["settings"]) if is_set_up => {
            Box::pin(settings_page::take_settings_form(visit)).await
        }
        (&Method::POST, ["settings", "credentials"]) if is_set_up => {
            Box::pin(settings_page::take_credentials_form(visit)).await
        }
        (&Method::POST, ["settings", "new-link"]) => Box::pin(settings_page::take_new_link_form(visit)).await,
        (&Method::GET, ["activate"]) => activation_pages::show_activate_page(visit),
        (&Method::POST, ["activate"]) if is_set_up => {
            Box::pin(activation_pages::take_activate_form(visit)).await
        }
        (&Method::GET, ["deactivate"]) => Box::pin(activation_pages::show_deactivate_page(visit)).await,
        (&Method::POST, ["deactivate"]) if is_set_up => {
            Box::pin(activation_pages::take_deactivate_form(visit)).await
        }
        // A form of the set-up that was sent after the first activation, or a form of the settings before it.
        (&Method::POST, ["set-up" | "settings" | "activate" | "deactivate", ..]) => {
            visit.take_form()?;
            Ok(visit.redirect_to(if is_set_up { "/settings" } else { "/set-up" }, None))
        }
        _ => Err(PageError::NotFound),
    }
}

fn is_suspended(visit: &Visit<'_>) -> bool {
    visit.item.connection.state == ConnectionState::Suspended
}

/// What is wrong, shown above the form: a sentence, and each fault as a link to its field.
struct FaultSummary {
    intro: Option<String>,
    links: Vec<(String, String)>,
}

/// Summarises faults whose fields are on this page. When `said` shows what is wrong, no fault is listed.
fn summarize_faults_here(faults: &FormFaults, said: &[credentials_form::PeerVerdict]) -> FaultSummary {
    if !said.is_empty() {
        return FaultSummary { intro: faults.intro.clone(), links: Vec::new() };
    }
    let link = |fault: &form_faults::FieldFault| (format!("#{}", fault.element), fault.text.clone());
    FaultSummary { intro: faults.intro.clone(), links: faults.list.iter().map(link).collect() }
}

/// Summarises faults whose fields are on other pages. The links lead to those pages, which check again and show the faults.
fn summarize_faults_elsewhere(visit: &Visit<'_>, faults: &FormFaults) -> FaultSummary {
    let is_set_up = visit.item.connection.first_activated_at.is_some();
    let link = |fault: &form_faults::FieldFault| {
        let page = match fault.step {
            _ if is_set_up => "/settings",
            SetUpStep::Credentials => "/set-up",
            SetUpStep::Settings => "/set-up/choices",
            SetUpStep::GoLive => return (format!("#{}", fault.element), fault.text.clone()),
        };
        let path = visit.connection_path(&format!("{page}?check={}#{}", fault.check, fault.element));
        (path, fault.text.clone())
    };
    FaultSummary { intro: faults.intro.clone(), links: faults.list.iter().map(link).collect() }
}
