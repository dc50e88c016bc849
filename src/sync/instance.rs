//! One database belongs to one Nextcloud: checked at every contact.

use super::SyncError;
use sqlx::PgConnection;

/// Stores the instance id at first contact; later, another id is [`SyncError::WrongInstance`].
pub async fn check(conn: &mut PgConnection, found: &str) -> Result<(), SyncError> {
    let stored = sqlx::query_scalar!(
        r#"update installation set nextcloud_instance_id = coalesce(nextcloud_instance_id, $1)
           returning nextcloud_instance_id as "id!""#,
        found
    )
    .fetch_one(conn)
    .await?;
    if stored == found {
        Ok(())
    } else {
        Err(SyncError::WrongInstance {
            stored,
            found: found.to_owned(),
        })
    }
}
