-- Several sources; some of them list by parts (a calendar, an address book, a board) in place of folders.

-- The parts of a source at the end of the last complete scan: one whose version is the same was not listed again.
create table scan_parts (
    uid text not null references users on delete cascade,
    source text not null,
    -- The same for everybody who sees the part.
    part text not null,
    -- What the source compares: a sync token, an ETag.
    version text not null,
    primary key (uid, source, part)
);

-- Why the source has nothing for this user, such as that its app is not installed; null: it is there.
alter table scans add column unavailable text;

-- The part of its source that holds the document; empty for files, which have folders.
alter table document_readers add column part text not null default '';
create index document_readers_part on document_readers (part, uid) where part <> '';
