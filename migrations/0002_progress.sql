-- Progress of the two phases, kept on the document so that the status needs no look at the chunks.
alter table documents
    -- When phase 1 last ended for this document.
    add column text_indexed_at timestamptz,
    -- When phase 2 last ended for this document.
    add column dense_indexed_at timestamptz,
    -- How many of the visible chunks have a dense vector.
    add column dense_chunk_count integer not null default 0;
create index documents_text_indexed_at on documents (text_indexed_at);
create index documents_dense_indexed_at on documents (dense_indexed_at);

alter table scans add column last_error_at timestamptz;

-- Chunks of a generation that never became visible are found by document; tombstones go oldest first.
create index index_tombstones_created_at on index_tombstones (created_at);
-- For the foreign key when an unused set is forgotten.
create index documents_access_set on documents (access_set_id);
