//! ZIP archives that documents are packed in: looked through before a parser unpacks them.

use super::SkipReason;
use std::io::{self, Cursor, Read, Write};
use zip::ZipArchive;
use zip::result::ZipError;

/// All parts of a document together, unpacked.
const MAX_UNPACKED: u64 = 200 * 1024 * 1024;

/// Parts of a document: every slide and picture is one.
const MAX_PARTS: usize = 10_000;

/// How an OLE compound file begins, in which Office keeps documents with a password (MS-OFFCRYPTO §2.3).
const COMPOUND_FILE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

/// An archive whose parts were all looked at.
pub(super) type Archive<'b> = ZipArchive<Cursor<&'b [u8]>>;

/// Opens an archive after unpacking every part of it into nothing: what the directory says about sizes may be a lie.
///
/// # Errors
/// [`SkipReason::TooLargeInside`], [`SkipReason::Encrypted`] or [`SkipReason::Malformed`].
pub(super) fn open(bytes: &[u8]) -> Result<Archive<'_>, SkipReason> {
    if bytes.starts_with(&COMPOUND_FILE) {
        return Err(if names_encrypted_package(bytes) {
            SkipReason::Encrypted
        } else {
            SkipReason::Malformed
        });
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| reason(&error))?;
    if archive.len() > MAX_PARTS {
        return Err(SkipReason::TooLargeInside);
    }
    let declared = (0..archive.len()).try_fold(0_u64, |sum, index| {
        let part = archive.by_index_raw(index).map_err(|error| reason(&error))?;
        if part.encrypted() {
            return Err(SkipReason::Encrypted);
        }
        Ok(sum.saturating_add(part.size()))
    })?;
    if declared > MAX_UNPACKED {
        return Err(SkipReason::TooLargeInside);
    }
    let mut unpacked = Counter(0);
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| reason(&error))?;
        let rest = MAX_UNPACKED - unpacked.0;
        // A part that breaks off may be one that no reader needs; what came of it counts.
        let _broken = std::io::copy(&mut part.take(rest + 1), &mut unpacked);
        if unpacked.0 > MAX_UNPACKED {
            return Err(SkipReason::TooLargeInside);
        }
    }
    if is_encrypted_open_document(&mut archive) {
        return Err(SkipReason::Encrypted);
    }
    Ok(archive)
}

/// Counts what is written to it.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A part as text.
///
/// # Errors
/// [`SkipReason::Malformed`] when it is not there, breaks off or is not UTF-8.
pub(super) fn text_part(archive: &mut Archive<'_>, name: &str) -> Result<String, SkipReason> {
    let mut text = String::new();
    let mut part = archive.by_name(name).map_err(|error| reason(&error))?;
    part.read_to_string(&mut text)
        .map_err(|_broken| SkipReason::Malformed)?;
    Ok(text)
}

/// `OpenDocument` 1.3 part 2 §3.4.1: encrypted parts are listed with their key in the manifest.
fn is_encrypted_open_document(archive: &mut Archive<'_>) -> bool {
    text_part(archive, "META-INF/manifest.xml").is_ok_and(|manifest| manifest.contains("encryption-data"))
}

/// Whether the directory of a compound file names the stream `EncryptedPackage` (in UTF-16, as all names there).
fn names_encrypted_package(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    bytes.windows(name.len()).any(|window| window == name)
}

fn reason(error: &ZipError) -> SkipReason {
    match error {
        ZipError::InvalidPassword => SkipReason::Encrypted,
        ZipError::UnsupportedArchive(what) if *what == ZipError::PASSWORD_REQUIRED => SkipReason::Encrypted,
        _ => SkipReason::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// An archive with one part of `megabytes` MiB of blanks.
    fn blanks(megabytes: usize) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer
            .start_file("word/document.xml", SimpleFileOptions::default())
            .unwrap();
        let piece = vec![b' '; 1024 * 1024];
        for _ in 0..megabytes {
            writer.write_all(&piece).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn n01_a_bomb_is_refused_by_what_it_declares() {
        let bomb = blanks(201);
        assert!(bomb.len() < 1024 * 1024, "{}", bomb.len());
        assert_eq!(open(&bomb).err(), Some(SkipReason::TooLargeInside));
    }

    #[test]
    fn n01_a_bomb_that_lies_about_its_size_is_refused_too() {
        let mut bomb = blanks(201);
        let size = u32::try_from(201 * 1024 * 1024_usize).unwrap().to_le_bytes();
        let said: Vec<usize> = bomb
            .windows(4)
            .enumerate()
            .filter(|(_, window)| *window == size)
            .map(|(at, _)| at)
            .collect();
        assert!(!said.is_empty());
        for at in said {
            bomb[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
        }
        assert_eq!(open(&bomb).err(), Some(SkipReason::TooLargeInside));
    }

    #[test]
    fn what_fits_is_opened() {
        let bytes = blanks(1);
        let mut archive = open(&bytes).unwrap();
        let text = text_part(&mut archive, "word/document.xml").unwrap();
        assert_eq!(text.len(), 1024 * 1024);
        assert_eq!(text_part(&mut archive, "other"), Err(SkipReason::Malformed));
    }

    #[test]
    fn what_is_no_archive_is_malformed() {
        for bytes in [&b""[..], b"PK\x03\x04", b"plain", &COMPOUND_FILE] {
            assert_eq!(open(bytes).err(), Some(SkipReason::Malformed));
        }
    }
}
