-- Page numbers of documents that have pages (PDF) or slides.

-- The page, from 1, that holds most of the passage.
alter table chunks add column page_number integer;

-- Pages of the visible generation.
alter table documents add column page_count integer;
