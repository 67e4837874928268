//! The checklist of steps in Robaws and ProductFlow: which are done, which are to do, and which only the merchant can tell.

mod known;
mod steps;

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::told::{Told, short};
use super::visit::Visit;
use crate::api_error::ApiError;
use askama::Template;
use domain::catalogue::VatTariff;
use domain::problem::{Args, Holds, Problem, ProblemCode};
use domain::text;
use http::Method;
use steps::{Known, Seen, Step};
use store::articles::ArticleTally;

/// Most pages of the table read to count articles.
const TALLY_PAGES: usize = 4;
/// Longest name of a tariff shown, in characters.
const LONGEST_NAME: usize = 60;
/// Most tariffs shown.
const MOST_TARIFFS: usize = 30;

/// Answers the requests to `/checklist`.
pub async fn answer(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match (&visit.request.method, path) {
        (&Method::GET, ["checklist"]) => page(visit).await,
        (&Method::POST, ["checklist"]) => tick(visit).await,
        _ => Err(PageError::NotFound),
    }
}

/// Counts the steps that are not done, as far as our own table tells. No peer is asked.
pub async fn open_steps(visit: &Visit<'_>) -> Result<usize, PageError> {
    let known = known::of_store(visit).await?;
    let open = Step::ALL.iter().filter(|step| !is_done(visit, **step, &known));
    Ok(open.count())
}

fn is_ticked(visit: &Visit<'_>, step: Step) -> bool {
    step.may_be_unseen() && visit.item.checklist.contains(step.name())
}

fn is_done(visit: &Visit<'_>, step: Step, known: &Known) -> bool {
    match known.of(step) {
        Seen::Done => true,
        Seen::ToDo => false,
        Seen::Nothing => is_ticked(visit, step),
    }
}

#[derive(Template)]
#[template(path = "checklist/page.html")]
struct Checklist {
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

async fn page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let store = &visit.deps.store;
    let (known, tally) = futures::join!(
        known::of_store(visit),
        store.tally_articles(visit.id(), TALLY_PAGES)
    );
    let (mut known, tally) = (known?, tally?);
    known.sent |= tally.sent > 0;
    let told = known::of_peers(visit, known).await?;
    remember(visit, &told.known).await?;
    let page = visit.layout(
        super::texts::text("menu.checklist", visit.language),
        Tab::Checklist,
    );
    let view = |step: &Step| step_view(visit, &page, *step, &told, &tally);
    let silent = told
        .silent
        .iter()
        .map(|system| page.f("checklist.silent", &[("system", *system)]));
    Answer::html(&Checklist {
        all_done: Step::ALL.iter().all(|step| is_done(visit, *step, &told.known)),
        notices: silent.collect(),
        steps: Step::ALL.iter().map(view).collect(),
        page,
    })
}

/// Stores what the peers showed as ticks, because the home page counts open steps without asking a peer. A step that the peers
/// show as not done loses its tick.
async fn remember(visit: &Visit<'_>, known: &Known) -> Result<(), PageError> {
    for step in Step::ALL.into_iter().filter(|step| step.may_be_unseen()) {
        let ticked = is_ticked(visit, step);
        let store = &visit.deps.store;
        match known.of(step) {
            Seen::Done if !ticked => store.tick_step(visit.id(), step.name(), true).await?,
            Seen::ToDo if ticked => store.tick_step(visit.id(), step.name(), false).await?,
            Seen::Done | Seen::ToDo | Seen::Nothing => continue,
        };
    }
    Ok(())
}

fn step_view(
    visit: &Visit<'_>,
    page: &Layout,
    step: Step,
    told: &known::Told,
    tally: &ArticleTally,
) -> StepView {
    let seen = told.known.of(step);
    let ticked = (seen == Seen::Nothing && step.may_be_unseen()).then(|| is_ticked(visit, step));
    let (state, class) = match (seen, ticked) {
        (Seen::Done, _) => ("checklist.done", "good"),
        (Seen::Nothing, Some(true)) => ("checklist.ticked", "good"),
        (Seen::Nothing, _) => ("checklist.unseen", "wait"),
        (Seen::ToDo, _) => ("checklist.to_do", "bad"),
    };
    let hints = match seen {
        Seen::Done if step == Step::Tariff => vec![page.t("checklist.hint_code").to_owned()],
        Seen::Done => Vec::new(),
        Seen::ToDo | Seen::Nothing => hints(page, step, seen),
    };
    StepView {
        name: step.name(),
        text: words(page, step, told, tally),
        state: page.t(state),
        class,
        ticked,
        hints,
        tariffs: if step == Step::Tariff {
            tariffs(page, &told.tariffs)
        } else {
            Vec::new()
        },
        link: (seen != Seen::Done).then(|| link(visit, page, step)).flatten(),
    }
}

fn words(page: &Layout, step: Step, told: &known::Told, tally: &ArticleTally) -> String {
    let key = match step {
        Step::Robaws => "checklist.step_robaws",
        Step::Productflow => "checklist.step_productflow",
        Step::Choices => "checklist.step_choices",
        Step::Checkbox => "checklist.step_checkbox",
        Step::Tariff => "checklist.step_tariff",
        Step::Accounting => "checklist.step_accounting",
        Step::VatGroup => "checklist.step_vat_group",
        Step::Abroad => "checklist.step_abroad",
        Step::Products => "checklist.step_products",
        Step::Articles => "checklist.step_articles",
        Step::TestOrder => "checklist.step_test_order",
    };
    let listed = |each: &dyn Fn(&VatTariff) -> String| {
        let all: Vec<String> = told.tariffs.iter().take(MOST_TARIFFS).map(each).collect();
        if all.is_empty() {
            "–".to_owned()
        } else {
            all.join(", ")
        }
    };
    let names = listed(&|tariff| short(&tariff.name, LONGEST_NAME));
    let codes = listed(&|tariff| tariff.id.to_string());
    let (with_code, lines) = told.known.coded();
    let (with_code, lines) = (with_code.to_string(), lines.to_string());
    let count = |number: u64| {
        let number = number.to_string();
        if tally.complete {
            number
        } else {
            page.f("checklist.at_least", &[("count", number.as_str())])
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
    page.f(key, &values)
}

fn hints(page: &Layout, step: Step, seen: Seen) -> Vec<String> {
    let text = |key| vec![page.t(key).to_owned()];
    match (step, seen) {
        (Step::Checkbox, _) => {
            let problem = Problem::new(ProblemCode::CheckboxMissing, Holds::Nothing, Args::new());
            vec![Told::of(&problem, page).fix]
        }
        (Step::Tariff, _) => text("checklist.hint_tariff"),
        (Step::Accounting, _) => text("checklist.hint_accounting"),
        (Step::VatGroup, Seen::ToDo) => vec![
            page.t("checklist.hint_other_code").to_owned(),
            page.t("checklist.hint_vat_group").to_owned(),
        ],
        (Step::VatGroup, _) => text("checklist.hint_vat_group"),
        (Step::Products, _) => text("checklist.hint_products"),
        _ => Vec::new(),
    }
}

fn tariffs(page: &Layout, tariffs: &[VatTariff]) -> Vec<TariffView> {
    let view = |tariff: &VatTariff| TariffView {
        name: short(&tariff.name, LONGEST_NAME),
        percentage: text::percent(tariff.percentage, page.language),
        code: tariff.id.to_string(),
    };
    tariffs.iter().take(MOST_TARIFFS).map(view).collect()
}

/// The page on which a step is done, if it is one of ours.
fn link(visit: &Visit<'_>, page: &Layout, step: Step) -> Option<(String, &'static str)> {
    let (path, key) = match step {
        Step::Robaws | Step::Productflow | Step::Choices if !page.is_set_up => {
            ("/set-up", "checklist.link_set_up")
        }
        Step::Robaws | Step::Productflow | Step::Choices => ("/settings", "menu.settings"),
        Step::Articles => ("/articles", "menu.articles"),
        Step::TestOrder => ("/orders", "menu.orders"),
        _ => return None,
    };
    Some((visit.path(path), page.t(key)))
}

/// `POST …/checklist`: ticks a step of which only the merchant can tell whether it is done, or takes the tick away.
async fn tick(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.form()?;
    let name = form.value("step").unwrap_or_default();
    let known = Step::ALL.into_iter().find(|step| step.name() == name);
    let step = known
        .filter(|step| step.may_be_unseen())
        .ok_or_else(|| ApiError::bad_request("step", "is not a step that can be ticked"))?;
    let ticked = form.has("ticked");
    visit
        .deps
        .store
        .tick_step(visit.id(), step.name(), ticked)
        .await?;
    tracing::info!(step = step.name(), ticked, "step ticked");
    Ok(visit.go("/checklist", Some("saved")))
}
