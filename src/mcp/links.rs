//! Links into Nextcloud's web interface, for people.

use url::Url;

/// Makes links below Nextcloud's public URL.
#[derive(Debug, Clone)]
pub struct Links {
    base: String,
}

impl Links {
    /// Links below `public_url`, Nextcloud as a browser reaches it.
    pub fn new(public_url: &Url) -> Self {
        Self {
            base: public_url.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// A note in the Notes app.
    pub fn note(&self, id: i64) -> String {
        format!("{}/index.php/apps/notes/note/{id}", self.base)
    }

    /// A file in the Files app, wherever it is moved.
    pub fn file(&self, id: i64) -> String {
        format!("{}/index.php/f/{id}", self.base)
    }
}
