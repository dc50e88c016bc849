//! How a point looks in every back end. Changing any of it raises the version in [`super::collection`].

/// Name of the dense vector.
pub(super) const DENSE: &str = "dense";
/// Name of the sparse vector, whose weights the back end multiplies with the IDF.
pub(super) const SPARSE: &str = "sparse";
/// Payload key of the document id.
pub(super) const DOCUMENT: &str = "doc";
/// Payload key of the access set id.
pub(super) const ACCESS: &str = "acc";
/// Hits asked beyond the limit, so that ties at the end of the list are cut by chunk id.
pub(super) const TIE_MARGIN: usize = 32;
