//! May the reader open it now? Asked at Nextcloud once per document and request; nothing outlives the request.

use super::families::{self, Family};
use super::losses::LossListener;
use crate::ids::DocumentId;
use crate::nextcloud::{NextcloudError, UserSession};
use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Most ids in one question, whatever a family could take.
const MAX_BATCH: usize = 100;

/// Answers for one reader which documents he may open at this moment.
#[async_trait]
pub(super) trait AccessCheck: Send + Sync {
    /// Those of `native_ids` (at most [`AccessCheck::batch_size`]) that may be read now.
    async fn readable(&self, family: &str, native_ids: &[String]) -> Result<HashSet<String>, NextcloudError>;

    /// Most ids of `family` in one question.
    fn batch_size(&self, family: &str) -> usize;
}

/// Asks Nextcloud, in the reader's own session.
pub(super) struct SessionCheck<'a> {
    /// The reader's session.
    pub session: &'a UserSession,
    /// Who asks for which family.
    pub families: &'a [Arc<dyn Family>],
    /// The Nextcloud whose documents are stored.
    pub instance: Option<String>,
    /// Hears of what Nextcloud refuses.
    pub losses: Option<&'a dyn LossListener>,
}

#[async_trait]
impl AccessCheck for SessionCheck<'_> {
    async fn readable(&self, family: &str, native_ids: &[String]) -> Result<HashSet<String>, NextcloudError> {
        let Some(known) = families::named(self.families, family) else {
            tracing::error!(
                family,
                "documents of a family that this server cannot verify are left out"
            );
            return Ok(HashSet::new());
        };
        let readable = known
            .readable(self.session, native_ids, self.instance.as_deref())
            .await?;
        if let Some(losses) = self.losses
            && native_ids.iter().any(|id| !readable.contains(id))
        {
            losses.lost(self.session.user(), family).await;
        }
        Ok(readable)
    }

    fn batch_size(&self, family: &str) -> usize {
        families::named(self.families, family).map_or(1, Family::batch_size)
    }
}

/// A document to ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// Row.
    pub document: DocumentId,
    /// Source family.
    pub family: String,
    /// Native id.
    pub native_id: String,
}

/// What one request has learnt so far.
pub(super) struct Verification<'a> {
    check: &'a dyn AccessCheck,
    answers: HashMap<DocumentId, bool>,
    unanswered: HashSet<DocumentId>,
    failure: Option<&'static str>,
    /// Families that failed by themselves, such as one whose app is broken: others are asked on.
    failed: HashSet<String>,
    /// Nothing more is asked of Nextcloud at all.
    stopped: bool,
    refused: bool,
}

impl<'a> Verification<'a> {
    /// Nothing is known yet.
    pub fn new(check: &'a dyn AccessCheck) -> Self {
        Self {
            check,
            answers: HashMap::new(),
            unanswered: HashSet::new(),
            failure: None,
            failed: HashSet::new(),
            stopped: false,
            refused: false,
        }
    }

    /// Nextcloud's answer about a document; `None` when it was not asked or did not answer.
    pub fn answer(&self, document: DocumentId) -> Option<bool> {
        self.answers.get(&document).copied()
    }

    /// Nextcloud said yes in this request.
    pub fn confirmed(&self, document: DocumentId) -> bool {
        self.answer(document) == Some(true)
    }

    /// It cannot be among the results any more: Nextcloud said no in this request, or did not answer for its family.
    pub fn excludes(&self, document: DocumentId, family: &str) -> bool {
        self.answer(document)
            .map_or_else(|| self.failed.contains(family), |readable| !readable)
    }

    /// Nothing more is asked of Nextcloud.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// Why Nextcloud gave no answer, in words for the reader. After a failure nothing more is asked of the family, and
    /// of none when it is the user's or the host's: a wrong credential sent again would count towards the lock-out
    /// (facts §0 row 8).
    pub fn failure(&self) -> Option<&'static str> {
        self.failure
    }

    /// Nextcloud answered 401: the reader's credential works no longer.
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// Documents that answers cover.
    pub fn asked(&self) -> usize {
        self.answers.len()
    }

    /// Documents that were asked about and are not confirmed.
    pub fn dropped(&self) -> usize {
        self.answers.values().filter(|readable| !**readable).count() + self.unanswered.len()
    }

    /// Asks about documents, in batches per family.
    pub async fn ask(&mut self, questions: &[Question]) {
        let mut by_family: BTreeMap<&str, Vec<&Question>> = BTreeMap::new();
        for question in questions {
            by_family.entry(&question.family).or_default().push(question);
        }
        for (family, questions) in by_family {
            for batch in questions.chunks(self.check.batch_size(family).clamp(1, MAX_BATCH)) {
                self.ask_batch(family, batch).await;
            }
        }
    }

    async fn ask_batch(&mut self, family: &str, batch: &[&Question]) {
        if !self.stopped && !self.failed.contains(family) {
            let native_ids: Vec<String> = batch.iter().map(|question| question.native_id.clone()).collect();
            match self.check.readable(family, &native_ids).await {
                Ok(readable) => {
                    self.answers.extend(
                        batch
                            .iter()
                            .map(|question| (question.document, readable.contains(&question.native_id))),
                    );
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, family, "search results could not be verified");
                    self.refused = matches!(error, NextcloudError::Unauthorized);
                    self.failure = Some(explain(&error));
                    self.stopped |= concerns_all(&error);
                    self.failed.insert(family.to_owned());
                }
            }
        }
        self.unanswered
            .extend(batch.iter().map(|question| question.document));
    }
}

/// Whether the user or the host is at fault, and not one family's app.
fn concerns_all(error: &NextcloudError) -> bool {
    matches!(
        error,
        NextcloudError::Unauthorized
            | NextcloudError::AccountDisabled
            | NextcloudError::Throttled { .. }
            | NextcloudError::Maintenance { .. }
            | NextcloudError::Unreachable(_)
    )
}

/// The error's own text may name internal addresses: the reader gets a sentence by kind.
fn explain(error: &NextcloudError) -> &'static str {
    match error {
        NextcloudError::Unauthorized => "Nextcloud refused the credential when results were to be verified",
        NextcloudError::AccountDisabled => "the Nextcloud account is disabled, so results cannot be verified",
        NextcloudError::Maintenance { .. } => {
            "Nextcloud is in maintenance mode, so results that could not be verified are left out; try again later"
        }
        NextcloudError::Throttled { .. } => {
            "Nextcloud is throttling requests, so results that could not be verified are left out; try again later"
        }
        _ => "Nextcloud did not answer, so results that could not be verified are left out; try again later",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use crate::search::test_support::FakeCheck;

    fn questions(count: i64) -> Vec<Question> {
        (0..count)
            .map(|id| Question {
                document: DocumentId(id),
                family: "file".into(),
                native_id: id.to_string(),
            })
            .collect()
    }

    #[tokio::test]
    async fn a_hundred_documents_are_one_request_and_one_more_is_two() {
        let check = FakeCheck::allowing(0..1_000);
        Verification::new(&check).ask(&questions(100)).await;
        assert_eq!(check.batches(), [100]);
        Verification::new(&check).ask(&questions(101)).await;
        assert_eq!(check.batches(), [100, 100, 1]);
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_sent_again() {
        let check = FakeCheck::allowing(0..1_000);
        check.fail_with(|| NextcloudError::Unauthorized);
        let mut verification = Verification::new(&check);
        verification.ask(&questions(150)).await;
        verification.ask(&questions(1)).await;
        assert_eq!(
            check.batches(),
            [100],
            "the refused credential is not sent a second time"
        );
        assert_eq!(verification.dropped(), 150);
        assert!(verification.failure().unwrap().contains("credential"));
        assert!(verification.refused());
        assert!(!verification.confirmed(DocumentId(1)));
    }

    /// Notes what it is told.
    #[derive(Default)]
    struct Losses(std::sync::Mutex<Vec<(String, String)>>);

    #[async_trait]
    impl LossListener for Losses {
        async fn lost(&self, reader: &UserId, family: &str) {
            let told = (reader.as_str().to_owned(), family.to_owned());
            self.0.lock().unwrap().push(told);
        }
    }

    #[tokio::test]
    async fn what_nextcloud_refuses_is_told_and_what_it_shows_is_not() {
        let sim = nextcloud_sim::Simulator::start().await;
        let world = sim.world();
        let [kept, lost] =
            ["/kept.md", "/lost.md"].map(|path| world.put_file("alice", path, b"text").to_string());
        let session = families::simulated::session(&sim, "alice");
        let losses = Losses::default();
        let families: Vec<Arc<dyn Family>> = vec![Arc::new(families::FilesFamily)];
        let check = SessionCheck {
            session: &session,
            families: &families,
            instance: None,
            losses: Some(&losses),
        };
        let ids = [kept.clone(), lost];
        assert_eq!(check.readable("file", &ids).await.unwrap().len(), 2);
        assert_eq!(*losses.0.lock().unwrap(), []);
        world.delete_path("alice", "/lost.md");
        assert_eq!(check.readable("file", &ids).await.unwrap(), HashSet::from([kept]));
        assert_eq!(
            *losses.0.lock().unwrap(),
            [("alice".to_owned(), "file".to_owned())]
        );
        world.set_maintenance(true);
        check.readable("file", &ids).await.unwrap_err();
        assert_eq!(losses.0.lock().unwrap().len(), 1, "no answer is no refusal");
    }

    /// Answers for files; the app of everything else is broken.
    struct OnlyFiles;

    #[async_trait]
    impl AccessCheck for OnlyFiles {
        async fn readable(&self, family: &str, ids: &[String]) -> Result<HashSet<String>, NextcloudError> {
            match family {
                "file" => Ok(ids.iter().cloned().collect()),
                _ => Err(NextcloudError::ServerError { status: 500 }),
            }
        }

        fn batch_size(&self, _: &str) -> usize {
            100
        }
    }

    #[tokio::test]
    async fn a_family_that_fails_takes_no_other_with_it() {
        let mut asked = questions(2);
        asked[0].family = "deck_card".into();
        let mut verification = Verification::new(&OnlyFiles);
        verification.ask(&asked).await;
        assert!(!verification.confirmed(DocumentId(0)));
        assert!(verification.confirmed(DocumentId(1)));
        assert!(verification.failure().is_some());
    }

    #[test]
    fn internal_addresses_stay_out_of_the_sentence() {
        let sentence = explain(&NextcloudError::Unreachable(
            "http://nc.internal:8080 refused".into(),
        ));
        assert!(!sentence.contains("internal"));
    }
}
