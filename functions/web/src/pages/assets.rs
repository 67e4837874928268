//! The style sheet. Its path holds a digest of its content, so that browsers may keep it for good.

use super::answer::{Answer, PageError};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("../../assets/style.css");

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = hex::encode(&Sha256::digest(STYLE.as_bytes())[..8]);
    format!("/assets/{digest}/style.css")
});

/// Path of the style sheet, which changes with its content.
pub fn style_path() -> String {
    STYLE_PATH.clone()
}

/// Answers a request below `/assets`.
pub fn serve_asset(path: &[&str]) -> Result<Answer, PageError> {
    if format!("/{}", path.join("/")) == *STYLE_PATH {
        Ok(Answer::from_asset("text/css; charset=utf-8", STYLE))
    } else {
        Err(PageError::NotFound)
    }
}
