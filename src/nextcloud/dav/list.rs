//! PROPFIND.

use super::path::FilesRoot;
use super::property::{NAMESPACES, REQUESTED};
use super::{DavEntry, Depth, multistatus};
use crate::nextcloud::http::Call;
use crate::nextcloud::{NextcloudError, UserSession};
use reqwest::{Method, StatusCode};

impl UserSession {
    /// PROPFIND; the resource itself comes first. A cut or partial 207 is [`NextcloudError::Malformed`].
    pub async fn propfind(&self, path: &str, depth: Depth) -> Result<Vec<DavEntry>, NextcloudError> {
        let mut entries = Vec::new();
        self.propfind_each(path, depth, &mut |entry| entries.push(entry))
            .await?;
        Ok(entries)
    }

    /// PROPFIND that hands out entries as they arrive, so that a listing of any size needs little memory.
    /// `visit` runs for each entry; an error after some entries means that the listing is incomplete.
    pub async fn propfind_each(
        &self,
        path: &str,
        depth: Depth,
        visit: &mut (dyn FnMut(DavEntry) + Send),
    ) -> Result<(), NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        let depth = match depth {
            Depth::Zero => "0",
            Depth::One => "1",
            Depth::Infinity => "infinity",
        };
        let call = Call::new(dav_method(b"PROPFIND")?, root.url_path(path)?)
            .header("depth", depth)?
            .header("content-type", "application/xml; charset=utf-8")?
            .body(format!(
                "<?xml version=\"1.0\"?><d:propfind {NAMESPACES}>{REQUESTED}</d:propfind>"
            ));
        let call = if depth == "0" { call } else { call.streamed() };
        let answer = self.send(call).await?.only(&[StatusCode::MULTI_STATUS])?;
        // A resource lists at least itself.
        match multistatus::read(answer.stream(), &root, visit).await? {
            0 => Err(NextcloudError::Malformed("the listing is empty".to_owned())),
            _ => Ok(()),
        }
    }
}

/// A method that `http` has no constant for.
pub(in crate::nextcloud) fn dav_method(name: &[u8]) -> Result<Method, NextcloudError> {
    Method::from_bytes(name).map_err(|_invalid| NextcloudError::Rejected {
        status: 405,
        message: "not an HTTP method".to_owned(),
    })
}
