//! The pages of tasks; web addresses in a description are links.

use askama::Template;
use http::StatusCode;

use super::Names;
use crate::pages::text::{Piece, pieces, when};
use crate::pages::{Answer, Ask, Frame, NoPage, Pager, html};
use crate::robaws::{RobawsTenant, Task};

/// What has a page of its own.
const PAGES: [&str; 4] = ["articles", "stock-changes", "sales-invoices", "tasks"];

struct View {
    id: String,
    title: String,
    description: Vec<Piece>,
    status: String,
    user: String,
    /// Text, and a link where there is a page.
    related: Option<(String, Option<String>)>,
    created: String,
}

impl View {
    fn new(task: Task, users: &Names, ask: &Ask<'_>) -> Self {
        let related = task.related_resource.map(|path| {
            let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
            let link = match parts.as_slice() {
                [kind, id] if PAGES.contains(kind) => Some(ask.scope.link(&[kind, id])),
                _ => None,
            };
            (path, link)
        });
        Self {
            id: task.id,
            title: task.title,
            description: pieces(task.description.as_deref().unwrap_or_default()),
            status: task.status.unwrap_or_default(),
            user: users.find(task.assigned_user_id.as_deref()).unwrap_or_default(),
            related,
            created: when(task.created_at),
        }
    }
}

#[derive(Template)]
#[template(path = "robaws/tasks.html")]
struct List {
    frame: Frame,
    rows: Vec<View>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "robaws/task.html")]
struct Page {
    frame: Frame,
    task: View,
}

pub(super) fn list(tenant: &RobawsTenant, ask: &Ask<'_>) -> Answer {
    let users = Names::new(tenant.users());
    let mut tasks = tenant.tasks();
    tasks.reverse();
    let (pager, tasks) = Pager::cut(ask, &["tasks"], tasks);
    let page = List {
        frame: ask.frame("Tasks", "tasks"),
        rows: tasks
            .into_iter()
            .map(|task| View::new(task, &users, ask))
            .collect(),
        pager,
    };
    html(StatusCode::OK, &page)
}

pub(super) fn one(tenant: &RobawsTenant, ask: &Ask<'_>, id: &str) -> Answer {
    let task = tenant.tasks().into_iter().find(|task| task.id == id);
    let task = task.ok_or_else(|| NoPage::Missing(format!("task {id}")))?;
    let page = Page {
        frame: ask.frame(format!("Task {}", task.title), "tasks"),
        task: View::new(task, &Names::new(tenant.users()), ask),
    };
    html(StatusCode::OK, &page)
}
