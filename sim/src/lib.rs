//! A stand-in Nextcloud for tests and demos.
