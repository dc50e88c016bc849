//! Random texts for secrets: two simulators never share one.

/// The letters of Nextcloud's `ISecureRandom` default alphabet.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `count` random letters and digits.
pub(crate) fn random_text(count: usize) -> String {
    (0..count)
        .map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]))
        .collect()
}
