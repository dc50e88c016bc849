//! HTTP to model services: embedding ([`crate::index`]) and reranking ([`crate::search`]) outside this process.
//!
//! Nothing of a request or an answer's text goes into logs or errors: both hold passages of documents, and services
//! repeat keys and inputs in their messages.

mod client;
mod error;

pub(crate) use client::{ModelApi, Retries};
pub(crate) use error::ModelApiError;

#[cfg(test)]
mod tests;
