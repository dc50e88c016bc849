//! The injected random source.

use rand::Rng;
use std::sync::Arc;

/// Fills buffers with random bytes fit for keys, nonces and tokens.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// Overwrites `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// A random source shared by the parts of the server.
pub type SharedEntropy = Arc<dyn Entropy>;

/// The operating system's random source, through a seeded CSPRNG.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        rand::rng().fill_bytes(buffer);
    }
}
