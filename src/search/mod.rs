//! Search: retrieve ranked lists, fuse them, verify every result with Nextcloud, project for the reader.
//!
//! One search walks through the files in this order:
//!
//! | step | file |
//! |---|---|
//! | check the request | `request` |
//! | vectors of the query, fall-backs | `plan` |
//! | which points this reader's queries may see | `tenant` |
//! | ranked lists from the index | `retrieve` |
//! | candidates as `PostgreSQL` knows them: visible generation, reader's row | `hydrate` |
//! | one ranking out of the lists | `fuse`, `rank` |
//! | may the reader open it now? | `verify`, `families/…` |
//! | passages, paths, links | `hydrate`, `project` |
//!
//! `pipeline` ties them together; `map` draws the results as points.
//!
//! A later source adds one file to `families`; nothing else here knows a source by name.

mod context;
mod error;
mod families;
mod fuse;
mod hydrate;
mod map;
mod pipeline;
mod plan;
mod project;
mod rank;
mod readiness;
mod request;
mod response;
mod retrieve;
mod service;
mod tenant;
mod verify;

#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;

pub use context::ChunkContext;
pub use error::SearchError;
pub use families::{Family, FilesFamily};
pub use fuse::BM25_HALF_SCORE;
pub use map::{Picture, SearchMap};
pub use readiness::{IndexReadiness, IndexState};
pub use request::{
    Algorithm, Fusion, Granularity, MAX_CONTEXT_CHARS, MAX_LIMIT, MAX_OFFSET, MAX_PATH_PREFIXES,
    MAX_QUERY_CHARS, SearchRequest,
};
pub use response::{SearchDocument, SearchHit, SearchResponse};
pub use service::SearchService;
