//! Where in the database envelopes stand, and to whom each is bound: the one list that key rotation works through.

use sqlx::PgPool;

/// An envelope as it was read.
#[derive(Debug)]
pub(super) struct StoredEnvelope {
    /// `user` of its [`EnvelopeContext`](super::EnvelopeContext).
    pub(super) owner: String,
    /// The text.
    pub(super) text: String,
}

macro_rules! sealed_columns {
    ($($(#[doc = $doc:literal])+ $variant:ident: $table:literal, $column:literal, $owner:literal;)*) => {
        /// A column that holds envelopes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum SealedColumn {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl SealedColumn {
            /// Every one.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            /// The table it is in.
            pub(super) fn table(self) -> &'static str {
                match self { $(Self::$variant => $table,)* }
            }

            /// Its name.
            pub(super) fn column(self) -> &'static str {
                match self { $(Self::$variant => $column,)* }
            }

            /// Up to `limit` envelopes that do not begin with `prefix` and sort after `after`, in order.
            pub(super) async fn others(
                self,
                pool: &PgPool,
                prefix: &str,
                after: &str,
                limit: i64,
            ) -> sqlx::Result<Vec<StoredEnvelope>> {
                match self {
                    $(Self::$variant => {
                        sqlx::query_as!(
                            StoredEnvelope,
                            "select " + $owner + r#" as "owner!", "# + $column + r#" as "text!" from "# + $table
                                + " where not starts_with(" + $column + ", $1) and "
                                + $column + r#" collate "C" > $2 order by "# + $column
                                + r#" collate "C" limit $3"#,
                            prefix,
                            after,
                            limit
                        )
                        .fetch_all(pool)
                        .await
                    })*
                }
            }

            /// How many envelopes do not begin with `prefix`.
            pub(super) async fn count_others(self, pool: &PgPool, prefix: &str) -> sqlx::Result<i64> {
                match self {
                    $(Self::$variant => {
                        sqlx::query_scalar!(
                            r#"select count(*) as "count!" from "# + $table
                                + " where not starts_with(" + $column + ", $1)",
                            prefix
                        )
                        .fetch_one(pool)
                        .await
                    })*
                }
            }

            /// Replaces an envelope by `new` if it still stands as it was read; `false` when somebody was faster.
            pub(super) async fn replace(
                self,
                pool: &PgPool,
                read: &StoredEnvelope,
                new: &str,
            ) -> sqlx::Result<bool> {
                let updated = match self {
                    $(Self::$variant => {
                        sqlx::query!(
                            "update " + $table + " set " + $column + " = $3 where "
                                + $owner + " = $1 and " + $column + " = $2",
                            read.owner,
                            read.text,
                            new
                        )
                        .execute(pool)
                        .await?
                    })*
                };
                Ok(updated.rows_affected() > 0)
            }
        }
    };
}

// Table, column, and the SQL for the owner that the stores bind the envelope to.
sealed_columns! {
    /// The check row, bound to nobody.
    EncryptionCheck: "installation", "encryption_check", "''::text";
    /// App passwords, bound to the UID.
    AppPassword: "app_passwords", "password", "uid";
    /// Refresh tokens, bound to the UID.
    RefreshToken: "grants", "refresh_token", "uid";
    /// Access tokens, bound to the UID.
    AccessToken: "grants", "access_token", "uid";
    /// Secrets of registered OAuth clients, bound to the issuer.
    ClientSecret: "oauth_clients", "client_secret", "issuer";
    /// What changes a registered OAuth client, bound to the issuer.
    RegistrationToken: "oauth_clients", "registration_access_token", "issuer";
    /// What must still end elsewhere, bound to the UID.
    PendingRevocation: "pending_revocations", "secret", "uid";
    /// PKCE verifiers of started flows, bound to the hash of their `state`.
    CodeVerifier: "oauth_flows", "code_verifier", "encode(state_hash, 'hex')";
    /// Secrets of webhook registrations, bound to the registration's id.
    WebhookSecret: "webhook_registrations", "secret", "id";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A migration that adds a column for envelopes says so in its name or in the comment above it; here every text
    /// column that is not known to be plain must be in the list.
    #[sqlx::test(migrations = "./migrations")]
    async fn no_sealed_column_is_forgotten(pool: PgPool) {
        const SECRET_WORDS: &[&str] = &[
            "password",
            "secret",
            "token",
            "verifier",
            "encryption",
            "credential",
        ];
        let listed: BTreeSet<(String, String)> = SealedColumn::ALL
            .iter()
            .map(|sealed| (sealed.table().to_owned(), sealed.column().to_owned()))
            .collect();
        assert_eq!(listed.len(), SealedColumn::ALL.len());
        let columns: Vec<(String, String)> = sqlx::query_as(
            "select table_name::text, column_name::text from information_schema.columns
             where table_schema = 'public' and data_type = 'text'",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let secret: BTreeSet<_> = columns
            .into_iter()
            .filter(|(_, column)| SECRET_WORDS.iter().any(|word| column.contains(word)))
            .collect();
        assert_eq!(
            secret, listed,
            "columns that are named like secrets against the list"
        );
    }

    /// The migrations mark every sealed column with the word "Envelope".
    #[test]
    fn the_migrations_speak_of_no_other_envelope() {
        let migrations = std::fs::read_dir("migrations").unwrap();
        let mut sealed = BTreeSet::new();
        for file in migrations {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                if let Some(comment) = line.strip_prefix("--") {
                    marked |= comment.contains("Envelope");
                } else if marked {
                    sealed.extend(line.split_whitespace().next().map(str::to_owned));
                    marked = false;
                }
            }
        }
        let listed: BTreeSet<_> = SealedColumn::ALL
            .iter()
            .map(|column| column.column().to_owned())
            .collect();
        assert!(sealed.len() >= 4, "{sealed:?}");
        assert!(sealed.is_subset(&listed), "{sealed:?} against {listed:?}");
    }
}
