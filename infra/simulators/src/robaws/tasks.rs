//! Answers calls of `/tasks`, the tasks of office staff.

use http::{Method, StatusCode};
use serde_json::json;

use super::access::{Module, Refusal};
use super::fields::{self, Answer, Scene};
use super::lists::answer_list_page;
use super::model::Task;
use crate::traffic::{Reply, Request};

const FIELDS: [&str; 5] = ["title", "description", "status", "assignedUserId", "relatedResource"];

pub(crate) fn answer_task_call(scene: &mut Scene<'_>, request: &Request, rest: &[&str]) -> Answer {
    match (&request.method, rest) {
        (&Method::GET, []) => {
            scene.note_unknown_params(request, &["relatedResource"]);
            let wanted = scene.filter_value(request, "relatedResource");
            let rows = scene.data.tasks.iter();
            let rows = rows.filter(|task| wanted.is_none() || task.related_resource.as_deref() == wanted);
            let rows = rows.map(|task| json!(task)).collect();
            answer_list_page(scene, request, rows)
        }
        (&Method::GET, [id]) => {
            let task = scene.data.tasks.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Reply::json(StatusCode::OK, &json!(task)))
        }
        (&Method::POST, []) => {
            let task = Task {
                id: String::new(),
                title: String::new(),
                description: None,
                status: None,
                assigned_user_id: None,
                related_resource: None,
                created_at: scene.now,
                updated_at: scene.now,
            };
            let mut task = fill_task(scene, request, task)?;
            task.id = scene.data.fresh_id();
            let row = json!(task);
            scene.data.tasks.insert(&task.id.clone(), task);
            Ok(Reply::json(StatusCode::CREATED, &row))
        }
        (&Method::PATCH, [id]) => {
            let task = scene.data.tasks.get(id).ok_or_else(Refusal::not_found)?.clone();
            let mut task = fill_task(scene, request, task)?;
            task.updated_at = scene.now;
            scene.data.tasks.insert(id, task);
            Ok(Reply::without_body(StatusCode::NO_CONTENT))
        }
        (&Method::DELETE, [id]) => {
            if scene.data.tasks.remove(id) {
                Ok(Reply::without_body(StatusCode::NO_CONTENT))
            } else {
                Err(Refusal::not_found())
            }
        }
        _ => Err(super::no_such_method(rest.len() < 2)),
    }
}

/// Checks the fields of the body and puts them into the task.
fn fill_task(scene: &mut Scene<'_>, request: &Request, mut task: Task) -> Result<Task, Refusal> {
    let body = fields::parse_object(request)?;
    scene.note_unknown_fields(&body, &FIELDS);
    if request.method == Method::POST || body.contains_key("title") {
        task.title = fields::required_text(&body, "title")?;
    }
    for (name, field) in [("description", &mut task.description), ("status", &mut task.status)] {
        if body.contains_key(name) {
            *field = fields::optional_text(&body, name)?;
        }
    }
    if body.contains_key("assignedUserId") {
        let users = &scene.data.users;
        task.assigned_user_id = fields::known_id(&body, "assignedUserId", |id| users.contains(id))?;
    }
    if body.contains_key("relatedResource") {
        task.related_resource = fields::optional_text(&body, "relatedResource")?;
        if let Some(path) = &task.related_resource {
            check_resource(path)?;
        }
    }
    Ok(task)
}

/// Checks that the path is one such as `/sales-invoices/1`.
fn check_resource(path: &str) -> Result<(), Refusal> {
    let mut parts = path.strip_prefix('/').unwrap_or_default().split('/');
    let fits = parts.next().and_then(Module::from_segment).is_some()
        && parts.next().is_some_and(|id| !id.is_empty())
        && parts.next().is_none();
    if fits { Ok(()) } else { Err(Refusal::bad_request(format!("relatedResource: {path} is no resource"))) }
}
