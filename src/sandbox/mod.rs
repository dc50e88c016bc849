//! Untrusted documents are read in a child process of the same binary, so that one that breaks its parser breaks
//! nothing else.
//!
//! [`Sandbox::run`] starts `nextcloud-mcp-server sandboxed-task <memory> <seconds>` with an empty environment, no
//! descriptors but 0, 1 and 2, and a fresh empty working directory. Before the child reads anything it limits itself
//! (`confine`): memory, CPU time, no files, no core dump; and it gives up every system call but the few that reading
//! from its input, computing and writing to its output take (`system_calls`), so that it can neither reach the network
//! nor open a file nor start a process. The parent watches the clock and the length of the answer, and ends the child
//! when nobody waits for it any more.
//!
//! | direction | bytes |
//! |---|---|
//! | standard input | one line of JSON ([`Task`]), then the document until the end |
//! | standard output | one line of JSON (`{"bytes": …, "filtered": …}`), then that many bytes: the answer to the task |
//!
//! A task that needs an async runtime must build one without I/O (`Builder::new_current_thread().build()`): the system
//! calls of the I/O driver are refused.

mod child;
mod confine;
mod error;
mod exchange;
mod frame;
mod pdf_page;
mod probe;
mod runner;
mod system_calls;
mod task;
mod work_dir;

pub use child::run_if_child;
pub use error::SandboxError;
pub use pdf_page::{MAX_PIXELS, PdfPageError, RenderedPage};
pub use probe::{Power, Probe};
pub use runner::{Place, Sandbox};
pub use task::{Limits, Task};
