//! The simulator from outside, over HTTP. (`cfg(test)` tells clippy that the helpers are tests too.)

#[cfg(test)]
mod behaviour;
#[cfg(test)]
mod client;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod recorded_shapes;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod shape;
#[cfg(test)]
mod webhooks;
