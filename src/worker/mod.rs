//! Background jobs on apalis; no other module knows it.
//!
//! The durable truth about work stands in the tables of [`crate::sync`] and [`crate::auth::grants`]. A job here is a wake-up: lost, it costs a
//! delay until the next tick of the [`ticker`]; repeated, it finds nothing to do. The wiring avoids what apalis 1.0 on
//! `PostgreSQL` gets wrong: time-outs, panics and the limit of attempts are handled inside the handler, worker names
//! are never used twice, and nothing but our own clean-up removes finished rows.

mod cleanup;
mod drain;
mod duties;
mod handler;
mod job;
mod queue;
mod runner;
mod ticker;

#[cfg(test)]
mod tests;

pub use duties::Duties;
pub use job::{Job, JobError};
pub use queue::{QueueError, push, push_once, set_up};
pub use runner::run;
