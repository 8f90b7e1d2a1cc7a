//! Builders of frame nodes: each computes schema and divisions, and refuses with [`Kind::NotNative`] what no kernel does.
//!
//! A column expression is always held relative to the node that made the rows (its *base*, see `view`): `df.x + 1` is one
//! `Select` on `df`, and `df[df.x > 5]` is a `Filter` on what `df` selects from. So filters stand below projections and
//! assignments by construction, and two operands have the same rows exactly when their bases are the same node.
//!
//! [`Kind::NotNative`]: crate::error::Kind::NotNative

mod aggregate;
mod elementwise;
mod filter;
mod partition;
mod rebuild;
mod select;
mod view;

pub use aggregate::{GroupCall, GroupOptions, aggregate, reduce};
pub use elementwise::{Operand, cast, elementwise, with_columns};
pub use filter::filter;
pub use partition::{concat, limit, merge_partitions, partitions, split_partitions, with_divisions};
pub use rebuild::{rebuilt, with_inputs};
pub use select::{index_values, project, scan, select, with_index_names, with_labels};
pub use view::{View, row_base, schema_of};
