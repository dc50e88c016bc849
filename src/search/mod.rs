//! Search: retrieve ranked lists, fuse them, verify every result with Nextcloud, project for the reader.
//!
//! One search walks through the files in this order:
//!
//! | step | file |
//! |---|---|
//! | check the request, take the query apart | `request`, `query_syntax`, `filters` |
//! | vectors of the query, fall-backs | `plan` |
//! | which points this reader's queries may see | `tenant` |
//! | ranked lists from the index | `retrieve` |
//! | documents called as the query | `names` |
//! | candidates as `PostgreSQL` knows them: visible generation, reader's row | `hydrate`, `texts` |
//! | one ranking out of the lists | `fuse`, `evidence`, `signals`, `rank` |
//! | what is quoted, what says the same | `order`, `phrases`, `duplicates` |
//! | may the reader open it now? who hears that he may not any more | `verify`, `families/…`, `losses` |
//! | a cross-encoder's order, where asked for | `reorder`, `rerank` |
//! | passages, what is marked in them, paths, links | `hydrate`, `highlight`, `project` |
//!
//! `pipeline` ties them together; `map` draws the results as points; `rerank` holds the optional cross-encoders.
//!
//! A later source adds one file to `families`; nothing else here knows a source by name.

mod context;
mod duplicates;
mod error;
mod evidence;
mod families;
mod filters;
mod fuse;
mod highlight;
mod hydrate;
mod losses;
mod map;
mod names;
mod order;
mod phrases;
mod pipeline;
mod plan;
mod project;
mod query_syntax;
mod rank;
mod readiness;
mod reorder;
mod request;
pub mod rerank;
mod response;
mod retrieve;
mod service;
mod signals;
mod tenant;
mod texts;
mod verify;

#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;

pub use context::ChunkContext;
pub use error::SearchError;
pub use families::{Family, FilesFamily, GroupwareFamily};
pub use fuse::BM25_HALF_SCORE;
pub use highlight::{Highlight, Snippet};
pub use losses::LossListener;
pub use map::{Picture, SearchMap};
pub use readiness::{IndexReadiness, IndexState};
pub use reorder::Reranking;
pub use request::{
    Algorithm, Fusion, Granularity, MAX_CONTEXT_CHARS, MAX_LIMIT, MAX_OFFSET, MAX_PATH_PREFIXES,
    MAX_QUERY_CHARS, SearchRequest,
};
pub use response::{SearchDocument, SearchHit, SearchResponse};
pub use service::SearchService;
