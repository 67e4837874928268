//! Credentials of the peers, read from a file, standard input, the environment or the keyboard. They are never arguments, because
//! other users of the machine can see those.

use crate::console::Console;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::options::connection_options::Credentials;
use doctor::{ProductflowLogin, RobawsLogin};
use secrecy::{ExposeSecret, SecretString};

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Bytes of a credentials file at most.
const MOST_BYTES: u64 = 64 * 1024;

/// A Robaws login as a file holds it in JSON: `{"key": "…", "secret": "…"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyAndSecret {
    key: SecretString,
    secret: SecretString,
}

/// Adds `robaws` and `productflow` to a request's body, for those credentials that the options name.
pub fn add_credentials(
    body: &mut Map<String, Value>,
    named: &Credentials,
    environment: &Environment,
    console: &mut Console,
) -> Result<(), Failure> {
    let from_input = |source: &Option<String>| source.as_deref() == Some("-");
    if from_input(&named.robaws_login) && from_input(&named.productflow_token) {
        return Err(Failure::wrong_usage(
            "--robaws-login and --productflow-token can't both be read from standard input.",
        ));
    }
    if let Some(source) = &named.robaws_login {
        let login = read_key_and_secret(source, environment, console)?;
        let (key, secret) = (login.key.expose_secret(), login.secret.expose_secret());
        body.insert("robaws".to_owned(), json!({ "key": key, "secret": secret }));
    }
    let mut productflow = Map::new();
    if let Some(source) = &named.productflow_token {
        let token = read_productflow_token(source, environment, console)?;
        productflow.insert("access_token".to_owned(), token.expose_secret().into());
    }
    if let Some(company) = named.company {
        productflow.insert("company_id".to_owned(), company.into());
    }
    if !productflow.is_empty() {
        body.insert("productflow".to_owned(), Value::Object(productflow));
    }
    Ok(())
}

/// The Robaws login from the source that `--robaws-login` names.
pub fn read_robaws_login(
    source: &str,
    environment: &Environment,
    console: &mut Console,
) -> Result<RobawsLogin, Failure> {
    let KeyAndSecret { key, secret } = read_key_and_secret(source, environment, console)?;
    Ok(RobawsLogin { key, secret })
}

/// The ProductFlow token from the source that `--productflow-token` names.
pub fn read_productflow_login(
    source: &str,
    environment: &Environment,
    console: &mut Console,
) -> Result<ProductflowLogin, Failure> {
    let access_token = read_productflow_token(source, environment, console)?;
    Ok(ProductflowLogin { access_token })
}

fn read_key_and_secret(
    source: &str,
    environment: &Environment,
    console: &mut Console,
) -> Result<KeyAndSecret, Failure> {
    match source {
        "env" => Ok(KeyAndSecret {
            key: require_variable(environment.robaws_key.as_ref(), "CONNECTOR_ROBAWS_KEY")?,
            secret: require_variable(environment.robaws_secret.as_ref(), "CONNECTOR_ROBAWS_SECRET")?,
        }),
        "ask" => Ok(KeyAndSecret {
            key: ask_credential(console, "Robaws key:")?,
            secret: ask_credential(console, "Robaws secret:")?,
        }),
        _ => parse_key_and_secret(&read_source(source, console)?),
    }
}

fn read_productflow_token(
    source: &str,
    environment: &Environment,
    console: &mut Console,
) -> Result<SecretString, Failure> {
    match source {
        "env" => require_variable(environment.productflow_token.as_ref(), "CONNECTOR_PRODUCTFLOW_TOKEN"),
        "ask" => ask_credential(console, "ProductFlow access token:"),
        _ => {
            let text = read_source(source, console)?;
            match text.expose_secret().split_whitespace().collect::<Vec<_>>().as_slice() {
                [token] => Ok(SecretString::from(*token)),
                _ => Err(Failure::wrong_usage(
                    "The access token must stand alone in what --productflow-token names.",
                )),
            }
        }
    }
}

fn require_variable(value: Option<&SecretString>, name: &str) -> Result<SecretString, Failure> {
    value.cloned().ok_or_else(|| Failure::wrong_usage(format!("{name} is not set.")))
}

fn ask_credential(console: &mut Console, question: &str) -> Result<SecretString, Failure> {
    let typed = console.ask_secret(question)?;
    if typed.expose_secret().is_empty() {
        return Err(Failure::wrong_usage("Nothing was typed."));
    }
    Ok(typed)
}

fn read_source(source: &str, console: &mut Console) -> Result<SecretString, Failure> {
    if source == "-" {
        return console.read_input();
    }
    // The message does not repeat the file's name: it may be a secret that was typed in its place.
    let unreadable = |error: &std::io::Error| {
        Failure::wrong_usage(format!(
            "the file of --robaws-login or --productflow-token can't be read: {error}."
        ))
        .with_advice("It takes the name of a file, -, env or ask.")
    };
    let known = std::fs::metadata(source).map_err(|error| unreadable(&error))?;
    if known.len() > MOST_BYTES {
        return Err(Failure::wrong_usage(
            "The file of credentials is over 64 KiB: that is no file of credentials.",
        ));
    }
    let text = std::fs::read_to_string(source).map_err(|error| unreadable(&error))?;
    Ok(SecretString::from(text))
}

/// Key and secret from two lines, or from JSON.
fn parse_key_and_secret(text: &SecretString) -> Result<KeyAndSecret, Failure> {
    let wrong = || {
        Failure::wrong_usage(
            "The Robaws login must be two lines, key and secret, or {\"key\":\"…\",\"secret\":\"…\"}.",
        )
    };
    let text = text.expose_secret().trim();
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|_| wrong());
    }
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [key, secret] => {
            Ok(KeyAndSecret { key: SecretString::from(*key), secret: SecretString::from(*secret) })
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn body_with_credentials(
        robaws: Option<&str>,
        productflow: Option<&str>,
        input: &str,
    ) -> Result<Value, String> {
        let named = Credentials {
            robaws_login: robaws.map(str::to_owned),
            productflow_token: productflow.map(str::to_owned),
            company: None,
        };
        let environment = Environment {
            robaws_key: Some("ek".into()),
            robaws_secret: Some("es".into()),
            ..Environment::default()
        };
        let (mut console, captured) = Console::for_capture(input);
        let mut body = Map::new();
        let added = add_credentials(&mut body, &named, &environment, &mut console);
        assert!(!captured.out().contains("canary") && !captured.err().contains("canary"));
        added.map(|()| Value::Object(body)).map_err(|failure| failure.to_string())
    }

    #[rstest]
    #[case(Some("-"), None, "k\ns\n", json!({"robaws": {"key": "k", "secret": "s"}}))]
    #[case(Some("-"), None, r#"{"key":"k","secret":"s"}"#, json!({"robaws": {"key": "k", "secret": "s"}}))]
    #[case(Some("env"), Some("-"), "t\n", json!({"robaws": {"key": "ek", "secret": "es"}, "productflow": {"access_token": "t"}}))]
    #[case(Some("ask"), Some("ask"), "k\ns\nt\n", json!({"robaws": {"key": "k", "secret": "s"}, "productflow": {"access_token": "t"}}))]
    #[case(None, None, "", json!({}))]
    fn credentials_come_from_everywhere_but_arguments(
        #[case] robaws: Option<&str>,
        #[case] productflow: Option<&str>,
        #[case] input: &str,
        #[case] body: Value,
    ) {
        assert_eq!(body_with_credentials(robaws, productflow, input).unwrap(), body);
    }

    #[rstest]
    #[case(Some("-"), None, "canary")]
    #[case(Some("-"), None, r#"{"key":"canary"}"#)]
    #[case(Some("-"), None, r#"{"key":"canary","secret":"canary","more":"canary"}"#)]
    #[case(Some("ask"), None, "canary\n\n")]
    #[case(None, Some("-"), "canary canary")]
    #[case(None, Some("env"), "")]
    #[case(Some("-"), Some("-"), "canary")]
    #[case(Some("/no/such/canary"), None, "")]
    fn what_is_wrong_is_said_without_the_secret(
        #[case] robaws: Option<&str>,
        #[case] productflow: Option<&str>,
        #[case] input: &str,
    ) {
        let told = body_with_credentials(robaws, productflow, input).unwrap_err();
        assert!(!told.contains("canary"), "{told}");
    }
}
