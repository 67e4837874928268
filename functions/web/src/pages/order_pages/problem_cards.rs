//! The problems of an order as cards of its page, and which control solves each problem.

use super::super::layout::Layout;
use super::order_words;
use domain::ids::{ArticleId, VatTariffId};
use domain::ledger::ArticleChoice;
use domain::order::LineFacts;
use domain::problem::{Arg, Problem, ProblemCode};
use domain::text;
use store::model::{OpenProblem, OrderRecord};

/// Most cards shown.
const MOST_CARDS: usize = 12;
/// Most messages shown on one card.
const MOST_MESSAGES: usize = 20;
/// Longest message shown, in characters.
const MOST_CHARACTERS: usize = 2_000;

/// The control that solves a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Solution {
    /// Choosing a VAT tariff for these lines, given by their index.
    Tariff(Vec<usize>),
    /// Choosing an article for each of these lines, given by their index.
    Article(Vec<usize>),
    /// Saying whether the document in doubt is in Robaws.
    InDoubt,
    /// Having the rest booked, after the ledger was lost and rebuilt.
    BookRest,
    /// Deciding what becomes of the invoice and of the stock.
    Undo,
    /// No control of this page, except looking again or closing the order as handled.
    Elsewhere,
}

/// A problem, or several problems of the same code.
pub struct ProblemCard {
    pub code: ProblemCode,
    pub title: String,
    /// What exactly is wrong, one message per problem.
    pub messages: Vec<String>,
    /// The number of messages that are not shown.
    pub more: usize,
    pub fix: String,
    /// Since when the problem is open, and how often it was found.
    pub seen: String,
    pub solution: Solution,
    /// Text key of the button that has the order looked at again; `None` where that cannot help.
    pub retry: Option<&'static str>,
    /// Whether closing the order as handled is offered as a way out.
    pub handled: bool,
}

impl ProblemCard {
    /// Adds another problem of the same code, about other lines.
    fn add_message(&mut self, message: String, solution: Solution) {
        if self.messages.len() < MOST_MESSAGES {
            self.messages.push(message);
        } else {
            self.more += 1;
        }
        if let (Solution::Tariff(lines), Solution::Tariff(others)) = (&mut self.solution, solution) {
            lines.extend(others);
            lines.sort_unstable();
            lines.dedup();
        }
    }
}

/// Renders the open problems. Missing VAT tariffs, which are one problem per line, share a card.
pub fn render_cards(record: &OrderRecord, page: &Layout) -> Vec<ProblemCard> {
    let mut cards: Vec<ProblemCard> = Vec::new();
    for open in order_words::open_problems(record) {
        let message = render_message(&open.problem, page);
        let is_known = |card: &ProblemCard| {
            open.problem.code == ProblemCode::VatTariffNotFound && card.code == open.problem.code
        };
        if let Some(card) = cards.iter_mut().find(|card| is_known(card)) {
            card.add_message(message, find_solution(record, &open.problem));
        } else if cards.len() < MOST_CARDS {
            cards.push(render_card(record, open, message, page));
        }
    }
    cards
}

fn render_message(problem: &Problem, page: &Layout) -> String {
    let message = text::render_problem(problem, page.language).message;
    page.typeset_text(&order_words::cut_text(&message, MOST_CHARACTERS))
}

fn render_card(record: &OrderRecord, open: &OpenProblem, message: String, page: &Layout) -> ProblemCard {
    let rendered = text::render_problem(&open.problem, page.language);
    let code = open.problem.code;
    let (since, at) = (page.format_moment(open.opened_at), page.format_moment(open.last_seen_at));
    let count = open.count.to_string();
    let seen = match open.count {
        1 => page.fill_text("order.seen_once", &[("at", &since)]),
        _ => page.fill_text("order.seen", &[("since", &since), ("count", &count), ("at", &at)]),
    };
    let (retry, handled) = offered_buttons(code);
    ProblemCard {
        code,
        title: page.typeset_text(&rendered.title),
        messages: vec![message],
        more: 0,
        fix: page.typeset_text(&order_words::cut_text(&rendered.fix, MOST_CHARACTERS)),
        seen,
        solution: find_solution(record, &open.problem),
        retry,
        handled,
    }
}

/// The text key of the button for looking again, if that may help, and whether closing the order as handled is offered.
fn offered_buttons(code: ProblemCode) -> (Option<&'static str>, bool) {
    use ProblemCode as P;
    match code {
        P::ArticleNotFound
        | P::ArticleNotUnique
        | P::ArticleNumberInvalid
        | P::VatCodeMissing
        | P::VatNotInclusive
        | P::VatTariffNotFound => (Some("order.retry"), false),
        P::RobawsPermission
        | P::RobawsCredentials
        | P::ProductflowCredentials
        | P::RobawsQuota
        | P::RobawsUnreachable
        | P::ProductflowUnreachable
        | P::CheckboxMissing
        | P::SettingGone
        | P::EffectInDoubt => (Some("order.recheck"), false),
        P::BuyerIsBusiness | P::TotalMismatch => (Some("order.recheck"), true),
        P::CancelledAfterInvoice
        | P::ChangedAfterInvoice
        | P::ChangedAfterHandled
        | P::RecordsDiffer
        | P::PastUnknown
        | P::PastUnmatched => (None, true),
        _ => (Some("order.retry"), true),
    }
}

fn find_solution(record: &OrderRecord, problem: &Problem) -> Solution {
    use ProblemCode as P;
    let lines = order_words::order_lines(record);
    let places = |concerned: &dyn Fn(&LineFacts) -> bool| {
        let concerned = lines.iter().enumerate().filter(|(_, line)| concerned(line));
        concerned.map(|(place, _)| place).collect()
    };
    match problem.code {
        P::ArticleNotFound | P::ArticleNotUnique | P::ArticleNumberInvalid | P::LineWithoutArticleNumber => {
            Solution::Article(places(&|line| lacks_article(record, line, problem)))
        }
        P::VatCodeMissing | P::VatNotInclusive | P::VatTariffNotFound => {
            Solution::Tariff(places(&|line| lacks_tariff(record, line, problem)))
        }
        P::EffectInDoubt if record.ledger.find_row_in_doubt().is_some() => Solution::InDoubt,
        P::PastUnknown => Solution::BookRest,
        P::CancelledAfterInvoice | P::ChangedAfterInvoice if record.ledger.find_invoice().is_some() => {
            Solution::Undo
        }
        _ => Solution::Elsewhere,
    }
}

/// Whether the problem is about the article of this line. A line for which another article was chosen since then is left out.
fn lacks_article(record: &OrderRecord, line: &LineFacts, problem: &Problem) -> bool {
    let chosen = record.ledger.find_choice(&line.id).and_then(|choice| choice.article.as_ref());
    match chosen {
        None if problem.code == ProblemCode::LineWithoutArticleNumber => line.sku.is_none(),
        None => line.sku.as_ref().is_some_and(|sku| problem.skus.contains(sku)),
        Some(ArticleChoice::Article(id)) => list_contains(problem, "articles", ArticleId::as_str(id)),
        Some(ArticleChoice::None) => false,
    }
}

/// Whether the problem is about the VAT tariff of this line: the chosen tariff, else the tariff of its VAT code.
fn lacks_tariff(record: &OrderRecord, line: &LineFacts, problem: &Problem) -> bool {
    let chosen = record.ledger.find_choice(&line.id).and_then(|choice| choice.vat_tariff_id.as_ref());
    let code = chosen.or(line.vat_code.as_ref()).map(VatTariffId::as_str);
    match (problem.code, code) {
        (ProblemCode::VatCodeMissing, code) => code.is_none(),
        (ProblemCode::VatTariffNotFound, Some(code)) => {
            matches!(problem.args.get("1"), Some(Arg::Text(known)) if known == code)
                && problem.skus.first() == line.sku.as_ref()
        }
        (ProblemCode::VatNotInclusive, Some(code)) => {
            list_has_ending(problem, "tariffs", &format!("({code})"))
        }
        _ => false,
    }
}

fn list_argument<'a>(problem: &'a Problem, name: &str) -> &'a [String] {
    match problem.args.get(name) {
        Some(Arg::List(items)) => items,
        _ => &[],
    }
}

fn list_contains(problem: &Problem, name: &str, wanted: &str) -> bool {
    list_argument(problem, name).iter().any(|item| item == wanted)
}

/// Whether an item of the list ends with `end`. The problem names tariffs as `21% (8)`, with the id in parentheses.
fn list_has_ending(problem: &Problem, name: &str, end: &str) -> bool {
    list_argument(problem, name).iter().any(|item| item.ends_with(end))
}
