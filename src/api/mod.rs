//! HTTP: health, status, credentials. The tree mirrors the URLs.
