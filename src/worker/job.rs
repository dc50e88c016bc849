//! What a job says.

use super::queue;
use crate::ids::UserId;
use serde::{Deserialize, Serialize};

/// Version of the payload. Raise it when the meaning of a job changes; older ones still in the queue are then dead.
const VERSION: u32 = 1;

/// A wake-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Something may have changed for this user: scan now.
    ScanUser {
        /// Nextcloud UID.
        uid: UserId,
    },
    /// Scans are due.
    ScanDue,
    /// Webhooks told that something may have changed.
    FollowHints,
    /// Documents wait for phase 1.
    IndexText,
    /// Documents wait for phase 2.
    Embed,
    /// Removals, tombstones, access changes.
    Housekeeping,
    /// Grants are due for a refresh.
    RefreshGrants,
    /// What was revoked must still end elsewhere.
    FinishRevocations,
    /// Nextcloud's webhooks may be otherwise than asked for.
    ReconcileWebhooks,
}

/// A payload that no handler understands: it is dead, and the worker goes on.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Not a job at all.
    #[error("the payload is not a job: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Written by another version of the server.
    #[error("the payload has version {0}, this server reads version {VERSION}")]
    Version(u32),
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    v: u32,
    job: T,
}

impl Job {
    /// `{"v":1,"job":…}`.
    pub fn encode(&self) -> Result<Vec<u8>, JobError> {
        Ok(serde_json::to_vec(&Envelope {
            v: VERSION,
            job: self,
        })?)
    }

    /// The queue that it waits in.
    pub(super) fn queue(&self) -> &'static str {
        match self {
            Self::RefreshGrants | Self::FinishRevocations => queue::GRANTS,
            Self::ReconcileWebhooks => queue::WEBHOOKS,
            Self::ScanUser { .. }
            | Self::ScanDue
            | Self::FollowHints
            | Self::IndexText
            | Self::Embed
            | Self::Housekeeping => queue::SYNC,
        }
    }

    /// Reads what [`Job::encode`] wrote. The version is looked at before the job.
    pub fn decode(payload: &[u8]) -> Result<Self, JobError> {
        let envelope: Envelope<serde_json::Value> = serde_json::from_slice(payload)?;
        if envelope.v != VERSION {
            return Err(JobError::Version(envelope.v));
        }
        Ok(serde_json::from_value(envelope.job)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_reads_back_and_says_its_version() {
        let job = Job::ScanUser {
            uid: UserId::new("alice"),
        };
        let payload = job.encode().unwrap();
        assert_eq!(payload, br#"{"v":1,"job":{"scan_user":{"uid":"alice"}}}"#);
        assert_eq!(Job::decode(&payload).unwrap(), job);
    }

    #[test]
    fn other_versions_and_nonsense_are_told_apart() {
        assert!(matches!(
            Job::decode(br#"{"v":7,"job":{"unheard_of":{}}}"#),
            Err(JobError::Version(7))
        ));
        assert!(matches!(
            Job::decode(br#"{"v":1,"job":"unheard_of"}"#),
            Err(JobError::Malformed(_))
        ));
        assert!(matches!(Job::decode(b"\xff\x00"), Err(JobError::Malformed(_))));
    }
}
