//! The loops over n-dimensional blocks.

pub mod copy;
pub mod memory;
pub mod strided;
pub mod transpose;
