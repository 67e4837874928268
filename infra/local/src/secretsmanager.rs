//! A small Secrets Manager behind its wire protocol (AWS JSON 1.1): create, read, write, delete. Secrets live in memory; with a
//! directory every change is in its file before the call is answered.

use crate::directory::Directory;
use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The versions of a secret, newest last: version id and text.
type Versions = Vec<(String, String)>;

#[derive(Default)]
struct SecretsState {
    /// Versions by the secret's name.
    secrets: BTreeMap<String, Versions>,
    reads: u64,
    directory: Option<Arc<Directory>>,
}

impl SecretsState {
    /// Replaces the versions of a secret; `None` deletes the secret. When the file can't be written, the secret stays as it was.
    fn set_secret(&mut self, name: &str, versions: Option<Versions>) -> anyhow::Result<()> {
        let before = self.replace_versions(name, versions);
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let kept = serde_json::to_vec(&self.secrets)
            .context("the secrets are no JSON")
            .and_then(|bytes| directory.write_secrets(&bytes));
        if kept.is_err() {
            self.replace_versions(name, before);
        }
        kept
    }

    fn replace_versions(&mut self, name: &str, versions: Option<Versions>) -> Option<Versions> {
        match versions {
            Some(versions) => self.secrets.insert(name.to_owned(), versions),
            None => self.secrets.remove(name),
        }
    }
}

#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<SecretsState>>);

impl Secrets {
    /// The secrets that the directory holds. Every change is written there.
    pub fn kept_in(directory: Arc<Directory>) -> anyhow::Result<Self> {
        let secrets = match directory.read_secrets()? {
            // The parser's message is not shown, because it may quote a part of a secret.
            Some(bytes) => serde_json::from_slice(&bytes)
                .ok()
                .with_context(|| format!("the secrets in {} can't be read", directory.path().display()))?,
            None => BTreeMap::new(),
        };
        Ok(Self(Arc::new(Mutex::new(SecretsState { secrets, reads: 0, directory: Some(directory) }))))
    }

    /// Number of `GetSecretValue` calls so far.
    pub fn reads(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).reads
    }
}

/// A server of Secrets Manager's wire protocol.
pub fn build_router(secrets: Secrets) -> Router {
    Router::new().route("/", post(handle_request)).with_state(secrets)
}

fn failure_response(code: &str, message: &str) -> Response {
    let body = json!({ "__type": code, "Message": message }).to_string();
    (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.1")], body).into_response()
}

async fn handle_request(State(secrets): State<Secrets>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|t| t.to_str().ok()).unwrap_or_default();
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return failure_response("SerializationException", "the request is not JSON");
    };
    let text = |field: &str| request.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut inside = secrets.0.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = |name: &str, version: &str, secret: Option<&str>| {
        let arn = format!("arn:aws:secretsmanager:eu-west-1:000000000000:secret:{name}-local1");
        let mut answer = json!({ "ARN": arn, "Name": name, "VersionId": version });
        if let Some(secret) = secret {
            answer["SecretString"] = secret.into();
            answer["VersionStages"] = json!(["AWSCURRENT"]);
        }
        ([("content-type", "application/x-amz-json-1.1")], answer.to_string()).into_response()
    };
    let version = uuid::Uuid::new_v4().to_string();
    let change = |inside: &mut SecretsState, name: &str, versions| match inside.set_secret(name, versions) {
        Ok(()) => answer(name, &version, None),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "a secret is not kept");
            failure_response("InternalServiceError", "the secret is not kept")
        }
    };
    match target {
        "secretsmanager.GetSecretValue" => {
            inside.reads += 1;
            let name = text("SecretId");
            let asked = text("VersionId");
            let mut versions = inside.secrets.get(&name).into_iter().flatten();
            match versions.rfind(|(version, _)| asked.is_empty() || *version == asked) {
                Some((version, secret)) => answer(&name, version, Some(secret)),
                None => failure_response(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret.",
                ),
            }
        }
        "secretsmanager.CreateSecret" => {
            let name = text("Name");
            if inside.secrets.contains_key(&name) {
                return failure_response("ResourceExistsException", "the secret exists");
            }
            let versions = vec![(version.clone(), text("SecretString"))];
            change(&mut inside, &name, Some(versions))
        }
        "secretsmanager.PutSecretValue" => {
            let name = text("SecretId");
            match inside.secrets.get(&name).cloned() {
                Some(mut versions) => {
                    versions.push((version.clone(), text("SecretString")));
                    // Secrets Manager labels the current and the previous version; older ones may go.
                    versions.drain(..versions.len().saturating_sub(2));
                    change(&mut inside, &name, Some(versions))
                }
                None => failure_response(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret.",
                ),
            }
        }
        "secretsmanager.DeleteSecret" => {
            let name = text("SecretId");
            // The connector always deletes without recovery; a recovery window is not simulated.
            if request.get("ForceDeleteWithoutRecovery") != Some(&Value::Bool(true)) {
                return failure_response("InvalidParameterException", "secrets can't be recovered here");
            }
            change(&mut inside, &name, None)
        }
        other => failure_response("InvalidRequestException", &format!("{other} is not known here")),
    }
}
