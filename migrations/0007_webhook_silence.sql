-- Webhooks that stay silent although scans find changes, and how late deliveries come.

-- What scans found out by themselves. A delivery about the type deletes its row.
create table unannounced_changes (
    -- Type of the documents.
    doc_type text primary key,
    -- Documents saved at Nextcloud that a scan found and no delivery had told of.
    changes bigint not null,
    first_found_at timestamptz not null,
    last_found_at timestamptz not null
);

-- When the event of the last delivery happened, by Nextcloud's clock. Null: nothing was delivered, or it did not say.
alter table webhook_registrations add column last_event_at timestamptz;
