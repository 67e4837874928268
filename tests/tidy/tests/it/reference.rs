//! docs/REFERENCE.md against the template, the settings' defaults, and the routes of the API.

use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use template::Template;
use tidy::assert_no_findings;
use tidy::markdown::Document;
use tidy::tree::read_text;

/// The first two cells of the rows below a heading of the reference.
fn read_rows(heading: &str) -> Vec<(String, String)> {
    let rows = Document::from_text(&read_text("docs/REFERENCE.md")).find_rows_below(heading);
    let first_two = |row: Vec<String>| (row[0].clone(), row[1].clone());
    rows.into_iter().map(first_two).collect()
}

/// Fails unless a table and the code say the same. What they say stands in sets.
fn assert_same(table: &BTreeSet<String>, code: &BTreeSet<String>, what_to_do: &str) {
    assert!(code.len() > 5, "only {code:?} were found in the code");
    let surplus = table.difference(code).map(|line| format!("only in the table: {line}"));
    let missing = code.difference(table).map(|line| format!("only in the code: {line}"));
    assert_no_findings(surplus.chain(missing), what_to_do);
}

/// What a cell lists: parts between commas. A part in backticks is taken as it is, commas included.
fn split_list(cell: &str) -> Vec<String> {
    let part = Regex::new(r"(?:`[^`]*`|[^,`])+").unwrap();
    let parts = part.find_iter(cell).map(|part| part.as_str().replace('`', ""));
    parts.map(|part| part.trim().to_owned()).collect()
}

/// Names and values of the rows below a heading. A row has as many values as names, or one that holds for all its names.
fn read_entries(heading: &str) -> BTreeSet<String> {
    let mut entries = BTreeSet::new();
    for (names, values) in read_rows(heading) {
        let (names, values) = (split_list(&names), split_list(&values));
        assert!([1, names.len()].contains(&values.len()), "{names:?} have {values:?}");
        for (name, value) in names.iter().zip(values.iter().cycle()) {
            let is_new = entries.insert(format!("{name} = {value}"));
            assert!(is_new, "{name} stands twice");
        }
    }
    entries
}

/// A default as the table shows it.
fn show_default(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(show_default).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            // The order of the fields depends on the features of serde_json.
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            let show = |(name, value)| format!("{name}: {}", show_default(value));
            fields.into_iter().map(show).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// Method and path of each call that cells name; `…` is the path of a connection.
fn read_calls(cells: &str) -> BTreeSet<String> {
    let cells = Regex::new(r"\{[^}]*\}").unwrap().replace_all(cells, "{}");
    let cells = cells.replace('…', "/api/connections/{}");
    let call = Regex::new(r"[A-Z]+ /[^?`]*").unwrap();
    let calls = call.find_iter(&cells).map(|call| call.as_str().to_owned());
    calls.collect()
}

/// Method and path of each call that the router's patterns take, such as `(&Method::GET, ["orders", order])`.
fn read_routes(source: &str) -> BTreeSet<String> {
    let source = Regex::new(r"//.*").unwrap().replace_all(source, "");
    let pattern = Regex::new(r"\(\s*&Method::(\w+),\s*\[([^\]]*)\]").unwrap();
    let part = Regex::new(r#"("[^"]+")|\w+"#).unwrap();
    let mut routes = BTreeSet::new();
    for found in pattern.captures_iter(&source) {
        let mut path = String::new();
        for part in part.captures_iter(&found[2]) {
            let fixed = part.get(1).map_or("{}", |fixed| fixed.as_str());
            path = format!("{path}/{}", fixed.trim_matches('"'));
        }
        let path = format!("/api/connections/{{}}{path}").replace("/{}/connections", "");
        routes.insert(format!("{} {path}", &found[1]));
    }
    if source.contains("[\"health\"] if request.method == Method::GET") {
        routes.insert("GET /health".to_owned());
    }
    routes
}

#[test]
fn parameters_are_those_of_the_template() {
    let template = Template::of_this_repository().unwrap();
    let parameters = template.value_at("/Parameters").as_object().unwrap().iter();
    let code = parameters.map(|(name, value)| format!("{name} = {}", show_default(&value["Default"])));
    assert_same(
        &read_entries("Parameters of the stack"),
        &code.collect(),
        "docs/REFERENCE.md has each parameter of infra/template.yaml with its default, or `none` where it is empty.",
    );
}

#[test]
fn variables_are_those_of_the_template() {
    let template = Template::of_this_repository().unwrap();
    let common = template.value_at("/Globals/Function/Environment/Variables");
    let mut code = BTreeSet::new();
    let mut functions = BTreeSet::new();
    for (function, _, properties) in template.functions() {
        functions.insert(function.to_owned());
        let own = &properties["Environment"]["Variables"];
        for (name, _) in [common, own].into_iter().filter_map(Value::as_object).flatten() {
            code.insert(format!("{name}: {function}"));
        }
    }
    let mut table = BTreeSet::new();
    for (names, cell) in read_rows("Environment of the functions") {
        let listed = split_list(cell.trim_start_matches("all but ")).into_iter().collect();
        let readers = match cell.as_str() {
            "all" => functions.clone(),
            _ if cell.starts_with("all but ") => &functions - &listed,
            _ => listed,
        };
        for name in split_list(&names) {
            table.extend(readers.iter().map(|function| format!("{name}: {function}")));
        }
    }
    assert_same(
        &table,
        &code,
        "docs/REFERENCE.md has each variable of infra/template.yaml with the functions that get it: `all`, `all but …`, or a list.",
    );
}

#[test]
fn settings_are_those_of_a_connection() {
    let defaults = serde_json::to_value(domain::settings::ConnectionSettings::default()).unwrap();
    let fields = defaults.as_object().unwrap().iter();
    let code = fields.map(|(name, value)| format!("{name} = {}", show_default(value)));
    assert_same(
        &read_entries("Settings of a connection"),
        &code.collect(),
        "docs/REFERENCE.md has each field of ConnectionSettings with its default: – where there is none.",
    );
}

#[test]
fn calls_are_those_of_the_router() {
    let rows = read_rows("The operator's API").into_iter();
    let cells: String = rows.map(|(cell, _)| cell).collect();
    assert_same(
        &read_calls(&cells),
        &read_routes(&read_text("functions/web/src/api_routes.rs")),
        "docs/REFERENCE.md has each call that functions/web/src/api_routes.rs takes, and no other.",
    );
}
