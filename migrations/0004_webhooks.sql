-- Webhooks: what was asked for at Nextcloud, and the hints that came in.

-- One row per event and filter: Nextcloud itself takes the same registration any number of times (facts §5).
create table webhook_registrations (
    -- Names the registration in the header that Nextcloud sends: `Bearer <id>.<secret>`.
    id text primary key,
    -- The administrator in whose name it stands at Nextcloud.
    owner_uid text not null,
    event text not null,
    -- Null: every event of the class.
    event_filter jsonb,
    -- A companion keeps the index right beside what a user asked for, and goes with it.
    wanted_by text not null check (wanted_by in ('user', 'companion')),
    -- Null: does not stand at Nextcloud.
    nextcloud_id bigint unique,
    -- SHA-256 of the secret.
    secret_hash bytea not null,
    -- The secret before the last rotation. Valid until the time given; without one, until Nextcloud has the new secret.
    previous_secret_hash bytea,
    previous_until timestamptz,
    -- Envelope, kept only to register again; AAD binds the id, table and column.
    secret text not null,
    secret_since timestamptz not null,
    state text not null check (state in
        ('pending', 'active', 'stale', 'removing', 'refused')),
    -- Why it does not stand as it should, for people.
    problem text,
    problem_since timestamptz,
    last_delivery_at timestamptz,
    deliveries bigint not null default 0,
    created_at timestamptz not null
);
create unique index webhook_registrations_once
    on webhook_registrations (event, md5(coalesce(event_filter::text, '')));

-- One durable row per subject that something happened to; what happened is found out by a scan.
create table webhook_hints (
    -- The user whose scan it wakes.
    uid text not null,
    -- What it is about, such as a path; empty: everything of the user.
    subject text not null,
    -- The class of the last event.
    event text not null,
    received_at timestamptz not null,
    due_at timestamptz not null,
    primary key (uid, subject)
);
create index webhook_hints_due on webhook_hints (due_at);
