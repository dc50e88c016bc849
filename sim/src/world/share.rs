//! Shares between users.

/// What a recipient may do, as Nextcloud's permission bits, and whether downloading is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are Nextcloud's independent permission bits, named"
)]
pub struct SharePermissions {
    /// May read (bit 1); without it `oc:permissions` lacks `G`.
    pub read: bool,
    /// May change (bit 2).
    pub update: bool,
    /// May create, folders only (bit 4).
    pub create: bool,
    /// May delete (bit 8).
    pub delete: bool,
    /// May share on (bit 16).
    pub share: bool,
    /// `false` shows the attribute `download: false` in `nc:share-attributes`.
    pub download: bool,
}

impl SharePermissions {
    /// Everything allowed.
    pub const fn all() -> Self {
        Self {
            read: true,
            update: true,
            create: true,
            delete: true,
            share: true,
            download: true,
        }
    }

    /// Reading and downloading only.
    pub const fn read_only() -> Self {
        Self {
            read: true,
            update: false,
            create: false,
            delete: false,
            share: false,
            download: true,
        }
    }

    /// Reading in the browser only: downloading is disabled.
    pub const fn view_only() -> Self {
        Self {
            download: false,
            ..Self::read_only()
        }
    }

    /// From Nextcloud's permission bits, downloading allowed.
    pub const fn from_bits(bits: u32) -> Self {
        Self {
            read: bits & 1 != 0,
            update: bits & 2 != 0,
            create: bits & 4 != 0,
            delete: bits & 8 != 0,
            share: bits & 16 != 0,
            download: true,
        }
    }

    /// Nextcloud's permission bits.
    pub const fn bits(self) -> u32 {
        self.read as u32
            | (self.update as u32) << 1
            | (self.create as u32) << 2
            | (self.delete as u32) << 3
            | (self.share as u32) << 4
    }
}

impl Default for SharePermissions {
    fn default() -> Self {
        Self::all()
    }
}

/// One share of a node with one user.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) id: i64,
    pub(crate) node: i64,
    /// Who shared it; the file's owner may be another.
    pub(crate) sharer: String,
    pub(crate) recipient: String,
    pub(crate) permissions: SharePermissions,
    pub(crate) created: i64,
}
