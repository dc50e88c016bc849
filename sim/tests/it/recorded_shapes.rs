//! Every implemented area answers in the shape that a real Nextcloud was recorded with.

use nextcloud_sim::{SharePermissions, World};

use crate::replay::Step::{AppPassword, Do, File, Play, PlayHead};
use crate::replay::replay;

#[tokio::test]
async fn base() {
    replay(&[
        Play("base/status_php"),
        Play("base/user_alice_v1"),
        Play("base/user_alice_v2"),
        Play("base/user_alice_v2_xml"),
        Play("base/user_alice_v2_no_ocsheader"),
        Play("base/user_anon_v1"),
        Play("base/user_anon_v2"),
        Play("base/user_badbearer_v2"),
        Play("base/user_login_by_email"),
        Play("base/user_login_uppercase"),
        Play("base/user_wrongpw_v1"),
        Play("base/user_wrongpw_v2"),
        Play("base/capabilities_alice"),
        Play("base/capabilities_anon"),
        Play("base/capabilities_anon_no_ocsheader"),
        Play("base/apps_admin"),
        Play("base/apps_alice_403"),
        Play("base/navigation_apps_alice"),
        Play("base/ocs_404_route"),
        Play("base/ocs_404_user"),
        Play("base/dav_404"),
        Play("base/dav_anon_401"),
        Play("base/dav_anon_401_xhr"),
        Play("base/dav_badbearer"),
        Play("base/dav_other_user_404"),
        Play("base/dav_wrongpw_401"),
        Play("base/index_404_route"),
        Play("base/index_anon_notes_401"),
        Play("base/index_disabled_app"),
        Play("base/index_wrongpw_notes_401"),
    ])
    .await;
}

#[tokio::test]
async fn maintenance() {
    replay(&[
        Do(|world| world.set_maintenance(true)),
        Play("base/maintenance_capabilities"),
        Play("base/maintenance_dav"),
        Play("base/maintenance_discovery"),
        Play("base/maintenance_index_notes"),
        Play("base/maintenance_ocs"),
        Play("base/maintenance_ocs_v1"),
        Play("base/maintenance_oidc_token"),
        Play("base/maintenance_status_php"),
    ])
    .await;
}

#[tokio::test]
async fn throttled_logins() {
    let mut steps: Vec<_> = (0..11).map(|_| Play("base/user_wrongpw_v2")).collect();
    steps.extend([
        Play("base/bruteforce_429_ocs"),
        Play("base/bruteforce_after_bearer"),
        Play("base/bruteforce_after_dav_badpw"),
        Play("base/bruteforce_after_dav_goodpw"),
        Play("base/bruteforce_after_notes_badpw"),
        Play("base/bruteforce_after_ocs_goodpw"),
    ]);
    replay(&steps).await;
}

#[tokio::test]
async fn app_passwords() {
    replay(&[
        Play("auth/getapppassword_basic"),
        AppPassword("PBdCoX1nSSqftyXbkWzJZ6VhrzEgtE4xKUEjC6nThZznPyS09wb2TkKQabvemFkwGALEthLU"),
        Play("auth/getapppassword_with_apppassword_403"),
        Play("auth/apppassword_from_bearer_ocs"),
        Play("auth/apppassword_from_bearer_dav"),
        Play("auth/apppassword_from_bearer_notes"),
        Play("auth/apppassword_as_bearer"),
        Play("auth/apppassword_as_bearer_dav"),
        Play("auth/apppassword_as_bearer_notes"),
        Play("auth/apppassword_wrong_user"),
        Play("auth/apppassword_login_by_email"),
        Play("auth/apppassword_delete_with_password_403"),
        Play("auth/apppassword_rotate"),
        Play("auth/apppassword_old_after_rotate"),
        Play("auth/apppassword_delete"),
        Play("auth/apppassword_after_delete"),
        Play("auth/apppassword_after_delete_dav"),
        Play("auth/apppassword_after_delete_notes"),
        Do(|world| world.set_password("alice", "another")),
        Play("auth/apppassword_after_password_change"),
        Do(|world| world.disable_user("alice")),
        Play("auth/apppassword_user_disabled_dav"),
        Play("auth/apppassword_user_disabled_notes"),
        Play("auth/apppassword_user_disabled_ocs"),
        Do(|world| world.enable_user("alice")),
        Play("auth/apppassword_user_reenabled"),
    ])
    .await;
}

#[tokio::test]
async fn notes() {
    replay(&[
        Play("notes/list_empty"),
        Play("notes/create"),
        Do(tick),
        Play("notes/create_empty"),
        Do(tick),
        Play("notes/create_same_title"),
        Do(tick),
        Play("notes/create_slash_title"),
        Do(tick),
        Play("notes/create_unicode"),
        Play("notes/create_with_modified"),
        Play("notes/create_long_title"),
        Play("notes/create_form"),
        Play("notes/get"),
        Play("notes/get_if_none_match_304"),
        Play("notes/get_exclude"),
        Play("notes/get_404"),
        Play("notes/get_other_user_404"),
        Play("notes/list"),
        Play("notes/list_if_none_match_304"),
        Play("notes/list_category"),
        Play("notes/list_exclude_content"),
        Play("notes/list_chunk_1"),
        Play("notes/list_chunk_2"),
        Play("notes/list_chunk_3"),
        Play("notes/list_chunk_4"),
        Play("notes/list_chunk_bad_cursor"),
        // The body is pruned by a moment that lies in the past of this world; see `behaviour` for pruning.
        PlayHead("notes/list_pruneBefore_future"),
        Play("notes/update_if_match_ok"),
        Play("notes/update_if_match_stale_412"),
        Play("notes/update_if_match_unquoted"),
        Play("notes/update_no_if_match"),
        Play("notes/update_title_rename"),
        Play("notes/update_category"),
        Play("notes/update_empty_body"),
        Play("notes/update_modified"),
        Play("notes/etag_unchanged_after_favorite"),
        Play("notes/get_after"),
        Play("notes/update_404"),
        Play("notes/webdav_of_note"),
        Play("notes/webdav_propfind_fileid"),
        Play("notes/attachment_404"),
        Play("notes/attachment_post"),
        Play("notes/settings_get"),
        Play("notes/settings_put"),
        Play("notes/delete"),
        Play("notes/delete_again_404"),
        Play("notes/get_deleted_404"),
        Play("notes/list_v0_2"),
        Play("notes/list_v1_4_search"),
    ])
    .await;
}

fn tick(world: &World) {
    world.advance_clock(1);
}

#[tokio::test]
async fn files() {
    replay(&[
        Play("dav/mkcol"),
        Play("dav/mkcol_exists_405"),
        Play("dav/mkcol_parent_missing_409"),
        Play("dav/put_create_201"),
        Play("dav/put_update_204"),
        Play("dav/put_if_match_stale_412"),
        Play("dav/put_if_none_match_star_412"),
        Play("dav/put_parent_missing_409"),
        Play("dav/put_on_folder_409"),
        Play("dav/put_illegal_name"),
        Play("dav/put_bad_checksum"),
        Play("dav/get"),
        Play("dav/get_range_206"),
        Play("dav/head"),
        Play("dav/get_if_none_match_304"),
        Play("dav/get_404"),
        Play("dav/get_folder_405"),
        Play("dav/propfind_no_body"),
        Play("dav/propfind_depth0"),
        Play("dav/propfind_depth1"),
        Play("dav/propfind_depth_infinity"),
        File("/shared/s.txt", 150),
        Play("dav/proppatch_favorite"),
        Play("dav/copy_201"),
        Play("dav/copy_exists_overwrite_F_412"),
        Play("dav/move_201"),
        Play("dav/move_overwrite_204"),
        Play("dav/move_src_404"),
        Play("dav/move_dest_parent_missing_409"),
        Play("dav/move_into_self_409"),
        Play("dav/move_unicode_name"),
        Play("dav/delete_again_404"),
        Play("dav/other_user_file"),
        Play("dav/other_user_home_depth0"),
        Play("dav/other_user_home_depth1"),
        Play("dav/report_filter_empty"),
        Play("dav/report_filter_favorite"),
        Play("dav/report_filter_systemtag_missing"),
        // The tag that the recorded Nextcloud had before.
        Do(|world| {
            world.put_file("alice", "/other.txt", "x");
            world.tag_file("alice", "/other.txt", "vector-index");
        }),
        Play("dav/systemtags_list"),
        Play("dav/systemtag_create_201"),
        Play("dav/systemtag_create_exists_409"),
        Play("dav/systemtag_create_restricted_403"),
        Play("dav/systemtag_assign_missing_file"),
        Play("dav/search_bad_xml"),
        Play("dav/search_favorite"),
        Play("dav/search_fileid"),
        Play("dav/search_mime"),
        Play("dav/search_modified_gt"),
        Play("dav/search_name_like"),
        Play("dav/search_unsupported_prop"),
    ])
    .await;
}

/// The file and the tag have the ids of the recordings.
#[tokio::test]
async fn tagged_files() {
    replay(&[
        Do(|world| {
            for number in world.put_file("alice", "/first.txt", "x")..178 {
                world.put_file("alice", &format!("/{number}.txt"), "x");
            }
            world.mkdir("alice", "/rec");
            assert_eq!(world.put_file("alice", "/rec/a.txt", "123456"), 180);
            world.tag_file("alice", "/first.txt", "vector-index");
        }),
        Play("dav/systemtag_create_201"),
        Play("dav/systemtag_assign_201"),
        Play("dav/systemtag_assign_again"),
        Play("dav/systemtag_assign_missing_tag"),
        Play("dav/systemtag_file_tags"),
        Play("dav/report_filter_systemtag"),
        Play("dav/systemtag_unassign_204"),
        Play("dav/systemtag_unassign_again_404"),
    ])
    .await;
}

/// Boards, stacks and cards before those of the recordings, so that the ids are the same.
#[tokio::test]
async fn deck() {
    replay(&[
        Do(|world| {
            let welcome = world.add_board("alice", "Welcome to Nextcloud Deck!");
            world.add_board("alice", "bboard");
            let shared = world.add_board("alice", "HB");
            world.share_board(shared, "bob");
            for title in ["Custom lists - click to rename!", "To Do", "In Progress", "Done"] {
                world.add_stack(welcome, title);
            }
            let stack = world.add_stack(shared, "S");
            for number in 1..=6 {
                world.add_card(stack, &format!("Card {number}"), "");
            }
        }),
        Play("deck/board_create"),
        Play("deck/boards"),
        Play("deck/boards_if_none_match"),
        Play("deck/boards_details"),
        Play("deck/stack_create"),
        Play("deck/card_create"),
        Play("deck/card_get"),
        Do(tick),
        Play("deck/card_update"),
        Play("deck/stacks"),
        Play("deck/card_update_missing_owner"),
        Do(tick),
        Play("deck/card_delete"),
        Play("deck/card_get_deleted"),
        Play("deck/stacks_if_modified_since"),
        Play("deck/board_404"),
        Play("deck/board_other_user_403"),
        Play("deck/boards_no_ocs_header_basic"),
    ])
    .await;
}

#[tokio::test]
async fn tables() {
    replay(&[
        Do(|world| {
            let welcome = world.add_table("alice", "Welcome to Nextcloud Tables!", &["Name"]);
            world.add_table("alice", "T", &[]);
            let row = world.add_row(welcome, &["gone"]);
            world.delete_row(row);
        }),
        Play("tables/v1_tables"),
        Play("tables/v2_tables"),
        Play("tables/v1_columns"),
        Play("tables/v1_row_create"),
        Play("tables/v2_row_create"),
        Play("tables/v1_rows"),
        Play("tables/v1_rows_simple"),
        Play("tables/v1_row_get"),
        Play("tables/v1_row_update"),
        Play("tables/v1_row_delete"),
        Play("tables/v1_row_404"),
        Play("tables/v1_table_404"),
        Play("tables/v1_table_other_user"),
    ])
    .await;
}

#[tokio::test]
async fn shares() {
    replay(&[
        File("/rec/a.txt", 180),
        Play("dav/put_bad_checksum"),
        Do(|world| {
            world.share("alice", "/rec", "bob", SharePermissions::all());
        }),
        Play("sharing/create_user_share"),
        Play("sharing/create_duplicate"),
        Play("sharing/create_bad_user_404"),
        Play("sharing/create_missing_path_404"),
        Play("sharing/list_shared_with_me_bob"),
        // The body lists a public link, and links are not simulated.
        PlayHead("sharing/list_mine"),
        Play("dav/shared_fileid_alice"),
        Play("dav/shared_fileid_bob"),
        Play("dav/shared_single_fileid_alice"),
        Play("dav/shared_single_fileid_bob"),
    ])
    .await;
}

#[tokio::test]
async fn calendars() {
    replay(&[
        Play("caldav/other_user_calendar"),
        Play("caldav/mkcalendar"),
        Play("caldav/mkcalendar_exists_405"),
        Play("caldav/put_event_201"),
        Play("caldav/put_event_exists_412"),
        Play("caldav/put_event_update_204"),
        Play("caldav/put_event_stale_412"),
        Play("caldav/put_duplicate_uid"),
        Play("caldav/put_invalid_ics"),
        Play("caldav/put_missing_calendar_409"),
        Play("caldav/put_recurring"),
        Play("caldav/put_todo"),
        Play("caldav/home_depth1"),
        Play("caldav/get_event"),
        Play("caldav/get_event_404"),
        Play("caldav/multiget"),
        Play("caldav/query_timerange"),
        Play("caldav/query_todos"),
        Play("caldav/sync_initial"),
        Play("caldav/delete_event_204"),
        Play("caldav/delete_404"),
        Play("caldav/reput_deleted_uid"),
        Play("caldav/sync_delta"),
        Play("caldav/sync_bad_token"),
        Play("caldav/sync_garbage_token"),
    ])
    .await;
}

#[tokio::test]
async fn address_books() {
    replay(&[
        // One of the recorded books has no sync token: an app generates it, and that is not simulated.
        PlayHead("carddav/home_depth1"),
        Do(|world| {
            world
                .address_book("alice", "contacts")
                .put_contact("default", "Leon Green", &[]);
        }),
        Play("carddav/put_201"),
        Play("carddav/put_exists_412"),
        Play("carddav/put_update_204"),
        Play("carddav/put_stale_412"),
        Play("carddav/put_invalid"),
        Play("carddav/query"),
        Play("carddav/query_filter"),
        Play("carddav/sync_initial"),
        Play("carddav/delete_204"),
        Play("carddav/sync_delta"),
    ])
    .await;
}
