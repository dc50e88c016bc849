//! The child's side: confine, read, work, answer.

use super::confine::{Confined, confine};
use super::frame::{self, CHILD_ARGUMENT};
use super::{Task, pdf_page, probe};
use crate::documents;
use std::io;
use std::process::ExitCode;
use std::thread;

/// Exit code: no answer, for a reason that has nothing to do with the document.
pub(super) const UNFIT: u8 = 71;
/// Exit code: memory ran out where it is not the allocator that ends the process.
pub(super) const NO_MEMORY: u8 = 72;
/// Exit code: the parser panicked.
pub(super) const PANICKED: u8 = 101;

/// Parsers recurse as deep as documents are nested.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Runs this process as a child when its first argument says so. Call it first in `main`: nothing else may have been
/// set up, and nothing else may be done afterwards.
pub fn run_if_child() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != CHILD_ARGUMENT {
        return None;
    }
    // A panic's message may quote the document.
    std::panic::set_hook(Box::new(|_panic| {}));
    let arguments = arguments.filter_map(|argument| argument.into_string().ok());
    Some(run(arguments).unwrap_or_else(|error| {
        ExitCode::from(match error.kind() {
            io::ErrorKind::OutOfMemory => NO_MEMORY,
            _ => UNFIT,
        })
    }))
}

fn run(arguments: impl Iterator<Item = String>) -> io::Result<ExitCode> {
    let limits = frame::limits(arguments).ok_or(io::ErrorKind::InvalidInput)?;
    let confined = confine(&limits)?;
    let (task, document) = frame::read_request(io::stdin().lock())?;
    let working = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || perform(task, document, confined));
    let Ok(working) = working else {
        return Ok(ExitCode::from(NO_MEMORY));
    };
    let Ok(answer) = working.join() else {
        return Ok(ExitCode::from(PANICKED));
    };
    frame::write_answer(io::stdout().lock(), confined.filtered, &answer?)?;
    Ok(ExitCode::SUCCESS)
}

fn perform(task: Task, document: Vec<u8>, confined: Confined) -> io::Result<Vec<u8>> {
    match task {
        Task::ExtractText { mime, name } => {
            let extracted = documents::extract(&document, mime.as_deref(), &name);
            Ok(serde_json::to_vec(&extracted)?)
        }
        Task::RenderPdfPage { page, scale } => pdf_page::answer(pdf_page::render(document, page, scale)),
        Task::Probe => Ok(serde_json::to_vec(&probe::probe(confined))?),
    }
}
