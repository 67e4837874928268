//! Brings the notifications of a connection up to date with its open problems, and makes and closes their tasks
//! in Robaws. No order waits for this: what fails is tried again at a later poll.

use crate::trouble::Trouble;
use domain::Language;
use domain::ids::UserId;
use domain::notification::{Cause, ProblemGroup, ProblemSubject, group_by_cause};
use domain::problem::{Arg, Args, Holds, Problem, ProblemCode, build_args};
use domain::text;
use jiff::{SignedDuration, Timestamp};
use robaws::NewTask;
use runtime::error::Chain;
use runtime::metrics::{self, Metric};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use store::model::{ConnectionItem, ConnectionState, NotificationProgress, OpenProblem, Peer, PeerHealth};
use store::notifications::{Notification, TaskState, to_seen_problem};
use store::{Store, StoreError};

/// How long after a change of problems every poll updates the notifications again. The change is noted before
/// it is stored, and the index lags behind the table.
const CHANGE_LINGERS_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Open problems above which only the poll updates the notifications, since every update reads them all.
const MOST_OPEN_AT_ONCE: u64 = 300;
/// Without a success for this long a peer counts as unreachable.
const UNREACHABLE_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Tasks made per connection and day.
const MOST_TASKS: u32 = 20;
const A_DAY: SignedDuration = SignedDuration::from_hours(24);
/// A task that could not be made or closed is tried again after this time.
const TASK_RETRY_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The problems of the connection itself: the stored ones, and those that follow from the health of its peers.
pub fn own_problems(item: &ConnectionItem, now: Timestamp) -> Vec<OpenProblem> {
    let user = item.connection.settings.task_user_id.as_ref();
    let is_real = |open: &&OpenProblem| {
        // A problem about a user who is no longer the chosen one is over.
        !is_about_the_user(&open.problem)
            || open.problem.args.get("value") == user.map(|id| Arg::from(id.as_str())).as_ref()
    };
    let mut open: Vec<OpenProblem> = item.problems.values().filter(is_real).cloned().collect();
    if item.connection.state != ConnectionState::Active {
        return open;
    }
    let mut add = |code, args: Args, since: Timestamp, count: u32| {
        open.push(OpenProblem {
            problem: Problem::new(code, Holds::Nothing, args),
            opened_at: since,
            last_seen_at: now.max(since),
            count: u64::from(count.max(1)),
        });
    };
    if let Some(since) = item.robaws.refused_since {
        add(ProblemCode::RobawsCredentials, Args::new(), since, item.robaws.probes);
    }
    if let Some(since) = item.productflow.refused_since {
        let company = item.connection.company.map(|company| company.to_string());
        let args = build_args([("company", company.unwrap_or_default().into())]);
        add(ProblemCode::ProductflowCredentials, args, since, item.productflow.probes);
    }
    if let Some(reset) = item.robaws.quota_used_up_until.filter(|reset| now < *reset) {
        let args = build_args([("reset", Arg::Time(reset))]);
        add(ProblemCode::RobawsQuota, args, now, 1);
    }
    for (peer, code) in [
        (Peer::Robaws, ProblemCode::RobawsUnreachable),
        (Peer::Productflow, ProblemCode::ProductflowUnreachable),
    ] {
        if let Some(since) = unreachable_since(item.health(peer), now) {
            let args = build_args([("since", Arg::Time(since))]);
            add(code, args, since, item.health(peer).pauses);
        }
    }
    open
}

/// Whether a peer has not answered for an hour.
pub fn is_unreachable(item: &ConnectionItem, peer: Peer, now: Timestamp) -> bool {
    unreachable_since(item.health(peer), now).is_some()
}

fn unreachable_since(health: &PeerHealth, now: Timestamp) -> Option<Timestamp> {
    let since = health.failing_since.filter(|_| health.refused_since.is_none())?;
    (now.duration_since(since) >= UNREACHABLE_AFTER).then_some(since)
}

/// Digest of the connection's own problems, to see whether they changed.
fn digest_problems(own: &[OpenProblem]) -> String {
    let mut hash = Sha256::new();
    for open in own {
        let args: Vec<(&String, &Arg)> = open.problem.args.iter().collect();
        hash.update(format!("{}|{args:?}\n", open.problem.code.as_str()));
    }
    hex::encode(&hash.finalize()[..8])
}

/// Whether the notifications may not show the open problems.
pub fn may_be_outdated(item: &ConnectionItem, now: Timestamp) -> bool {
    let told = &item.notification_progress;
    let marked = item.problems_changed_at.is_some_and(|marked| {
        let looked = told.at.map(|at| at.duration_since(marked));
        looked.is_none_or(|after| after < CHANGE_LINGERS_FOR)
    });
    marked
        || told.own != digest_problems(&own_problems(item, now))
        || told.tasks_due.is_some_and(|due| due <= now)
}

/// Whether a look may update the notifications at once. Otherwise the poll does.
pub fn has_few_open(item: &ConnectionItem) -> bool {
    item.notification_progress.open <= MOST_OPEN_AT_ONCE
}

/// Brings the notifications up to date. `robaws`: the client that makes and closes tasks; without it tasks wait
/// for the next poll.
///
/// # Errors
///
/// [`StoreError`] when the table fails. A failed call to Robaws is logged and tried again later.
pub async fn update_notifications(
    store: &Store,
    item: &ConnectionItem,
    robaws: Option<&robaws::Client>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let connection = &item.connection.id;
    let own = own_problems(item, now);
    let (mut problems, open) = store.load_open_problems(connection).await?;
    problems.extend(own.iter().cloned().map(|open| to_seen_problem(&ProblemSubject::Connection, open)));
    let groups = group_by_cause(problems);
    let unfinished = store.load_unfinished_notifications(connection).await?;
    let ids: BTreeMap<String, (&Cause, &ProblemGroup)> =
        groups.iter().map(|(cause, group)| (cause.notification_id(connection), (cause, group))).collect();
    let wanted: BTreeSet<&String> = ids.keys().chain(unfinished.iter().map(|known| &known.id)).collect();
    let known = store.load_notifications(connection, wanted.iter().copied()).await?;
    let mut known: BTreeMap<String, Notification> =
        known.into_iter().map(|notification| (notification.id.clone(), notification)).collect();
    let mut pending = false;
    for id in wanted {
        let group = ids.get(id).map(|(_, group)| *group);
        let stored = known.remove(id);
        let mut notification = match (&stored, group) {
            (Some(stored), _) => stored.clone(),
            (None, Some(group)) => Notification::new(connection.clone(), id.clone(), group),
            (None, None) => continue,
        };
        // A notification without a group has no open problem left.
        match group {
            Some(group) => notification.update_from_group(group),
            None if notification.is_open() => notification.set_solved(now),
            None => {}
        }
        if stored.as_ref() != Some(&notification) {
            log_change(item, stored.as_ref(), &notification);
            match store.save_notification(&mut notification, now).await {
                Ok(()) => {}
                // Another invocation updates the same notification.
                Err(StoreError::Conflict) => {
                    pending = true;
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        pending |= !advance_task(store, item, robaws, &mut notification, now).await?;
    }
    let told = NotificationProgress {
        at: Some(now),
        own: digest_problems(&own),
        tasks_due: pending.then(|| now.checked_add(TASK_RETRY_AFTER).unwrap_or(now)),
        open,
    };
    store.save_notification_progress(connection, &told).await?;
    Ok(())
}

fn log_change(item: &ConnectionItem, was: Option<&Notification>, is: &Notification) {
    let opened = is.is_open() && was.is_none_or(|was| !was.is_open());
    let closed = !is.is_open() && was.is_some_and(Notification::is_open);
    if !opened && !closed {
        return;
    }
    // A notification of one order is logged with it, so that a search for the order finds the line.
    let only_order = match is.orders.as_slice() {
        [order] if is.orders_in_all == 1 => Some(order.identifier.as_str()),
        _ => None,
    };
    tracing::info!(
        connection.id = %item.connection.id, order.identifier = only_order, article.number = is.article,
        notification.id = is.id, problem.code = is.problem.code.as_str(), orders = is.orders_in_all,
        "notification {}", if opened { "opened" } else { "closed" }
    );
    if is_shown_by_health(is.problem.code) {
        let metric = if opened { Metric::ProblemsOpened } else { Metric::ProblemsClosed };
        metrics::add_count(metric, 1);
    }
}

/// Whether a problem is not stored but follows from the health of a peer. Its opening is counted here, since no
/// write counts it.
fn is_shown_by_health(code: ProblemCode) -> bool {
    matches!(
        code,
        ProblemCode::RobawsCredentials
            | ProblemCode::ProductflowCredentials
            | ProblemCode::RobawsQuota
            | ProblemCode::RobawsUnreachable
            | ProblemCode::ProductflowUnreachable
    )
}

/// Whether the problem says that the user who gets the tasks is gone: no task can tell him.
fn is_about_the_user(problem: &Problem) -> bool {
    problem.code == ProblemCode::SettingGone
        && problem.args.get("setting") == Some(&Arg::Setting("task_user_id".to_owned()))
}

/// Whether the problem says that Robaws forbids making tasks.
fn is_about_tasks(problem: &Problem) -> bool {
    problem.code == ProblemCode::RobawsPermission && problem.args.get("module") == Some(&Arg::from("tasks"))
}

/// Makes or closes the task of a notification, if that is due. Returns `false` when it has to be tried again.
async fn advance_task(
    store: &Store,
    item: &ConnectionItem,
    robaws: Option<&robaws::Client>,
    notification: &mut Notification,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let user = item.connection.settings.task_user_id.as_ref();
    let next = match (&notification.task, notification.is_open()) {
        (TaskState::None | TaskState::Closed(_), _) | (TaskState::Made(_), true) => return Ok(true),
        (TaskState::Wanted, false) => TaskState::None,
        (TaskState::Wanted, true)
            if is_about_the_user(&notification.problem) || is_about_tasks(&notification.problem) =>
        {
            TaskState::None
        }
        // Once a user is chosen, tasks are made for what is open then.
        (TaskState::Wanted, true) if user.is_none() => return Ok(true),
        (TaskState::Wanted, true) => {
            let (Some(robaws), Some(user)) = (robaws, user) else {
                return Ok(false);
            };
            match make_task(store, item, robaws, user, notification, now).await? {
                Some(task) => task,
                None => return Ok(false),
            }
        }
        (TaskState::Made(id), false) => {
            let Some(robaws) = robaws else { return Ok(false) };
            let key = task_key(notification, "close");
            match robaws.close_task(id, &key).await {
                Ok(_) => TaskState::Closed(id.clone()),
                // The task may not be closed, or not in its state: it stays as it is.
                Err(error) if matches!(Trouble::from(&error), Trouble::Refused { .. }) => {
                    warn_of_task(item, &error);
                    TaskState::Closed(id.clone())
                }
                Err(error) => {
                    warn_of_task(item, &error);
                    return Ok(false);
                }
            }
        }
    };
    notification.task = next;
    match store.save_notification(notification, now).await {
        Ok(()) => Ok(true),
        // The other writer goes on from here; the same idempotency key makes no second task.
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

fn warn_of_task(item: &ConnectionItem, error: &robaws::Error) {
    tracing::warn!(connection.id = %item.connection.id, error = %Chain(error), "a task in Robaws could not be made or closed");
}

/// The idempotency key of a call about a task: one per notification and opening.
fn task_key(notification: &Notification, what: &str) -> String {
    format!("{}-{}-{what}", notification.id, notification.episode)
}

/// Makes the task. `None`: not now.
async fn make_task(
    store: &Store,
    item: &ConnectionItem,
    robaws: &robaws::Client,
    user: &UserId,
    notification: &Notification,
    now: Timestamp,
) -> Result<Option<TaskState>, StoreError> {
    let connection = &item.connection;
    if item.robaws.is_quota_below(PeerHealth::ARTICLES_MIN_PERCENT, now)
        || !store.take_allowance(&format!("tasks#{}", connection.id), MOST_TASKS, A_DAY, now).await?
    {
        return Ok(None);
    }
    let base = connection.public_base_url.as_deref();
    let link = base.map(|base| {
        let base = base.trim_end_matches('/');
        format!("{base}/c/{}/notifications/{}", connection.id, notification.id)
    });
    let wanted = compose_task(notification, user, link.as_deref(), connection.language);
    match robaws.create_task(&wanted, &task_key(notification, "task")).await {
        Ok(id) => {
            for open in item.problems.values() {
                if is_about_the_user(&open.problem) || is_about_tasks(&open.problem) {
                    store.close_problem(item, open.problem.code).await?;
                }
            }
            Ok(Some(TaskState::Made(id)))
        }
        Err(error) => {
            warn_of_task(item, &error);
            match Trouble::from(&error) {
                Trouble::Refused { .. } => {
                    check_task_user(store, item, robaws, user, now).await?;
                    Ok(Some(TaskState::None))
                }
                Trouble::Permission { module } => {
                    let arguments = build_args([("module", module.into())]);
                    let problem = Problem::new(ProblemCode::RobawsPermission, Holds::Nothing, arguments);
                    store.open_problem(item, problem, now).await?;
                    Ok(None)
                }
                _ => Ok(None),
            }
        }
    }
}

/// Opens a problem if Robaws refused the task because its user is gone.
async fn check_task_user(
    store: &Store,
    item: &ConnectionItem,
    robaws: &robaws::Client,
    user: &UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Ok(users) = robaws.read_users().await else {
        return Ok(());
    };
    if users.iter().any(|known| known.id == user.as_str()) {
        return Ok(());
    }
    let arguments =
        build_args([("setting", Arg::Setting("task_user_id".to_owned())), ("value", user.as_str().into())]);
    let problem = Problem::new(ProblemCode::SettingGone, Holds::Nothing, arguments);
    store.open_problem(item, problem, now).await.map(drop)
}

/// The task: which order or article, what is wrong, how to fix it, and a link to the notification.
fn compose_task(
    notification: &Notification,
    user: &UserId,
    link: Option<&str>,
    language: Language,
) -> NewTask {
    let rendered = text::render_problem(&notification.problem, language);
    let only_order = match notification.orders.as_slice() {
        [order] if notification.orders_in_all == 1 => Some(order.reference.clone()),
        _ => None,
    };
    let subject = notification.article.clone().or(only_order);
    let title = match &subject {
        Some(subject) => {
            text::render_task_text("title", &[("subject", subject), ("title", &rendered.title)], language)
        }
        None => format!("ProductFlow: {}", rendered.title),
    };
    let mut description = format!("{}\n\n{}", rendered.message, rendered.fix);
    let references: Vec<&str> = notification.orders.iter().map(|o| o.reference.as_str()).collect();
    if !references.is_empty() {
        let more = u64::try_from(references.len()).is_ok_and(|named| named < notification.orders_in_all);
        let mut orders = references.join(", ");
        if more {
            orders.push_str(", …");
        }
        description.push_str("\n\n");
        description.push_str(&text::render_task_text("orders", &[("orders", &orders)], language));
    }
    if let Some(link) = link {
        description.push_str("\n\n");
        description.push_str(&text::render_task_text("more", &[("url", link)], language));
    }
    NewTask {
        title,
        description,
        user: user.clone(),
        related: notification.invoice.as_ref().map(|id| format!("/sales-invoices/{id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::{ConnectionId, ProductFlowCompanyId};
    use domain::settings::ConnectionSettings;
    use store::model::{Connection, NewestDocuments, PollState};

    fn at_hour(hour: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + hour * 3600).unwrap()
    }

    fn active_item() -> ConnectionItem {
        ConnectionItem {
            connection: Connection {
                state: ConnectionState::Active,
                company: Some(ProductFlowCompanyId(42)),
                has_robaws: true,
                has_productflow: true,
                go_live: Some(at_hour(0)),
                activated_at: Some(at_hour(0)),
                first_activated_at: Some(at_hour(0)),
                ..Connection::new(
                    ConnectionId::parse("shop").unwrap(),
                    Language::EN,
                    ConnectionSettings::default(),
                    at_hour(0),
                )
            },
            robaws: PeerHealth::default(),
            productflow: PeerHealth::default(),
            poll: PollState::default(),
            newest: NewestDocuments::default(),
            problems: BTreeMap::new(),
            webhook: None,
            last_event_at: None,
            articles_stamp: 0,
            sweeps: BTreeMap::new(),
            problems_changed_at: None,
            checklist: std::collections::BTreeSet::new(),
            notification_progress: NotificationProgress {
                at: Some(at_hour(0)),
                own: digest_problems(&[]),
                ..NotificationProgress::default()
            },
        }
    }

    fn own_codes(item: &ConnectionItem, now: Timestamp) -> Vec<ProblemCode> {
        own_problems(item, now).iter().map(|open| open.problem.code).collect()
    }

    #[test]
    fn a_peer_is_unreachable_after_an_hour_without_success() {
        let mut item = active_item();
        item.robaws.begin_pause(at_hour(1), None);
        assert!(own_codes(&item, at_hour(1)).is_empty());
        assert_eq!(own_codes(&item, at_hour(2)), [ProblemCode::RobawsUnreachable]);
        item.robaws.record_success();
        assert!(own_codes(&item, at_hour(3)).is_empty());
    }

    #[test]
    fn a_used_up_day_is_no_outage() {
        let mut item = active_item();
        item.robaws.use_up_quota(at_hour(1), Some(SignedDuration::from_hours(5)));
        assert_eq!(own_codes(&item, at_hour(3)), [ProblemCode::RobawsQuota]);
        assert!(own_codes(&item, at_hour(6)).is_empty());
    }

    #[test]
    fn refused_credentials_are_told_and_an_inactive_connection_has_none() {
        let mut item = active_item();
        item.productflow.record_refusal(at_hour(1));
        assert_eq!(own_codes(&item, at_hour(9)), [ProblemCode::ProductflowCredentials]);
        item.connection.state = ConnectionState::Inactive;
        assert!(own_codes(&item, at_hour(9)).is_empty());
    }

    #[test]
    fn an_idle_connection_is_up_to_date() {
        let mut item = active_item();
        assert!(!may_be_outdated(&item, at_hour(9)));
        item.problems_changed_at = Some(at_hour(9));
        assert!(may_be_outdated(&item, at_hour(9)));
        item.notification_progress.at = Some(at_hour(9));
        assert!(may_be_outdated(&item, at_hour(10)), "the change may have come after the look");
        item.notification_progress.at = Some(at_hour(10));
        assert!(!may_be_outdated(&item, at_hour(10)));
        item.robaws.record_refusal(at_hour(10));
        assert!(may_be_outdated(&item, at_hour(10)));
    }
}
