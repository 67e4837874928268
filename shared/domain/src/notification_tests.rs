//! Tables and properties of how problems become notifications.

use super::*;
use crate::problem::{Holds, build_args};
use proptest::prelude::*;

fn at_minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
}

fn order_subject(identifier: &str) -> ProblemSubject {
    ProblemSubject::Order {
        identifier: OrderIdentifier::parse(identifier).unwrap(),
        reference: format!("108 ({identifier})"),
        invoice: None,
    }
}

fn article_subject(id: &str, number: &str) -> ProblemSubject {
    ProblemSubject::Article { article_id: ArticleId::parse(id).unwrap(), number: Some(number.to_owned()) }
}

fn list_problem(code: ProblemCode, name: &str, items: &[&str], skus: &[&str]) -> Problem {
    let items = Arg::List(items.iter().map(|item| (*item).to_owned()).collect());
    Problem {
        skus: skus.iter().map(|sku| Sku::parse(*sku).unwrap()).collect(),
        ..Problem::new(code, Holds::Lines, build_args([(name, items)]))
    }
}

fn seen_problem(subject: ProblemSubject, problem: Problem, minute: i64) -> SeenProblem {
    SeenProblem {
        subject,
        problem,
        opened_at: at_minute(minute),
        last_seen_at: at_minute(minute + 5),
        count: 2,
    }
}

fn list_items<'a>(group: &'a ProblemGroup, name: &str) -> Vec<&'a str> {
    match &group.problem.args[name] {
        Arg::List(items) => items.iter().map(String::as_str).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn orders_that_wait_for_one_article_are_one_and_an_order_that_waits_for_two_is_in_both() {
    let both = list_problem(ProblemCode::ArticleNotFound, "articles", &["A-9", "B-2"], &["A-9", "B-2"]);
    let one = list_problem(ProblemCode::ArticleNotFound, "articles", &["A-9"], &["A-9"]);
    let groups = group_by_cause([
        seen_problem(order_subject("PF-1"), both, 3),
        seen_problem(order_subject("PF-2"), one, 1),
    ]);
    let groups: Vec<&ProblemGroup> = groups.values().collect();
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0].article.as_deref(), Some("A-9"));
    assert_eq!(list_items(groups[0], "articles"), ["A-9"]);
    assert_eq!(groups[0].orders.len(), 2);
    assert_eq!(
        (groups[0].opened_at, groups[0].last_seen_at, groups[0].count),
        (at_minute(1), at_minute(8), 4)
    );
    assert_eq!(groups[1].article.as_deref(), Some("B-2"));
    assert_eq!(groups[1].orders.len(), 1);
}

#[test]
fn a_group_has_the_skus_of_its_cause_alone() {
    let both = list_problem(ProblemCode::ArticleNotFound, "articles", &["A-9", "B-2"], &["A-9", "B-2"]);
    let groups = group_by_cause([seen_problem(order_subject("PF-1"), both, 0)]);
    let skus: Vec<Vec<&str>> =
        groups.values().map(|group| group.problem.skus.iter().map(Sku::as_str).collect()).collect();
    assert_eq!(skus, [["A-9"], ["B-2"]]);
}

#[test]
fn the_invoice_is_shown_while_it_is_the_only_one() {
    let problem = || list_problem(ProblemCode::VatNotInclusive, "tariffs", &["7"], &[]);
    let invoiced = |identifier: &str, invoice: &str| ProblemSubject::Order {
        identifier: OrderIdentifier::parse(identifier).unwrap(),
        reference: identifier.to_owned(),
        invoice: Some(DocumentId::parse(invoice).unwrap()),
    };
    let shown = |seen: Vec<SeenProblem>| {
        let groups = group_by_cause(seen);
        assert_eq!(groups.len(), 1);
        groups.into_values().next().unwrap().invoice
    };
    let first = || seen_problem(invoiced("PF-1", "I-1"), problem(), 0);
    assert_eq!(shown(vec![first(), first()]), Some(DocumentId::parse("I-1").unwrap()));
    assert_eq!(shown(vec![first(), seen_problem(invoiced("PF-2", "I-2"), problem(), 0)]), None);
}

#[test]
fn what_a_problem_names_tells_its_cause() {
    let document = |number: &str| Arg::Document { effect: "invoice".to_owned(), number: number.to_owned() };
    for (code, name, one, other) in [
        (
            ProblemCode::SettingGone,
            "setting",
            Arg::Setting("b2c_client".to_owned()),
            Arg::Setting("stock_location".to_owned()),
        ),
        (ProblemCode::RobawsPermission, "module", "sales".into(), "stock".into()),
        (ProblemCode::RecordsDiffer, "document", document("2026-1"), document("2026-2")),
    ] {
        let groups = |args_: [&Arg; 2]| {
            let seen = args_.map(|arg| {
                let problem = Problem::new(code, Holds::Nothing, build_args([(name, arg.clone())]));
                seen_problem(order_subject("PF-1"), problem, 0)
            });
            group_by_cause(seen).len()
        };
        assert_eq!(groups([&one, &one]), 1, "{code:?}");
        assert_eq!(groups([&one, &other]), 2, "{code:?}");
    }
}

#[test]
fn only_the_lines_of_a_code_without_a_tariff_are_added_up() {
    let problem = |code, name: &str, text: &str| {
        let args = build_args([(name, text.into()), ("1", "99".into())]);
        seen_problem(order_subject("PF-1"), Problem::new(code, Holds::Nothing, args), 0)
    };
    for (code, name) in [(ProblemCode::VatTariffNotFound, "2"), (ProblemCode::CurrencyNotSupported, "0")] {
        let groups = group_by_cause([problem(code, name, "A-1"), problem(code, name, "B-1")]);
        let group = groups.values().next().unwrap();
        assert_eq!(group.problem.args[name], "A-1".into(), "{code:?}");
    }
    let lines: Vec<String> = (0..50).map(|n| format!("X{n}")).collect();
    let many = lines.iter().map(|line| problem(ProblemCode::VatTariffNotFound, "0", line));
    let groups = group_by_cause(many);
    assert_eq!(
        groups.values().next().unwrap().problem.args["0"],
        lines[..MOST_NAMED_ENTRIES].join(", ").as_str().into()
    );
}

#[test]
fn twenty_are_named_and_more_only_said_to_be_there() {
    let numbers: Vec<String> = (0..30).map(|n| format!("A-{n}")).collect();
    for (articles, named) in [(19, 19), (20, 20), (21, 20), (30, 20)] {
        let of = numbers[..articles].iter().map(String::as_str).collect::<Vec<_>>();
        let problem = list_problem(ProblemCode::PastUnmatched, "documents", &of, &[]);
        let groups = group_by_cause([seen_problem(order_subject("PF-1"), problem, 0)]);
        let found = groups.values().find_map(|group| group.problem.args.get("documents"));
        let Some(Arg::List(found)) = found else {
            panic!("{groups:?}");
        };
        let mut expected = numbers[..named].to_vec();
        if articles > named {
            expected.push("…".to_owned());
        }
        assert_eq!(*found, expected);
    }
}

#[test]
fn a_problem_of_an_article_names_it() {
    for code in [ProblemCode::ProductflowRefused, ProblemCode::ArticleFlips] {
        let named = |subject| {
            let problem = Problem::new(code, Holds::Nothing, build_args([]));
            let groups = group_by_cause([seen_problem(subject, problem, 0)]);
            groups.into_values().next().unwrap().article
        };
        assert_eq!(named(article_subject("12", "A-1")).as_deref(), Some("A-1"));
        let without_number =
            ProblemSubject::Article { article_id: ArticleId::parse("12").unwrap(), number: None };
        assert_eq!(named(without_number).as_deref(), Some("12"));
        assert_eq!(named(order_subject("PF-1")), None);
    }
}

#[test]
fn an_article_and_the_orders_for_it_are_one() {
    let problem = || list_problem(ProblemCode::ArticleNotUnique, "articles", &["A-1"], &["A-1"]);
    let groups = group_by_cause([
        seen_problem(order_subject("PF-1"), problem(), 0),
        seen_problem(article_subject("12", "A-1"), problem(), 0),
    ]);
    assert_eq!(groups.len(), 1);
}

#[test]
fn lines_without_a_vat_code_are_told_by_their_product() {
    let code = ProblemCode::VatCodeMissing;
    let first = list_problem(code, "lines", &["A-1 Drill (2×)", "A-1-B Bit (1×)"], &["A-1", "A-1-B"]);
    let second = list_problem(code, "lines", &["A-1 Drill (1×)"], &["A-1"]);
    let typed = list_problem(code, "lines", &["3 Gift (1×)"], &[]);
    let groups = group_by_cause([
        seen_problem(order_subject("PF-1"), first, 0),
        seen_problem(order_subject("PF-2"), second, 0),
        seen_problem(order_subject("PF-3"), typed.clone(), 0),
        seen_problem(order_subject("PF-4"), typed, 0),
    ]);
    let named: Vec<_> = groups.values().map(|group| (group.article.as_deref(), group.orders.len())).collect();
    assert_eq!(named, [(Some("A-1"), 2), (Some("A-1-B"), 1), (None, 1), (None, 1)]);
    let drill = groups.values().next().unwrap();
    assert_eq!(list_items(drill, "lines"), ["A-1 Drill (2×)", "A-1 Drill (1×)"]);
}

#[test]
fn one_code_without_a_tariff_is_one_and_names_every_line() {
    let problem = |line: &str| {
        Problem::new(
            ProblemCode::VatTariffNotFound,
            Holds::Invoice,
            build_args([("0", line.into()), ("1", "99".into())]),
        )
    };
    let groups = group_by_cause([
        seen_problem(order_subject("PF-1"), problem("A-1"), 0),
        seen_problem(order_subject("PF-2"), problem("B-1"), 0),
        seen_problem(order_subject("PF-3"), problem("A-1"), 0),
    ]);
    assert_eq!(groups.len(), 1);
    let group = groups.values().next().unwrap();
    assert_eq!(group.problem.args["0"], Arg::Text("A-1, B-1".to_owned()));
    assert_eq!(group.orders.len(), 3);
}

#[test]
fn what_only_concerns_one_order_is_told_per_order() {
    let problem = || Problem::new(ProblemCode::CancelledAfterInvoice, Holds::Nothing, build_args([]));
    let groups = group_by_cause([
        seen_problem(order_subject("PF-1"), problem(), 0),
        seen_problem(order_subject("PF-2"), problem(), 0),
    ]);
    assert_eq!(groups.len(), 2);
}

#[test]
fn a_long_list_is_cut() {
    let names: Vec<String> = (0..50).map(|n| format!("X{n}")).collect();
    let problems = names.iter().map(|name| {
        let problem = list_problem(ProblemCode::SalePriceVatUnknown, "articles", &[name], &[name]);
        seen_problem(article_subject(name, name), problem, 0)
    });
    let groups = group_by_cause(problems);
    let group = groups.values().next().unwrap();
    assert_eq!(list_items(group, "articles").len(), 21);
    assert_eq!(group.problem.skus.len(), 21);
    assert_eq!(list_items(group, "articles").last(), Some(&"…"));
}

#[test]
fn ids_differ_by_cause_and_connection_and_stay() {
    let connection = |id: &str| ConnectionId::parse(id).unwrap();
    let cause = Cause::new(ProblemCode::ArticleNotFound, "A-9");
    let id = cause.notification_id(&connection("shop"));
    assert_eq!(id.len(), 20);
    assert_eq!(id, cause.notification_id(&connection("shop")));
    assert_ne!(id, cause.notification_id(&connection("other")));
    assert_ne!(id, Cause::new(ProblemCode::ArticleNotFound, "A-8").notification_id(&connection("shop")));
}

proptest! {
    #[test]
    fn every_open_problem_is_in_a_notification_and_none_is_without_one(
        codes in proptest::collection::vec((0_usize..ProblemCode::ALL.len(), 0_u8..4, 0_u8..3), 0..30)
    ) {
        let problems: Vec<SeenProblem> = codes.iter().map(|(code, on, name)| {
            let name = format!("A-{name}");
            let args = build_args([
                ("articles", Arg::List(vec![name.clone()])), ("lines", Arg::List(vec![format!("{name} x (1×)")])),
                ("tariffs", Arg::List(vec![name.clone()])), ("0", name.as_str().into()), ("1", name.as_str().into()),
            ]);
            let mut problem = Problem::new(ProblemCode::ALL[*code], Holds::Nothing, args);
            problem.skus = vec![Sku::parse(name).unwrap()];
            seen_problem(order_subject(&format!("PF-{on}")), problem, 0)
        }).collect();
        let groups = group_by_cause(problems.clone());
        for seen in &problems {
            let ProblemSubject::Order { identifier, .. } = &seen.subject else { continue };
            for (cause, _) in split_by_cause(&seen.problem, &seen.subject) {
                prop_assert!(groups[&cause].orders.contains_key(identifier));
                prop_assert_eq!(groups[&cause].problem.code, seen.problem.code);
            }
        }
        for (cause, group) in &groups {
            let real = problems.iter().any(|seen| split_by_cause(&seen.problem, &seen.subject).iter().any(|(c, _)| c == cause));
            prop_assert!(real && !group.orders.is_empty());
        }
    }
}
