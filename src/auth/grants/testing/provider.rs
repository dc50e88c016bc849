//! An identity provider that rotates strictly and detects reuse, and does what a script says.

use crate::auth::oidc::{CodeExchange, RemoteRevocation, TokenAnswer, TokenEndpoint, TokenFailure};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// What the provider does with the next refresh.
#[derive(Debug)]
pub(in crate::auth::grants) enum Next {
    /// Fails.
    Fail(TokenFailure),
    /// Never answers and changes nothing.
    HangBefore,
    /// Uses the token up and never answers.
    HangAfter,
    /// Answers when told.
    Wait(Arc<Notify>),
    /// Uses the token up, and answers when told.
    AnswerLate(Arc<Notify>),
    /// Changes the answer.
    Answer(fn(&mut TokenAnswer)),
}

/// Rotates on every use; whoever shows an old token loses the whole family.
#[derive(Debug, Default)]
pub(in crate::auth::grants) struct Provider {
    state: Mutex<State>,
    /// Fails every request.
    pub(in crate::auth::grants) down: AtomicBool,
    /// Refresh tokens have no end.
    pub(in crate::auth::grants) endless: AtomicBool,
    pub(in crate::auth::grants) refreshes: AtomicUsize,
    pub(in crate::auth::grants) asked: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Live refresh token → user.
    live: HashMap<String, String>,
    used: HashMap<String, String>,
    script: VecDeque<Next>,
    /// Users for whom every refresh is an HTML page with 500.
    deleted: HashSet<String>,
    issued: usize,
}

impl Provider {
    pub(in crate::auth::grants) fn script(&self, next: Next) {
        self.state.lock().unwrap().script.push_back(next);
    }

    pub(in crate::auth::grants) fn delete_user(&self, user: &str) {
        self.state.lock().unwrap().deleted.insert(user.to_owned());
    }

    /// A first answer for a consent of `user`.
    pub(in crate::auth::grants) fn issue(&self, user: &str) -> TokenAnswer {
        let mut state = self.state.lock().unwrap();
        state.issued += 1;
        let refresh_token = format!("rt-{user}-{}", state.issued);
        state.live.insert(refresh_token.clone(), user.to_owned());
        TokenAnswer {
            access_token: format!("at-{user}-{}", state.issued).into(),
            refresh_token: Some(refresh_token.into()),
            expires_in: Some(Duration::from_mins(15)),
            refresh_expires_in: (!self.endless.load(Ordering::SeqCst)).then_some(Duration::from_mins(30)),
            id_token: None,
            scopes: None,
        }
    }

    pub(in crate::auth::grants) fn is_live(&self, token: &str) -> bool {
        self.state.lock().unwrap().live.contains_key(token)
    }

    pub(in crate::auth::grants) fn live(&self) -> usize {
        self.state.lock().unwrap().live.len()
    }

    pub(in crate::auth::grants) fn count(&self) -> usize {
        self.refreshes.load(Ordering::SeqCst)
    }

    fn rotate(&self, token: &SecretString) -> Result<TokenAnswer, TokenFailure> {
        let user = {
            let mut state = self.state.lock().unwrap();
            let token = token.expose_secret();
            if let Some(user) = state.used.get(token).cloned() {
                state.live.retain(|_, owner| *owner != user);
                return Err(TokenFailure::InvalidGrant("used before".into()));
            }
            let Some(user) = state.live.remove(token) else {
                return Err(TokenFailure::InvalidGrant("unknown".into()));
            };
            if state.deleted.contains(&user) {
                state.live.insert(token.to_owned(), user);
                return Err(TokenFailure::InternalError("HTTP 500 without tokens".into()));
            }
            state.used.insert(token.to_owned(), user.clone());
            user
        };
        Ok(self.issue(&user))
    }
}

#[async_trait]
impl TokenEndpoint for Provider {
    async fn exchange_code(&self, _: &CodeExchange) -> Result<TokenAnswer, TokenFailure> {
        unreachable!("these tests exchange no codes")
    }

    async fn refresh(&self, _client: &str, token: &SecretString) -> Result<TokenAnswer, TokenFailure> {
        self.refreshes.fetch_add(1, Ordering::SeqCst);
        self.asked.notify_one();
        tokio::task::yield_now().await;
        if self.down.load(Ordering::SeqCst) {
            return Err(TokenFailure::Unreachable("connection refused".into()));
        }
        let next = self.state.lock().unwrap().script.pop_front();
        match next {
            Some(Next::Fail(failure)) => return Err(failure),
            Some(Next::HangBefore) => std::future::pending::<()>().await,
            Some(Next::HangAfter) => {
                self.rotate(token)?;
                std::future::pending::<()>().await;
            }
            Some(Next::Wait(go)) => go.notified().await,
            Some(Next::AnswerLate(go)) => {
                let answer = self.rotate(token)?;
                go.notified().await;
                return Ok(answer);
            }
            Some(Next::Answer(change)) => {
                let mut answer = self.rotate(token)?;
                change(&mut answer);
                return Ok(answer);
            }
            None => {}
        }
        self.rotate(token)
    }

    async fn end(&self, _client: &str, token: &SecretString) -> Result<RemoteRevocation, TokenFailure> {
        if self.down.load(Ordering::SeqCst) {
            return Err(TokenFailure::Unreachable("connection refused".into()));
        }
        let mut state = self.state.lock().unwrap();
        Ok(match state.live.remove(token.expose_secret()) {
            Some(_) => RemoteRevocation::RotatedAway,
            None => RemoteRevocation::AlreadyDead,
        })
    }
}
