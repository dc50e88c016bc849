//! Whole searches against `PostgreSQL`, with doubles for the index and Nextcloud.

mod expressions;
mod fallbacks;
mod filters;
mod isolation;
mod map;
mod paging;
mod passages;
mod reranking;
mod worlds;
