//! The administrator's panel: presets, what became of them, and what to do where something is wrong. Whoever may not
//! manage webhooks sees nothing of it.
//!
//! | file | concept |
//! |---|---|
//! | `section` | what stands on the page, and for whom |
//! | `advice` | what is wrong, and the one line that helps |
//! | `line` | one preset in words |
//! | `switch` | `POST /app/webhooks` |

mod advice;
mod line;
mod section;
mod switch;

pub(super) use section::{WebhookSection, section};
pub(in crate::api) use switch::switch;
