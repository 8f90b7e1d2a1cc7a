//! Group ids.
