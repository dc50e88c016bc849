//! Fault case T05.

use super::*;
use crate::config::EncryptionConfig;
use crate::entropy::SystemEntropy;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use zeroize::Zeroizing;

const USERS: [&str; 3] = ["alice", "bob", "carol"];
const ISSUER: &str = "https://cloud.example.test";

fn keyring(current: u8, previous: Option<u8>) -> Keyring {
    let key = |byte| Zeroizing::new([byte; 32]);
    let config = EncryptionConfig {
        current: key(current),
        previous: previous.map(key),
    };
    Keyring::new(&config, Arc::new(SystemEntropy))
}

fn seal(keyring: &Keyring, user: &str, table: &'static str, column: &'static str) -> String {
    let context = EnvelopeContext { user, table, column };
    keyring.seal(
        context,
        &SecretString::from(format!("{table}.{column} of {user}")),
    )
}

/// A secret in every sealed column, as the stores write them.
async fn fill(pool: &PgPool, keyring: &Keyring) {
    sqlx::query("update installation set encryption_check = $1")
        .bind(seal(keyring, "", "installation", "encryption_check"))
        .execute(pool)
        .await
        .unwrap();
    for user in USERS {
        sqlx::query("insert into users (uid) values ($1)")
            .bind(user)
            .execute(pool)
            .await
            .unwrap();
        sqlx::query("insert into app_passwords (uid, login_name, password) values ($1, $1, $2)")
            .bind(user)
            .bind(seal(keyring, user, "app_passwords", "password"))
            .execute(pool)
            .await
            .unwrap();
        sqlx::query(
            "insert into grants (uid, issuer, subject, client_id, scopes, refresh_token, access_token, state_since,
                                 provisioned_at)
             values ($1, $2, $1, 'client', '{openid}', $3, $4, now(), now())",
        )
        .bind(user)
        .bind(ISSUER)
        .bind(seal(keyring, user, "grants", "refresh_token"))
        .bind((user != "carol").then(|| seal(keyring, user, "grants", "access_token")))
        .execute(pool)
        .await
        .unwrap();
        sqlx::query(
            "insert into pending_revocations (uid, kind, secret, due_at, created_at)
             values ($1, 'refresh_token', $2, now(), now())",
        )
        .bind(user)
        .bind(seal(keyring, user, "pending_revocations", "secret"))
        .execute(pool)
        .await
        .unwrap();
    }
    sqlx::query(
        "insert into oauth_clients (issuer, client_id, redirect_uri, client_secret, registration_access_token,
                                    registered_at)
         values ($1, 'client', 'https://mcp.example.test/oauth/callback', $2, $3, now())",
    )
    .bind(ISSUER)
    .bind(seal(keyring, ISSUER, "oauth_clients", "client_secret"))
    .bind(seal(keyring, ISSUER, "oauth_clients", "registration_access_token"))
    .execute(pool)
    .await
    .unwrap();
    sqlx::query(
        "insert into oauth_flows (state_hash, kind, browser_hash, client_id, nonce, code_verifier, created_at,
                                  expires_at)
         values ('\\xabcd', 'consent', '\\x00', 'client', 'n', $1, now(), now())",
    )
    .bind(seal(keyring, "abcd", "oauth_flows", "code_verifier"))
    .execute(pool)
    .await
    .unwrap();
}

/// How many secrets `fill` stores.
const STORED: u64 = 1 + 3 + 3 + 2 + 3 + 2 + 1;

/// Opens every stored secret as its reader would; how many there are.
async fn read_all(pool: &PgPool, keyring: &Keyring) -> u64 {
    let mut read = 0;
    for &column in SealedColumn::ALL {
        let (table, name) = (column.table(), column.column());
        for envelope in column.others(pool, "nothing begins so", "", 1000).await.unwrap() {
            let context = EnvelopeContext {
                user: &envelope.owner,
                table,
                column: name,
            };
            let secret = keyring.open(context, &envelope.text).unwrap();
            let expected = format!("{table}.{name} of {}", envelope.owner);
            assert_eq!(secret.expose_secret(), expected);
            read += 1;
        }
    }
    read
}

#[sqlx::test(migrations = "./migrations")]
async fn t05_killed_in_the_middle_and_run_again_everything_stays_readable(pool: PgPool) {
    fill(&pool, &keyring(1, None)).await;
    let both = keyring(2, Some(1));
    assert_eq!(read_all(&pool, &both).await, STORED, "before");

    // Killed in the middle: some columns done, one of them half-way.
    rotate_column(&pool, &both, SealedColumn::RefreshToken)
        .await
        .unwrap();
    let some = SealedColumn::AppPassword
        .others(&pool, &both.current_prefix(), "", 2)
        .await
        .unwrap();
    for envelope in &some {
        rewrap(&pool, &both, SealedColumn::AppPassword, envelope)
            .await
            .unwrap();
    }
    assert_eq!(read_all(&pool, &both).await, STORED, "in the middle");

    let report = rotate_keys(&pool, &both).await.unwrap();
    assert_eq!(report.rewrapped(), STORED - 3 - 2);
    assert_eq!((report.unreadable(), report.left()), (0, 0));
    assert_eq!(read_all(&pool, &both).await, STORED, "after");
    assert_eq!(
        read_all(&pool, &keyring(2, None)).await,
        STORED,
        "without the old key"
    );

    let again = rotate_keys(&pool, &both).await.unwrap();
    assert_eq!((again.rewrapped(), again.left()), (0, 0));
}

#[sqlx::test(migrations = "./migrations")]
async fn t05_what_a_refresh_wrote_meanwhile_stands(pool: PgPool) {
    fill(&pool, &keyring(1, None)).await;
    let both = keyring(2, Some(1));
    let read = SealedColumn::RefreshToken
        .others(&pool, &both.current_prefix(), "", 1)
        .await
        .unwrap();
    let fresh = seal(&both, &read[0].owner, "grants", "refresh_token");
    sqlx::query("update grants set refresh_token = $1 where uid = $2")
        .bind(&fresh)
        .bind(&read[0].owner)
        .execute(&pool)
        .await
        .unwrap();
    let outcome = rewrap(&pool, &both, SealedColumn::RefreshToken, &read[0])
        .await
        .unwrap();
    assert!(matches!(outcome, Rewrapped::ChangedMeanwhile));
    let stored: String = sqlx::query_scalar("select refresh_token from grants where uid = $1")
        .bind(&read[0].owner)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(stored, fresh);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_secret_of_a_lost_key_is_told_and_kept(pool: PgPool) {
    fill(&pool, &keyring(1, None)).await;
    let lost = seal(&keyring(9, None), "bob", "app_passwords", "password");
    sqlx::query("update app_passwords set password = $1 where uid = 'bob'")
        .bind(&lost)
        .execute(&pool)
        .await
        .unwrap();
    let report = rotate_keys(&pool, &keyring(2, Some(1))).await.unwrap();
    assert_eq!((report.unreadable(), report.left()), (1, 1));
    assert_eq!(report.rewrapped(), STORED - 1);
    let stored: String = sqlx::query_scalar("select password from app_passwords where uid = 'bob'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(stored, lost);
}
