//! `PostgreSQL`.

use super::reader::Reader;
use super::{Role, variables};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};

/// Where the database is.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `DATABASE_URL`; absent: a private cluster in the data directory.
    pub url: Option<SecretString>,
    /// `DATA_DIR`: the private cluster and the embedded index.
    pub data_dir: PathBuf,
    /// `POSTGRES_BIN_DIR`: where `initdb` and `postgres` are; absent: `PATH`, then `/usr/lib/postgresql/*/bin`.
    pub postgres_bin_dir: Option<PathBuf>,
    /// `DATABASE_POOL_SIZE`: connections of the API; the worker has a pool of its own of the same size.
    pub pool_size: u32,
}

/// Directory of this server below a data directory shared with other programs.
const DIRECTORY: &str = "nextcloud-mcp-server";

impl DatabaseConfig {
    pub(super) fn load(reader: &mut Reader<'_>, role: Role) -> Option<Self> {
        let url = reader
            .secret(variables::DATABASE_URL)
            .and_then(|url| normalised(reader, &url));
        if role != Role::All && !reader.is_set(variables::DATABASE_URL) {
            let problem = format!(
                "required by the role {}: only the role all may use the private cluster",
                role.name()
            );
            reader.problem(
                variables::DATABASE_URL,
                problem,
                "Write it like postgres://user:password@host/database.",
            );
        }
        let pool_size = reader.number(variables::DATABASE_POOL_SIZE, 10, 2..=500);
        let postgres_bin_dir = reader.path(variables::POSTGRES_BIN_DIR);
        let data_dir = reader.path(variables::DATA_DIR);
        let environment = reader.environment();
        let data_dir = data_dir.or_else(|| {
            let is_root = nix::unistd::geteuid().is_root();
            default_data_dir(is_root, environment.get("XDG_DATA_HOME"), environment.get("HOME"))
        });
        if data_dir.is_none() {
            reader.problem(
                variables::DATA_DIR,
                "there is no home directory to put data into",
                "Name a directory that this user may write to.",
            );
        }
        Some(Self {
            url,
            data_dir: data_dir?,
            postgres_bin_dir,
            pool_size,
        })
    }
}

/// The URL as the driver reads it: `SQLAlchemy`'s driver suffix, as in `postgresql+psycopg://`, is dropped.
fn normalised(reader: &mut Reader<'_>, url: &SecretString) -> Option<SecretString> {
    if let Some((scheme, rest)) = url.expose_secret().trim().split_once("://") {
        let dialect = scheme.split('+').next().unwrap_or(scheme);
        if matches!(dialect, "postgres" | "postgresql") && !rest.is_empty() {
            return Some(SecretString::from(format!("{dialect}://{rest}")));
        }
    }
    reader.problem(
        variables::DATABASE_URL,
        "not a PostgreSQL URL",
        "Write it like postgres://user:password@host/database, or unset it for a private cluster.",
    );
    None
}

fn default_data_dir(is_root: bool, xdg_data_home: Option<&str>, home: Option<&str>) -> Option<PathBuf> {
    if is_root {
        return Some(Path::new("/var/lib").join(DIRECTORY));
    }
    // The XDG specification: a relative path is to be ignored.
    let xdg = xdg_data_home.map(PathBuf::from).filter(|path| path.is_absolute());
    let base = xdg.or_else(|| {
        home.filter(|home| !home.is_empty())
            .map(|home| Path::new(home).join(".local").join("share"))
    })?;
    Some(base.join(DIRECTORY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_directory_follows_user_and_xdg() {
        let dir = |root, xdg, home| default_data_dir(root, xdg, home).map(|path| path.display().to_string());
        assert_eq!(
            dir(true, Some("/x"), Some("/r")).as_deref(),
            Some("/var/lib/nextcloud-mcp-server")
        );
        assert_eq!(
            dir(false, Some("/x"), Some("/home/a")).as_deref(),
            Some("/x/nextcloud-mcp-server")
        );
        assert_eq!(
            dir(false, Some("relative"), Some("/home/a")).as_deref(),
            Some("/home/a/.local/share/nextcloud-mcp-server")
        );
        assert_eq!(dir(false, None, None), None);
    }
}
