//! Groups open problems by their cause into notifications. Problems are stored with the orders, the articles and the
//! connection; a notification only follows from them, so it closes by itself when its last problem closes.

use crate::ids::{ArticleId, ConnectionId, DocumentId, OrderIdentifier, Sku};
use crate::problem::{Arg, Problem, ProblemCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How many entries of a list a notification names. Further entries are replaced by an ellipsis.
const MOST_NAMED_ENTRIES: usize = 20;

/// What a problem is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemSubject {
    Order {
        /// ProductFlow's id of the order.
        identifier: OrderIdentifier,
        /// Reference of the order, for people.
        reference: String,
        /// Id of the order's invoice in Robaws, once the invoice stands.
        invoice: Option<DocumentId>,
    },
    Article {
        /// Robaws' id of the article.
        article_id: ArticleId,
        /// Number of the article. `None` when it has none.
        number: Option<String>,
    },
    /// The connection itself.
    Connection,
}

impl ProblemSubject {
    fn cause_key(&self) -> String {
        match self {
            Self::Order { identifier, .. } => format!("order {identifier}"),
            Self::Article { article_id, .. } => format!("article {article_id}"),
            Self::Connection => "connection".to_owned(),
        }
    }
}

/// One open problem with its subject and history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenProblem {
    pub subject: ProblemSubject,
    pub problem: Problem,
    /// When the problem was first found.
    pub opened_at: Timestamp,
    /// When the problem was last found.
    pub last_seen_at: Timestamp,
    /// At how many looks the problem was found.
    pub count: u64,
}

/// What several open problems have in common. Mending the cause closes all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cause(String);

impl Cause {
    fn new(code: ProblemCode, of: &str) -> Self {
        Self(format!("{}|{of}", code.as_str()))
    }

    /// Id of the notification about this cause: 20 hex digits, a digest of connection and cause.
    pub fn notification_id(&self, connection: &ConnectionId) -> String {
        let mut hash = Sha256::new();
        for part in [connection.as_str(), self.0.as_str()] {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        hex::encode(&hash.finalize()[..10])
    }
}

/// All open problems of one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemGroup {
    /// The problem that stands for all of them, with their lists joined.
    pub problem: Problem,
    /// Identifier and reference of each order with the problem.
    pub orders: BTreeMap<OrderIdentifier, String>,
    /// Id of the order's invoice, when exactly one order has the problem.
    pub invoice: Option<DocumentId>,
    /// Number of the article that the problem is about.
    pub article: Option<String>,
    /// When the first of the problems was found.
    pub opened_at: Timestamp,
    /// When one of the problems was last found.
    pub last_seen_at: Timestamp,
    /// How often the problems were found, added up.
    pub count: u64,
}

pub fn group_by_cause(seen: impl IntoIterator<Item = SeenProblem>) -> BTreeMap<Cause, ProblemGroup> {
    let mut groups: BTreeMap<Cause, ProblemGroup> = BTreeMap::new();
    for seen in seen {
        for (cause, problem) in split_by_cause(&seen.problem, &seen.subject) {
            let article = find_article_number(&problem, &seen.subject);
            let group = groups.entry(cause).or_insert_with(|| ProblemGroup {
                problem: problem.clone(),
                orders: BTreeMap::new(),
                invoice: None,
                article,
                opened_at: seen.opened_at,
                last_seen_at: seen.last_seen_at,
                count: 0,
            });
            merge_problem(&mut group.problem, &problem);
            if let ProblemSubject::Order { identifier, reference, invoice } = &seen.subject {
                group.orders.insert(identifier.clone(), reference.clone());
                group.invoice.clone_from(invoice);
            }
            group.opened_at = group.opened_at.min(seen.opened_at);
            group.last_seen_at = group.last_seen_at.max(seen.last_seen_at);
            group.count = group.count.saturating_add(seen.count);
        }
    }
    for group in groups.values_mut() {
        // One invoice would be wrong for the other orders.
        if group.orders.len() > 1 {
            group.invoice = None;
        }
        for arg in group.problem.args.values_mut() {
            shorten_list(arg);
        }
    }
    groups
}

fn shorten_list(arg: &mut Arg) {
    if let Arg::List(items) = arg
        && items.len() > MOST_NAMED_ENTRIES
    {
        items.truncate(MOST_NAMED_ENTRIES);
        items.push("…".to_owned());
    }
}

/// Splits a problem into its causes. A problem that names two missing articles becomes two problems of one article each.
pub fn split_by_cause(problem: &Problem, subject: &ProblemSubject) -> Vec<(Cause, Problem)> {
    use ProblemCode as Code;
    let code = problem.code;
    let whole = |of: &str| vec![(Cause::new(code, of), problem.clone())];
    match code {
        Code::ArticleNotFound | Code::ArticleNotUnique | Code::ArticleNumberInvalid => {
            split_by_entry(problem, "articles", |name| (name.to_owned(), find_skus_named(problem, name)))
        }
        Code::VatNotInclusive => {
            split_by_entry(problem, "tariffs", |name| (name.to_owned(), problem.skus.clone()))
        }
        Code::VatCodeMissing => split_by_entry(problem, "lines", |name| {
            let sku = find_line_sku(problem, name);
            // A line without a number has nothing in common with lines of other orders, so its cause is the order's own.
            let of = sku.map_or_else(|| format!("{} {name}", subject.cause_key()), Sku::to_string);
            (of, sku.cloned().into_iter().collect())
        }),
        Code::VatTariffNotFound => whole(&arg_text(problem, "1")),
        Code::SettingGone => whole(&arg_text(problem, "setting")),
        Code::RobawsPermission => whole(&arg_text(problem, "module")),
        Code::VatCodeSameAbroad => {
            whole(&format!("{} {}", arg_text(problem, "country"), arg_text(problem, "code")))
        }
        Code::SalePriceVatUnknown
        | Code::RobawsCredentials
        | Code::ProductflowCredentials
        | Code::RobawsQuota
        | Code::RobawsUnreachable
        | Code::ProductflowUnreachable
        | Code::CheckboxMissing
        | Code::WebhookSilent
        | Code::WithdrawalHeld => whole(""),
        Code::RecordsDiffer => whole(&format!("{} {}", subject.cause_key(), arg_text(problem, "document"))),
        Code::OrderUnreadable
        | Code::OrderStatusUnknown
        | Code::OrderGone
        | Code::CurrencyNotSupported
        | Code::LineWithoutArticleNumber
        | Code::TotalMismatch
        | Code::CancelledAfterInvoice
        | Code::ChangedAfterInvoice
        | Code::ChangedAfterHandled
        | Code::EffectInDoubt
        | Code::PastUnknown
        | Code::PastUnmatched
        | Code::RobawsRefused
        | Code::BuyerIsBusiness
        | Code::InternalError
        | Code::ProductflowRefused
        | Code::ArticleFlips => whole(&subject.cause_key()),
    }
}

/// Splits a problem by the entries of its list argument `list`. `of` returns the cause and the SKUs of one entry.
fn split_by_entry(
    problem: &Problem,
    list: &str,
    of: impl Fn(&str) -> (String, Vec<Sku>),
) -> Vec<(Cause, Problem)> {
    let Some(Arg::List(items)) = problem.args.get(list) else {
        return vec![(Cause::new(problem.code, ""), problem.clone())];
    };
    let cut = |item: &String| {
        let (cause, skus) = of(item);
        let mut cut = problem.clone();
        cut.args.insert(list.to_owned(), Arg::List(vec![item.clone()]));
        cut.skus = skus;
        (Cause::new(problem.code, &cause), cut)
    };
    items.iter().map(cut).collect()
}

fn find_skus_named(problem: &Problem, name: &str) -> Vec<Sku> {
    let named = problem.skus.iter().filter(|sku| sku.as_str() == name);
    named.cloned().collect()
}

/// The SKU with which the name of a line begins. When several fit, the longest, because one SKU may begin with another.
fn find_line_sku<'a>(problem: &'a Problem, line: &str) -> Option<&'a Sku> {
    let begins = |sku: &&Sku| {
        line.strip_prefix(sku.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    problem.skus.iter().filter(begins).max_by_key(|sku| sku.as_str().len())
}

fn arg_text(problem: &Problem, name: &str) -> String {
    match problem.args.get(name) {
        None => String::new(),
        Some(Arg::Text(text) | Arg::Setting(text)) => text.clone(),
        Some(Arg::Document { effect, number }) => format!("{effect} {number}"),
        Some(other) => format!("{other:?}"),
    }
}

/// Joins the lists of two problems of one cause. Lines without a corresponding VAT tariff are joined in the text of argument 0.
fn merge_problem(into: &mut Problem, from: &Problem) {
    for (name, arg) in &from.args {
        match (into.args.get_mut(name), arg) {
            (Some(Arg::List(known)), Arg::List(more)) => add_new_entries(known, more),
            (Some(Arg::Text(known)), Arg::Text(more))
                if into.code == ProblemCode::VatTariffNotFound && name == "0" =>
            {
                let named: Vec<&str> = known.split(", ").collect();
                if !named.contains(&more.as_str()) && named.len() < MOST_NAMED_ENTRIES {
                    known.push_str(", ");
                    known.push_str(more);
                }
            }
            _ => {}
        }
    }
    add_new_entries(&mut into.skus, &from.skus);
    into.holds = into.holds.max(from.holds);
}

/// Adds entries that are not there yet. One entry more than can be named is kept, so that the reader sees that there are more.
fn add_new_entries<T: Clone + PartialEq>(known: &mut Vec<T>, more: &[T]) {
    for item in more {
        if known.len() > MOST_NAMED_ENTRIES {
            return;
        }
        if !known.contains(item) {
            known.push(item.clone());
        }
    }
}

/// Number, name or id by which people know the article that a problem is about.
fn find_article_number(problem: &Problem, subject: &ProblemSubject) -> Option<String> {
    use ProblemCode as Code;
    match problem.code {
        Code::ArticleNotFound | Code::ArticleNotUnique | Code::ArticleNumberInvalid => {
            match problem.args.get("articles") {
                Some(Arg::List(items)) => items.first().cloned(),
                _ => None,
            }
        }
        Code::VatCodeMissing => problem.skus.first().map(Sku::to_string),
        Code::ProductflowRefused | Code::ArticleFlips => match subject {
            ProblemSubject::Article { article_id, number } => {
                Some(number.clone().unwrap_or_else(|| article_id.to_string()))
            }
            ProblemSubject::Order { .. } | ProblemSubject::Connection => None,
        },
        _ => None,
    }
}

impl ProblemCode {
    /// How bad the problem is. Lists show the lowest rank first: 0 stops everything, 1 asks for a decision about money or stock,
    /// 2 holds something up, 3 is good to know.
    pub fn rank(self) -> u8 {
        match self {
            Self::RobawsCredentials
            | Self::ProductflowCredentials
            | Self::RobawsUnreachable
            | Self::ProductflowUnreachable
            | Self::RobawsQuota
            | Self::RobawsPermission
            | Self::SettingGone => 0,
            Self::EffectInDoubt
            | Self::PastUnknown
            | Self::PastUnmatched
            | Self::CancelledAfterInvoice
            | Self::ChangedAfterInvoice
            | Self::ChangedAfterHandled
            | Self::TotalMismatch
            | Self::RecordsDiffer
            | Self::WithdrawalHeld => 1,
            Self::ArticleNotFound
            | Self::VatCodeMissing
            | Self::VatNotInclusive
            | Self::VatTariffNotFound
            | Self::ArticleNotUnique
            | Self::ArticleNumberInvalid
            | Self::OrderUnreadable
            | Self::OrderStatusUnknown
            | Self::OrderGone
            | Self::CurrencyNotSupported
            | Self::LineWithoutArticleNumber
            | Self::RobawsRefused
            | Self::InternalError
            | Self::ProductflowRefused
            | Self::CheckboxMissing => 2,
            Self::BuyerIsBusiness
            | Self::SalePriceVatUnknown
            | Self::ArticleFlips
            | Self::WebhookSilent
            | Self::VatCodeSameAbroad => 3,
        }
    }
}

#[cfg(test)]
#[path = "notification_tests.rs"]
mod tests;
