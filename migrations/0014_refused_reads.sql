-- When a search last found that Nextcloud refuses the reader a document which scans had seen.
alter table scans add column refused_at timestamptz;
