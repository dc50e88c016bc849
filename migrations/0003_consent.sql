-- Consent, grants, browser sessions, audit.

-- Who a token of an identity provider is at Nextcloud: written when Nextcloud has confirmed it.
create table identities (
    issuer text not null,
    subject text not null,
    uid text not null,
    created_at timestamptz not null default now(),
    primary key (issuer, subject)
);
create index identities_uid on identities (uid);

-- The OAuth client that this server registered itself (RFC 7591), one per issuer.
create table oauth_clients (
    issuer text primary key,
    client_id text not null,
    -- The callback it was registered with: a server that moved needs another client.
    redirect_uri text not null,
    -- Envelopes; AAD binds issuer, table and column.
    client_secret text,
    registration_access_token text,
    registration_client_uri text,
    -- Null: it does not expire.
    expires_at timestamptz,
    registered_at timestamptz not null
);

-- The last good discovery document and key set of an issuer, for the hours in which it is away.
create table provider_keys (
    issuer text primary key,
    discovery_url text not null,
    document jsonb not null,
    keys jsonb not null,
    fetched_at timestamptz not null
);

-- A user's consent: the refresh token and what became of it.
create table grants (
    uid text primary key references users on delete cascade,
    issuer text not null,
    subject text not null,
    -- The client that the grant was given to; a token of another client is worthless to it.
    client_id text not null,
    -- What the provider granted.
    scopes text[] not null,
    -- What the user narrowed this server to, as `app_passwords.scopes` for the other kind; null: not narrowed.
    allowed_scopes text[],
    -- Envelopes; AAD binds uid, table and column.
    refresh_token text not null,
    access_token text,
    access_expires_at timestamptz,
    -- Null: no end is known.
    refresh_expires_at timestamptz,
    state text not null default 'active' check (state in
        ('active', 'refreshing', 'uncertain', 'reauth_required', 'operator_action_required')),
    state_reason text,
    state_since timestamptz not null,
    provisioned_at timestamptz not null,
    refreshed_at timestamptz,
    -- When the next refresh is due; null when none makes sense.
    refresh_due_at timestamptz,
    consecutive_failures integer not null default 0,
    -- When Nextcloud last refused a good access token; tried again an hour later.
    refused_at timestamptz,
    -- Since when both the token endpoint and Nextcloud act as if the account were gone; confirmed once more.
    absent_since timestamptz,
    -- Lease with a fencing generation: a result is written only while the generation stands.
    lease_until timestamptz,
    lease_generation bigint not null default 0
);
create index grants_refresh_due on grants (refresh_due_at) where refresh_due_at is not null;

-- What must still be ended elsewhere after a revocation. The broker never reads it: the AAD names this table.
create table pending_revocations (
    id bigint generated always as identity primary key,
    uid text not null,
    kind text not null check (kind in ('refresh_token', 'app_password')),
    issuer text,
    client_id text,
    login_name text,
    -- Envelope; AAD binds uid, table and column.
    secret text not null,
    attempts integer not null default 0,
    last_error text,
    due_at timestamptz not null,
    created_at timestamptz not null
);
create index pending_revocations_due on pending_revocations (due_at);

-- How an app password came here: by the user's hand, or made at Nextcloud with the consent's bearer.
alter table app_passwords
    add column origin text not null default 'handed_over' check (origin in ('handed_over', 'minted'));

-- Written before Nextcloud is asked to make an app password, removed with its storing: what is left after a crash
-- names the device under which a forgotten password stands.
create table app_password_mints (
    device_name text primary key,
    uid text not null,
    created_at timestamptz not null
);

-- A consent or login between its start and the callback.
create table oauth_flows (
    -- SHA-256 of `state`.
    state_hash bytea primary key,
    kind text not null check (kind in ('consent', 'login')),
    -- SHA-256 of the cookie of the browser that started it.
    browser_hash bytea not null,
    -- Set when a link bound to a principal started it: nobody else's consent is stored.
    expected_uid text,
    client_id text not null,
    nonce text not null,
    -- Envelope; AAD binds the state's hash (hexadecimal), table and column.
    code_verifier text not null,
    -- Where the browser goes afterwards; a path of this server or an address at Nextcloud.
    return_to text,
    -- The caller's own `state`, handed back untouched.
    caller_state text,
    -- Of the browser: nobody holds more than a few flows.
    client_address text,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index oauth_flows_expires on oauth_flows (expires_at);

-- Links to the consent page that a tool or the API made for a principal; used once.
create table consent_links (
    -- SHA-256 of the token in the link.
    token_hash bytea primary key,
    uid text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

-- Browser sessions of `/app`.
create table browser_sessions (
    -- SHA-256 of the cookie.
    id_hash bytea primary key,
    uid text not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null
);
create index browser_sessions_uid on browser_sessions (uid);

-- Who did what to whom. No secrets.
create table audit_events (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    action text not null,
    -- A UID, or null when the server or its operator acted.
    actor_uid text,
    -- Whose credential or data it was about; null for the whole installation.
    subject_uid text,
    client_address text,
    request_id text,
    detail text
);
create index audit_events_subject on audit_events (subject_uid, id desc);
