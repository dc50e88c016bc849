//! Whether the Nextcloud that answers is the one whose documents are stored, for apps whose answers do not tell.

use crate::nextcloud::{Depth, NextcloudError, UserSession};

/// One PROPFIND, Depth 0, on the user's root, whose `oc:id` names the instance.
///
/// # Errors
/// [`NextcloudError::Malformed`] when it is another one: its numbers mean something else.
pub(super) async fn check(session: &UserSession, instance: Option<&str>) -> Result<(), NextcloudError> {
    let Some(own) = instance else {
        return Ok(());
    };
    let entries = session.propfind("/", Depth::Zero).await?;
    let seen = entries.iter().find_map(|entry| entry.instance_id.as_deref());
    if seen == Some(own) {
        Ok(())
    } else {
        Err(NextcloudError::Malformed(
            "it comes from another Nextcloud than the indexed documents".to_owned(),
        ))
    }
}
