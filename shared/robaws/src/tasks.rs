//! `/tasks`: how somebody who works in Robaws is told of something (contract: no API raises a notification).

use crate::Error;
use crate::transport::{Client, Request};
use crate::wire::{self, Named, NewTask};

impl Client {
    /// Makes a task and gives its id. The same key again makes no second one.
    pub async fn create_task(&self, task: &NewTask, key: &str) -> Result<String, Error> {
        let made: Named = self
            .write(Request::post("tasks", &wire::task_body(task), key))
            .await?
            .json("a task")?;
        Ok(made.id)
    }

    /// Closes a task. `false`: it is gone.
    pub async fn close_task(&self, id: &str, key: &str) -> Result<bool, Error> {
        let path = format!("tasks/{id}");
        match self
            .write(Request::patch(&path, &wire::task_done_body(), key))
            .await
        {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
