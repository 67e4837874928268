//! Checks of articles: their fields, their stock, the ProductFlow checkbox, and the filters of the list.

use super::{ListAccess, as_refs, check_filter, find_telling_part, judge_fields};
use crate::finding::Verdict;
use crate::notes::Notes;
use crate::reader::{Caller, Reader};
use crate::shape::{self, FLAG, Field, ID, JsonKind, NUMBER, TEXT};
use rust_decimal::Decimal;
use serde_json::Value;

const OF_ARTICLES: [&str; 7] = [
    "rw-articles",
    "rw-available-stock",
    "rw-article-gone",
    "rw-checkbox",
    "rw-ticked-filter",
    "rw-article-number-filter",
    "rw-article-name-filter",
];
const INCLUDES: (&str, &str) = ("include", "availableStock,extraFields");

pub(super) async fn examine_articles(reader: &Reader, notes: &mut Notes, lists: &mut ListAccess) {
    let query = [INCLUDES, ("size", "100")];
    let (rows, total) = match lists.read_counted_list(reader, notes, "articles", &query).await {
        Ok(found) => found,
        Err(reason) => {
            notes.note_all_open(&OF_ARTICLES, &reason);
            return;
        }
    };
    let all = as_refs(&rows);
    check_fields(notes, &all);
    check_gone_fields(notes, &all);
    check_sort(reader, notes, lists, &all).await;
    check_location_stock(reader, notes, &all).await;
    check_ticked_filter(reader, notes, lists, &all, total).await;
    for (id, key, name) in [
        ("rw-article-number-filter", "articleNumber", "articleNumber"),
        ("rw-article-name-filter", "name", "name"),
    ] {
        let Some((article, part)) = find_telling_part(&rows, key) else {
            notes.note_open(id, format!("no article has a `{key}` that tells it from the others"));
            continue;
        };
        let query = [(name, part.as_str()), ("size", "100")];
        let found = lists.read_counted_list(reader, notes, "articles", &query).await;
        check_filter(notes, id, &article["id"], total, found, false);
    }
}

fn check_fields(notes: &mut Notes, rows: &[&Value]) {
    let fields = [
        Field::always_filled("id", ID, &["id"]),
        Field::sometimes_filled("articleNumber", TEXT, &["number", "code"]),
        Field::sometimes_filled("name", TEXT, &["name"]),
        Field::sometimes_filled("costPrice", NUMBER, &["cost"]),
        Field::sometimes_filled("salePrice", NUMBER, &["sale", "price"]),
        Field::sometimes_filled("vatTariffId", ID, &["vat", "tariff"]),
        Field::sometimes_filled("stockArticle", FLAG, &["stockarticle", "isstock"]),
    ];
    judge_fields(notes, "rw-articles", rows, &fields);
    let stock = Field::sometimes_filled("availableStock", NUMBER, &["stock", "available"]);
    let (verdict, found) = stock.judge_rows(rows);
    if verdict == Verdict::NotDecidable && !rows.is_empty() {
        notes.note_refuted("rw-available-stock", found);
    } else {
        notes.note_verdict("rw-available-stock", verdict, found);
    }
    check_checkbox(notes, rows);
}

fn check_gone_fields(notes: &mut Notes, rows: &[&Value]) {
    let allowed = [JsonKind::Text, JsonKind::Null];
    let mut known = false;
    for key in ["archivedAt", "deletedAt"] {
        let kinds: Vec<JsonKind> = rows.iter().map(|row| JsonKind::from_value(row.get(key))).collect();
        if kinds.iter().all(|kind| *kind == JsonKind::Missing) {
            continue;
        }
        known = true;
        let fits = kinds.iter().all(|kind| allowed.contains(kind) || *kind == JsonKind::Missing);
        let verdict = if fits { Verdict::Confirmed } else { Verdict::Refuted };
        notes.note_verdict("rw-article-gone", verdict, shape::tally_kinds(rows, key));
    }
    if known {
        return;
    }
    let others = shape::similar_fields(rows, "", &["archiv", "delet", "active", "status"]);
    if others.is_empty() {
        notes.note_open("rw-article-gone", "no article shows either field");
    } else {
        let others = shape::quote_names(others.iter().map(String::as_str));
        notes.note_refuted("rw-article-gone", format!("neither field, but {others}"));
    }
}

/// Checks the sort `id:desc`, whether `availableStock` comes without its include, and whether list page 1 goes on where list page
/// 0 ends.
async fn check_sort(reader: &Reader, notes: &mut Notes, lists: &mut ListAccess, known: &[&Value]) {
    let query = [("sort", "id:desc"), ("page", "0"), ("size", "2")];
    let first = match lists.read_list(reader, notes, "articles", &query).await {
        Ok(rows) => rows,
        Err(reason) if reason.contains(" answers 400") => {
            notes.note_refuted("rw-sort", reason);
            return;
        }
        Err(reason) => {
            notes.note_open("rw-sort", reason);
            return;
        }
    };
    if first.iter().any(|row| row.get("availableStock").is_some()) {
        notes.note_confirmed("rw-available-stock", "it is there without the include, too");
    }
    if first.len() > 2 {
        notes.note_refuted("rw-pages", "`size` is ignored");
    }
    let number = |row: &Value| shape::read_text(row.get("id")).and_then(|id| id.parse::<u64>().ok());
    let newest = known.iter().filter_map(|row| number(row)).max();
    let ids: Vec<u64> = first.iter().filter_map(number).collect();
    let is_descending = ids.windows(2).all(|pair| pair[0] > pair[1]);
    match (ids.first(), newest) {
        (Some(first), Some(newest)) if ids.len() > 1 => {
            if is_descending && *first >= newest {
                notes.note_confirmed("rw-sort", "ids go down");
            } else {
                notes.note_refuted("rw-sort", "ids do not go down from the highest");
            }
        }
        _ => notes.note_open("rw-sort", "fewer than two articles with an id that is a number"),
    }
    let query = [("sort", "id:desc"), ("page", "1"), ("size", "1")];
    let Some(expected) = first.get(1) else { return };
    if let Ok(second) = lists.read_list(reader, notes, "articles", &query).await {
        let id = |row: Option<&Value>| shape::read_text(row.and_then(|row| row.get("id")));
        if id(second.first()) == id(Some(expected)) {
            notes.note_confirmed("rw-pages", "page 1 goes on where page 0 ends");
        } else {
            notes.note_refuted("rw-pages", "page 1 does not go on where page 0 ends");
        }
    }
}

/// Checks whether an article shows its stock per location, and whether that adds up to `availableStock`.
async fn check_location_stock(reader: &Reader, notes: &mut Notes, rows: &[&Value]) {
    let with_stock = rows.iter().find(|row| {
        let stock = row.get("availableStock").and_then(shape::read_decimal);
        stock.is_some_and(|stock| !stock.is_zero())
    });
    let Some(id) = with_stock.and_then(|row| shape::read_text(row.get("id"))) else {
        notes.note_open("rw-location-stock", "no article has any stock");
        return;
    };
    let query = [("include", "availableStock,stockLocations")];
    let article = match reader.get(&["articles", &id], &query, Caller::Connection).await {
        Ok(answer) => answer.json.unwrap_or_default(),
        Err(reason) => {
            notes.note_open("rw-location-stock", reason);
            return;
        }
    };
    let Some(places) = article.get("stockLocations").and_then(Value::as_array) else {
        notes.note_open("rw-location-stock", "articles show no stock per location");
        return;
    };
    let refs: Vec<&Value> = places.iter().collect();
    let keys = shape::field_names(&refs);
    let keys = shape::quote_names(keys.iter().map(String::as_str));
    let quantity = |place: &&Value| {
        let numbers = ["quantity", "stock", "totalStock", "amount"];
        numbers.iter().find_map(|key| place.get(key).and_then(shape::read_decimal))
    };
    let sum: Option<Decimal> = refs.iter().map(quantity).sum();
    let reserved = article.get("reservedStock").and_then(shape::read_decimal);
    let available = article.get("availableStock").and_then(shape::read_decimal);
    match (sum, available) {
        (Some(sum), Some(available)) if sum - reserved.unwrap_or_default() == available => {
            notes.note_confirmed("rw-location-stock", format!("it adds up; a location has {keys}"));
        }
        _ => notes
            .note_open("rw-location-stock", format!("a location has {keys}, which does not tell by itself")),
    }
}

fn is_ticked(row: &Value) -> bool {
    row["extraFields"]["ProductFlow"]["booleanValue"] == Value::Bool(true)
}

fn check_checkbox(notes: &mut Notes, rows: &[&Value]) {
    let fields: Vec<&Value> = rows.iter().filter_map(|row| row.get("extraFields")).collect();
    if fields.is_empty() {
        let others = shape::similar_fields(rows, "extraFields", &["extra", "custom"]);
        let others = shape::quote_names(others.iter().map(String::as_str));
        let found = format!("no `extraFields`; resembling it: {others}");
        let verdict = if rows.is_empty() { Verdict::NotDecidable } else { Verdict::Refuted };
        notes.note_verdict("rw-checkbox", verdict, found);
        return;
    }
    let boxes: Vec<&Value> = fields.iter().filter_map(|f| f.get("ProductFlow")).collect();
    let boxes: Vec<&Value> = boxes.into_iter().filter(|value| !value.is_null()).collect();
    if boxes.is_empty() {
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(|c| c.is_alphanumeric());
            letters.flat_map(char::to_lowercase).collect()
        };
        let names = shape::field_names(&fields);
        let alike = names.iter().filter(|name| plain(name).contains("productflow"));
        let alike: Vec<&str> = alike.map(String::as_str).collect();
        if alike.is_empty() {
            let found = format!(
                "no article has it: it is not defined, or nothing is ticked; {} other extra fields",
                names.len()
            );
            notes.note_open("rw-checkbox", found);
        } else {
            notes.note_refuted("rw-checkbox", format!("it is called {}", shape::quote_names(alike)));
        }
        return;
    }
    let flag = Field::sometimes_filled("booleanValue", FLAG, &["value"]);
    let (verdict, found) = flag.judge_rows(&boxes);
    notes.note_verdict("rw-checkbox", verdict, found);
}

async fn check_ticked_filter(
    reader: &Reader,
    notes: &mut Notes,
    lists: &mut ListAccess,
    known: &[&Value],
    total: Option<u64>,
) {
    let query = [("extraFields[ProductFlow]", "true"), INCLUDES, ("size", "100")];
    let (rows, found) = match lists.read_counted_list(reader, notes, "articles", &query).await {
        Ok(found) => found,
        Err(reason) => {
            let refused = reason.contains(" answers 400");
            let verdict = if refused { Verdict::Refuted } else { Verdict::NotDecidable };
            notes.note_verdict("rw-ticked-filter", verdict, reason);
            return;
        }
    };
    let unticked = rows.iter().filter(|row| !is_ticked(row)).count();
    let ids: Vec<Option<String>> = rows.iter().map(|row| shape::read_text(row.get("id"))).collect();
    let missed =
        known.iter().filter(|row| is_ticked(row) && !ids.contains(&shape::read_text(row.get("id")))).count();
    let is_whole = found.is_some_and(|found| found <= rows.len() as u64);
    let known_unticked = known.iter().any(|row| !is_ticked(row));
    if unticked > 0 && known.iter().any(|row| is_ticked(row)) {
        let found = format!("{unticked} of {} are not ticked", rows.len());
        notes.note_refuted("rw-ticked-filter", found);
    } else if is_whole && missed > 0 {
        notes.note_refuted("rw-ticked-filter", format!("{missed} ticked ones are not among them"));
    } else if rows.is_empty() || unticked > 0 || (!known_unticked && found == total) {
        notes.note_open("rw-ticked-filter", "no article is known to be ticked, or all are");
    } else {
        notes.note_confirmed("rw-ticked-filter", format!("{} articles, all ticked", rows.len()));
    }
}
