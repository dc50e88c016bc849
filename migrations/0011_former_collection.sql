-- While another embedding makes its vectors, the collection of the former one goes on answering.
alter table index_collections add column retired_at timestamptz;
