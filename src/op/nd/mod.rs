//! Elementwise operations over n-dimensional arrays as data: which there are, which loop of NumPy's runs for which types,
//! and expressions of them. The loops live in `kernels::nd`.

mod expr;
mod resolve;
mod scalar;
mod table;

pub use expr::NdExpr;
pub use resolve::{NdArg, Resolved, can_cast_safely, common, promote, resolve};
pub use scalar::{NdScalar, NdValue, int_bounds};
pub use table::NdOp;
