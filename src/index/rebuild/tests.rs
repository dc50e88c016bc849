use super::*;
use crate::index::{EdgeIndex, TenantFilter};
use std::sync::Mutex;

/// Two readers' titles, a second generation that is not visible, a document without readers, a large one.
async fn fill(pool: &PgPool) {
    let large = "Grüße aus dem Garten. ".repeat(2_000);
    sqlx::raw_sql(
        "insert into users (uid) values ('bob'), ('Zoe');
         insert into access_sets (members) values ('{Zoe,bob}');
         insert into documents (family, native_id, etag, state, visible_generation, chunk_count, access_set_id)
           select 'file', n::text, 'e', 'searchable', 1, 1, 1 from generate_series(1, 3) n;
         update documents set access_set_id = null where native_id = '2';
         insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
           select id, uid, 'file', '/x', uid || ' title', 1 from documents, users where native_id = '1';
         insert into document_texts select id, 1, 'äöü zebra' from documents where native_id <> '3';
         insert into document_texts select id, 2, 'invisible' from documents where native_id = '1';
         insert into chunks (document_id, generation, ordinal, start_offset, end_offset, text_hash, dense)
           select id, 1, 0, 4, 9, '', decode('003c00c0', 'hex') from documents where native_id <> '3';
         insert into chunks (document_id, generation, ordinal, start_offset, end_offset, text_hash)
           select id, 2, 0, 0, 9, '' from documents where native_id = '1';
         insert into chunks (document_id, generation, ordinal, start_offset, end_offset, text_hash)
           select id, 1, n, n * 22, n * 22 + 22, '' from documents, generate_series(0, 1999) n where native_id = '3';
         update documents set chunk_count = 2000 where native_id = '3';",
    )
    .execute(pool)
    .await
    .unwrap();
    sqlx::query("insert into document_texts select id, 1, $1 from documents where native_id = '3'")
        .bind(large)
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn every_visible_chunk_becomes_a_point(pool: PgPool) {
    fill(&pool).await;
    let dir = tempfile::tempdir().unwrap();
    let index = EdgeIndex::open(dir.path(), "c", Some(2)).unwrap().index;
    let encoder = SparseEncoder::new().unwrap();
    assert!(needs_rebuild(&pool, index.stats().await.unwrap()).await.unwrap());

    let heard = Mutex::new(Vec::new());
    let progress = |done, expected| heard.lock().unwrap().push((done, expected));
    let report = rebuild(&pool, &index, Some(2), &encoder, &progress)
        .await
        .unwrap();
    assert_eq!(
        report,
        RebuildReport {
            points: 2_002,
            dense: 2
        }
    );
    assert_eq!(heard.lock().unwrap().last(), Some(&(2_002, 2_002)));
    assert!(!needs_rebuild(&pool, index.stats().await.unwrap()).await.unwrap());

    let filter = TenantFilter {
        access_sets: vec![AccessSetId(1)],
        documents: None,
    };
    let zebra = index
        .query_sparse(encoder.query("zebra", &[]), &filter, 10)
        .await
        .unwrap();
    assert_eq!(zebra.len(), 1, "a document without readers is nobody's");
    // "Zoe" < "bob" by code points, whatever the database's collation says.
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(
        sparse_title(&mut connection, zebra[0].document).await.unwrap(),
        "Zoe title"
    );
    assert_eq!(
        index
            .query_sparse(encoder.query("Zoe", &[]), &filter, 10)
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(
        index
            .query_sparse(encoder.query("invisible", &[]), &filter, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        index
            .query_sparse(encoder.query("Garten", &[Language::German]), &filter, 5_000)
            .await
            .unwrap()
            .len(),
        2_000
    );
    // "Garten" was stemmed as German, which the rebuild found out and stored.
    let languages: Vec<Option<String>> =
        sqlx::query_scalar("select language from documents order by native_id")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(languages, [None, None, Some("de".to_owned())]);
    let near = index.query_dense(vec![1.0, -2.0], &filter, 10).await.unwrap();
    assert!((near[0].score - 1.0).abs() < 1e-3);

    // Again, with another model's dimension: nothing is left over, foreign vectors are not mixed in.
    drop(index);
    let other = EdgeIndex::open(dir.path(), "other", Some(3)).unwrap().index;
    let report = rebuild(&pool, &other, Some(3), &encoder, &|_, _| {})
        .await
        .unwrap();
    assert_eq!(
        report,
        RebuildReport {
            points: 2_002,
            dense: 0
        }
    );
}
