//! docs/REFERENCE.md against the template, the settings' defaults, and the routes of the API.

use crate::assert_no_findings;
use crate::markdown::{Document, split_list};
use crate::rust_source::{Source, is_word_char};
use crate::tree::read_text;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use template::Template;

/// What a table says, or what the code says: names with a value each.
type Entries = BTreeMap<String, String>;

/// The rows below a heading of the reference. Fails when there are none.
fn read_rows(heading: &str) -> Vec<Vec<String>> {
    let rows = Document::from_text(&read_text("docs/REFERENCE.md")).rows_below(heading);
    assert!(!rows.is_empty(), "docs/REFERENCE.md has no table below the heading {heading:?}");
    rows
}

/// The names of the first column with the values of the second: as many as names, or one that holds for all.
fn collect_entries(rows: &[Vec<String>]) -> Result<Entries, String> {
    let mut entries = Entries::new();
    for row in rows {
        let names = split_list(row.first().map_or("", String::as_str));
        let values = split_list(row.get(1).map_or("", String::as_str));
        if values.len() != names.len() && values.len() != 1 {
            return Err(format!("{names:?} have {} values", values.len()));
        }
        for (index, name) in names.into_iter().enumerate() {
            let value = values.get(index).unwrap_or(&values[0]);
            if entries.insert(name.clone(), value.clone()).is_some() {
                return Err(format!("{name} stands twice"));
            }
        }
    }
    Ok(entries)
}

/// How a table differs from what the code says.
fn compare_entries(table: &Entries, code: &Entries) -> Vec<String> {
    let names: BTreeSet<&String> = table.keys().chain(code.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| match (table.get(name), code.get(name)) {
            (Some(said), Some(is)) if said == is => None,
            (Some(said), Some(is)) => Some(format!("{name}: the table has {said:?}, right is {is:?}")),
            (None, Some(is)) => Some(format!("{name}: missing in the table, {is:?}")),
            (_, None) => Some(format!("{name}: there is no such thing")),
        })
        .collect()
}

/// The default of a parameter as the table shows it.
fn show_default(parameter: &Value) -> String {
    match &parameter["Default"] {
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Null => "needed".to_owned(),
        other => other.to_string(),
    }
}

/// The default of a setting as the table shows it.
fn show_setting(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(show_setting).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            // By name, whatever order the JSON keeps.
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            let shown = fields.iter().map(|(name, value)| format!("{name}: {}", show_setting(value)));
            shown.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

fn list_parameters(template: &Template) -> Entries {
    let parameters = template.value_at("/Parameters").as_object().unwrap();
    parameters.iter().map(|(name, parameter)| (name.clone(), show_default(parameter))).collect()
}

/// Each variable with the functions that have it, by the template.
fn list_variables(template: &Template) -> BTreeMap<String, BTreeSet<String>> {
    let names_of = |value: &Value| -> Vec<String> {
        let variables = value.as_object();
        variables.into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let common = names_of(template.value_at("/Globals/Function/Environment/Variables"));
    let mut variables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (function, _, properties) in template.functions() {
        let own = names_of(&properties["Environment"]["Variables"]);
        for name in common.iter().chain(&own) {
            variables.entry(name.clone()).or_default().insert(function.to_owned());
        }
    }
    variables
}

/// The functions that a cell means: `all`, `all but one, another`, or a list.
fn read_functions(cell: &str, all: &BTreeSet<String>) -> BTreeSet<String> {
    let list = |names: &str| split_list(names).into_iter().collect::<BTreeSet<String>>();
    match cell.strip_prefix("all but ") {
        Some(others) => all.difference(&list(others)).cloned().collect(),
        None if cell == "all" => all.clone(),
        None => list(cell),
    }
}

fn join_names(names: &BTreeSet<String>) -> String {
    names.iter().cloned().collect::<Vec<_>>().join(", ")
}

/// Method and path of each call that a table names in its first column. A call without a method has that of the call before, and
/// a method without a path has the path of the call after.
fn read_calls(rows: &[Vec<String>]) -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    let mut methods: Vec<String> = Vec::new();
    for row in rows {
        let mut has_path = true;
        for part in split_list(row.first().map_or("", String::as_str)) {
            let (method, path) = match part.split_once(' ') {
                Some((method, path)) => (Some(method), Some(path)),
                None if part.starts_with(|char: char| char.is_ascii_uppercase()) => {
                    (Some(part.as_str()), None)
                }
                None if part.is_empty() => continue,
                None => (None, Some(part.as_str())),
            };
            if let Some(method) = method {
                if has_path {
                    methods.clear();
                }
                methods.push(method.to_owned());
            }
            has_path = path.is_some();
            if let Some(path) = path {
                calls.extend(methods.iter().map(|method| format!("{method} {}", complete_path(path))));
            }
        }
    }
    calls
}

/// A path without its query, with `{}` for each variable part, and with what `…` stands for.
fn complete_path(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.replace('…', "/api/connections/{id}");
    let parts: Vec<&str> =
        path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect();
    parts.join("/")
}

/// Method and path of each call that the router's patterns take, such as `(&Method::GET, ["orders", order])`.
fn read_routes(source: &str) -> BTreeSet<String> {
    let source = Source::from_text(source).code_and_strings;
    let mut routes = BTreeSet::new();
    for part in source.split("(&Method::").skip(1) {
        let Some((method, rest)) = part.split_once(", [") else {
            continue;
        };
        if !method.chars().all(is_word_char) {
            continue;
        }
        let pattern = rest.split(']').next().unwrap_or_default();
        let parts: Vec<&str> = pattern.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let mut path = match parts.first() {
            Some(&"\"connections\"") => "/api".to_owned(),
            _ => "/api/connections/{}".to_owned(),
        };
        for part in parts {
            let fixed = part.strip_prefix('"').and_then(|part| part.strip_suffix('"'));
            path = format!("{path}/{}", fixed.unwrap_or("{}"));
        }
        routes.insert(format!("{method} {path}"));
    }
    if source.contains("[\"health\"] if request.method == Method::GET") {
        routes.insert("GET /health".to_owned());
    }
    routes
}

#[test]
fn parameters_are_those_of_the_template() {
    let table = collect_entries(&read_rows("Parameters of the stack")).unwrap();
    let template = Template::of_this_repository().unwrap();
    assert_no_findings(
        &compare_entries(&table, &list_parameters(&template)),
        "docs/REFERENCE.md, \"Parameters of the stack\", has each parameter of infra/template.yaml with its default: in \
         backticks as the template has it, or `none` where it is empty.",
    );
}

#[test]
fn variables_are_those_of_the_template() {
    let variables = list_variables(&Template::of_this_repository().unwrap());
    let all: BTreeSet<String> = variables.values().flatten().cloned().collect();
    let mut table = Entries::new();
    for row in read_rows("Environment of the functions") {
        let functions = join_names(&read_functions(&row[1], &all));
        table.extend(split_list(&row[0]).into_iter().map(|name| (name, functions.clone())));
    }
    let code = variables.iter().map(|(name, functions)| (name.clone(), join_names(functions))).collect();
    assert_no_findings(
        &compare_entries(&table, &code),
        "docs/REFERENCE.md, \"Environment of the functions\", has each variable of infra/template.yaml with the functions that \
         get it: `all`, `all but …`, or a list.",
    );
}

#[test]
fn settings_are_those_of_a_connection() {
    let table = collect_entries(&read_rows("Settings of a connection")).unwrap();
    let defaults = serde_json::to_value(domain::settings::ConnectionSettings::default()).unwrap();
    let code = defaults
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), show_setting(value)))
        .collect();
    assert_no_findings(
        &compare_entries(&table, &code),
        "docs/REFERENCE.md, \"Settings of a connection\", has each field of ConnectionSettings with its default: – where there \
         is none.",
    );
}

#[test]
fn calls_are_those_of_the_router() {
    let calls = read_calls(&read_rows("The operator's API"));
    let routes = read_routes(&read_text("functions/web/src/route.rs"));
    assert!(routes.len() > 10, "only {} routes were found in functions/web/src/route.rs", routes.len());
    let unknown = calls.difference(&routes).map(|call| format!("{call}: the router does not know it"));
    let missing = routes.difference(&calls).map(|call| format!("{call}: missing in the table"));
    assert_no_findings(
        &unknown.chain(missing).collect::<Vec<_>>(),
        "docs/REFERENCE.md, \"The operator's API\", has each call that functions/web/src/route.rs takes, and no other.",
    );
}

#[test]
fn differences_of_a_table_are_found() {
    let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned(), String::new()];
    let table = collect_entries(&[row("`A`, `B`", "`x, y`, none"), row("`C`, `D`", "5")]).unwrap();
    let entries = |pairs: &[(&str, &str)]| -> Entries {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let right = [("A", "x, y"), ("B", "none"), ("C", "5"), ("D", "5")];
    assert!(compare_entries(&table, &entries(&right)).is_empty());
    assert_eq!(compare_entries(&table, &entries(&right[1..])).len(), 1);
    let other = [("A", "x"), ("B", "none"), ("C", "5"), ("D", "5"), ("E", "1")];
    assert_eq!(compare_entries(&table, &entries(&other)).len(), 2);
    assert!(collect_entries(&[row("`A`, `B`, `C`", "1, 2")]).is_err());
    assert!(collect_entries(&[row("`A`, `A`", "1")]).is_err());
}

#[test]
fn the_template_is_read_with_its_defaults_and_variables() {
    let text = "
Parameters: {Empty: {Default: ''}, Number: {Default: 5}, Needed: {Type: String}}
Globals: {Function: {Environment: {Variables: {ALL: x}}}}
Resources:
  A: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: functions/a, Environment: {Variables: {OWN: x}}}}
  B: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: functions/b}}
";
    let template = Template::parse(text).unwrap();
    let parameters: Vec<_> = list_parameters(&template).into_values().collect();
    assert_eq!(parameters, ["none", "needed", "5"]);
    let variables = list_variables(&template);
    assert_eq!(join_names(&variables["ALL"]), "a, b");
    assert_eq!(join_names(&variables["OWN"]), "a");
    assert_eq!(join_names(&read_functions("all but b", &variables["ALL"])), "a");
    assert_eq!(join_names(&read_functions("all", &variables["ALL"])), "a, b");
    assert_eq!(join_names(&read_functions("c, a", &variables["ALL"])), "a, c");
}

#[test]
fn settings_are_shown_as_in_the_table() {
    let value = serde_json::json!({ "b": null, "a": ["x", "y"], "c": false });
    assert_eq!(show_setting(&value), "a: x, y; b: –; c: false");
}

#[test]
fn calls_and_routes_are_read_alike() {
    let row = |cell: &str| vec![cell.to_owned(), "what".to_owned()];
    let calls = read_calls(&[
        row("`GET`, `PATCH /api/connections/{id}`"),
        row("`POST …/suspend`, `…/orders/{identifier}/retry`"),
        row(""),
        row("`GET …/orders?state=&q=`"),
        row("`GET /health`"),
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
    let expected = [
        "GET /api/connections/{}",
        "GET /api/connections/{}/orders",
        "GET /health",
        "PATCH /api/connections/{}",
        "POST /api/connections/{}/orders/{}/retry",
        "POST /api/connections/{}/suspend",
    ];
    assert_eq!(calls.into_iter().collect::<Vec<_>>(), expected);
    // `[]` is the connection itself.
    assert_eq!(routes.into_iter().collect::<Vec<_>>(), expected);
}
