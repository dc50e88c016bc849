//! The proof that a form came from a page of this server: a hidden field that only a page can know which was shown
//! to the browser with this cookie.

use super::BrowserToken;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The forms of the pages; a token of one is worth nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Allow background access.
    Consent,
    /// Take it back.
    Revoke,
    /// Switch webhooks.
    Webhooks,
    /// Log out.
    Logout,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Revoke => "revoke",
            Self::Webhooks => "webhooks",
            Self::Logout => "logout",
        }
    }
}

/// The hidden field of `form` for the browser that carries `secret`: an HMAC of the form's name, so that the page's
/// text does not hold the cookie itself.
pub fn form_token(secret: &BrowserToken, form: Form) -> String {
    mac(secret, form).map_or_else(String::new, |mac| {
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    })
}

/// Whether `sent` is the token of `form` for this browser; compared in constant time.
pub fn is_form_token(secret: &BrowserToken, form: Form, sent: &str) -> bool {
    match (mac(secret, form), URL_SAFE_NO_PAD.decode(sent)) {
        (Some(mac), Ok(sent)) => mac.verify_slice(&sent).is_ok(),
        _ => false,
    }
}

/// `None` cannot happen: HMAC takes keys of any length.
fn mac(secret: &BrowserToken, form: Form) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(b"nextcloud-mcp-server/form/v1\0");
    mac.update(form.name().as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn a_token_is_good_for_its_form_and_its_browser_only() {
        let (own, other) = (
            BrowserToken::random(&SystemEntropy),
            BrowserToken::random(&SystemEntropy),
        );
        let token = form_token(&own, Form::Revoke);
        assert!(is_form_token(&own, Form::Revoke, &token));
        assert!(!is_form_token(&own, Form::Logout, &token));
        assert!(!is_form_token(&other, Form::Revoke, &token));
        assert!(!token.contains(own.expose()));
    }

    #[test]
    fn an_empty_or_garbled_token_is_none() {
        let own = BrowserToken::random(&SystemEntropy);
        for sent in ["", "a", "%%%", own.expose()] {
            assert!(!is_form_token(&own, Form::Consent, sent), "{sent:?}");
        }
    }
}
