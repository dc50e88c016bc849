-- Files that tags of EXCLUDED_TAGS keep out of the index, for all who read them: a row for each place at which somebody's
-- scan saw one. Only who sees a tagged folder sees that it is tagged; others have another path to the files below it.
create table exclusions (
    id bigint generated always as identity primary key,
    uid text not null references users on delete cascade,
    -- The file, by the key of its document. A document need not exist: nobody else may read the file.
    family text not null,
    native_id text not null,
    -- Where this user sees it: an exclusion ends when that place was listed and is not excluded any more.
    path text not null,
    seen_scan bigint not null,
    missing_since_scan bigint,
    unique (uid, family, native_id, path)
);
create index exclusions_file on exclusions (family, native_id);
