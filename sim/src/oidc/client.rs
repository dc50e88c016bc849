//! OAuth clients: made by the administrator (`occ oidc:create`) or registered by themselves.

use crate::random::random_text;

/// The form of a client's access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// 72 letters and digits.
    Opaque,
    /// A signed JWT with `typ` `at+jwt`.
    Jwt,
}

impl TokenType {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Jwt => "jwt",
        }
    }
}

/// A client as `occ oidc:create` takes it. Public fields, so that a test can read the invented ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcClient {
    /// `client_id`.
    pub id: String,
    /// `client_secret`; without meaning for a public client.
    pub secret: String,
    /// The name on the consent page.
    pub name: String,
    /// Where codes may be sent; compared letter by letter.
    pub redirect_uris: Vec<String>,
    /// The form of its access tokens.
    pub token_type: TokenType,
    /// The audience of its JWTs unless the request has a `resource`; `None`: the client itself.
    pub resource_url: Option<String>,
    /// The scopes it can get, space-separated; empty: any. Others are dropped without a word.
    pub allowed_scopes: String,
    /// Whether it works without a secret.
    pub public: bool,
}

impl OidcClient {
    /// A confidential client with random id and secret, opaque tokens and any scope.
    pub fn new(redirect_uri: &str) -> Self {
        Self {
            id: random_text(64),
            secret: random_text(64),
            name: "Test client".to_owned(),
            redirect_uris: vec![redirect_uri.to_owned()],
            token_type: TokenType::Opaque,
            resource_url: None,
            allowed_scopes: String::new(),
            public: false,
        }
    }

    /// Sets id and secret.
    #[must_use]
    pub fn credentials(mut self, id: &str, secret: &str) -> Self {
        id.clone_into(&mut self.id);
        secret.clone_into(&mut self.secret);
        self
    }

    /// Sets the name that the consent page shows.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Allows one redirect URI more.
    #[must_use]
    pub fn redirect_uri(mut self, uri: &str) -> Self {
        self.redirect_uris.push(uri.to_owned());
        self
    }

    /// Sets the form of access tokens.
    #[must_use]
    pub fn token_type(mut self, token_type: TokenType) -> Self {
        self.token_type = token_type;
        self
    }

    /// Sets the default audience of its tokens.
    #[must_use]
    pub fn resource_url(mut self, url: &str) -> Self {
        self.resource_url = Some(url.to_owned());
        self
    }

    /// Limits its scopes.
    #[must_use]
    pub fn allowed_scopes(mut self, scopes: &str) -> Self {
        scopes.clone_into(&mut self.allowed_scopes);
        self
    }

    /// Makes it a public client.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.public = true;
        self
    }
}

/// A client as the app stores it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) facts: OidcClient,
    /// Set for a client that registered itself.
    pub(super) registration: Option<Registration>,
}

/// What dynamic registration adds.
#[derive(Debug)]
pub(super) struct Registration {
    /// The `registration_access_token`.
    pub(super) access_token: String,
    pub(super) issued_at: i64,
    pub(super) expires_at: i64,
    pub(super) application_type: String,
}

impl Client {
    pub(super) fn is_expired(&self, now: i64) -> bool {
        self.registration
            .as_ref()
            .is_some_and(|registration| now > registration.expires_at)
    }

    /// The requested scopes that this client may have, in the order of the request.
    pub(super) fn granted_scopes(&self, requested: &str) -> String {
        let allowed: Vec<&str> = self.facts.allowed_scopes.split_whitespace().collect();
        let kept: Vec<&str> = requested
            .split_whitespace()
            .filter(|scope| allowed.is_empty() || allowed.contains(scope))
            .collect();
        kept.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_outside_the_allowed_ones_fall_away_and_an_empty_list_allows_all() {
        let client = |allowed: &str| Client {
            facts: OidcClient::new("http://client/").allowed_scopes(allowed),
            registration: None,
        };
        let asked = "profile openid  notes.write";
        assert_eq!(client("openid profile").granted_scopes(asked), "profile openid");
        assert_eq!(client("").granted_scopes(asked), "profile openid notes.write");
    }
}
