//! Operations as data: tables of what exists, what it is called and what dtype comes out. The loops live in `kernels`.

pub mod agg;
pub mod arith;
pub mod cast;
pub mod compare;
pub mod infer;
pub mod member;
pub mod nd;
pub mod nd_pick;
pub mod nd_product;
pub mod nd_reduce;
pub mod promote;
pub mod scalar;
pub mod side;
pub mod tree;
mod wire;
