//! Operations as data: tables of what exists, what it is called and what dtype comes out. The loops live in `kernels`.

pub mod agg;
pub mod scalar;
pub mod tree;
