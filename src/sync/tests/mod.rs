mod access;
mod failures;
mod phases;
mod scans;
mod status;
