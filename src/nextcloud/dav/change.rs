//! MKCOL, DELETE, MOVE and COPY.

use super::Depth;
use super::list::dav_method;
use super::path::FilesRoot;
use crate::nextcloud::http::{Call, bare_etag};
use crate::nextcloud::{NextcloudError, UserSession};
use reqwest::{Method, StatusCode};

impl UserSession {
    /// MKCOL; `false` when the folder exists already (405).
    pub async fn create_folder(&self, path: &str) -> Result<bool, NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        match self
            .send(Call::new(dav_method(b"MKCOL")?, root.url_path(path)?))
            .await
        {
            Ok(answer) => answer.only(&[StatusCode::CREATED]).map(|_created| true),
            Err(NextcloudError::Rejected { status: 405, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Result<(), NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        self.refuse_root(path)?;
        let answer = self.send(Call::new(Method::DELETE, root.url_path(path)?)).await?;
        // A 207 would mean that only a part was deleted.
        answer.only(&[StatusCode::NO_CONTENT]).map(drop)
    }

    /// MOVE; `true` when an existing target was replaced. `target_etag` guards the target.
    ///
    /// The guard is a listing of the target just before: another `ETag`, or no target any more, is
    /// [`NextcloudError::PreconditionFailed`]. A change in the moment between the two requests is not seen; whether
    /// Nextcloud honours an `If` header with a tagged list here was not measured.
    pub async fn move_to(
        &self,
        from: &str,
        to: &str,
        overwrite: bool,
        target_etag: Option<&str>,
    ) -> Result<bool, NextcloudError> {
        self.transfer(b"MOVE", from, to, overwrite, target_etag).await
    }

    /// COPY; as [`UserSession::move_to`].
    pub async fn copy_to(
        &self,
        from: &str,
        to: &str,
        overwrite: bool,
        target_etag: Option<&str>,
    ) -> Result<bool, NextcloudError> {
        self.transfer(b"COPY", from, to, overwrite, target_etag).await
    }

    async fn transfer(
        &self,
        method: &[u8],
        from: &str,
        to: &str,
        overwrite: bool,
        target_etag: Option<&str>,
    ) -> Result<bool, NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        self.refuse_root(from)?;
        self.refuse_root(to)?;
        let destination = self.nextcloud().url(&root.url_path(to)?)?;
        let call = Call::new(dav_method(method)?, root.url_path(from)?)
            .header("destination", destination.as_str())?
            .header("overwrite", if overwrite { "T" } else { "F" })?;
        if let Some(etag) = target_etag {
            self.guard(to, etag).await?;
        }
        let answer = self
            .send(call)
            .await?
            .only(&[StatusCode::CREATED, StatusCode::NO_CONTENT])?;
        Ok(answer.status() == StatusCode::NO_CONTENT)
    }

    async fn guard(&self, path: &str, etag: &str) -> Result<(), NextcloudError> {
        let changed = || NextcloudError::PreconditionFailed { current: None };
        let listed = match self.propfind(path, Depth::Zero).await {
            Err(NextcloudError::NotFound(_)) => return Err(changed()),
            other => other?,
        };
        let unchanged = listed
            .first()
            .is_some_and(|entry| !entry.etag.is_empty() && entry.etag == bare_etag(etag));
        if unchanged { Ok(()) } else { Err(changed()) }
    }

    /// The root of all files is never deleted, moved or replaced.
    fn refuse_root(&self, path: &str) -> Result<(), NextcloudError> {
        if path.split('/').all(str::is_empty) {
            return Err(NextcloudError::Rejected {
                status: 400,
                message: format!("this cannot be done to the root folder of {}", self.user()),
            });
        }
        Ok(())
    }
}
