//! The loops over n-dimensional blocks.

pub mod copy;
pub mod memory;
pub mod ops;
pub mod program;
pub mod strided;
pub mod transpose;
