//! The problems of an order as cards of its page, and which control solves each problem.

use super::super::layout::Layout;
use super::words;
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
pub struct Card {
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

impl Card {
    /// Adds another problem of the same code, about other lines.
    fn join(&mut self, message: String, solution: Solution) {
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
pub fn cards(record: &OrderRecord, page: &Layout) -> Vec<Card> {
    let mut cards: Vec<Card> = Vec::new();
    for open in words::open(record) {
        let message = message(&open.problem, page);
        let is_known = |card: &Card| {
            open.problem.code == ProblemCode::VatTariffNotFound && card.code == open.problem.code
        };
        if let Some(card) = cards.iter_mut().find(|card| is_known(card)) {
            card.join(message, solution(record, &open.problem));
        } else if cards.len() < MOST_CARDS {
            cards.push(card(record, open, message, page));
        }
    }
    cards
}

fn message(problem: &Problem, page: &Layout) -> String {
    let message = text::render(problem, page.language).message;
    page.typeset(&words::cut(&message, MOST_CHARACTERS))
}

fn card(record: &OrderRecord, open: &OpenProblem, message: String, page: &Layout) -> Card {
    let rendered = text::render(&open.problem, page.language);
    let code = open.problem.code;
    let (since, at) = (page.moment(open.opened_at), page.moment(open.last_seen_at));
    let count = open.count.to_string();
    let seen = match open.count {
        1 => page.f("order.seen_once", &[("at", &since)]),
        _ => page.f("order.seen", &[("since", &since), ("count", &count), ("at", &at)]),
    };
    let (retry, handled) = buttons(code);
    Card {
        code,
        title: page.typeset(&rendered.title),
        messages: vec![message],
        more: 0,
        fix: page.typeset(&words::cut(&rendered.fix, MOST_CHARACTERS)),
        seen,
        solution: solution(record, &open.problem),
        retry,
        handled,
    }
}

/// The text key of the button for looking again, if that may help, and whether closing the order as handled is offered.
fn buttons(code: ProblemCode) -> (Option<&'static str>, bool) {
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

fn solution(record: &OrderRecord, problem: &Problem) -> Solution {
    use ProblemCode as P;
    let lines = words::lines(record);
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
        P::EffectInDoubt if record.ledger.in_doubt().is_some() => Solution::InDoubt,
        P::PastUnknown => Solution::BookRest,
        P::CancelledAfterInvoice | P::ChangedAfterInvoice if record.ledger.invoice().is_some() => {
            Solution::Undo
        }
        _ => Solution::Elsewhere,
    }
}

/// Whether the problem is about the article of this line. A line for which another article was chosen since then is left out.
fn lacks_article(record: &OrderRecord, line: &LineFacts, problem: &Problem) -> bool {
    let chosen = record
        .ledger
        .choice(&line.id)
        .and_then(|choice| choice.article.as_ref());
    match chosen {
        None if problem.code == ProblemCode::LineWithoutArticleNumber => line.sku.is_none(),
        None => line.sku.as_ref().is_some_and(|sku| problem.skus.contains(sku)),
        Some(ArticleChoice::Article(id)) => names(problem, "articles", ArticleId::as_str(id)),
        Some(ArticleChoice::None) => false,
    }
}

/// Whether the problem is about the VAT tariff of this line: the chosen tariff, else the tariff of its VAT code.
fn lacks_tariff(record: &OrderRecord, line: &LineFacts, problem: &Problem) -> bool {
    let chosen = record
        .ledger
        .choice(&line.id)
        .and_then(|choice| choice.vat_tariff_id.as_ref());
    let code = chosen.or(line.vat_code.as_ref()).map(VatTariffId::as_str);
    match (problem.code, code) {
        (ProblemCode::VatCodeMissing, code) => code.is_none(),
        (ProblemCode::VatTariffNotFound, Some(code)) => {
            matches!(problem.args.get("1"), Some(Arg::Text(known)) if known == code)
                && problem.skus.first() == line.sku.as_ref()
        }
        (ProblemCode::VatNotInclusive, Some(code)) => ends_with(problem, "tariffs", &format!("({code})")),
        _ => false,
    }
}

fn list<'a>(problem: &'a Problem, name: &str) -> &'a [String] {
    match problem.args.get(name) {
        Some(Arg::List(items)) => items,
        _ => &[],
    }
}

fn names(problem: &Problem, name: &str, wanted: &str) -> bool {
    list(problem, name).iter().any(|item| item == wanted)
}

/// Whether an item of the list ends with `end`. The problem names tariffs as `21% (8)`, with the id in parentheses.
fn ends_with(problem: &Problem, name: &str, end: &str) -> bool {
    list(problem, name).iter().any(|item| item.ends_with(end))
}
