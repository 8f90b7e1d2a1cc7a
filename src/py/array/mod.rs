//! Arrays across the border: NumPy arrays as blocks and back, and the builders of array nodes.

pub mod build;
pub mod convert;
pub mod kernels;
pub mod source;
pub mod zarr;
pub mod zarr_view;
