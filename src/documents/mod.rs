//! Bytes → text, per format.
