-- Files that their tag keeps from dense vectors (VECTOR_SYNC_FILES=tagged): found by their words only. Tags of folders
-- count for whoever sees the folder, so readers may differ; the document gets no vectors if it is so for any of them.
alter table document_readers add column keyword_only boolean not null default false;
alter table documents add column keyword_only boolean not null default false;
