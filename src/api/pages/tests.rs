//! The pages as browsers see them, over a real database and stand-ins for provider and Nextcloud.

mod access;
mod consent;
mod forms;
mod simulator;
mod site;
mod webhooks;
