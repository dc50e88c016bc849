-- One row: what this database belongs to.
create table installation (
    singleton boolean primary key default true check (singleton),
    -- Suffix of `oc:id` of the Nextcloud whose documents stand here; null until first contact.
    nextcloud_instance_id text,
    -- Envelope over a known text: a wrong TOKEN_ENCRYPTION_KEY fails to open it at start.
    encryption_check text,
    created_at timestamptz not null default now()
);
insert into installation default values;

-- Everyone whose documents are synced. `uid` is the Nextcloud UID, never a login name.
create table users (
    uid text primary key,
    sync_state text not null default 'active' check (sync_state in ('active', 'paused')),
    sync_state_reason text,
    sync_state_since timestamptz not null default now(),
    -- Below this path a file is a note to this user; null when the Notes app is away.
    notes_path text,
    -- Fairness: the queue serves the user first who waited longest.
    last_served_at timestamptz not null default '-infinity',
    created_at timestamptz not null default now()
);

-- Background credential: an app password. Dropped at its first 401.
create table app_passwords (
    uid text primary key references users on delete cascade,
    login_name text not null,
    -- Envelope v1.<key id>.<base64url>; AAD binds uid, table and column.
    password text not null,
    scopes text[],
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- Durable state of the reconciliation scan of one source for one user.
create table scans (
    uid text not null references users on delete cascade,
    source text not null,
    -- Counts started scans; readers carry the number of the scan that last saw them.
    scan_number bigint not null default 0,
    root_etag text,
    due_at timestamptz not null,
    started_at timestamptz,
    completed_at timestamptz,
    full_walk_at timestamptz,
    -- Documents missing from the last complete scan although more than 10 % were: removed after a second one.
    suspected_missing integer not null default 0,
    consecutive_errors integer not null default 0,
    last_error text,
    -- Lease with a fencing generation: results are written only while the generation stands.
    lease_until timestamptz,
    lease_generation bigint not null default 0,
    primary key (uid, source)
);
create index scans_due on scans (due_at);

-- Folder ETags of the last complete scan: an unchanged one prunes its subtree.
create table folders (
    uid text not null references users on delete cascade,
    path text not null,
    etag text not null,
    primary key (uid, path)
);

-- An interned set of readers; index points carry its id.
create table access_sets (
    id bigint generated always as identity primary key,
    -- Sorted UIDs.
    members text[] not null unique
);
create table access_set_members (
    uid text not null,
    access_set_id bigint not null references access_sets on delete cascade,
    primary key (uid, access_set_id)
);

-- One document whoever reads it: key (family, native id).
create table documents (
    id bigint generated always as identity primary key,
    family text not null,
    native_id text not null,
    -- Version last seen at the source.
    etag text not null,
    mime_type text,
    size_bytes bigint,
    modified_at timestamptz,
    -- pending: phase 1 due · searchable: keyword search works, dense vectors due · indexed: complete
    -- skipped: no text can be had (reason) · dead: gave up after repeated failures (reason); a new ETag revives
    state text not null default 'pending' check (state in ('pending', 'searchable', 'indexed', 'skipped', 'dead')),
    reason text,
    state_changed_at timestamptz not null default now(),
    attempts integer not null default 0,
    due_at timestamptz not null default now(),
    lease_until timestamptz,
    lease_generation bigint not null default 0,
    -- Version whose chunks are visible.
    indexed_etag text,
    content_hash bytea,
    -- Chunks of this generation are what searches show; 0 = none yet.
    visible_generation bigint not null default 0,
    chunk_count integer not null default 0,
    access_set_id bigint references access_sets,
    -- The set that the index points carry; differs from access_set_id while the change is under way.
    indexed_access_set_id bigint,
    -- On whose turn the queue serves this document.
    queue_uid text,
    first_seen_at timestamptz not null default now(),
    unique (family, native_id)
);
create index documents_queue on documents (state, queue_uid, due_at) where state in ('pending', 'searchable');
create index documents_access_change on documents (id) where access_set_id is distinct from indexed_access_set_id;

-- Who may read a document, as the last scan saw it, with that reader's own path and title.
create table document_readers (
    document_id bigint not null references documents on delete cascade,
    uid text not null references users on delete cascade,
    doc_type text not null,
    path text not null,
    title text not null,
    seen_scan bigint not null,
    missing_since_scan bigint,
    primary key (document_id, uid)
);
create index document_readers_uid on document_readers (uid, doc_type);
create index document_readers_path on document_readers (uid, path text_pattern_ops);

create table document_texts (
    document_id bigint not null references documents on delete cascade,
    generation bigint not null,
    text text not null,
    primary key (document_id, generation)
);

-- Offsets are Unicode code points into the text of the same generation. The id is the point id in the index.
create table chunks (
    id bigint generated always as identity primary key,
    document_id bigint not null references documents on delete cascade,
    generation bigint not null,
    ordinal integer not null,
    start_offset integer not null,
    end_offset integer not null,
    -- Headings above the chunk, outermost first.
    heading_path text[] not null default '{}',
    text_hash bytea not null,
    -- Half-precision little-endian vector; null until phase 2 or with keyword search only.
    dense bytea,
    unique (document_id, generation, ordinal)
);

-- Points that must still leave the index; written in the transaction that removes their chunks.
create table index_tombstones (
    chunk_id bigint primary key,
    created_at timestamptz not null default now()
);

-- The vector collection in use, named after the embedding identity.
create table index_collections (
    name text primary key,
    embedding_identity text not null,
    dimension integer,
    created_at timestamptz not null default now()
);
