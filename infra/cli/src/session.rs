//! What the commands share: finding the API, calling it, turning error answers into failures, and printing answers.

use crate::api::{Answer, Api, Call, failure_from_answer};
use crate::console::Console;
use crate::deployment::{self, Deployment};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::options::{DryRun, GlobalOptions, HowMany};
use serde_json::{Value, json};

/// Items on one list page of the API at most (contract api.md).
const LIST_PAGE_SIZE: u32 = 100;

/// State of one run of the program.
pub struct Session<'a> {
    global: &'a GlobalOptions,
    pub environment: &'a Environment,
    pub console: &'a mut Console,
    api: Option<Api>,
    token_needed: bool,
}

impl<'a> Session<'a> {
    /// A session that has not looked up the deployment yet.
    pub fn new(global: &'a GlobalOptions, environment: &'a Environment, console: &'a mut Console) -> Self {
        Self { global, environment, console, api: None, token_needed: true }
    }

    pub fn find_deployment(&self) -> Result<Deployment, Failure> {
        deployment::resolve_deployment(self.global, self.environment)
    }

    /// Whether `--json` was given.
    pub fn wants_json(&self) -> bool {
        self.global.json
    }

    /// Says that the command's calls need no token, so that none is looked for.
    pub fn needs_no_token(&mut self) {
        self.token_needed = false;
    }

    async fn api_client(&mut self) -> Result<&Api, Failure> {
        if self.api.is_none() {
            let (url, token) = self.find_deployment()?.find_api(self.environment, self.token_needed).await?;
            self.api = Some(Api::new(&url, token, self.environment.pace.retry_delay)?);
        }
        self.api.as_ref().ok_or_else(|| Failure::not_reachable("the API was not found."))
    }

    /// Makes a call and returns the answer, whatever its status.
    pub async fn call_api_unchecked(&mut self, call: &Call) -> Result<Answer, Failure> {
        self.api_client().await?.send_call(call).await
    }

    /// Makes a call. An answer without a 2xx status is a failure, and its JSON is printed with `--json`.
    pub async fn call_api(&mut self, call: &Call) -> Result<Answer, Failure> {
        let answer = self.call_api_unchecked(call).await?;
        self.check_answer(answer)
    }

    /// Turns an answer without a 2xx status into a failure, and prints its JSON with `--json`.
    pub fn check_answer(&mut self, answer: Answer) -> Result<Answer, Failure> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        if self.global.json && !answer.json.is_null() {
            self.console.print_text(&answer.text)?;
        }
        Err(failure_from_answer(&answer))
    }

    /// Makes a call that changes something. On a dry run the call is printed instead, and there is no answer.
    pub async fn send_change(&mut self, dry: DryRun, call: &Call) -> Result<Option<Answer>, Failure> {
        if dry.dry_run {
            self.show_request(call)?;
            return Ok(None);
        }
        self.call_api(call).await.map(Some)
    }

    /// Prints a call instead of making it, with its secrets masked.
    pub fn show_request(&mut self, call: &Call) -> Result<(), Failure> {
        let body = call.masked_body();
        if self.global.json {
            let shown =
                json!({ "method": call.method.as_str(), "path": call.path_and_query(), "body": body });
            self.console.print_text(shown.to_string())?;
        } else {
            let body = body.map(|body| format!("\n{body:#}")).unwrap_or_default();
            self.console.print_text(format!("{} {}{body}", call.method, call.path_and_query()))?;
        }
        self.console.print_note("Nothing was sent.");
        Ok(())
    }

    /// Prints an answer: with `--json` as it came, else as `view` renders it.
    pub fn show_answer(
        &mut self,
        answer: &Answer,
        view: impl FnOnce(&Console, &Value) -> String,
    ) -> Result<(), Failure> {
        if self.global.json {
            return self.console.print_text(&answer.text);
        }
        let text = view(self.console, &answer.json);
        self.console.print_text(text)
    }

    /// Prints an answer: with `--json` as it came, else as this sentence.
    pub fn show_sentence(&mut self, answer: &Answer, sentence: impl AsRef<str>) -> Result<(), Failure> {
        self.show_answer(answer, |_, _| sentence.as_ref().to_owned())
    }

    /// Reads as many list pages as are wanted, prints the items, and returns their number.
    pub async fn show_list(
        &mut self,
        call: Call,
        how_many: HowMany,
        what: &str,
        view: impl FnOnce(&Console, &[Value]) -> String,
    ) -> Result<usize, Failure> {
        let wanted =
            if how_many.all { usize::MAX } else { usize::try_from(how_many.limit).unwrap_or(usize::MAX) };
        let first = how_many.limit.min(LIST_PAGE_SIZE);
        let limit = if how_many.all { LIST_PAGE_SIZE } else { first };
        let mut answer = self.call_api(&call.clone().with_query("limit", Some(limit))).await?;
        let mut items = take_items(&answer.json);
        let mut cursor = read_cursor(&answer.json);
        let is_one_page = cursor.is_none() || items.len() >= wanted;
        while let Some(at) = cursor.clone().filter(|_| items.len() < wanted) {
            let rest = (wanted - items.len()).min(LIST_PAGE_SIZE as usize);
            answer = self
                .call_api(&call.clone().with_query("limit", Some(rest)).with_query("cursor", Some(at)))
                .await?;
            items.extend(take_items(&answer.json));
            cursor = self::read_cursor(&answer.json);
        }
        if self.global.json {
            // One list page is printed as it came, so that fields that this version does not know are kept.
            let text = if is_one_page {
                answer.text
            } else {
                json!({ "items": items, "cursor": cursor }).to_string()
            };
            self.console.print_text(text)?;
            return Ok(items.len());
        }
        if items.is_empty() {
            self.console.print_text(format!("No {what}."))?;
        } else {
            let text = view(self.console, &items);
            self.console.print_text(text)?;
        }
        if cursor.is_some() {
            self.console
                .print_note(format!("There are more than these {}; --all shows them too.", items.len()));
        }
        Ok(items.len())
    }
}

fn take_items(json: &Value) -> Vec<Value> {
    json["items"].as_array().cloned().unwrap_or_default()
}

fn read_cursor(json: &Value) -> Option<String> {
    json["cursor"].as_str().map(str::to_owned)
}
