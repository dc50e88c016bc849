//! The parent's side: places, starting children, what their ends mean.

use super::frame::{self, CHILD_ARGUMENT};
use super::work_dir::WorkDir;
use super::{Limits, PdfPageError, Probe, RenderedPage, SandboxError, Task, child, exchange, pdf_page};
use crate::documents::{ExtractedText, SkipReason};
use crate::telemetry::record;
use bytes::Bytes;
use futures::{Stream, stream};
use std::fmt::Display;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What Rust says on standard error when the allocator gets nothing.
const NO_MEMORY_TEXT: &[u8] = b"memory allocation of ";
/// The running program, also after its file was replaced.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Runs tasks in children, a bounded number at a time. Cheap to clone; clones share the places.
#[derive(Debug, Clone)]
pub struct Sandbox {
    program: PathBuf,
    limits: Limits,
    places: Arc<Semaphore>,
    complained: Arc<AtomicBool>,
}

impl Sandbox {
    /// Children of the running program within the usual limits, as many at a time as there are processors.
    pub fn new() -> Self {
        Self {
            program: this_program(),
            limits: Limits::default(),
            places: Arc::new(Semaphore::new(processors())),
            complained: Arc::default(),
        }
    }

    /// Children of another program, which must call [`super::run_if_child`].
    #[must_use]
    pub fn with_program(self, program: PathBuf) -> Self {
        Self { program, ..self }
    }

    /// The same with places of its own, `places` children at a time and at least one.
    #[must_use]
    pub fn with_places(self, places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places.max(1))),
            ..self
        }
    }

    /// Other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Waits for a place. Open the document's stream afterwards, so that it does not wait half-read.
    pub async fn place(&self) -> Result<Place, SandboxError> {
        let permit = self.places.clone().acquire_owned().await;
        Ok(Place {
            sandbox: self.clone(),
            _permit: permit.map_err(io::Error::other)?,
        })
    }

    /// Waits for a place and runs `task` there; see [`Place::run`].
    pub async fn run<S, E>(&self, task: &Task, input: S) -> Result<Bytes, SandboxError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Display,
    {
        self.place().await?.run(task, input).await
    }

    /// The text of a document; the inner error is a lasting reason why there is none.
    pub async fn extract_text<S, E>(
        &self,
        mime: Option<String>,
        name: String,
        input: S,
    ) -> Result<Result<ExtractedText, SkipReason>, SandboxError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Display,
    {
        let answer = self.run(&Task::ExtractText { mime, name }, input).await?;
        serde_json::from_slice(&answer).map_err(|_not_ours| SandboxError::Garbled)
    }

    /// What a child could do although it should not.
    pub async fn probe(&self) -> Result<Probe, SandboxError> {
        let nothing = stream::empty::<Result<Bytes, io::Error>>();
        let answer = self.run(&Task::Probe, nothing).await?;
        serde_json::from_slice(&answer).map_err(|_not_ours| SandboxError::Garbled)
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

/// The right to run one child now.
#[derive(Debug)]
pub struct Place {
    sandbox: Sandbox,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// Runs `task` on the document that `input` brings, piece by piece: it is never whole in this process. Dropping
    /// the future ends the child.
    pub async fn run<S, E>(self, task: &Task, input: S) -> Result<Bytes, SandboxError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Display,
    {
        let began = Instant::now();
        let answer = self.sandbox.exchange(task, input).await;
        let outcome = answer.as_ref().map_or_else(SandboxError::kind, |_answer| "ok");
        record::sandbox_task(task.kind(), outcome, began.elapsed());
        answer
    }

    /// Draws page `page` (from 1) of a PDF at `scale` pixels per point; the inner error is the document's or the
    /// caller's.
    pub async fn render_pdf_page<S, E>(
        self,
        page: u32,
        scale: f32,
        input: S,
    ) -> Result<Result<RenderedPage, PdfPageError>, SandboxError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Display,
    {
        let answer = self.run(&Task::RenderPdfPage { page, scale }, input).await?;
        pdf_page::read_answer(answer).ok_or(SandboxError::Garbled)
    }
}

impl Sandbox {
    async fn exchange<S, E>(&self, task: &Task, input: S) -> Result<Bytes, SandboxError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Display,
    {
        let request = frame::request(task)?;
        let directory = WorkDir::fresh()?;
        let mut child = self.spawn(directory.path())?;
        let said = match exchange::exchange(&mut child, request, input, &self.limits).await {
            Ok(said) => said,
            Err(error) => {
                // The place is free when the child is gone, not before.
                child.kill().await?;
                return Err(error);
            }
        };
        let status = exchange::end(&mut child).await.ok_or(SandboxError::Timeout)??;
        if !status.success() {
            return Err(death(status, &said.complaint));
        }
        let (header, answer) = frame::read_answer(said.output)?;
        if !header.filtered {
            self.complain();
        }
        Ok(answer)
    }

    fn spawn(&self, directory: &Path) -> io::Result<Child> {
        Command::new(&self.program)
            .arg(CHILD_ARGUMENT)
            .args(frame::arguments(&self.limits))
            .env_clear()
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    /// Once: it is the machine's nature, not an event.
    fn complain(&self) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "documents are read in processes with limits on memory and time, but without a filter on system \
                 calls: this kernel or processor has no seccomp for it"
            );
        }
    }
}

fn this_program() -> PathBuf {
    let this = Path::new(THIS_PROGRAM);
    if this.exists() {
        this.to_owned()
    } else {
        std::env::current_exe().unwrap_or_else(|_unknown| this.to_owned())
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Why a child ended without success. `complaint` is what it wrote to standard error: only what Rust itself says there
/// counts, and it goes nowhere else, because it may quote the document.
fn death(status: ExitStatus, complaint: &[u8]) -> SandboxError {
    let code = status.code();
    let is = |known: u8| code == Some(i32::from(known));
    let says = |text: &[u8]| complaint.windows(text.len()).any(|window| window == text);
    if status.signal() == Some(nix::libc::SIGXCPU) {
        SandboxError::Timeout
    } else if is(child::NO_MEMORY) || says(NO_MEMORY_TEXT) {
        SandboxError::OutOfMemory
    } else if is(child::UNFIT) {
        SandboxError::Spawn(io::Error::other(
            "the child could not confine itself or read its task",
        ))
    } else {
        SandboxError::Crashed {
            signal: status.signal(),
            code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_of_a_child_means_something() {
        let signalled = |signal| ExitStatus::from_raw(signal);
        let exited = |code: u8| ExitStatus::from_raw(i32::from(code) << 8);
        assert!(matches!(
            death(signalled(nix::libc::SIGXCPU), b""),
            SandboxError::Timeout
        ));
        assert!(matches!(
            death(
                signalled(nix::libc::SIGABRT),
                b"memory allocation of 64 bytes failed\n"
            ),
            SandboxError::OutOfMemory
        ));
        assert!(matches!(
            death(exited(child::NO_MEMORY), b""),
            SandboxError::OutOfMemory
        ));
        assert!(death(exited(child::UNFIT), b"").is_transient());
        assert!(matches!(
            death(exited(child::PANICKED), b""),
            SandboxError::Crashed {
                signal: None,
                code: Some(101)
            }
        ));
        assert!(matches!(
            death(signalled(nix::libc::SIGSEGV), b""),
            SandboxError::Crashed {
                signal: Some(nix::libc::SIGSEGV),
                code: None
            }
        ));
    }
}
