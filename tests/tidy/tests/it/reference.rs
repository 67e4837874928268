//! docs/REFERENCE.md against the template, the settings' defaults, and the routes of the API.

use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use template::Template;
use tidy::assert_no_findings;
use tidy::markdown::Document;
use tidy::tree::read_text;

/// What a table says, or what the code says: names with a value each.
type Entries = BTreeMap<String, String>;

/// The first two cells of the rows below a heading of the reference.
fn read_rows(heading: &str) -> Vec<(String, String)> {
    let rows = Document::from_text(&read_text("docs/REFERENCE.md")).find_rows_below(heading);
    assert!(
        !rows.is_empty(),
        "docs/REFERENCE.md has no table below {heading:?}"
    );
    let first_two = |row: Vec<String>| (row[0].clone(), row[1].clone());
    rows.into_iter().map(first_two).collect()
}

/// What a cell lists: parts between commas. A part in backticks is taken as it is, commas included.
fn split_list(cell: &str) -> Vec<String> {
    let part = Regex::new(r"(?:`[^`]*`|[^,`])+").unwrap();
    let parts = part.find_iter(cell).map(|part| part.as_str().replace('`', ""));
    parts.map(|part| part.trim().to_owned()).collect()
}

/// Compares names and values of the rows below a heading with those of the code. A row has as many values as names, or one
/// that holds for all its names.
fn assert_table_is(heading: &str, code: &Entries, what_to_do: &str) {
    let mut table = Entries::new();
    for (names, values) in read_rows(heading) {
        let (names, values) = (split_list(&names), split_list(&values));
        let fits = values.len() == names.len() || values.len() == 1;
        assert!(fits, "{names:?} have {} values", values.len());
        for (name, value) in names.iter().zip(values.iter().cycle()) {
            let earlier = table.insert(name.clone(), value.clone());
            assert_eq!(earlier, None, "{name} stands twice");
        }
    }
    let mut names: BTreeSet<&String> = table.keys().chain(code.keys()).collect();
    names.retain(|name| table.get(*name) != code.get(*name));
    let differences = names
        .into_iter()
        .map(|name| (name, table.get(name), code.get(name)));
    let findings =
        differences.map(|(name, said, is)| format!("{name}: the table has {said:?}, right is {is:?}"));
    let findings: Vec<String> = findings.collect();
    assert_no_findings(
        &findings,
        &format!("docs/REFERENCE.md, {heading:?}, {what_to_do}"),
    );
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

/// Each variable with the functions that have it, by the template.
fn list_variables(template: &Template) -> BTreeMap<String, BTreeSet<String>> {
    let common = template.at("/Globals/Function/Environment/Variables");
    let mut variables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (function, _, properties) in template.functions() {
        let own = &properties["Environment"]["Variables"];
        for (name, _) in [common, own].into_iter().filter_map(Value::as_object).flatten() {
            let functions = variables.entry(name.clone()).or_default();
            functions.insert(function.to_owned());
        }
    }
    variables
}

/// Method and path of each call that cells name. A call without a method has that of the call before, and a method without a
/// path has the path of the call after.
fn read_calls<'a>(cells: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let variable_part = Regex::new(r"\{[^}]*\}").unwrap();
    let mut calls = BTreeSet::new();
    let mut methods: Vec<String> = Vec::new();
    let mut had_path = true;
    for part in cells.into_iter().flat_map(split_list) {
        let (method, path) = part.split_at(part.find(['/', '…']).unwrap_or(part.len()));
        if !method.is_empty() {
            if had_path {
                methods.clear();
            }
            methods.push(method.trim().to_owned());
        }
        had_path = !path.is_empty();
        if had_path {
            let path = path.split('?').next().unwrap_or_default();
            let path = path.replace('…', "/api/connections/{}");
            let path = variable_part.replace_all(&path, "{}");
            calls.extend(methods.iter().map(|method| format!("{method} {path}")));
        }
    }
    calls
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
        let base = if path == "/connections" {
            "/api"
        } else {
            "/api/connections/{}"
        };
        routes.insert(format!("{} {base}{path}", &found[1]));
    }
    if source.contains("[\"health\"] if request.method == Method::GET") {
        routes.insert("GET /health".to_owned());
    }
    routes
}

#[test]
fn parameters_are_those_of_the_template() {
    let template = Template::of_this_repository().unwrap();
    let parameters = template.at("/Parameters").as_object().unwrap().iter();
    let code = parameters.map(|(name, value)| (name.clone(), show_default(&value["Default"])));
    assert_table_is(
        "Parameters of the stack",
        &code.collect(),
        "has each parameter of infra/template.yaml with its default: as the template has it, or `none` where it is empty.",
    );
}

#[test]
fn variables_are_those_of_the_template() {
    let variables = list_variables(&Template::of_this_repository().unwrap());
    let all: BTreeSet<String> = variables.values().flatten().cloned().collect();
    let mut table = BTreeMap::new();
    for (names, cell) in read_rows("Environment of the functions") {
        let listed: BTreeSet<String> = split_list(cell.trim_start_matches("all but "))
            .into_iter()
            .collect();
        let functions = match cell.as_str() {
            "all" => all.clone(),
            cell if cell.starts_with("all but ") => &all - &listed,
            _ => listed,
        };
        table.extend(
            split_list(&names)
                .into_iter()
                .map(|name| (name, functions.clone())),
        );
    }
    assert_eq!(
        table, variables,
        "docs/REFERENCE.md, \"Environment of the functions\" (left), has each variable of infra/template.yaml (right) with the \
         functions that get it: `all`, `all but …`, or a list."
    );
}

#[test]
fn settings_are_those_of_a_connection() {
    let defaults = serde_json::to_value(domain::settings::ConnectionSettings::default()).unwrap();
    let fields = defaults.as_object().unwrap().iter();
    let code = fields.map(|(name, value)| (name.clone(), show_default(value)));
    assert_table_is(
        "Settings of a connection",
        &code.collect(),
        "has each field of ConnectionSettings with its default: – where there is none.",
    );
}

#[test]
fn calls_are_those_of_the_router() {
    let rows = read_rows("The operator's API");
    let calls = read_calls(rows.iter().map(|(cell, _)| cell.as_str()));
    let routes = read_routes(&read_text("functions/web/src/route.rs"));
    assert!(
        routes.len() > 10,
        "only {} routes were found in functions/web/src/route.rs",
        routes.len()
    );
    let findings: Vec<String> = calls.symmetric_difference(&routes).cloned().collect();
    assert_no_findings(
        &findings,
        "docs/REFERENCE.md, \"The operator's API\", has each call that functions/web/src/route.rs takes, and no other: these are \
         only in one of them.",
    );
}

#[test]
fn calls_and_routes_are_read_alike() {
    let calls = read_calls([
        "`GET`, `PATCH /api/connections/{id}`",
        "`POST …/suspend`, `…/orders/{identifier}/retry`",
        "",
        "`GET …/orders?state=&q=`",
        "`GET /health`",
    ]);
    let routes = read_routes(
        r#"
        ["health"] if request.method == Method::GET => a,
        (&Method::GET, []) => b,
        (&Method::PATCH, []) => c,
        (&Method::POST, ["suspend"]) => d, // (&Method::PUT, ["commented"])
        (&Method::POST, ["orders", order, "retry"]) => e,
        (&Method::GET, ["orders"]) => f,
        (_, ["orders", _]) => g,
        "#,
    );
    assert_eq!(calls, routes);
    assert_eq!(routes.len(), 6);
}
