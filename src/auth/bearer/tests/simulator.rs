//! The verifier with the real discovery, keys and client against the simulator's `oidc` app (facts §0 and §3).

use super::{SERVER, is_refused, uid};
use crate::auth::Identities;
use crate::auth::bearer::{
    Audience, AudienceRules, BearerError, BearerVerifier, TokenVerifier, TokenVerifierParts, VerifiedBearer,
};
use crate::auth::oidc::testing::{Trail, config, http_client, keyring};
use crate::auth::oidc::{KnownProvider, RegisteredClient, RegisteredClientParts};
use crate::auth::testing::manual_clock;
use crate::clock::{Clock, ManualClock};
use crate::entropy::SystemEntropy;
use nextcloud_sim::{IssuedTokens, OidcClient, Simulator, TokenType};
use secrecy::SecretString;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;

const OWN: &str = "the-own-client-of-this-server-0000";
const OTHER: &str = "another-client-of-the-nextcloud-00";
const SECRET: &str = "its-secret-0000000000000000000000";
const SCOPES: &str = "openid profile offline_access";

struct World {
    nextcloud: Simulator,
    clock: Arc<ManualClock>,
    verifier: TokenVerifier,
}

impl World {
    /// `token_type`: what the clients' access tokens are.
    async fn new(pool: PgPool, token_type: TokenType, settings: &[(&str, &str)]) -> Self {
        let nextcloud = Simulator::start().await;
        let clock = manual_clock();
        nextcloud.world().stop_clock_at(clock.now().timestamp());
        let mut pairs = vec![
            ("NEXTCLOUD_OIDC_CLIENT_ID", OWN),
            ("NEXTCLOUD_OIDC_CLIENT_SECRET", SECRET),
        ];
        pairs.extend_from_slice(settings);
        let config = config(&nextcloud.url(), &pairs);
        for id in [OWN, OTHER] {
            let client = OidcClient::new("https://client.example.test/callback")
                .credentials(id, SECRET)
                .token_type(token_type);
            let client = if id == OWN {
                client.resource_url(SERVER)
            } else {
                client
            };
            nextcloud.world().oidc().create_client(client);
        }
        let provider = Arc::new(KnownProvider::new(
            &config,
            http_client(),
            pool.clone(),
            clock.clone(),
            Arc::new(SystemEntropy),
        ));
        provider.step().await;
        let client = RegisteredClient::new(
            &config,
            RegisteredClientParts {
                provider: provider.clone(),
                http: http_client(),
                pool: pool.clone(),
                keyring: keyring(),
                audit: Arc::new(Trail::default()),
                clock: clock.clone(),
            },
        );
        let parts = TokenVerifierParts {
            provider,
            client: Arc::new(client),
            identities: Identities::new(pool),
            http: http_client(),
            rules: AudienceRules::new(&config),
            validation: config.oidc.token_validation,
            clock: clock.clone(),
        };
        Self {
            verifier: TokenVerifier::with_deadline(parts, &SystemEntropy, Duration::from_mins(1)),
            nextcloud,
            clock,
        }
    }

    fn issue(&self, client: &str, resource: Option<&str>) -> IssuedTokens {
        self.nextcloud
            .world()
            .oidc()
            .issue("alice", client, SCOPES, resource)
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.nextcloud.world().advance(time);
    }

    fn is_alive(&self, tokens: &IssuedTokens) -> bool {
        let token = tokens.refresh_token.as_deref().unwrap();
        self.nextcloud.world().oidc().is_live_refresh_token(token)
    }

    async fn verify(&self, token: &str, audience: Audience) -> Result<VerifiedBearer, BearerError> {
        self.verifier.verify(&SecretString::from(token), audience).await
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn opaque_tokens_made_for_this_server_are_believed_and_others_are_not(pool: PgPool) {
    let world = World::new(pool, TokenType::Opaque, &[("ALLOWED_MGMT_CLIENT", OTHER)]).await;
    let own = world.issue(OWN, None);
    let with_our_resource = world.issue(OTHER, Some(SERVER));
    for tokens in [&own, &with_our_resource] {
        for audience in [Audience::Mcp, Audience::Management] {
            let answer = world.verify(&tokens.access_token, audience).await;
            assert_eq!(uid(&answer), "alice");
            let expires_at = answer.unwrap().expires_at.unwrap();
            assert_eq!(expires_at, world.clock.now() + Duration::from_mins(15));
        }
        let refresh_token = tokens.refresh_token.as_deref().unwrap();
        assert!(is_refused(&world.verify(refresh_token, Audience::Mcp).await));
    }
    for elsewhere in [Some("https://other.example.test"), None] {
        let tokens = world.issue(OTHER, elsewhere);
        let answer = world.verify(&tokens.access_token, Audience::Management).await;
        assert!(is_refused(&answer), "the app does not tell us about it");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn jwts_are_believed_by_key_and_follow_its_rotation(pool: PgPool) {
    let world = World::new(pool, TokenType::Jwt, &[("ALLOWED_MGMT_CLIENT", OTHER)]).await;
    let ours = world.issue(OTHER, Some(&format!("{SERVER}/mcp")));
    assert_eq!(
        uid(&world.verify(&ours.access_token, Audience::Mcp).await),
        "alice"
    );
    assert!(is_refused(
        &world.verify(&ours.id_token, Audience::Management).await
    ));
    let of_allowed_client = world
        .issue(OTHER, Some("https://other.example.test"))
        .access_token;
    assert!(is_refused(&world.verify(&of_allowed_client, Audience::Mcp).await));
    assert_eq!(
        uid(&world.verify(&of_allowed_client, Audience::Management).await),
        "alice"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn an_expired_token_that_is_shown_to_us_costs_nobody_a_grant(pool: PgPool) {
    for (token_type, validation) in [
        (TokenType::Opaque, "auto"),
        (TokenType::Jwt, "auto"),
        (TokenType::Jwt, "userinfo"),
    ] {
        let world = World::new(pool.clone(), token_type, &[("TOKEN_VALIDATION", validation)]).await;
        let tokens = world.issue(OWN, Some(SERVER));
        assert_eq!(
            uid(&world.verify(&tokens.access_token, Audience::Mcp).await),
            "alice"
        );
        world.pass(Duration::from_mins(17));
        let late = world.verify(&tokens.access_token, Audience::Mcp).await;
        assert!(is_refused(&late), "{validation}");
        assert!(world.is_alive(&tokens), "{validation}");
    }
}
