-- The language that a document's words are stemmed in (ISO 639-1); null: not recognised.
alter table documents add column language text;
-- Which languages a reader's documents have: a look-up per language and access set.
create index documents_language on documents (language, access_set_id) where language is not null;
-- A document is found by its exact title without a look at the vector index.
create index document_readers_title on document_readers (uid, md5(lower(title)));
