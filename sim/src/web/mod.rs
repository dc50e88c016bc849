//! What a browser meets: cookie sessions and the login form.

mod login;
mod page;
mod session;

pub(crate) use login::login;
pub(crate) use page::{page, redirect};
pub(crate) use session::{WebSessions, csrf_failure, open, passes_csrf, signed_in};
