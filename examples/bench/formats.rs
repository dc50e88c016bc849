//! Text of office files and PDFs of about 100 kB, each read in a child process, its start included.

use crate::support::{Goal, figure};
use crate::world::Outcome;
use bytes::Bytes;
use futures::{StreamExt, stream};
use nextcloud_mcp_server::sandbox::{Sandbox, Task};
use nix::sys::resource::{UsageWho, getrusage};
use std::fmt::Write as _;
use std::io::{Cursor, Write};
use std::sync::Arc;
use std::time::Instant;

/// Files of each kind.
const FILES: usize = 60;

/// Size of a file, in bytes.
const SIZE: usize = 100_000;

pub async fn run() -> Outcome<()> {
    let sandbox = Sandbox::new();
    for (kind, file) in [("docx", docx()?), ("pdf", pdf())] {
        let task = Arc::new(Task::ExtractText {
            mime: None,
            name: format!("file.{kind}"),
        });
        let file = Bytes::from(file);
        let began = Instant::now();
        let read = stream::iter(0..FILES)
            .map(|_| {
                let (sandbox, task, file) = (sandbox.clone(), task.clone(), file.clone());
                async move {
                    let answer = sandbox
                        .run(&task, stream::iter([Ok::<_, std::io::Error>(file)]))
                        .await?;
                    Ok::<_, nextcloud_mcp_server::sandbox::SandboxError>(answer.starts_with(b"{\"Ok\""))
                }
            })
            .buffer_unordered(4)
            .collect::<Vec<_>>()
            .await;
        for answer in read {
            if !answer? {
                return Err(format!("no text came of the {kind}").into());
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let rate = FILES as f64 / began.elapsed().as_secs_f64();
        let name = format!(
            "text of {kind} files of {} kB, child included",
            file.len() / 1_000
        );
        figure(&name, rate, "files/s", Goal::AtLeast(20.0));
    }
    // The largest child of all that this program waited for.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    #[expect(clippy::cast_precision_loss, reason = "kilobytes of memory")]
    let megabytes = usage.max_rss() as f64 / 1_024.0;
    figure(
        "memory of the largest such child",
        megabytes,
        "MB",
        Goal::AtMost(512.0),
    );
    Ok(())
}

/// Words that repeat as rarely as in prose: packed, they shrink to a third.
struct Words(u64);

impl Words {
    fn next(&mut self) -> String {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut seed = self.0 >> 33;
        let mut word = String::new();
        for _ in 0..2 + seed % 3 {
            seed /= 3;
            word.push_str(["ha", "fen", "schiff", "ne", "bel", "tau", "de", "los"][(seed % 8) as usize]);
            seed /= 8;
        }
        word
    }

    fn sentence(&mut self) -> String {
        let words: Vec<String> = (0..12).map(|_| self.next()).collect();
        words.join(" ") + "."
    }
}

/// A document of paragraphs and headings, with a picture for the rest of its size, as most have one.
fn docx() -> Outcome<Vec<u8>> {
    let mut words = Words(7);
    let mut body = String::new();
    for paragraph in 0..1_500 {
        let style = if paragraph % 20 == 0 {
            "<w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr>"
        } else {
            ""
        };
        let sentence = words.sentence();
        write!(body, "<w:p>{style}<w:r><w:t>{sentence}</w:t></w:r></w:p>")?;
    }
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
         <w:body>{body}</w:body></w:document>"
    );
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("word/document.xml", options)?;
    archive.write_all(document.as_bytes())?;
    let stored = options.compression_method(zip::CompressionMethod::Stored);
    archive.start_file("word/media/image1.bin", stored)?;
    archive.write_all(&vec![7; SIZE / 3])?;
    Ok(archive.finish()?.into_inner())
}

/// Pages of plain text, not compressed.
fn pdf() -> Vec<u8> {
    let mut words = Words(11);
    let pages = SIZE / 4_200;
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Count {pages} /Kids [{}] /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> >>",
            (0..pages)
                .map(|page| format!("{} 0 R", page * 2 + 4))
                .collect::<Vec<_>>()
                .join(" ")
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    for page in 0..pages {
        let lines: Vec<String> = (0..48)
            .map(|_| format!("({}) Tj T*\n", words.sentence()))
            .collect();
        let lines = lines.concat();
        let content = format!("BT /F1 10 Tf 14 TL 50 780 Td\n{lines}ET");
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /Contents {} 0 R >>",
            page * 2 + 5
        ));
        objects.push(format!(
            "<< /Length {} >>\nstream\n{content}\nendstream",
            content.len()
        ));
    }
    let mut out = String::from("%PDF-1.4\n");
    let mut offsets = String::new();
    for (index, object) in objects.iter().enumerate() {
        let (number, at) = (index + 1, out.len());
        offsets.push_str(&[&format!("{at:010}"), " 00000 n \n"].concat());
        out.push_str(&[&number.to_string(), " 0 obj\n", object, "\nendobj\n"].concat());
    }
    let (start, size) = (out.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {size}\n0000000000 65535 f \n{offsets}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    [out, end].concat().into_bytes()
}
