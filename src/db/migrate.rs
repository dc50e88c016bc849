//! Brings the schema up to this binary's version; never back.

use sqlx::PgPool;
use sqlx::migrate::{MigrateError as SqlxError, Migrator};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Why the schema could not be brought up to date. Nothing was changed by the migration that failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database was used by a newer version.
    #[error(
        "the database was migrated by a newer version of this server (migration {version} is unknown here): \
         run that version or a later one, or restore a backup from before the upgrade"
    )]
    Newer {
        /// First migration that this binary does not know.
        version: i64,
    },
    /// An applied migration differs from the one in this binary.
    #[error(
        "migration {version} stands in the database with another text than in this server: the database belongs \
         to a different build; run that build, or point DATABASE_URL at another database"
    )]
    Altered {
        /// The migration.
        version: i64,
    },
    /// A migration stopped half-way.
    #[error(
        "migration {version} was interrupted half-way: restore a backup, or finish it by hand, set `success` of \
         version {version} in the table _sqlx_migrations to true, and start again"
    )]
    Dirty {
        /// The migration.
        version: i64,
    },
    /// Anything else.
    #[error("the database could not be migrated: {0}")]
    Failed(#[source] SqlxError),
}

impl From<SqlxError> for MigrateError {
    fn from(error: SqlxError) -> Self {
        match error {
            SqlxError::VersionMissing(version) => Self::Newer { version },
            SqlxError::VersionMismatch(version) => Self::Altered { version },
            SqlxError::Dirty(version) => Self::Dirty { version },
            other => Self::Failed(other),
        }
    }
}

/// Applies the missing migrations, each in a transaction, under an advisory lock that holds off other replicas.
///
/// # Errors
/// [`MigrateError`], with instructions for the operator.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    Ok(MIGRATOR.run(pool).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[sqlx::test(migrations = "./migrations")]
    async fn a_second_run_changes_nothing(pool: PgPool) {
        migrate(&pool).await.unwrap();
    }

    /// Fault case C03.
    #[sqlx::test(migrations = "./migrations")]
    async fn a_newer_schema_is_refused_with_instructions(pool: PgPool) {
        sqlx::query(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (999999, 'from the future', true, '', 0)",
        )
        .execute(&pool)
        .await
        .unwrap();
        let error = migrate(&pool).await.unwrap_err();
        assert!(
            matches!(error, MigrateError::Newer { version: 999_999 }),
            "{error}"
        );
        assert!(error.to_string().contains("newer version"));
    }

    /// Fault case C03.
    #[sqlx::test(migrations = "./migrations")]
    async fn a_dirty_migration_is_refused_with_instructions(pool: PgPool) {
        sqlx::query("update _sqlx_migrations set success = false where version = 1")
            .execute(&pool)
            .await
            .unwrap();
        let error = migrate(&pool).await.unwrap_err();
        assert!(matches!(error, MigrateError::Dirty { version: 1 }), "{error}");
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn an_altered_migration_is_refused(pool: PgPool) {
        sqlx::query("update _sqlx_migrations set checksum = 'x' where version = 1")
            .execute(&pool)
            .await
            .unwrap();
        let error = migrate(&pool).await.unwrap_err();
        assert!(matches!(error, MigrateError::Altered { version: 1 }), "{error}");
    }
}
