//! Flows over a real database and stand-ins for provider and Nextcloud.

mod flows;
mod stand_ins;

pub(crate) use stand_ins::{AtNextcloud, StandIns, World, keyring, urls};
