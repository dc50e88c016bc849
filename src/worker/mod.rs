//! Background jobs on apalis; no other module knows it.
