//! Consent, login and logout in the browser.
//!
//! | file | route |
//! |---|---|
//! | `authorize_nextcloud` | `GET` and `POST /oauth/authorize-nextcloud` |
//! | `callback` | `GET /oauth/callback`, `/oauth/callback-nextcloud` |
//! | `login`, `logout` | `GET /oauth/login`, `POST /oauth/logout` |
//! | `refusals` | what is said about a flow that ended with nothing |

mod authorize_nextcloud;
mod callback;
mod login;
mod logout;
mod refusals;

pub(super) use authorize_nextcloud::{show_consent, start_consent};
pub(super) use callback::callback;
pub(super) use login::login;
pub(super) use logout::logout;
