//! The program put together: the one place that knows every part.
//!
//! | file | concept |
//! |---|---|
//! | `foundation` | database, keys, schema: what every command needs |
//! | `embedder` | who makes dense vectors, by configuration |
//! | `index_service` | opening, rebuilding and keeping up the index |
//! | `identity` | who may call, and the background credential, by mode |
//! | `running`, `parts` | a running server and its tasks |
//! | `patience` | waiting for the database at the start |
//! | `background` | search and the background sync |
//! | `commands` | `serve`, `stdio`, `migrate`, `reindex` |
//! | `audit_command`, `rotate_keys` | `audit`, `rotate-keys` |
//! | `doctor` | `doctor`: one file per group of checks |
//! | `progress`, `signals` | the terminal |

mod audit_command;
mod background;
mod commands;
mod doctor;
mod embedder;
mod error;
mod extraction;
mod foundation;
mod gauges;
mod identity;
mod index_service;
mod ingress;
mod losses;
mod oauth;
mod output;
mod parts;
mod patience;
mod progress;
mod rotate_keys;
mod running;
mod signals;
mod stored_embedding;

pub use audit_command::{AuditQuery, Since, SinceError, audit};
pub use commands::{migrate, print_config_reference, print_openapi, reindex, serve, stdio};
pub use doctor::doctor;
pub use error::AppError;
pub use foundation::Foundation;
pub use output::{ExitReason, exit_code, report_config_problems, report_fatal};
pub use rotate_keys::rotate_keys;
pub use running::{RunningServer, StartOptions};

use output::say;

use crate::clock::{SharedClock, SystemClock};
use crate::entropy::{SharedEntropy, SystemEntropy};
use std::sync::Arc;

fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

fn entropy() -> SharedEntropy {
    Arc::new(SystemEntropy)
}
