//! One article of the list, in the reader's words.

use super::super::layout::Layout;
use super::super::problem_words::{ProblemWords, shorten_to};
use domain::problem::Holds;
use domain::text;
use store::article_record::{ArticleRecord, ArticleState};

/// Longest article number shown, in characters.
const LONGEST_NUMBER: usize = 100;
/// Most problems shown of one article.
const MOST_PROBLEMS: usize = 2;
/// Longest message shown of one problem, in characters.
const LONGEST_MESSAGE: usize = 200;

/// The texts of one row.
pub(super) struct ArticleRow {
    pub(super) number: String,
    pub(super) state: &'static str,
    pub(super) class: &'static str,
    pub(super) quantity: Option<String>,
    pub(super) cost_price: Option<String>,
    pub(super) sale_price: Option<String>,
    pub(super) sent_at: Option<String>,
    pub(super) problems: Vec<ProblemWords>,
}

impl ArticleRow {
    pub(super) fn from_record(record: &ArticleRecord, page: &Layout) -> Self {
        let sent = record.sent.as_ref();
        let value = |name: &str| sent.and_then(|sent| sent.values.get(name)).map(String::as_str);
        let price = |name: &str| {
            let price = value(name).and_then(|text| text.parse().ok())?;
            Some(text::format_price(price, page.language))
        };
        let number = record.number.as_deref().filter(|number| !number.is_empty());
        let number = number.map_or_else(
            || page.fill_text("articles.without_number", &[("id", record.article_id.as_str())]),
            str::to_owned,
        );
        let (state, class) = describe_state(record);
        let problems = record.problems.iter().take(MOST_PROBLEMS);
        let told = problems.map(|open| ProblemWords::from_problem(&open.problem, page));
        Self {
            number: shorten_to(&number, LONGEST_NUMBER),
            state: page.text_for(state),
            class,
            quantity: value("quantity").map(str::to_owned),
            cost_price: price("cost_price"),
            sale_price: price("sale_price"),
            sent_at: sent.and_then(|sent| sent.at).map(|at| page.format_moment(at)),
            problems: told
                .map(|told| ProblemWords { message: shorten_to(&told.message, LONGEST_MESSAGE), ..told })
                .collect(),
        }
    }
}

/// The state as people see it: the key of its text, and the class of its colour.
fn describe_state(record: &ArticleRecord) -> (&'static str, &'static str) {
    let keeps_no_stock = record.facts.as_ref().is_some_and(|facts| !facts.stock_article);
    let quantity = record.sent.as_ref().and_then(|sent| sent.values.get("quantity"));
    let is_gone = record.facts.as_ref().is_some_and(|facts| !facts.live);
    match record.state() {
        // The article was sent all the same: its problems hold back only a part of it, such as the sale price.
        ArticleState::Problem if record.sent.is_some() && holds_nothing(record) => {
            ("articles.state_sent_with_problem", "wait")
        }
        ArticleState::Problem => ("articles.state_problem", "bad"),
        ArticleState::Due => ("articles.state_waiting", "wait"),
        ArticleState::Sent if keeps_no_stock && quantity.is_some_and(|quantity| quantity == "0") => {
            ("articles.state_no_stock", "good long")
        }
        ArticleState::Sent => ("articles.state_sent", "good"),
        ArticleState::Off if record.attempt > 0 => ("articles.state_withdrawn", ""),
        ArticleState::Off if is_gone => ("articles.state_gone", ""),
        ArticleState::Off => ("articles.state_off", ""),
    }
}

fn holds_nothing(record: &ArticleRecord) -> bool {
    let mut problems = record.problems.iter();
    problems.all(|open| open.problem.holds == Holds::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::article::ArticleFacts;
    use domain::ids::{ArticleId, ConnectionId, Sku};
    use domain::problem::{Args, Problem, ProblemCode};
    use jiff::Timestamp;
    use rstest::rstest;
    use std::collections::BTreeMap;
    use store::article_record::{ArticleDueKind, SentListing};

    fn record_with_quantity(stock_article: bool, quantity: Option<&str>) -> ArticleRecord {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let connection = ConnectionId::parse("shop").unwrap();
        let mut record = ArticleRecord::new(connection, ArticleId::parse("1").unwrap(), now);
        record.facts = Some(ArticleFacts { number: Some("A-1".to_owned()), stock_article, live: true });
        record.sent = quantity.map(|quantity| SentListing {
            sku: Sku::parse("A-1").unwrap(),
            product: None,
            offer: None,
            values: BTreeMap::from([("quantity".to_owned(), quantity.to_owned())]),
            at: Some(now),
        });
        record.attempt = u64::from(quantity.is_some());
        record
    }

    #[rstest]
    #[case(true, Some("3"), "articles.state_sent")]
    #[case(true, Some("0"), "articles.state_sent")]
    #[case(false, Some("0"), "articles.state_no_stock")]
    #[case(false, Some("3"), "articles.state_sent")]
    #[case(true, None, "articles.state_off")]
    fn every_state_has_its_words(
        #[case] stock_article: bool,
        #[case] quantity: Option<&str>,
        #[case] expected: &str,
    ) {
        assert_eq!(describe_state(&record_with_quantity(stock_article, quantity)).0, expected);
    }

    #[test]
    fn what_was_sent_once_is_withdrawn_and_what_is_wrong_is_told_from_what_was_not_sent() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let mut withdrawn = record_with_quantity(true, Some("3"));
        withdrawn.sent = None;
        assert_eq!(describe_state(&withdrawn).0, "articles.state_withdrawn");
        let mut gone = record_with_quantity(true, None);
        gone.facts.as_mut().unwrap().live = false;
        assert_eq!(describe_state(&gone).0, "articles.state_gone");
        let problem = |code, holds| Problem::new(code, holds, Args::new());
        let mut partly = record_with_quantity(true, Some("3"));
        partly.set_problems(vec![problem(ProblemCode::SalePriceVatUnknown, Holds::Nothing)], now);
        assert_eq!(describe_state(&partly).0, "articles.state_sent_with_problem");
        let mut refused = record_with_quantity(true, Some("3"));
        refused.set_problems(vec![problem(ProblemCode::ProductflowRefused, Holds::Everything)], now);
        assert_eq!(describe_state(&refused).0, "articles.state_problem");
        let mut due = record_with_quantity(true, Some("3"));
        due.make_due_now(ArticleDueKind::Change, now);
        assert_eq!(describe_state(&due).0, "articles.state_waiting");
    }
}
