//! The session of a reader: a signed cookie that names one connection. The server stores nothing of a session.

use crate::operator::{OperatorToken, OperatorTokenError};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Language;
use domain::ids::ConnectionId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use store::links::generate_token;

/// Name of the session's cookie. The prefix `__Host-` makes browsers accept the cookie only from this host, over TLS and for
/// all paths.
pub const SESSION_COOKIE: &str = "__Host-session";
/// A session ends when its cookie was not renewed for this long: 30 days.
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The cookie is renewed when it is older than this.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// Credentials may be changed for this long after signing in, so that a browser left open is not enough.
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(12);
/// A cookie may be dated this far in the future, because the clocks of two processes differ.
const MOST_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_mins(5);
/// Longest cookie read, in bytes.
const MOST_BYTES: usize = 2_000;

/// The keys that sign cookies and forms. They are derived from the operator's token, so a new token ends all sessions.
#[derive(Clone)]
pub struct SessionKeys {
    session: [u8; 32],
    form: [u8; 32],
}

impl SessionKeys {
    /// Derives the keys from the operator's token.
    pub async fn from_operator_token(operator: &OperatorToken) -> Result<Self, OperatorTokenError> {
        Ok(Self {
            session: operator.derived_key("session cookie").await?,
            form: operator.derived_key("form token").await?,
        })
    }

    /// The token that every form of the session with this id has to carry.
    pub fn form_token(&self, session_id: &str) -> String {
        hex::encode(start_mac(&self.form, session_id).finalize().into_bytes())
    }

    /// Whether `given` is the form token of this session. Compared in constant time.
    pub fn is_form_token(&self, session_id: &str, given: &str) -> bool {
        hex::decode(given).is_ok_and(|given| start_mac(&self.form, session_id).verify_slice(&given).is_ok())
    }
}

fn start_mac(key: &[u8; 32], text: &str) -> Hmac<Sha256> {
    let mut block = hmac::digest::common::Key::<Hmac<Sha256>>::default();
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block);
    mac.update(text.as_bytes());
    mac
}

/// A reader who is signed in, as the cookie holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The one connection that the session sees.
    #[serde(rename = "c")]
    pub connection: ConnectionId,
    /// When that connection was created. A connection that is created again under the same id is not the same: its pages refuse
    /// the session.
    #[serde(rename = "m")]
    pub connection_created_at: Timestamp,
    /// Random id of the session.
    #[serde(rename = "i")]
    pub id: String,
    /// When the sign-in link was used.
    #[serde(rename = "s")]
    pub signed_in_at: Timestamp,
    /// When the cookie was last set.
    #[serde(rename = "r")]
    pub renewed_at: Timestamp,
    /// The language that the reader chose; absent: the connection's language.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

impl Session {
    /// A new session, which begins now.
    pub fn new(connection: ConnectionId, connection_created_at: Timestamp, now: Timestamp) -> Self {
        Self {
            connection,
            connection_created_at,
            id: generate_token(),
            signed_in_at: now,
            renewed_at: now,
            language: None,
        }
    }

    /// Verifies the signature of a cookie and reads the session. `None` when we did not sign the cookie or the session has ended.
    pub fn verify_cookie(cookie: &str, keys: &SessionKeys, now: Timestamp) -> Option<Self> {
        if cookie.len() > MOST_BYTES {
            return None;
        }
        let (content, signature) = cookie.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        start_mac(&keys.session, content).verify_slice(&signature).ok()?;
        let session: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(content).ok()?).ok()?;
        let age = now.duration_since(session.renewed_at);
        (age < SESSION_LIFETIME && age > -MOST_CLOCK_DIFFERENCE).then_some(session)
    }

    /// The value of the cookie: the session as base64url of its JSON, a dot, and the signature.
    fn signed_value(&self, keys: &SessionKeys) -> String {
        // A struct of texts and times always serializes.
        let content = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let signature = start_mac(&keys.session, &content).finalize().into_bytes();
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The header that sets the session's cookie, renewed now.
    pub fn cookie_header(&self, keys: &SessionKeys, now: Timestamp) -> String {
        let renewed = Self { renewed_at: now, ..self.clone() };
        set_cookie_header(SESSION_COOKIE, &renewed.signed_value(keys), SESSION_LIFETIME.as_secs())
    }

    /// Whether the cookie has to be renewed, because a session lasts as long as it is used.
    pub fn wants_renewal(&self, now: Timestamp) -> bool {
        now.duration_since(self.renewed_at) > RENEWED_AFTER
    }

    /// Whether the reader signed in lately enough to change credentials.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.signed_in_at) < FRESH_FOR
    }
}

/// The header that sets a cookie for this host alone, out of reach of scripts (`HttpOnly`) and of forms on other sites
/// (`SameSite`).
pub fn set_cookie_header(name: &str, value: &str, seconds: i64) -> String {
    format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

/// The header that ends a session by emptying its cookie.
pub fn end_cookie_header() -> String {
    set_cookie_header(SESSION_COOKIE, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn keys_from_seed(seed: u8) -> SessionKeys {
        SessionKeys { session: [seed; 32], form: [seed.wrapping_add(1); 32] }
    }

    fn parse_moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn new_session() -> Session {
        let now = parse_moment("2026-11-23T08:00:00Z");
        Session::new(ConnectionId::parse("shop").unwrap(), parse_moment("2026-11-01T08:00:00Z"), now)
    }

    fn cookie_value_of(session: &Session, now: &str) -> String {
        let header = session.cookie_header(&keys_from_seed(1), parse_moment(now));
        let value = header.strip_prefix("__Host-session=").unwrap();
        value.split(';').next().unwrap().to_owned()
    }

    #[rstest]
    #[case("2026-11-23T08:00:00Z", true)]
    #[case("2026-12-23T07:59:59Z", true)]
    #[case("2026-12-23T08:00:00Z", false)]
    #[case("2026-11-23T07:50:00Z", false)]
    fn a_session_lasts_thirty_days_from_its_last_renewal(#[case] now: &str, #[case] good: bool) {
        let cookie = cookie_value_of(&new_session(), "2026-11-23T08:00:00Z");
        assert_eq!(Session::verify_cookie(&cookie, &keys_from_seed(1), parse_moment(now)).is_some(), good);
    }

    #[test]
    fn only_what_we_signed_is_read() {
        let now = parse_moment("2026-11-23T08:00:00Z");
        let cookie = cookie_value_of(&new_session(), "2026-11-23T08:00:00Z");
        assert!(Session::verify_cookie(&cookie, &keys_from_seed(2), now).is_none());
        let (content, signature) = cookie.split_once('.').unwrap();
        let other = Session { connection: ConnectionId::parse("other").unwrap(), ..new_session() };
        let forged = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&other).unwrap());
        assert!(Session::verify_cookie(&format!("{forged}.{signature}"), &keys_from_seed(1), now).is_none());
        for broken in ["", ".", content, &format!("{content}."), &format!(".{signature}"), &"x".repeat(5_000)]
        {
            assert!(Session::verify_cookie(broken, &keys_from_seed(1), now).is_none(), "{broken}");
        }
    }

    #[test]
    fn credentials_may_be_changed_for_twelve_hours() {
        assert!(new_session().is_fresh(parse_moment("2026-11-23T19:59:59Z")));
        assert!(!new_session().is_fresh(parse_moment("2026-11-23T20:00:00Z")));
        assert!(!new_session().wants_renewal(parse_moment("2026-11-24T07:00:00Z")));
        assert!(new_session().wants_renewal(parse_moment("2026-11-24T08:00:01Z")));
    }

    #[test]
    fn a_forms_token_belongs_to_one_session() {
        let keys = keys_from_seed(1);
        let token = keys.form_token("a");
        assert!(keys.is_form_token("a", &token));
        assert!(!keys.is_form_token("b", &token));
        assert!(!keys.is_form_token("a", ""));
        assert!(!keys.is_form_token("a", "zz"));
    }

    #[test]
    fn the_cookie_is_out_of_reach() {
        let header = new_session().cookie_header(&keys_from_seed(1), parse_moment("2026-11-23T08:00:00Z"));
        for part in
            ["__Host-session=", "; Path=/;", "; Secure", "; HttpOnly", "; SameSite=Lax", "Max-Age=2592000"]
        {
            assert!(header.contains(part), "{header}");
        }
        assert!(!header.contains("Domain"));
    }
}
