//! Tasks: the resource `/tasks` of Robaws. A task is how the connector tells a user of Robaws of something, since no API of
//! Robaws raises a notification.

use crate::Error;
use crate::transport::{Client, Request};
use crate::wire::{self, NamedItem, NewTask};

impl Client {
    /// Makes a task and gives its id. The same `key` again makes no second task.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn create_task(&self, task: &NewTask, key: &str) -> Result<String, Error> {
        let made: NamedItem = self
            .send_write(Request::post_json("tasks", &wire::task_body(task), key))
            .await?
            .parse_json("a task")?;
        Ok(made.id)
    }

    /// Closes a task. Gives `false` when Robaws does not have the task any more.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn close_task(&self, id: &str, key: &str) -> Result<bool, Error> {
        let path = format!("tasks/{id}");
        match self.send_write(Request::merge_patch(&path, &wire::task_done_body(), key)).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
