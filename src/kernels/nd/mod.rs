//! The loops over n-dimensional blocks.

pub mod assign;
pub mod copy;
pub mod layout;
pub mod math;
pub mod matmul;
pub mod memory;
pub mod number;
pub mod ops;
pub mod program;
pub mod reduce;
pub mod select;
pub mod strided;
pub mod transpose;
