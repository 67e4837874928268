//! The session: a signed cookie. It names one connection; nothing of it is stored here.

use crate::operator::{OperatorToken, OperatorTokenError};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::ConnectionId;
use domain::settings::Language;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use store::links::random_token;

/// Name of the session's cookie. The prefix makes browsers refuse it unless this very host set it, over TLS, for all paths.
pub const COOKIE: &str = "__Host-session";
/// A session ends when it was not used for this long.
const LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Its cookie is renewed when it is older than this.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// Credentials may be changed for this long after signing in.
const FRESH: SignedDuration = SignedDuration::from_hours(12);
/// Clocks differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);
/// Longest cookie read.
const MOST_BYTES: usize = 2_000;

/// The keys of cookies and forms, derived from the operator's token: another token ends all sessions.
#[derive(Clone)]
pub struct Keys {
    session: [u8; 32],
    form: [u8; 32],
}

impl Keys {
    /// Derived from the operator's token.
    pub async fn of(operator: &OperatorToken) -> Result<Self, OperatorTokenError> {
        Ok(Self {
            session: operator.derived_key("session cookie").await?,
            form: operator.derived_key("form token").await?,
        })
    }

    /// The token that every form of the session with this id carries.
    pub fn form_token(&self, session_id: &str) -> String {
        hex::encode(mac(&self.form, session_id).finalize().into_bytes())
    }

    /// Whether a form carries it. Compared in constant time.
    pub fn is_form_token(&self, session_id: &str, given: &str) -> bool {
        hex::decode(given).is_ok_and(|given| mac(&self.form, session_id).verify_slice(&given).is_ok())
    }
}

fn mac(key: &[u8; 32], text: &str) -> Hmac<Sha256> {
    let mut block = hmac::digest::common::Key::<Hmac<Sha256>>::default();
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block);
    mac.update(text.as_bytes());
    mac
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The one connection that it sees.
    #[serde(rename = "c")]
    pub connection: ConnectionId,
    /// When that connection was made: another one of the same id is another one.
    #[serde(rename = "m")]
    pub made_at: Timestamp,
    /// Tells it from every other.
    #[serde(rename = "i")]
    pub id: String,
    /// When the link was used.
    #[serde(rename = "s")]
    pub signed_in_at: Timestamp,
    /// When its cookie was last set.
    #[serde(rename = "r")]
    pub renewed_at: Timestamp,
    /// The reader's language, if it is not the connection's.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

impl Session {
    /// A new one.
    pub fn begin(connection: ConnectionId, made_at: Timestamp, now: Timestamp) -> Self {
        Self {
            connection,
            made_at,
            id: random_token(),
            signed_in_at: now,
            renewed_at: now,
            language: None,
        }
    }

    /// Reads the cookie; `None` when we never made it, or it has ended.
    pub fn read(cookie: &str, keys: &Keys, now: Timestamp) -> Option<Self> {
        if cookie.len() > MOST_BYTES {
            return None;
        }
        let (content, signature) = cookie.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        mac(&keys.session, content).verify_slice(&signature).ok()?;
        let session: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(content).ok()?).ok()?;
        let age = now.duration_since(session.renewed_at);
        (age < LASTS && age > -CLOCKS_DIFFER).then_some(session)
    }

    /// The value of its cookie.
    fn value(&self, keys: &Keys) -> String {
        // A struct of texts and times always serializes.
        let content = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let signature = mac(&keys.session, &content).finalize().into_bytes();
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The header that sets its cookie, renewed now.
    pub fn cookie(&self, keys: &Keys, now: Timestamp) -> String {
        let renewed = Self {
            renewed_at: now,
            ..self.clone()
        };
        set_cookie(COOKIE, &renewed.value(keys), LASTS.as_secs())
    }

    /// Whether its cookie is to be set anew, since sessions last as long as they are used.
    pub fn wants_renewal(&self, now: Timestamp) -> bool {
        now.duration_since(self.renewed_at) > RENEWED_AFTER
    }

    /// Whether it began lately enough to change credentials.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.signed_in_at) < FRESH
    }
}

/// The header that sets a cookie for this host alone, out of reach of scripts and of forms on other sites.
pub fn set_cookie(name: &str, value: &str, seconds: i64) -> String {
    format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

/// The header that ends a session.
pub fn end_cookie() -> String {
    set_cookie(COOKIE, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn keys(seed: u8) -> Keys {
        Keys {
            session: [seed; 32],
            form: [seed.wrapping_add(1); 32],
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn session() -> Session {
        let now = at("2026-11-23T08:00:00Z");
        Session::begin(
            ConnectionId::parse("shop").unwrap(),
            at("2026-11-01T08:00:00Z"),
            now,
        )
    }

    fn cookie_of(session: &Session, now: &str) -> String {
        let header = session.cookie(&keys(1), at(now));
        let value = header.strip_prefix("__Host-session=").unwrap();
        value.split(';').next().unwrap().to_owned()
    }

    #[rstest]
    #[case("2026-11-23T08:00:00Z", true)]
    #[case("2026-12-23T07:59:59Z", true)]
    #[case("2026-12-23T08:00:00Z", false)]
    #[case("2026-11-23T07:50:00Z", false)]
    fn a_session_lasts_thirty_days_from_its_last_renewal(#[case] now: &str, #[case] good: bool) {
        let cookie = cookie_of(&session(), "2026-11-23T08:00:00Z");
        assert_eq!(Session::read(&cookie, &keys(1), at(now)).is_some(), good);
    }

    #[test]
    fn only_what_we_signed_is_read() {
        let now = at("2026-11-23T08:00:00Z");
        let cookie = cookie_of(&session(), "2026-11-23T08:00:00Z");
        assert!(Session::read(&cookie, &keys(2), now).is_none());
        let (content, signature) = cookie.split_once('.').unwrap();
        let other = Session {
            connection: ConnectionId::parse("other").unwrap(),
            ..session()
        };
        let forged = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&other).unwrap());
        assert!(Session::read(&format!("{forged}.{signature}"), &keys(1), now).is_none());
        for broken in [
            "",
            ".",
            content,
            &format!("{content}."),
            &format!(".{signature}"),
            &"x".repeat(5_000),
        ] {
            assert!(Session::read(broken, &keys(1), now).is_none(), "{broken}");
        }
    }

    #[test]
    fn credentials_may_be_changed_for_twelve_hours() {
        assert!(session().is_fresh(at("2026-11-23T19:59:59Z")));
        assert!(!session().is_fresh(at("2026-11-23T20:00:00Z")));
        assert!(!session().wants_renewal(at("2026-11-24T07:00:00Z")));
        assert!(session().wants_renewal(at("2026-11-24T08:00:01Z")));
    }

    #[test]
    fn a_forms_token_belongs_to_one_session() {
        let keys = keys(1);
        let token = keys.form_token("a");
        assert!(keys.is_form_token("a", &token));
        assert!(!keys.is_form_token("b", &token));
        assert!(!keys.is_form_token("a", ""));
        assert!(!keys.is_form_token("a", "zz"));
    }

    #[test]
    fn the_cookie_is_out_of_reach() {
        let header = session().cookie(&keys(1), at("2026-11-23T08:00:00Z"));
        for part in [
            "__Host-session=",
            "; Path=/;",
            "; Secure",
            "; HttpOnly",
            "; SameSite=Lax",
            "Max-Age=2592000",
        ] {
            assert!(header.contains(part), "{header}");
        }
        assert!(!header.contains("Domain"));
    }
}
