//! Files as sources.

pub mod csv;
pub mod zarr;
