//! Checks the assumptions about Robaws by reading one tenant.

mod articles;
mod documents;

use crate::finding::Verdict;
use crate::notes::Notes;
use crate::reader::{Answer, As, Reader};
use crate::shape::{self, FLAG, Field, ID, Kind, NUMBER, TEXT};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Percentages (0 to 100) of the tenant's VAT tariffs, by tariff id.
pub(crate) type Tariffs = BTreeMap<String, Decimal>;

/// An article id that no article has.
const IMPOSSIBLE: &str = "999999999999";
/// `size` of a list that is read only to see its fields.
const SOME: &str = "50";

/// Which lists of the tenant could be read.
#[derive(Default)]
struct Lists {
    /// Modules whose list was refused with 403.
    forbidden: BTreeSet<String>,
    /// Number of lists that were read.
    open: usize,
}

/// Examines a tenant, and returns its VAT tariffs for the checks of ProductFlow's amounts.
pub(crate) async fn examine(reader: &Reader, notes: &mut Notes) -> Tariffs {
    let mut lists = Lists::default();
    if !access(reader, notes, &mut lists).await {
        return Tariffs::new();
    }
    let tariffs = tariffs(reader, notes, &mut lists).await;
    articles::examine(reader, notes, &mut lists).await;
    documents::examine(reader, notes, &mut lists).await;
    parties(reader, notes, &mut lists).await;
    if let Ok(rows) = lists.list(reader, notes, "tasks", &[]).await {
        task_words(notes, &refs(&rows));
    }
    if let Ok(rows) = lists.list(reader, notes, "webhook-endpoints", &[]).await {
        webhooks(notes, &refs(&rows));
    }
    if lists.forbidden.is_empty() {
        notes.confirm(
            "rw-modules",
            format!("{} lists answered, none with 403", lists.open),
        );
    } else {
        let found = shape::names(lists.forbidden.iter().map(String::as_str));
        notes.refute("rw-modules", format!("403 from {found}"));
    }
    tariffs
}

fn refs(rows: &[Value]) -> Vec<&Value> {
    rows.iter().collect()
}

/// The rows of a list page, and the number of rows on all list pages.
fn page(body: &Value) -> Option<(Vec<Value>, Option<u64>)> {
    let items = body.get("items")?.as_array()?.clone();
    Some((items, body.get("totalItems").and_then(Value::as_u64)))
}

fn judge(notes: &mut Notes, id: &'static str, rows: &[&Value], fields: &[Field]) {
    for field in fields {
        let (verdict, found) = field.judge(rows);
        notes.note(id, verdict, found);
    }
}

impl Lists {
    /// Reads one list page; notes its shape, and a module that is not granted. An error says in words why there is none.
    async fn list(
        &mut self,
        reader: &Reader,
        notes: &mut Notes,
        module: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<Value>, String> {
        let (rows, _) = self.counted(reader, notes, module, query).await?;
        Ok(rows)
    }

    /// As [`Self::list`], with the number of rows on all list pages.
    async fn counted(
        &mut self,
        reader: &Reader,
        notes: &mut Notes,
        module: &str,
        query: &[(&str, &str)],
    ) -> Result<(Vec<Value>, Option<u64>), String> {
        let mut whole = query.to_vec();
        if !query.iter().any(|(name, _)| *name == "size") {
            whole.push(("size", SOME));
        }
        if !query.iter().any(|(name, _)| *name == "page") {
            whole.push(("page", "0"));
        }
        let answer = reader.get(&[module], &whole, As::Ourselves).await?;
        if answer.status == 403 {
            self.forbidden.insert(module.to_owned());
            error_body(notes, &answer);
        }
        let body = answer.json.as_ref().filter(|_| answer.is_success());
        let Some(body) = body else {
            return Err(format!("`{module}` answers {}", answer.in_words()));
        };
        let Some(found) = page(body) else {
            let keys = shape::keys(&[body]);
            let keys = shape::names(keys.iter().map(String::as_str));
            let shown = if body.is_array() { "a bare list" } else { &keys };
            notes.refute("rw-pages", format!("no list `items` in `{module}`, but {shown}"));
            return Err(format!("`{module}` is no list that we can read"));
        };
        self.open += 1;
        judge(
            notes,
            "rw-pages",
            &[body],
            &[
                Field::always("totalItems", &[Kind::Whole], &["total", "count"]),
                Field::always("totalPages", &[Kind::Whole], &["pages", "last"]),
            ],
        );
        Ok(found)
    }
}

/// The first call: whether Robaws answers and takes the credentials. `false`: nothing more can be asked.
async fn access(reader: &Reader, notes: &mut Notes, lists: &mut Lists) -> bool {
    let query = [("page", "0"), ("size", SOME)];
    let first = match reader.get(&["stock-locations"], &query, As::Ourselves).await {
        Ok(answer) => answer,
        Err(reason) => {
            notes.leave_open("rw-access", reason);
            return false;
        }
    };
    if first.status == 401 || (300..400).contains(&first.status) {
        let blocked = first.header("x-robaws-unauthorized-reason").is_some();
        let more = if blocked {
            ", with `X-Robaws-Unauthorized-Reason`"
        } else {
            ""
        };
        notes.refute("rw-access", format!("{}{more}", first.in_words()));
        reader
            .stop(format!("Robaws refuses key and secret ({})", first.status))
            .await;
        return false;
    }
    // A 403 shows that the credentials are good and only the module is not granted, so the examination goes on.
    if first.status == 403 {
        notes.confirm("rw-access", "the key is known, the module is not granted");
        lists.forbidden.insert("stock-locations".to_owned());
        error_body(notes, &first);
    } else if first.is_success() && first.json.is_some() {
        notes.confirm("rw-access", first.in_words());
    } else {
        notes.leave_open("rw-access", first.in_words());
        reader
            .stop(format!("Robaws answers the first call {}", first.in_words()))
            .await;
        return false;
    }
    rate_headers(reader, notes, &first).await;
    if let Some((rows, _)) = first.json.as_ref().and_then(page) {
        lists.open += 1;
        let fields = [
            Field::always("id", ID, &["id"]),
            Field::always("name", TEXT, &["name", "title", "label"]),
        ];
        judge(notes, "rw-stock-locations", &refs(&rows), &fields);
    } else if first.is_success() {
        let keys = first.json.as_ref().map(|body| shape::keys(&[body]));
        let keys = keys.unwrap_or_default();
        let keys = shape::names(keys.iter().map(String::as_str));
        notes.refute("rw-pages", format!("no list `items`, but {keys}"));
        notes.leave_open("rw-stock-locations", "the list can't be read");
    }
    replica(reader, notes, &first).await;
    not_found(reader, notes).await;
    true
}

async fn rate_headers(reader: &Reader, notes: &mut Notes, answer: &Answer) {
    let named = [
        "x-ratelimit-remaining",
        "x-ratelimit-daily-remaining",
        "x-ratelimit-daily-limit",
        "x-ratelimit-daily-reset",
    ];
    let missing: Vec<&str> = named
        .iter()
        .copied()
        .filter(|name| answer.number(name).is_none())
        .collect();
    let seen = reader.limit_headers().await;
    let seen = shape::names(seen.iter().map(String::as_str));
    let remaining = answer.number(named[1]).zip(answer.number(named[2]));
    let reset = answer.number(named[3]);
    if !missing.is_empty() {
        let missing = shape::names(missing);
        notes.refute(
            "rw-rate-headers",
            format!("no whole number in {missing}; seen: {seen}"),
        );
    } else if remaining.is_some_and(|(left, limit)| left > limit) {
        notes.refute("rw-rate-headers", "more is left of the day than its limit");
    } else if reset.is_some_and(|seconds| seconds > 86_400) {
        notes.refute(
            "rw-rate-headers",
            "the day's reset is more than 86,400 away: no seconds",
        );
    } else {
        notes.confirm("rw-rate-headers", format!("{seen}, whole numbers"));
    }
}

async fn replica(reader: &Reader, notes: &mut Notes, live: &Answer) {
    const LEFT: &str = "x-ratelimit-daily-remaining";
    let query = [("page", "0"), ("size", "1")];
    match reader.get(&["stock-locations"], &query, As::OfReplica).await {
        Err(reason) => notes.leave_open("rw-replica", reason),
        Ok(answer) if answer.status == 403 => notes.leave_open("rw-replica", answer.in_words()),
        Ok(answer) if !answer.is_success() => notes.refute("rw-replica", answer.in_words()),
        Ok(answer) => match (live.number(LEFT), answer.number(LEFT)) {
            // The connection may be calling at the same time, so the quota may fall by more than one. Only a fall by exactly one
            // shows that the replica counts on the same quota.
            (Some(live), Some(replica)) if replica + 1 == live => {
                notes.refute("rw-replica", "it answers, and counts on the live quota");
            }
            (Some(_), Some(_)) => notes.confirm("rw-replica", "it answers, and its quota is another one"),
            _ => notes.leave_open("rw-replica", "it answers, and shows no quota"),
        },
    }
}

async fn not_found(reader: &Reader, notes: &mut Notes) {
    match reader.get(&["articles", IMPOSSIBLE], &[], As::Ourselves).await {
        Err(reason) => notes.leave_open("rw-error-body", reason),
        Ok(answer) if matches!(answer.status, 403 | 404) => error_body(notes, &answer),
        Ok(answer) => notes.refute(
            "rw-error-body",
            format!("an article that can't exist: {}", answer.in_words()),
        ),
    }
}

fn error_body(notes: &mut Notes, answer: &Answer) {
    let Some(body) = &answer.json else {
        notes.refute("rw-error-body", answer.in_words());
        return;
    };
    let keys = ["status", "error", "path", "correlationId"];
    let missing: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|key| body.get(key).is_none())
        .collect();
    if missing.is_empty() {
        let keys = shape::keys(&[body]);
        let keys = shape::names(keys.iter().map(String::as_str));
        notes.confirm("rw-error-body", format!("{}: {keys}", answer.status));
    } else {
        let missing = shape::names(missing);
        notes.refute("rw-error-body", format!("{} without {missing}", answer.status));
    }
}

async fn tariffs(reader: &Reader, notes: &mut Notes, lists: &mut Lists) -> Tariffs {
    let rows = match lists.list(reader, notes, "vat-tariffs", &[("size", "100")]).await {
        Ok(rows) => rows,
        Err(reason) => {
            notes.leave_all_open(&["rw-vat-tariffs", "rw-vat-inclusive"], &reason);
            return Tariffs::new();
        }
    };
    let refs = refs(&rows);
    let fields = [
        Field::always("id", ID, &["id"]),
        Field::maybe("name", TEXT, &["name"]),
        Field::always("percentage", NUMBER, &["percent", "rate", "value"]),
    ];
    judge(notes, "rw-vat-tariffs", &refs, &fields);
    let percentages = || {
        refs.iter()
            .filter_map(|row| shape::decimal(row.get("percentage")?))
    };
    // 0 alone decides nothing: it is the same as a percentage and as a fraction.
    if percentages().any(|p| p > Decimal::ZERO) && percentages().all(|p| p < Decimal::ONE) {
        notes.refute("rw-vat-tariffs", "`percentage` is a fraction below 1");
    }
    let inclusive = Field::maybe("vatInclusive", FLAG, &["incl", "include"]);
    let (verdict, found) = inclusive.judge(&refs);
    let ticked = refs.iter().filter(|row| row["vatInclusive"] == Value::Bool(true));
    match (verdict, ticked.count()) {
        (Verdict::Confirmed, 0) => {
            notes.confirm("rw-vat-inclusive", format!("{found}; no tariff is inclusive"));
        }
        (Verdict::Confirmed, n) => notes.confirm("rw-vat-inclusive", format!("{found}; {n} inclusive")),
        (Verdict::NotDecidable, _) if !refs.is_empty() => {
            let all = shape::keys(&refs);
            let all = shape::names(all.iter().map(String::as_str));
            notes.refute(
                "rw-vat-inclusive",
                format!("no `vatInclusive`; the fields are {all}"),
            );
        }
        (verdict, _) => notes.note("rw-vat-inclusive", verdict, found),
    }
    // The tariffs are returned even where an assumption about them is refuted: ProductFlow's amounts can be checked with what is
    // readable.
    let pairs = refs.iter().filter_map(|row| {
        Some((
            shape::text(row.get("id"))?,
            shape::decimal(row.get("percentage")?)?,
        ))
    });
    pairs.collect()
}

async fn parties(reader: &Reader, notes: &mut Notes, lists: &mut Lists) {
    for (module, name) in [
        ("users", "fullName"),
        ("companies", "name"),
        ("payment-conditions", "name"),
    ] {
        match lists.list(reader, notes, module, &[]).await {
            Ok(rows) => {
                let fields = [
                    Field::always("id", ID, &["id"]),
                    Field::always(name, TEXT, &["name", "title"]),
                ];
                judge(notes, "rw-names", &refs(&rows), &fields);
            }
            Err(reason) => notes.leave_open("rw-names", reason),
        }
    }
    let (rows, total) = match lists.counted(reader, notes, "clients", &[]).await {
        Ok(found) => found,
        Err(reason) => {
            notes.leave_all_open(&["rw-names", "rw-client-number", "rw-client-search"], &reason);
            return;
        }
    };
    let fields = [
        Field::always("id", ID, &["id"]),
        Field::always("name", TEXT, &["name"]),
    ];
    judge(notes, "rw-names", &refs(&rows), &fields);
    client_number(notes, &refs(&rows));
    let Some((client, part)) = telling_part(&rows, "name") else {
        notes.leave_open(
            "rw-client-search",
            "no client has a name that tells it from the others",
        );
        return;
    };
    let query = [("name", part.as_str()), ("size", "100")];
    let found = lists.counted(reader, notes, "clients", &query).await;
    // A filter that is ignored does not contradict the assumption: the client is still among the answers.
    filter(notes, "rw-client-search", &client["id"], total, found, true);
}

fn client_number(notes: &mut Notes, rows: &[&Value]) {
    let others = shape::alternatives(rows, "id", &["logicid", "number", "code"]);
    let others: Vec<&String> = others
        .iter()
        .filter(|key| !key.to_lowercase().contains("vat") && !key.to_lowercase().contains("phone"))
        .collect();
    let names = shape::names(others.iter().map(|key| key.as_str()));
    let differs = |key: &&&String| {
        rows.iter().any(|row| {
            let other = shape::text(row.get(key.as_str()));
            other.is_some() && other != shape::text(row.get("id"))
        })
    };
    if let Some(key) = others.iter().find(differs) {
        let found = format!("{} is another number than `id`", shape::shown(key));
        notes.refute("rw-client-number", found);
    } else if others.is_empty() {
        notes.leave_open("rw-client-number", "clients show no other number than `id`");
    } else {
        notes.confirm("rw-client-number", format!("{names} is the same as `id`"));
    }
}

/// A row, and a part of its text by which it can be searched: in lower case, from the second letter of a word on, contained in as
/// few rows as possible. `None` where every part is in every row, since such a part would show nothing.
fn telling_part<'a>(rows: &'a [Value], key: &str) -> Option<(&'a Value, String)> {
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
fn filter(
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
            let verdict = if refused {
                Verdict::Refuted
            } else {
                Verdict::NotDecidable
            };
            notes.note(id, verdict, reason);
            return;
        }
    };
    let is_there = rows
        .iter()
        .any(|row| shape::text(row.get("id")) == shape::text(Some(wanted)));
    let is_whole = total.is_some_and(|total| total > rows.len() as u64);
    let ignored = all == total && total.is_some_and(|total| total > 1);
    match (is_there, ignored) {
        (true, true) if !may_be_ignored => notes.refute(id, "the filter is ignored: it gives all"),
        (true, true) => notes.confirm(id, "the filter is ignored, or everything fits it"),
        (true, false) => notes.confirm(id, format!("found, among {}", rows.len())),
        (false, _) if is_whole => notes.leave_open(id, "not on the first page of the answer"),
        (false, _) => notes.refute(id, format!("the record is not among the {} found", rows.len())),
    }
}

fn task_words(notes: &mut Notes, rows: &[&Value]) {
    let (verdict, found) = Field::always("status", TEXT, &["status", "state"]).judge(rows);
    if verdict != Verdict::Confirmed {
        notes.note("rw-task-words", verdict, found);
        return;
    }
    let words: BTreeSet<&str> = rows.iter().filter_map(|row| row["status"].as_str()).collect();
    let shown = words_shown(&words);
    if words.contains("Te doen") || words.contains("Gedaan") {
        notes.confirm("rw-task-words", format!("words seen: {shown}"));
    } else {
        notes.refute("rw-task-words", format!("words seen: {shown}"));
    }
}

/// Words of an enumeration, quoted. A word that is long or has other characters than letters may be a value, and is not shown.
pub(crate) fn words_shown(words: &BTreeSet<&str>) -> String {
    let fits = |word: &&&str| {
        word.chars().count() <= 30 && word.chars().all(|c| c.is_alphabetic() || " _-".contains(c))
    };
    let mut list: Vec<String> = words
        .iter()
        .filter(fits)
        .take(20)
        .map(|word| format!("`{word}`"))
        .collect();
    if list.len() < words.len() {
        list.push("others".to_owned());
    }
    list.join(", ")
}

fn webhooks(notes: &mut Notes, rows: &[&Value]) {
    let fields = [
        Field::always("id", ID, &["id"]),
        Field::always("url", TEXT, &["url", "target", "address"]),
    ];
    judge(notes, "rw-webhooks", rows, &fields);
    if rows.iter().any(|row| shape::text(row.get("secret")).is_some()) {
        notes.refute("rw-webhooks", "the list shows `secret`");
    }
}
