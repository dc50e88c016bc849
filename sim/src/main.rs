//! `nextcloud-sim`: the simulator alone.

fn main() {}
