//! Checks of articles: their fields, their stock, the ProductFlow checkbox, and the filters of the list.

use super::{Lists, filter, judge, refs, telling_part};
use crate::finding::Verdict;
use crate::notes::Notes;
use crate::reader::{As, Reader};
use crate::shape::{self, FLAG, Field, ID, Kind, NUMBER, TEXT};
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

pub(super) async fn examine(reader: &Reader, notes: &mut Notes, lists: &mut Lists) {
    let query = [INCLUDES, ("size", "100")];
    let (rows, total) = match lists.counted(reader, notes, "articles", &query).await {
        Ok(found) => found,
        Err(reason) => {
            notes.leave_all_open(&OF_ARTICLES, &reason);
            return;
        }
    };
    let all = refs(&rows);
    fields(notes, &all);
    gone(notes, &all);
    order(reader, notes, lists, &all).await;
    locations(reader, notes, &all).await;
    ticked(reader, notes, lists, &all, total).await;
    for (id, key, name) in [
        ("rw-article-number-filter", "articleNumber", "articleNumber"),
        ("rw-article-name-filter", "name", "name"),
    ] {
        let Some((article, part)) = telling_part(&rows, key) else {
            notes.leave_open(
                id,
                format!("no article has a `{key}` that tells it from the others"),
            );
            continue;
        };
        let query = [(name, part.as_str()), ("size", "100")];
        let found = lists.counted(reader, notes, "articles", &query).await;
        filter(notes, id, &article["id"], total, found, false);
    }
}

fn fields(notes: &mut Notes, rows: &[&Value]) {
    let fields = [
        Field::always("id", ID, &["id"]),
        Field::maybe("articleNumber", TEXT, &["number", "code"]),
        Field::maybe("name", TEXT, &["name"]),
        Field::maybe("costPrice", NUMBER, &["cost"]),
        Field::maybe("salePrice", NUMBER, &["sale", "price"]),
        Field::maybe("vatTariffId", ID, &["vat", "tariff"]),
        Field::maybe("stockArticle", FLAG, &["stockarticle", "isstock"]),
    ];
    judge(notes, "rw-articles", rows, &fields);
    let stock = Field::maybe("availableStock", NUMBER, &["stock", "available"]);
    let (verdict, found) = stock.judge(rows);
    if verdict == Verdict::NotDecidable && !rows.is_empty() {
        notes.refute("rw-available-stock", found);
    } else {
        notes.note("rw-available-stock", verdict, found);
    }
    checkbox(notes, rows);
}

fn gone(notes: &mut Notes, rows: &[&Value]) {
    let allowed = [Kind::Text, Kind::Null];
    let mut known = false;
    for key in ["archivedAt", "deletedAt"] {
        let kinds: Vec<Kind> = rows.iter().map(|row| Kind::of(row.get(key))).collect();
        if kinds.iter().all(|kind| *kind == Kind::Missing) {
            continue;
        }
        known = true;
        let fits = kinds
            .iter()
            .all(|kind| allowed.contains(kind) || *kind == Kind::Missing);
        let verdict = if fits {
            Verdict::Confirmed
        } else {
            Verdict::Refuted
        };
        notes.note("rw-article-gone", verdict, shape::tally(rows, key));
    }
    if known {
        return;
    }
    let others = shape::alternatives(rows, "", &["archiv", "delet", "active", "status"]);
    if others.is_empty() {
        notes.leave_open("rw-article-gone", "no article shows either field");
    } else {
        let others = shape::names(others.iter().map(String::as_str));
        notes.refute("rw-article-gone", format!("neither field, but {others}"));
    }
}

/// Checks the sort `id:desc`, whether `availableStock` comes without its include, and whether list page 1 goes on where list page
/// 0 ends.
async fn order(reader: &Reader, notes: &mut Notes, lists: &mut Lists, known: &[&Value]) {
    let query = [("sort", "id:desc"), ("page", "0"), ("size", "2")];
    let first = match lists.list(reader, notes, "articles", &query).await {
        Ok(rows) => rows,
        Err(reason) if reason.contains(" answers 400") => {
            notes.refute("rw-sort", reason);
            return;
        }
        Err(reason) => {
            notes.leave_open("rw-sort", reason);
            return;
        }
    };
    if first.iter().any(|row| row.get("availableStock").is_some()) {
        notes.confirm("rw-available-stock", "it is there without the include, too");
    }
    if first.len() > 2 {
        notes.refute("rw-pages", "`size` is ignored");
    }
    let number = |row: &Value| shape::text(row.get("id")).and_then(|id| id.parse::<u64>().ok());
    let newest = known.iter().filter_map(|row| number(row)).max();
    let ids: Vec<u64> = first.iter().filter_map(number).collect();
    let is_descending = ids.windows(2).all(|pair| pair[0] > pair[1]);
    match (ids.first(), newest) {
        (Some(first), Some(newest)) if ids.len() > 1 => {
            if is_descending && *first >= newest {
                notes.confirm("rw-sort", "ids go down");
            } else {
                notes.refute("rw-sort", "ids do not go down from the highest");
            }
        }
        _ => notes.leave_open("rw-sort", "fewer than two articles with an id that is a number"),
    }
    let query = [("sort", "id:desc"), ("page", "1"), ("size", "1")];
    let Some(expected) = first.get(1) else { return };
    if let Ok(second) = lists.list(reader, notes, "articles", &query).await {
        let id = |row: Option<&Value>| shape::text(row.and_then(|row| row.get("id")));
        if id(second.first()) == id(Some(expected)) {
            notes.confirm("rw-pages", "page 1 goes on where page 0 ends");
        } else {
            notes.refute("rw-pages", "page 1 does not go on where page 0 ends");
        }
    }
}

/// Checks whether an article shows its stock per location, and whether that adds up to `availableStock`.
async fn locations(reader: &Reader, notes: &mut Notes, rows: &[&Value]) {
    let with_stock = rows.iter().find(|row| {
        let stock = row.get("availableStock").and_then(shape::decimal);
        stock.is_some_and(|stock| !stock.is_zero())
    });
    let Some(id) = with_stock.and_then(|row| shape::text(row.get("id"))) else {
        notes.leave_open("rw-location-stock", "no article has any stock");
        return;
    };
    let query = [("include", "availableStock,stockLocations")];
    let article = match reader.get(&["articles", &id], &query, As::Ourselves).await {
        Ok(answer) => answer.json.unwrap_or_default(),
        Err(reason) => {
            notes.leave_open("rw-location-stock", reason);
            return;
        }
    };
    let Some(places) = article.get("stockLocations").and_then(Value::as_array) else {
        notes.leave_open("rw-location-stock", "articles show no stock per location");
        return;
    };
    let refs: Vec<&Value> = places.iter().collect();
    let keys = shape::keys(&refs);
    let keys = shape::names(keys.iter().map(String::as_str));
    let quantity = |place: &&Value| {
        let numbers = ["quantity", "stock", "totalStock", "amount"];
        numbers
            .iter()
            .find_map(|key| place.get(key).and_then(shape::decimal))
    };
    let sum: Option<Decimal> = refs.iter().map(quantity).sum();
    let reserved = article.get("reservedStock").and_then(shape::decimal);
    let available = article.get("availableStock").and_then(shape::decimal);
    match (sum, available) {
        (Some(sum), Some(available)) if sum - reserved.unwrap_or_default() == available => {
            notes.confirm("rw-location-stock", format!("it adds up; a location has {keys}"));
        }
        _ => notes.leave_open(
            "rw-location-stock",
            format!("a location has {keys}, which does not tell by itself"),
        ),
    }
}

fn is_ticked(row: &Value) -> bool {
    row["extraFields"]["ProductFlow"]["booleanValue"] == Value::Bool(true)
}

fn checkbox(notes: &mut Notes, rows: &[&Value]) {
    let fields: Vec<&Value> = rows.iter().filter_map(|row| row.get("extraFields")).collect();
    if fields.is_empty() {
        let others = shape::alternatives(rows, "extraFields", &["extra", "custom"]);
        let others = shape::names(others.iter().map(String::as_str));
        let found = format!("no `extraFields`; resembling it: {others}");
        let verdict = if rows.is_empty() {
            Verdict::NotDecidable
        } else {
            Verdict::Refuted
        };
        notes.note("rw-checkbox", verdict, found);
        return;
    }
    let boxes: Vec<&Value> = fields.iter().filter_map(|f| f.get("ProductFlow")).collect();
    let boxes: Vec<&Value> = boxes.into_iter().filter(|value| !value.is_null()).collect();
    if boxes.is_empty() {
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(|c| c.is_alphanumeric());
            letters.flat_map(char::to_lowercase).collect()
        };
        let names = shape::keys(&fields);
        let alike = names.iter().filter(|name| plain(name).contains("productflow"));
        let alike: Vec<&str> = alike.map(String::as_str).collect();
        if alike.is_empty() {
            let found = format!(
                "no article has it: it is not defined, or nothing is ticked; {} other extra fields",
                names.len()
            );
            notes.leave_open("rw-checkbox", found);
        } else {
            notes.refute("rw-checkbox", format!("it is called {}", shape::names(alike)));
        }
        return;
    }
    let flag = Field::maybe("booleanValue", FLAG, &["value"]);
    let (verdict, found) = flag.judge(&boxes);
    notes.note("rw-checkbox", verdict, found);
}

async fn ticked(reader: &Reader, notes: &mut Notes, lists: &mut Lists, known: &[&Value], total: Option<u64>) {
    let query = [("extraFields[ProductFlow]", "true"), INCLUDES, ("size", "100")];
    let (rows, found) = match lists.counted(reader, notes, "articles", &query).await {
        Ok(found) => found,
        Err(reason) => {
            let refused = reason.contains(" answers 400");
            let verdict = if refused {
                Verdict::Refuted
            } else {
                Verdict::NotDecidable
            };
            notes.note("rw-ticked-filter", verdict, reason);
            return;
        }
    };
    let unticked = rows.iter().filter(|row| !is_ticked(row)).count();
    let ids: Vec<Option<String>> = rows.iter().map(|row| shape::text(row.get("id"))).collect();
    let missed = known
        .iter()
        .filter(|row| is_ticked(row) && !ids.contains(&shape::text(row.get("id"))))
        .count();
    let is_whole = found.is_some_and(|found| found <= rows.len() as u64);
    let known_unticked = known.iter().any(|row| !is_ticked(row));
    if unticked > 0 && known.iter().any(|row| is_ticked(row)) {
        let found = format!("{unticked} of {} are not ticked", rows.len());
        notes.refute("rw-ticked-filter", found);
    } else if is_whole && missed > 0 {
        notes.refute(
            "rw-ticked-filter",
            format!("{missed} ticked ones are not among them"),
        );
    } else if rows.is_empty() || unticked > 0 || (!known_unticked && found == total) {
        notes.leave_open("rw-ticked-filter", "no article is known to be ticked, or all are");
    } else {
        notes.confirm("rw-ticked-filter", format!("{} articles, all ticked", rows.len()));
    }
}
