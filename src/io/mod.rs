//! Files as sources.

pub mod csv;
