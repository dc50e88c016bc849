//! Browser sessions of the pages.
