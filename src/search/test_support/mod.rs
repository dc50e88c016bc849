//! Doubles for the tests of this module, and a world to fill with documents.

mod doubles;
mod world;

pub(super) use doubles::{FakeCheck, MemoryIndex, WordEmbedder, WordTerms, embedding};
pub(super) use world::{Reader, World, ids, principal};
