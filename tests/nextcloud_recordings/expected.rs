//! What each recording must become.

/// Recordings that are played to an operation of the client.
pub const PLAYED: usize = 162;

/// Recordings of the six areas that belong to no operation of the client: other APIs, log-in pages, OCS v1.
pub const NOT_OURS: usize = 81;

/// One line for each recording, sorted by name: the typed result or the error, cut at 260 characters. A `Malformed`
/// without file id comes from a recorded request that asked for fewer properties than the client does.
pub const EXPECTED: &str = r#"
auth/apppassword_after_delete => Unauthorized
auth/apppassword_after_delete_dav => Unauthorized
auth/apppassword_after_delete_notes => Unauthorized
auth/apppassword_after_password_change => user alice (Alice) in []
auth/apppassword_as_bearer => user alice (Alice) in []
auth/apppassword_as_bearer_dav => Malformed("a resource has no file id")
auth/apppassword_as_bearer_notes => Unauthorized
auth/apppassword_from_bearer_dav => Malformed("a resource has no file id")
auth/apppassword_from_bearer_notes => [] next=""
auth/apppassword_from_bearer_ocs => user alice (Alice) in []
auth/apppassword_login_by_email => Unauthorized
auth/apppassword_old_after_rotate => user alice (Alice) in []
auth/apppassword_still_valid_after_astrolabe_revoke => user alice (Alice) in []
auth/apppassword_user_disabled_dav => AccountDisabled
auth/apppassword_user_disabled_notes => AccountDisabled
auth/apppassword_user_disabled_ocs => Unauthorized
auth/apppassword_user_reenabled => user alice (Alice) in []
auth/apppassword_wrong_user => Unauthorized
auth/bearer_user_disabled_dav => AccountDisabled
auth/bearer_user_disabled_ocs => Unauthorized
auth/loginflow_v2_10_use_apppassword => user alice (Alice) in []
auth/session_user => user alice (Alice) in []
base/bruteforce_429_ocs => Throttled { retry_after: None }
base/bruteforce_after_bearer => Unauthorized
base/bruteforce_after_dav_badpw => Throttled { retry_after: None }
base/bruteforce_after_dav_goodpw => Throttled { retry_after: None }
base/bruteforce_after_notes_badpw => Throttled { retry_after: None }
base/bruteforce_after_ocs_goodpw => Throttled { retry_after: None }
base/capabilities_alice => capabilities of "34.0.1"
base/capabilities_anon => capabilities of "34.0.1"
base/capabilities_anon_no_ocsheader => Rejected { status: 412, message: "CSRF check failed" }
base/dav_404 => NotFound("File with name /nosuch.txt could not be located")
base/dav_anon_401 => Unauthorized
base/dav_anon_401_xhr => Unauthorized
base/dav_badbearer => Unauthorized
base/dav_other_user_404 => Malformed("a resource has no file id")
base/dav_wrongpw_401 => Unauthorized
base/index_anon_notes_401 => Unauthorized
base/index_wrongpw_notes_401 => Unauthorized
base/maintenance_capabilities => Maintenance { retry_after: None }
base/maintenance_dav => Maintenance { retry_after: None }
base/maintenance_index_notes => Maintenance { retry_after: Some(120s) }
base/maintenance_ocs => Maintenance { retry_after: None }
base/maintenance_status_php => 34.0.1 maintenance=true
base/status_php => 34.0.1 maintenance=false
base/user_alice_v2 => user alice (Alice) in []
base/user_alice_v2_no_ocsheader => Rejected { status: 412, message: "CSRF check failed" }
base/user_alice_v2_xml => Malformed("not JSON")
base/user_anon_v2 => Unauthorized
base/user_badbearer_v2 => Unauthorized
base/user_login_by_email => user alice (Alice) in []
base/user_login_uppercase => user alice (Alice) in []
base/user_wrongpw_v2 => Unauthorized
dav/copy_201 => replaced=false
dav/copy_exists_overwrite_F_412 => PreconditionFailed { current: None }
dav/delete_204 => deleted
dav/delete_again_404 => NotFound("File with name /rec/big.bin could not be located")
dav/get => "hello2" "text/plain;charset=UTF-8" "a96787be2e88e3af2ba0f8d5008eaa35"
dav/get_404 => NotFound("File with name /rec/none.txt could not be located")
dav/get_folder_405 => Rejected { status: 405, message: "a folder has no content of its own" }
dav/get_if_none_match_304 => Rejected { status: 304, message: "an answer that was not asked for" }
dav/get_range_206 => Malformed("an unexpected HTTP 206")
dav/mkcol => created=true
dav/mkcol_exists_405 => created=false
dav/mkcol_parent_missing_409 => Conflict("Parent node does not exist")
dav/move_201 => replaced=false
dav/move_dest_parent_missing_409 => Conflict("The destination node is not found")
dav/move_into_self_409 => Conflict("The destination may not be part of the same subtree as the source path.")
dav/move_locked_423 => Locked
dav/move_overwrite_204 => replaced=true
dav/move_src_404 => NotFound("File with name /rec/none could not be located")
dav/move_unicode_name => created=true "d05c8702a7c5f7fe127f9b80211c1053"
dav/other_user_file => NotFound("File not found: bobfile.txt in 'bob'")
dav/other_user_home_depth0 => Malformed("a resource has no file id")
dav/other_user_home_depth1 => Malformed("a resource has no file id")
dav/propfind_depth0 => 1 entries: /rec/a.txt#176 a96787be2e88e3af2ba0f8d5008eaa35 6B RGDNVW "text/plain" 1795410259 alice ocno1i5gzrr1
dav/propfind_depth1 => 3 entries: /rec#175/ 6b03c957c9853 11B RGDNVCK "" 1795410263 alice ocno1i5gzrr1 | /rec/a.txt#176 a96787be2e88e3af2ba0f8d5008eaa35 6B RGDNVW "text/plain" 1795410259 alice ocno1i5gzrr1 | /rec/ck.txt#179 5cd1f9a639a406e54e2ccf0c6f38b625 5B
dav/propfind_depth_infinity => 3 entries: /rec#175/ 6b03c957c9853 11B RGDNVCK "" 1795410263 alice ocno1i5gzrr1 | /rec/a.txt#176 a96787be2e88e3af2ba0f8d5008eaa35 6B RGDNVW "text/plain" 1795410259 alice ocno1i5gzrr1 | /rec/ck.txt#179 5cd1f9a639a406e54e2ccf0c6f38
dav/propfind_no_body => Malformed("a resource has no file id")
dav/propfind_root_depth1 => 14 entries: /#101/ 6b03c957c9853 192733B RGDNVCK "" 1795410263 alice ocno1i5gzrr1 | /bearer.txt#113 adebdaa4bc34bc4460f2dbeb7218c0f2 2B RGDNVW "text/plain" 1795408976 alice ocno1i5gzrr1 | … | /Notes#114/ 6b03c948f160f 9B RGDNVCK ""
dav/put_bad_checksum => created=true "5cd1f9a639a406e54e2ccf0c6f38b625"
dav/put_create_201 => created=true "a433e8ed35514d2a05fdd66b6a27b1de"
dav/put_if_match_stale_412 => PreconditionFailed { current: None }
dav/put_if_none_match_star_412 => PreconditionFailed { current: None }
dav/put_illegal_name => Forbidden("Invalid path: files/rec/.htaccess")
dav/put_locked_423 => Locked
dav/put_on_folder_409 => Conflict("PUT is not allowed on non-files.")
dav/put_parent_missing_409 => NotFound("File with name /nodir could not be located")
dav/put_quota_507 => QuotaExceeded
dav/put_update_204 => created=false "a96787be2e88e3af2ba0f8d5008eaa35"
dav/report_filter_systemtag => 1 entries: /rec/a.txt#180 a96787be2e88e3af2ba0f8d5008eaa35 6B  "text/plain" 1795410259
dav/report_filter_systemtag_missing => PreconditionFailed { current: None }
dav/search_bad_xml => Rejected { status: 400, message: "Unexpected document type: {}x for this Content-Type, expected {DAV:}searchrequest or {DAV:}query-schema-discovery" }
dav/search_favorite => 0 entries:
dav/search_fileid => 1 entries: /shared/s.txt#150 63a66daf22a9ae492220162e4e652da6 2B  "text/plain" 1795409904
dav/search_mime => 20 entries: /rec/ü ö#?.md#182 d05c8702a7c5f7fe127f9b80211c1053 3B  "text/markdown" 1795410280  | /rec/ck.txt#179 5cd1f9a639a406e54e2ccf0c6f38b625 5B  "text/plain" 1795410263  | … | /Notes/old.md#167 6546a3754e6fe16d6681bf00c8ad8c7b 1B  "text
dav/search_modified_gt => 25 entries: /rec#175 6b03c968ac611 14B  "" 1795410280  | /rec/ü ö#?.md#182 d05c8702a7c5f7fe127f9b80211c1053 3B  "text/markdown" 1795410280  | … | /Deck/Nextcloud sample image - add your image here!.jpg#118 e6180853e2f8021a752b5766e092
dav/search_name_like => 12 entries: /rec/ck.txt#179 5cd1f9a639a406e54e2ccf0c6f38b625 5B  "text/plain" 1795410263  | /rec/a.txt#180 a96787be2e88e3af2ba0f8d5008eaa35 6B  "text/plain" 1795410259  | … | /bearer.txt#113 adebdaa4bc34bc4460f2dbeb7218c0f2 2B  "text/pl
dav/search_unsupported_prop => Rejected { status: 400, message: "requested search property is not a valid property for this scope" }
dav/shared_fileid_alice => 4 entries: /rec#175/ 6b03c98ce044a 14B RGDNVCK "" 1795410316 alice ocno1i5gzrr1 | /rec/ck.txt#179 5cd1f9a639a406e54e2ccf0c6f38b625 5B RGDNVW "text/plain" 1795410263 alice ocno1i5gzrr1 | … | /rec/ü ö#?.md#182 d05c8702a7c5f7fe127f9b802
dav/shared_fileid_bob => 4 entries: /rec#175/ 6b03c98ce044a 14B SRGDNVCK "" 1795410316 alice ocno1i5gzrr1 | /rec/ck.txt#179 5cd1f9a639a406e54e2ccf0c6f38b625 5B SRGDNVW "text/plain" 1795410263 alice ocno1i5gzrr1 | … | /rec/ü ö#?.md#182 d05c8702a7c5f7fe127f9b802
dav/shared_single_fileid_alice => 1 entries: /rec/a.txt#180 6b03c98491b03 6B RGDNVW "text/plain" 1795410259 alice ocno1i5gzrr1
dav/shared_single_fileid_bob => 1 entries: /a.txt#180 6b03c98491b03 6B SGDN "text/plain" 1795410259 alice ocno1i5gzrr1
dav/systemtags_list => [SystemTag { id: 1, name: "vector-index" }]
deck/boards => [(1, "Welcome to Nextcloud Deck!", true), (2, "bboard", true), (3, "HB", true), (4, "RecB", false)] 9ad1d8c680dca59042c5afb348b52613
deck/boards_details => [(1, "Welcome to Nextcloud Deck!", true), (2, "bboard", true), (3, "HB", true), (4, "RecB", true)] 9ad1d8c680dca59042c5afb348b52613
deck/boards_if_none_match => unchanged
deck/boards_no_ocs_header_basic => [(1, "Welcome to Nextcloud Deck!", true), (2, "bboard", true), (3, "HB", true), (4, "RecB", true)] ab21a60c1f109cbfe9a637f7a901d7b5
deck/stacks => [Stack { id: 6, title: "S1", deleted_at: 0, cards: [Card { id: 7, title: "C2", description: "d2", labels: [], assigned: [], archived: false, done: None, duedate: None, deleted_at: 0, last_modified: 1795410740, comments_count: 0, etag: "eb75dfa29
deck/stacks_if_modified_since => [Stack { id: 6, title: "S1", deleted_at: 0, cards: [] }]
notes/attachment_404 => Rejected { status: 400, message: "" }
notes/capabilities_notes => capabilities of "34.0.1"
notes/create => note 162 "First note" in "Work" 12 bytes at 1795410196 favorite=true "/Notes/Work/First note.m" daaf05
notes/create_empty => note 163 "New note" in "" 0 bytes at 1795410197 favorite=false "/Notes/New note.md" 983c75
notes/create_form => note 169 "form" in "" 1 bytes at 1795410206 favorite=false "/Notes/form.md" b0834a
notes/create_long_title => note 168 "tttttttttttt" in "" 1 bytes at 1795410205 favorite=false "/Notes/ttttttttttttttttt" d98221
notes/create_same_title => note 164 "First note (" in "Work" 0 bytes at 1795410199 favorite=false "/Notes/Work/First note (" 0a0a75
notes/create_slash_title => note 165 "abc" in "" 1 bytes at 1795410200 favorite=false "/Notes/abc.md" c1fbd6
notes/create_unicode => note 166 "Größe 🚀 äöü" in "" 5 bytes at 1795410202 favorite=false "/Notes/Größe 🚀 äöü.md" dbe4c6
notes/create_with_modified => note 167 "old" in "" 1 bytes at 1000000000 favorite=false "/Notes/old.md" 9065c0
notes/delete => deleted
notes/delete_again_404 => NotFound("")
notes/etag_unchanged_after_favorite => note 162 "Renamed note" in "Work/Sub" 2 bytes at 1500000000 favorite=false "/Notes/Work/Sub/Renamed " e06d8b
notes/get => note 162 "First note" in "Work" 12 bytes at 1795410196 favorite=true "/Notes/Work/First note.m" daaf05
notes/get_404 => NotFound("")
notes/get_after => note 162 "Renamed note" in "Work/Sub" 2 bytes at 1500000000 favorite=false "/Notes/Work/Sub/Renamed " e06d8b
notes/get_deleted_404 => NotFound("")
notes/get_exclude => note 162 "First note" in "Work" 0 bytes at 1795410196 favorite=true "/Notes/Work/First note.m" daaf05
notes/get_if_none_match_304 => Rejected { status: 304, message: "an answer that was not asked for" }
notes/get_other_user_404 => NotFound("")
notes/list => [(162, 12), (163, 0), (164, 0), (165, 1), (166, 5), (167, 1), (168, 1), (169, 1)] next=""
notes/list_category => [(162, 12), (164, 0)] next=""
notes/list_chunk_1 => [(162, 0), (163, 0)] next="1795410224-1795410197-163"
notes/list_chunk_2 => [(164, 0), (165, 0)] next="1795410224-1795410200-165"
notes/list_chunk_3 => [(166, 0), (167, 0)] next="1795410224-1795410203-167"
notes/list_chunk_4 => [(168, 0), (169, 0)] next=""
notes/list_chunk_bad_cursor => [(162, 12), (163, 0)] next="1795410229-1795410197-163"
notes/list_empty => [] next=""
notes/list_exclude_content => [(162, 0), (163, 0), (164, 0), (165, 0), (166, 0), (167, 0), (168, 0), (169, 0)] next=""
notes/list_if_none_match_304 => Rejected { status: 304, message: "an answer that was not asked for" }
notes/list_pruneBefore_future => [] next=""
notes/list_pruneBefore_lm => [] next=""
notes/list_v1_4_search => [(163, 0), (164, 0), (165, 1), (166, 5), (167, 1), (168, 1), (169, 1)] next=""
notes/settings_get => Notes
notes/update_404 => NotFound("")
notes/update_category => note 162 "Renamed note" in "Work/Sub" 2 bytes at 1795410235 favorite=true "/Notes/Work/Sub/Renamed " 273253
notes/update_empty_body => note 162 "Renamed note" in "Work/Sub" 2 bytes at 1795410235 favorite=true "/Notes/Work/Sub/Renamed " 273253
notes/update_if_match_ok => note 162 "First note" in "Work" 15 bytes at 1795410231 favorite=true "/Notes/Work/First note.m" 9b38dd
notes/update_if_match_stale_412 => PreconditionFailed { current: Some("{\"id\":162,\"title\":\"First note\",\"modified\":1795410231,\"category\":\"Work\",\"favorite\":true,\"readonly\":false,\"internalPath\":\"\\/Notes\\/Work\\/First note.md\",\"shareTypes\":[
notes/update_if_match_unquoted => PreconditionFailed { current: Some("{\"id\":162,\"title\":\"First note\",\"modified\":1795410231,\"category\":\"Work\",\"favorite\":true,\"readonly\":false,\"internalPath\":\"\\/Notes\\/Work\\/First note.md\",\"shareTypes\":[]
notes/update_modified => note 162 "Renamed note" in "Work/Sub" 2 bytes at 1500000000 favorite=true "/Notes/Work/Sub/Renamed " 3b85ae
notes/update_no_if_match => note 162 "First note" in "Work" 2 bytes at 1795410235 favorite=true "/Notes/Work/First note.m" 1156e3
notes/update_title_rename => note 162 "Renamed note" in "Work" 2 bytes at 1795410235 favorite=true "/Notes/Work/Renamed note" 185b25
notes/webdav_of_note => Malformed("a resource has no file id")
notes/webdav_propfind_fileid => 1 entries: /Notes/Work/Sub/Renamed note.md#162 68f5239a2797f4aa3dc25d114d20b844 0B  "" 0
tables/v1_columns => [(1, "Name", "text")]
tables/v1_row_404 => NotFound("OCA\\Tables\\Service\\RowService - find: Did expect one result but found none when executing: query \"SELECT * FROM `*PREFIX*tables_row_sleeves` WHERE `id` = :dcValue1\";")
tables/v1_row_get => Row { id: 2, table_id: 1, last_edit: Some("2026-11-23 05:12:45"), data: [Cell { column: 1, value: String("v1") }] }
tables/v1_rows => [Row { id: 2, table_id: 1, last_edit: Some("2026-11-23 05:12:45"), data: [Cell { column: 1, value: String("v1") }] }, Row { id: 3, table_id: 1, last_edit: Some("2026-11-23 05:12:46"), data: [Cell { column: 1, value: String("v2") }] }]
tables/v1_table_404 => NotFound("")
tables/v1_table_other_user => NotFound("")
tables/v1_tables => [(1, "Welcome to Nextcloud Tables!", true), (2, "T", true)]
"#;
