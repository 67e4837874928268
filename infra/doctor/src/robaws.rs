//! Checks the assumptions about Robaws by reading one tenant.

mod article_fields;
mod documents;

use crate::finding::Verdict;
use crate::notes::Notes;
use crate::reader::{Answer, Caller, Reader};
use crate::shape::{self, FLAG, Field, ID, JsonKind, NUMBER, TEXT};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Percentages (0 to 100) of the tenant's VAT tariffs, by tariff id.
pub(crate) type TariffPercentages = BTreeMap<String, Decimal>;

/// An article id that no article has.
const UNKNOWN_ID: &str = "999999999999";
/// `size` of a list that is read only to see its fields.
const ROWS_PER_PAGE: &str = "50";

/// Which lists of the tenant could be read.
#[derive(Default)]
struct ListAccess {
    /// Modules whose list was refused with 403.
    forbidden_modules: BTreeSet<String>,
    /// Number of lists that were read.
    lists_read: usize,
}

/// Examines a tenant, and returns its VAT tariffs for the checks of ProductFlow's amounts.
pub(crate) async fn examine_tenant(reader: &Reader, notes: &mut Notes) -> TariffPercentages {
    let mut lists = ListAccess::default();
    if !check_access(reader, notes, &mut lists).await {
        return TariffPercentages::new();
    }
    let tariffs = check_tariffs(reader, notes, &mut lists).await;
    article_fields::examine_articles(reader, notes, &mut lists).await;
    documents::examine_documents(reader, notes, &mut lists).await;
    check_parties(reader, notes, &mut lists).await;
    if let Ok(rows) = lists.read_list(reader, notes, "tasks", &[]).await {
        check_task_words(notes, &as_refs(&rows));
    }
    if let Ok(rows) = lists.read_list(reader, notes, "webhook-endpoints", &[]).await {
        check_webhooks(notes, &as_refs(&rows));
    }
    if lists.forbidden_modules.is_empty() {
        notes.note_confirmed("rw-modules", format!("{} lists answered, none with 403", lists.lists_read));
    } else {
        let found = shape::quote_names(lists.forbidden_modules.iter().map(String::as_str));
        notes.note_refuted("rw-modules", format!("403 from {found}"));
    }
    tariffs
}

fn as_refs(rows: &[Value]) -> Vec<&Value> {
    rows.iter().collect()
}

/// The rows of a list page, and the number of rows on all list pages.
fn parse_list_page(body: &Value) -> Option<(Vec<Value>, Option<u64>)> {
    let items = body.get("items")?.as_array()?.clone();
    Some((items, body.get("totalItems").and_then(Value::as_u64)))
}

fn judge_fields(notes: &mut Notes, id: &'static str, rows: &[&Value], fields: &[Field]) {
    for field in fields {
        let (verdict, found) = field.judge_rows(rows);
        notes.note_verdict(id, verdict, found);
    }
}

impl ListAccess {
    /// Reads one list page; notes its shape, and a module that is not granted. An error says in words why there is none.
    async fn read_list(
        &mut self,
        reader: &Reader,
        notes: &mut Notes,
        module: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<Value>, String> {
        let (rows, _) = self.read_counted_list(reader, notes, module, query).await?;
        Ok(rows)
    }

    /// As [`Self::list`], with the number of rows on all list pages.
    async fn read_counted_list(
        &mut self,
        reader: &Reader,
        notes: &mut Notes,
        module: &str,
        query: &[(&str, &str)],
    ) -> Result<(Vec<Value>, Option<u64>), String> {
        let mut whole = query.to_vec();
        if !query.iter().any(|(name, _)| *name == "size") {
            whole.push(("size", ROWS_PER_PAGE));
        }
        if !query.iter().any(|(name, _)| *name == "page") {
            whole.push(("page", "0"));
        }
        let answer = reader.get(&[module], &whole, Caller::Connection).await?;
        if answer.status == 403 {
            self.forbidden_modules.insert(module.to_owned());
            check_error_body(notes, &answer);
        }
        let body = answer.json.as_ref().filter(|_| answer.is_success());
        let Some(body) = body else {
            return Err(format!("`{module}` answers {}", answer.in_words()));
        };
        let Some(found) = parse_list_page(body) else {
            let keys = shape::field_names(&[body]);
            let keys = shape::quote_names(keys.iter().map(String::as_str));
            let shown = if body.is_array() { "a bare list" } else { &keys };
            notes.note_refuted("rw-pages", format!("no list `items` in `{module}`, but {shown}"));
            return Err(format!("`{module}` is no list that we can read"));
        };
        self.lists_read += 1;
        judge_fields(
            notes,
            "rw-pages",
            &[body],
            &[
                Field::always_filled("totalItems", &[JsonKind::Whole], &["total", "count"]),
                Field::always_filled("totalPages", &[JsonKind::Whole], &["pages", "last"]),
            ],
        );
        Ok(found)
    }
}

/// The first call: whether Robaws answers and takes the credentials. `false`: nothing more can be asked.
async fn check_access(reader: &Reader, notes: &mut Notes, lists: &mut ListAccess) -> bool {
    let query = [("page", "0"), ("size", ROWS_PER_PAGE)];
    let first = match reader.get(&["stock-locations"], &query, Caller::Connection).await {
        Ok(answer) => answer,
        Err(reason) => {
            notes.note_open("rw-access", reason);
            return false;
        }
    };
    if first.status == 401 || (300..400).contains(&first.status) {
        let blocked = first.header_text("x-robaws-unauthorized-reason").is_some();
        let more = if blocked { ", with `X-Robaws-Unauthorized-Reason`" } else { "" };
        notes.note_refuted("rw-access", format!("{}{more}", first.in_words()));
        reader.stop_reading(format!("Robaws refuses key and secret ({})", first.status)).await;
        return false;
    }
    // A 403 shows that the credentials are good and only the module is not granted, so the examination goes on.
    if first.status == 403 {
        notes.note_confirmed("rw-access", "the key is known, the module is not granted");
        lists.forbidden_modules.insert("stock-locations".to_owned());
        check_error_body(notes, &first);
    } else if first.is_success() && first.json.is_some() {
        notes.note_confirmed("rw-access", first.in_words());
    } else {
        notes.note_open("rw-access", first.in_words());
        reader.stop_reading(format!("Robaws answers the first call {}", first.in_words())).await;
        return false;
    }
    check_rate_headers(reader, notes, &first).await;
    if let Some((rows, _)) = first.json.as_ref().and_then(parse_list_page) {
        lists.lists_read += 1;
        let fields = [
            Field::always_filled("id", ID, &["id"]),
            Field::always_filled("name", TEXT, &["name", "title", "label"]),
        ];
        judge_fields(notes, "rw-stock-locations", &as_refs(&rows), &fields);
    } else if first.is_success() {
        let keys = first.json.as_ref().map(|body| shape::field_names(&[body]));
        let keys = keys.unwrap_or_default();
        let keys = shape::quote_names(keys.iter().map(String::as_str));
        notes.note_refuted("rw-pages", format!("no list `items`, but {keys}"));
        notes.note_open("rw-stock-locations", "the list can't be read");
    }
    check_replica(reader, notes, &first).await;
    check_not_found(reader, notes).await;
    true
}

async fn check_rate_headers(reader: &Reader, notes: &mut Notes, answer: &Answer) {
    let named = [
        "x-ratelimit-remaining",
        "x-ratelimit-daily-remaining",
        "x-ratelimit-daily-limit",
        "x-ratelimit-daily-reset",
    ];
    let missing: Vec<&str> =
        named.iter().copied().filter(|name| answer.header_number(name).is_none()).collect();
    let seen = reader.limit_headers().await;
    let seen = shape::quote_names(seen.iter().map(String::as_str));
    let remaining = answer.header_number(named[1]).zip(answer.header_number(named[2]));
    let reset = answer.header_number(named[3]);
    if !missing.is_empty() {
        let missing = shape::quote_names(missing);
        notes.note_refuted("rw-rate-headers", format!("no whole number in {missing}; seen: {seen}"));
    } else if remaining.is_some_and(|(left, limit)| left > limit) {
        notes.note_refuted("rw-rate-headers", "more is left of the day than its limit");
    } else if reset.is_some_and(|seconds| seconds > 86_400) {
        notes.note_refuted("rw-rate-headers", "the day's reset is more than 86,400 away: no seconds");
    } else {
        notes.note_confirmed("rw-rate-headers", format!("{seen}, whole numbers"));
    }
}

async fn check_replica(reader: &Reader, notes: &mut Notes, live: &Answer) {
    const LEFT: &str = "x-ratelimit-daily-remaining";
    let query = [("page", "0"), ("size", "1")];
    match reader.get(&["stock-locations"], &query, Caller::ConnectionOnReplica).await {
        Err(reason) => notes.note_open("rw-replica", reason),
        Ok(answer) if answer.status == 403 => notes.note_open("rw-replica", answer.in_words()),
        Ok(answer) if !answer.is_success() => notes.note_refuted("rw-replica", answer.in_words()),
        Ok(answer) => match (live.header_number(LEFT), answer.header_number(LEFT)) {
            // The connection may be calling at the same time, so the quota may fall by more than one. Only a fall by exactly one
            // shows that the replica counts on the same quota.
            (Some(live), Some(replica)) if replica + 1 == live => {
                notes.note_refuted("rw-replica", "it answers, and counts on the live quota");
            }
            (Some(_), Some(_)) => {
                notes.note_confirmed("rw-replica", "it answers, and its quota is another one");
            }
            _ => notes.note_open("rw-replica", "it answers, and shows no quota"),
        },
    }
}

async fn check_not_found(reader: &Reader, notes: &mut Notes) {
    match reader.get(&["articles", UNKNOWN_ID], &[], Caller::Connection).await {
        Err(reason) => notes.note_open("rw-error-body", reason),
        Ok(answer) if matches!(answer.status, 403 | 404) => check_error_body(notes, &answer),
        Ok(answer) => {
            notes
                .note_refuted("rw-error-body", format!("an article that can't exist: {}", answer.in_words()));
        }
    }
}

fn check_error_body(notes: &mut Notes, answer: &Answer) {
    let Some(body) = &answer.json else {
        notes.note_refuted("rw-error-body", answer.in_words());
        return;
    };
    let keys = ["status", "error", "path", "correlationId"];
    let missing: Vec<&str> = keys.iter().copied().filter(|key| body.get(key).is_none()).collect();
    if missing.is_empty() {
        let keys = shape::field_names(&[body]);
        let keys = shape::quote_names(keys.iter().map(String::as_str));
        notes.note_confirmed("rw-error-body", format!("{}: {keys}", answer.status));
    } else {
        let missing = shape::quote_names(missing);
        notes.note_refuted("rw-error-body", format!("{} without {missing}", answer.status));
    }
}

async fn check_tariffs(reader: &Reader, notes: &mut Notes, lists: &mut ListAccess) -> TariffPercentages {
    let rows = match lists.read_list(reader, notes, "vat-tariffs", &[("size", "100")]).await {
        Ok(rows) => rows,
        Err(reason) => {
            notes.note_all_open(&["rw-vat-tariffs", "rw-vat-inclusive"], &reason);
            return TariffPercentages::new();
        }
    };
    let refs = as_refs(&rows);
    let fields = [
        Field::always_filled("id", ID, &["id"]),
        Field::sometimes_filled("name", TEXT, &["name"]),
        Field::always_filled("percentage", NUMBER, &["percent", "rate", "value"]),
    ];
    judge_fields(notes, "rw-vat-tariffs", &refs, &fields);
    let percentages = || refs.iter().filter_map(|row| shape::read_decimal(row.get("percentage")?));
    // 0 alone decides nothing: it is the same as a percentage and as a fraction.
    if percentages().any(|p| p > Decimal::ZERO) && percentages().all(|p| p < Decimal::ONE) {
        notes.note_refuted("rw-vat-tariffs", "`percentage` is a fraction below 1");
    }
    let inclusive = Field::sometimes_filled("vatInclusive", FLAG, &["incl", "include"]);
    let (verdict, found) = inclusive.judge_rows(&refs);
    let ticked = refs.iter().filter(|row| row["vatInclusive"] == Value::Bool(true));
    match (verdict, ticked.count()) {
        (Verdict::Confirmed, 0) => {
            notes.note_confirmed("rw-vat-inclusive", format!("{found}; no tariff is inclusive"));
        }
        (Verdict::Confirmed, n) => {
            notes.note_confirmed("rw-vat-inclusive", format!("{found}; {n} inclusive"));
        }
        (Verdict::NotDecidable, _) if !refs.is_empty() => {
            let all = shape::field_names(&refs);
            let all = shape::quote_names(all.iter().map(String::as_str));
            notes.note_refuted("rw-vat-inclusive", format!("no `vatInclusive`; the fields are {all}"));
        }
        (verdict, _) => notes.note_verdict("rw-vat-inclusive", verdict, found),
    }
    // The tariffs are returned even where an assumption about them is refuted: ProductFlow's amounts can be checked with what is
    // readable.
    let pairs = refs.iter().filter_map(|row| {
        Some((shape::read_text(row.get("id"))?, shape::read_decimal(row.get("percentage")?)?))
    });
    pairs.collect()
}

async fn check_parties(reader: &Reader, notes: &mut Notes, lists: &mut ListAccess) {
    for (module, name) in [("users", "fullName"), ("companies", "name"), ("payment-conditions", "name")] {
        match lists.read_list(reader, notes, module, &[]).await {
            Ok(rows) => {
                let fields = [
                    Field::always_filled("id", ID, &["id"]),
                    Field::always_filled(name, TEXT, &["name", "title"]),
                ];
                judge_fields(notes, "rw-names", &as_refs(&rows), &fields);
            }
            Err(reason) => notes.note_open("rw-names", reason),
        }
    }
    let (rows, total) = match lists.read_counted_list(reader, notes, "clients", &[]).await {
        Ok(found) => found,
        Err(reason) => {
            notes.note_all_open(&["rw-names", "rw-client-number", "rw-client-search"], &reason);
            return;
        }
    };
    let fields = [Field::always_filled("id", ID, &["id"]), Field::always_filled("name", TEXT, &["name"])];
    judge_fields(notes, "rw-names", &as_refs(&rows), &fields);
    check_client_number(notes, &as_refs(&rows));
    let Some((client, part)) = find_telling_part(&rows, "name") else {
        notes.note_open("rw-client-search", "no client has a name that tells it from the others");
        return;
    };
    let query = [("name", part.as_str()), ("size", "100")];
    let found = lists.read_counted_list(reader, notes, "clients", &query).await;
    // A filter that is ignored does not contradict the assumption: the client is still among the answers.
    check_filter(notes, "rw-client-search", &client["id"], total, found, true);
}

fn check_client_number(notes: &mut Notes, rows: &[&Value]) {
    let others = shape::similar_fields(rows, "id", &["logicid", "number", "code"]);
    let others: Vec<&String> = others
        .iter()
        .filter(|key| !key.to_lowercase().contains("vat") && !key.to_lowercase().contains("phone"))
        .collect();
    let names = shape::quote_names(others.iter().map(|key| key.as_str()));
    let differs = |key: &&&String| {
        rows.iter().any(|row| {
            let other = shape::read_text(row.get(key.as_str()));
            other.is_some() && other != shape::read_text(row.get("id"))
        })
    };
    if let Some(key) = others.iter().find(differs) {
        let found = format!("{} is another number than `id`", shape::quote_name(key));
        notes.note_refuted("rw-client-number", found);
    } else if others.is_empty() {
        notes.note_open("rw-client-number", "clients show no other number than `id`");
    } else {
        notes.note_confirmed("rw-client-number", format!("{names} is the same as `id`"));
    }
}

/// A row, and a part of its text by which it can be searched: in lower case, from the second letter of a word on, contained in as
/// few rows as possible. `None` where every part is in every row, since such a part would show nothing.
fn find_telling_part<'a>(rows: &'a [Value], key: &str) -> Option<(&'a Value, String)> {
    let text = |row: &Value| Some(row.get(key)?.as_str()?.to_lowercase());
    let texts: Vec<Option<String>> = rows.iter().map(text).collect();
    let holding = |part: &str| {
        let texts = texts.iter().flatten();
        texts.filter(|text| text.contains(part)).count()
    };
    let parts = rows.iter().zip(&texts).flat_map(|(row, text)| {
        let words = text.iter().flat_map(|text| text.split_whitespace());
        let long = words.filter(|word| word.chars().count() >= 3);
        long.map(move |word| (row, word.chars().skip(1).take(12).collect::<String>()))
    });
    let counted = parts.map(|(row, part)| (holding(&part), row, part));
    let (count, row, part) = counted.min_by_key(|(count, ..)| *count)?;
    (count < rows.len()).then_some((row, part))
}

/// Checks a filter: it must give the wanted record, and fewer records than without it.
fn check_filter(
    notes: &mut Notes,
    id: &'static str,
    wanted: &Value,
    all: Option<u64>,
    found: Result<(Vec<Value>, Option<u64>), String>,
    may_be_ignored: bool,
) {
    let (rows, total) = match found {
        Ok(found) => found,
        Err(reason) => {
            let refused = reason.contains(" answers 400");
            let verdict = if refused { Verdict::Refuted } else { Verdict::NotDecidable };
            notes.note_verdict(id, verdict, reason);
            return;
        }
    };
    let is_there = rows.iter().any(|row| shape::read_text(row.get("id")) == shape::read_text(Some(wanted)));
    let is_whole = total.is_some_and(|total| total > rows.len() as u64);
    let ignored = all == total && total.is_some_and(|total| total > 1);
    match (is_there, ignored) {
        (true, true) if !may_be_ignored => notes.note_refuted(id, "the filter is ignored: it gives all"),
        (true, true) => notes.note_confirmed(id, "the filter is ignored, or everything fits it"),
        (true, false) => notes.note_confirmed(id, format!("found, among {}", rows.len())),
        (false, _) if is_whole => notes.note_open(id, "not on the first page of the answer"),
        (false, _) => notes.note_refuted(id, format!("the record is not among the {} found", rows.len())),
    }
}

fn check_task_words(notes: &mut Notes, rows: &[&Value]) {
    let (verdict, found) = Field::always_filled("status", TEXT, &["status", "state"]).judge_rows(rows);
    if verdict != Verdict::Confirmed {
        notes.note_verdict("rw-task-words", verdict, found);
        return;
    }
    let words: BTreeSet<&str> = rows.iter().filter_map(|row| row["status"].as_str()).collect();
    let shown = show_words(&words);
    if words.contains("Te doen") || words.contains("Gedaan") {
        notes.note_confirmed("rw-task-words", format!("words seen: {shown}"));
    } else {
        notes.note_refuted("rw-task-words", format!("words seen: {shown}"));
    }
}

/// Words of an enumeration, quoted. A word that is long or has other characters than letters may be a value, and is not shown.
pub(crate) fn show_words(words: &BTreeSet<&str>) -> String {
    let fits = |word: &&&str| {
        word.chars().count() <= 30 && word.chars().all(|c| c.is_alphabetic() || " _-".contains(c))
    };
    let mut list: Vec<String> = words.iter().filter(fits).take(20).map(|word| format!("`{word}`")).collect();
    if list.len() < words.len() {
        list.push("others".to_owned());
    }
    list.join(", ")
}

fn check_webhooks(notes: &mut Notes, rows: &[&Value]) {
    let fields = [
        Field::always_filled("id", ID, &["id"]),
        Field::always_filled("url", TEXT, &["url", "target", "address"]),
    ];
    judge_fields(notes, "rw-webhooks", rows, &fields);
    if rows.iter().any(|row| shape::read_text(row.get("secret")).is_some()) {
        notes.note_refuted("rw-webhooks", "the list shows `secret`");
    }
}
