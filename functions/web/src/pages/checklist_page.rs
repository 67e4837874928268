//! The checklist of steps in Robaws and ProductFlow: which are done, which are to do, and which only the merchant can tell.

mod checklist_steps;
mod known_steps;

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::problem_words::{ProblemWords, shorten_to};
use super::visit::Visit;
use crate::api_error::ApiError;
use askama::Template;
use checklist_steps::{ChecklistStep, KnownSteps, StepState};
use domain::catalogue::VatTariff;
use domain::problem::{Args, Holds, Problem, ProblemCode};
use domain::text;
use http::Method;
use store::articles::ArticleCounts;

/// Most pages of the table read to count articles.
const TALLY_PAGES: usize = 4;
/// Longest name of a tariff shown, in characters.
const LONGEST_NAME: usize = 60;
/// Most tariffs shown.
const MOST_TARIFFS: usize = 30;

/// Answers the requests to `/checklist`.
pub async fn route_checklist_pages(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match (&visit.request.method, path) {
        (&Method::GET, ["checklist"]) => show_checklist_page(visit).await,
        (&Method::POST, ["checklist"]) => take_tick_form(visit).await,
        _ => Err(PageError::NotFound),
    }
}

/// Counts the steps that are not done, as far as our own table tells. No peer is asked.
pub async fn count_open_steps(visit: &Visit<'_>) -> Result<usize, PageError> {
    let known = known_steps::known_from_store(visit).await?;
    let open = ChecklistStep::ALL.iter().filter(|step| !is_done(visit, **step, &known));
    Ok(open.count())
}

fn is_ticked(visit: &Visit<'_>, step: ChecklistStep) -> bool {
    step.may_be_unseen() && visit.item.checklist.contains(step.name())
}

fn is_done(visit: &Visit<'_>, step: ChecklistStep, known: &KnownSteps) -> bool {
    match known.step_state(step) {
        StepState::Done => true,
        StepState::ToDo => false,
        StepState::CannotTell => is_ticked(visit, step),
    }
}

#[derive(Template)]
#[template(path = "checklist/page.html")]
struct ChecklistPage {
    page: Layout,
    all_done: bool,
    notices: Vec<String>,
    steps: Vec<StepView>,
}

struct StepView {
    name: &'static str,
    text: String,
    state: &'static str,
    class: &'static str,
    /// Whether the merchant ticked the step; `None` when the connector sees for itself whether it is done.
    ticked: Option<bool>,
    hints: Vec<String>,
    tariffs: Vec<TariffView>,
    /// Path of the page on which the step is done, and the text of the link.
    link: Option<(String, &'static str)>,
}

struct TariffView {
    name: String,
    percentage: String,
    code: String,
}

async fn show_checklist_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let store = &visit.deps.store;
    let (known, tally) =
        futures::join!(known_steps::known_from_store(visit), store.count_articles(visit.id(), TALLY_PAGES));
    let (mut known, tally) = (known?, tally?);
    known.sent |= tally.sent > 0;
    let told = known_steps::add_answers_of_peers(visit, known).await?;
    remember_seen_steps(visit, &told.known).await?;
    let page = visit.page_layout(super::texts::text_for("menu.checklist", visit.language), Tab::Checklist);
    let view = |step: &ChecklistStep| render_step(visit, &page, *step, &told, &tally);
    let silent = told.silent.iter().map(|system| page.fill_text("checklist.silent", &[("system", *system)]));
    Answer::render_template(&ChecklistPage {
        all_done: ChecklistStep::ALL.iter().all(|step| is_done(visit, *step, &told.known)),
        notices: silent.collect(),
        steps: ChecklistStep::ALL.iter().map(view).collect(),
        page,
    })
}

/// Stores what the peers showed as ticks, because the home page counts open steps without asking a peer. A step that the peers
/// show as not done loses its tick.
async fn remember_seen_steps(visit: &Visit<'_>, known: &KnownSteps) -> Result<(), PageError> {
    for step in ChecklistStep::ALL.into_iter().filter(|step| step.may_be_unseen()) {
        let ticked = is_ticked(visit, step);
        let store = &visit.deps.store;
        match known.step_state(step) {
            StepState::Done if !ticked => store.save_checklist_step(visit.id(), step.name(), true).await?,
            StepState::ToDo if ticked => store.save_checklist_step(visit.id(), step.name(), false).await?,
            StepState::Done | StepState::ToDo | StepState::CannotTell => continue,
        };
    }
    Ok(())
}

fn render_step(
    visit: &Visit<'_>,
    page: &Layout,
    step: ChecklistStep,
    told: &known_steps::PeerAnswers,
    tally: &ArticleCounts,
) -> StepView {
    let seen = told.known.step_state(step);
    let ticked = (seen == StepState::CannotTell && step.may_be_unseen()).then(|| is_ticked(visit, step));
    let (state, class) = match (seen, ticked) {
        (StepState::Done, _) => ("checklist.done", "good"),
        (StepState::CannotTell, Some(true)) => ("checklist.ticked", "good"),
        (StepState::CannotTell, _) => ("checklist.unseen", "wait"),
        (StepState::ToDo, _) => ("checklist.to_do", "bad"),
    };
    let hints = match seen {
        StepState::Done if step == ChecklistStep::Tariff => {
            vec![page.text_for("checklist.hint_code").to_owned()]
        }
        StepState::Done => Vec::new(),
        StepState::ToDo | StepState::CannotTell => render_hints(page, step, seen),
    };
    StepView {
        name: step.name(),
        text: describe_step(page, step, told, tally),
        state: page.text_for(state),
        class,
        ticked,
        hints,
        tariffs: if step == ChecklistStep::Tariff { render_tariffs(page, &told.tariffs) } else { Vec::new() },
        link: (seen != StepState::Done).then(|| link_to_step(visit, page, step)).flatten(),
    }
}

fn describe_step(
    page: &Layout,
    step: ChecklistStep,
    told: &known_steps::PeerAnswers,
    tally: &ArticleCounts,
) -> String {
    let key = match step {
        ChecklistStep::Robaws => "checklist.step_robaws",
        ChecklistStep::Productflow => "checklist.step_productflow",
        ChecklistStep::Choices => "checklist.step_choices",
        ChecklistStep::Checkbox => "checklist.step_checkbox",
        ChecklistStep::Tariff => "checklist.step_tariff",
        ChecklistStep::Accounting => "checklist.step_accounting",
        ChecklistStep::VatGroup => "checklist.step_vat_group",
        ChecklistStep::Abroad => "checklist.step_abroad",
        ChecklistStep::Products => "checklist.step_products",
        ChecklistStep::Articles => "checklist.step_articles",
        ChecklistStep::TestOrder => "checklist.step_test_order",
    };
    let listed = |each: &dyn Fn(&VatTariff) -> String| {
        let all: Vec<String> = told.tariffs.iter().take(MOST_TARIFFS).map(each).collect();
        if all.is_empty() { "–".to_owned() } else { all.join(", ") }
    };
    let names = listed(&|tariff| shorten_to(&tariff.name, LONGEST_NAME));
    let codes = listed(&|tariff| tariff.id.to_string());
    let (with_code, lines) = told.known.count_lines_with_code();
    let (with_code, lines) = (with_code.to_string(), lines.to_string());
    let count = |number: u64| {
        let number = number.to_string();
        if tally.complete {
            number
        } else {
            page.fill_text("checklist.at_least", &[("count", number.as_str())])
        }
    };
    let (sent, problems) = (count(tally.sent), count(tally.with_problem));
    let values = [
        ("tariffs", names.as_str()),
        ("code", codes.as_str()),
        ("with_code", with_code.as_str()),
        ("lines", lines.as_str()),
        ("sent", sent.as_str()),
        ("problems", problems.as_str()),
    ];
    page.fill_text(key, &values)
}

fn render_hints(page: &Layout, step: ChecklistStep, seen: StepState) -> Vec<String> {
    let text = |key| vec![page.text_for(key).to_owned()];
    match (step, seen) {
        (ChecklistStep::Checkbox, _) => {
            let problem = Problem::new(ProblemCode::CheckboxMissing, Holds::Nothing, Args::new());
            vec![ProblemWords::from_problem(&problem, page).fix]
        }
        (ChecklistStep::Tariff, _) => text("checklist.hint_tariff"),
        (ChecklistStep::Accounting, _) => text("checklist.hint_accounting"),
        (ChecklistStep::VatGroup, StepState::ToDo) => vec![
            page.text_for("checklist.hint_other_code").to_owned(),
            page.text_for("checklist.hint_vat_group").to_owned(),
        ],
        (ChecklistStep::VatGroup, _) => text("checklist.hint_vat_group"),
        (ChecklistStep::Products, _) => text("checklist.hint_products"),
        _ => Vec::new(),
    }
}

fn render_tariffs(page: &Layout, tariffs: &[VatTariff]) -> Vec<TariffView> {
    let view = |tariff: &VatTariff| TariffView {
        name: shorten_to(&tariff.name, LONGEST_NAME),
        percentage: text::format_percentage(tariff.percentage, page.language),
        code: tariff.id.to_string(),
    };
    tariffs.iter().take(MOST_TARIFFS).map(view).collect()
}

/// The page on which a step is done, if it is one of ours.
fn link_to_step(visit: &Visit<'_>, page: &Layout, step: ChecklistStep) -> Option<(String, &'static str)> {
    let (path, key) = match step {
        ChecklistStep::Robaws | ChecklistStep::Productflow | ChecklistStep::Choices if !page.is_set_up => {
            ("/set-up", "checklist.link_set_up")
        }
        ChecklistStep::Robaws | ChecklistStep::Productflow | ChecklistStep::Choices => {
            ("/settings", "menu.settings")
        }
        ChecklistStep::Articles => ("/articles", "menu.articles"),
        ChecklistStep::TestOrder => ("/orders", "menu.orders"),
        _ => return None,
    };
    Some((visit.connection_path(path), page.text_for(key)))
}

/// `POST …/checklist`: ticks a step of which only the merchant can tell whether it is done, or takes the tick away.
async fn take_tick_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    let name = form.field_value("step").unwrap_or_default();
    let known = ChecklistStep::ALL.into_iter().find(|step| step.name() == name);
    let step = known
        .filter(|step| step.may_be_unseen())
        .ok_or_else(|| ApiError::bad_request("step", "is not a step that can be ticked"))?;
    let ticked = form.has_field("ticked");
    visit.deps.store.save_checklist_step(visit.id(), step.name(), ticked).await?;
    tracing::info!(step = step.name(), ticked, "step ticked");
    Ok(visit.redirect_to("/checklist", Some("saved")))
}
