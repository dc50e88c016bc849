-- How the embedding of a collection is made, without secrets: the former one embeds queries until it is succeeded.
alter table index_collections add column embedding_settings jsonb;
