//! Whether the index can be trusted to be complete.

use std::sync::{Arc, PoisonError, RwLock};

/// The state of the index as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IndexState {
    /// Complete.
    #[default]
    Ready,
    /// Being rebuilt from `PostgreSQL`: searches answer from what is there and say `degraded`.
    Rebuilding,
    /// No answer can be given; the text is shown to clients.
    Unavailable(String),
}

/// The [`IndexState`], shared: the server sets it, searches read it. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct IndexReadiness(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    state: IndexState,
    note: Option<&'static str>,
}

impl IndexReadiness {
    /// Starts in `state`.
    pub fn new(state: IndexState) -> Self {
        Self(Arc::new(RwLock::new(Known { state, note: None })))
    }

    /// Changes the state for all clones.
    pub fn set(&self, state: IndexState) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).state = state;
    }

    /// The state now.
    pub fn get(&self) -> IndexState {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .state
            .clone()
    }

    /// What searches by meaning must say, in words for clients.
    pub fn set_note(&self, note: Option<&'static str>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).note = note;
    }

    /// What searches by meaning must say now.
    pub fn note(&self) -> Option<&'static str> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).note
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_state() {
        let server = IndexReadiness::default();
        let search = server.clone();
        assert_eq!(search.get(), IndexState::Ready);
        server.set(IndexState::Rebuilding);
        assert_eq!(search.get(), IndexState::Rebuilding);
    }
}
