use super::*;
use crate::ids::UserId;
use futures::stream;

const HEAD: &str = "<?xml version=\"1.0\"?>\n<d:multistatus xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\" \
    xmlns:oc=\"http://owncloud.org/ns\" xmlns:nc=\"http://nextcloud.org/ns\">";

fn resource(name: &str, id: u32) -> String {
    format!(
        "<d:response><d:href>/remote.php/dav/files/alice/{name}</d:href><d:propstat><d:prop>\
         <oc:fileid>{id}</oc:fileid><d:getetag>&quot;e{id}&quot;</d:getetag><d:resourcetype/></d:prop>\
         <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )
}

/// Reads a document that arrives in pieces of `piece` bytes.
async fn read_in(document: &[u8], piece: usize) -> (Vec<DavEntry>, Result<u64, NextcloudError>) {
    let pieces: Vec<io::Result<Bytes>> = document
        .chunks(piece)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let root = FilesRoot::of(&UserId::new("alice")).unwrap();
    let mut entries = Vec::new();
    let result = read(stream::iter(pieces), &root, &mut |entry| entries.push(entry)).await;
    (entries, result)
}

async fn refusal(document: &str) -> String {
    let (_, result) = read_in(document.as_bytes(), 4096).await;
    match result {
        Err(NextcloudError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn pieces_of_any_size_give_the_same_entries() {
    let document = format!(
        "{HEAD}{}{}</d:multistatus>\n",
        resource("%c3%bc%20&amp;.md", 1),
        resource("b", 2)
    );
    for piece in [1, 2, 3, 7, 64, 5000] {
        let (entries, result) = read_in(document.as_bytes(), piece).await;
        assert_eq!(result.unwrap(), 2);
        assert_eq!(
            (entries[0].path.as_str(), entries[0].etag.as_str()),
            ("/ü &.md", "e1")
        );
        assert_eq!((entries[1].path.as_str(), entries[1].file_id), ("/b", 2));
    }
}

#[tokio::test]
async fn a_document_cut_anywhere_is_never_complete() {
    let document = format!("{HEAD}{}{}</d:multistatus>", resource("a", 1), resource("b", 2));
    for length in 0..document.len() {
        let (_, result) = read_in(&document.as_bytes()[..length], 50).await;
        assert!(
            matches!(result, Err(NextcloudError::Malformed(_))),
            "cut after {length} bytes: {result:?}"
        );
    }
}

#[tokio::test]
async fn entities_are_refused() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><d:multistatus \
        xmlns:d=\"DAV:\"><d:response><d:href>&b;</d:href></d:response></d:multistatus>";
    assert_eq!(refusal(bomb).await, "XML with entities is refused");
    let undeclared = format!("{HEAD}<d:response><d:href>&xxe;</d:href></d:response></d:multistatus>");
    assert_eq!(refusal(&undeclared).await, "XML with entities is refused");
    let external = "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><d:multistatus xmlns:d=\"DAV:\"/>";
    assert_eq!(refusal(external).await, "XML with entities is refused");
}

#[tokio::test]
async fn two_megabytes_of_anything_are_refused_early() {
    let deep = format!("{HEAD}{}", "<d:x>".repeat(400_000));
    assert_eq!(refusal(&deep).await, "the XML is nested too deeply");
    let long_text = format!("{HEAD}<d:response><d:href>{}", "a".repeat(2_000_000));
    assert_eq!(refusal(&long_text).await, "the listing is not readable XML");
    let long_tag = format!("{HEAD}<d:response x=\"{}", "a".repeat(2_000_000));
    assert_eq!(refusal(&long_tag).await, "the listing is not readable XML");
    let many_references = format!("{HEAD}<d:response><d:href>{}", "&#65;".repeat(100_000));
    assert_eq!(refusal(&many_references).await, "a value in the XML is too long");
}

#[tokio::test]
async fn a_resource_that_failed_spoils_the_listing() {
    let propstat = resource("b", 2).replace("200 OK", "503 Service Unavailable");
    let why = refusal(&format!("{HEAD}{}{propstat}</d:multistatus>", resource("a", 1))).await;
    assert_eq!(why, "a resource was listed with status 503");
    let whole = "<d:response><d:href>/remote.php/dav/files/alice/b</d:href><d:status>HTTP/1.1 500 E</d:status></d:response>";
    assert_eq!(
        refusal(&format!("{HEAD}{whole}</d:multistatus>")).await,
        "a resource was listed with status 500"
    );
    let nothing = resource("b", 2).replace("200 OK", "404 Not Found");
    assert_eq!(
        refusal(&format!("{HEAD}{nothing}</d:multistatus>")).await,
        "a resource has no file id"
    );
}

#[tokio::test]
async fn properties_of_a_failed_propstat_do_not_count() {
    let document = format!(
        "{HEAD}<d:response><d:href>/remote.php/dav/files/alice/a/</d:href><d:propstat><d:prop><oc:fileid>5</oc:fileid>\
         <d:resourcetype><d:collection/></d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>\
         <d:propstat><d:prop><oc:permissions>RG</oc:permissions><d:getcontenttype/></d:prop>\
         <d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response></d:multistatus>"
    );
    let (entries, result) = read_in(document.as_bytes(), 100).await;
    assert!(result.is_ok());
    assert!(entries[0].is_folder && entries[0].path == "/a");
    assert!(!entries[0].is_readable(), "permissions that were not granted");
}

#[tokio::test]
async fn names_count_by_namespace_not_by_prefix() {
    let document = "<x:multistatus xmlns:x=\"DAV:\" xmlns:o=\"http://owncloud.org/ns\" xmlns:d=\"urn:other\"><x:response>\
        <x:href>/remote.php/dav/files/alice/</x:href><d:href>/evil</d:href><x:propstat><x:prop><o:fileid>1</o:fileid>\
        <d:fileid>2</d:fileid></x:prop><x:status>HTTP/1.1 200 OK</x:status></x:propstat></x:response></x:multistatus>";
    let (entries, result) = read_in(document.as_bytes(), 100).await;
    assert_eq!(
        (result.unwrap(), entries[0].file_id, entries[0].path.as_str()),
        (1, 1, "/")
    );
}

#[tokio::test]
async fn other_documents_are_refused() {
    for document in [
        "",
        "<html><body>log in</body></html>",
        "<d:multistatus xmlns:d=\"urn:other\"/>",
        "<multistatus/>",
        "<d:multistatus xmlns:d=\"DAV:\"/><d:multistatus xmlns:d=\"DAV:\"/>",
        "<d:multistatus xmlns:d=\"DAV:\"><d:response></d:multistatus>",
        "<d:multistatus xmlns:d=\"DAV:\"><d:response/></d:multistatus>",
        "{\"ocs\":{}}",
    ] {
        let (_, result) = read_in(document.as_bytes(), 100).await;
        assert!(
            matches!(result, Err(NextcloudError::Malformed(_))),
            "{document}: {result:?}"
        );
    }
    let broken_utf8 = [
        HEAD.as_bytes(),
        b"<d:response><d:href>\xff\xfe</d:href></d:response></d:multistatus>",
    ]
    .concat();
    assert!(matches!(
        read_in(&broken_utf8, 100).await.1,
        Err(NextcloudError::Malformed(_))
    ));
}
