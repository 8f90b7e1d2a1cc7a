//! The loops over n-dimensional blocks.

#![allow(
    clippy::redundant_closure_for_method_calls,
    clippy::return_self_not_must_use,
    clippy::must_use_candidate,
    clippy::needless_range_loop,
    clippy::needless_bitwise_bool,
    clippy::len_without_is_empty,
    clippy::struct_field_names,
    clippy::unnecessary_cast,
    reason = "loops are written once for many types by macros and traits, and without branches where they are hot"
)]

pub mod blas;
pub mod contract;
pub mod copy;
pub mod layout;
pub mod math;
pub mod matmul;
pub mod memory;
pub mod number;
pub mod ops;
pub mod points;
pub mod program;
pub mod reduce;
pub mod select;
pub mod skinny;
pub mod strided;
pub mod target;
pub mod transpose;
