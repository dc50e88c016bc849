-- When a scan was last asked for out of turn: it survives a scan that runs meanwhile and may have looked already.
-- Null: not since the scan of this row began.
alter table scans add column woken_for timestamptz;
