//! Search: retrieve ranked lists, fuse them, verify every result with Nextcloud, project for the reader.

mod service;

pub use service::{
    Algorithm, Fusion, Granularity, SearchDocument, SearchError, SearchHit, SearchRequest, SearchResponse,
    SearchService,
};
