//! Browsers that use the pages.
//!
//! | file | concept |
//! |---|---|
//! | `token` | random secrets that a browser or a link carries, and their hashes at rest |
//! | `sessions` | who is logged in to the pages |
//! | `csrf` | the proof that a form came from a page of this server |

mod csrf;
mod sessions;
mod token;

pub use csrf::{Form, form_token, is_form_token};
pub use sessions::{BrowserSessions, SessionError};
pub use token::{BrowserToken, TokenHash};
