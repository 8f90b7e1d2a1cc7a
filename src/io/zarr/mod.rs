//! Zarr arrays, versions 2 and 3, read and written natively.
//!
//! Answers: where bytes lie (`store`), what an array's document says (`meta`, `dtype`, made by `create`), how a chunk
//! becomes elements and back (`chain`), boxes and their copies (`region`, `dest`), reading (`array`), and writing
//! (`write`, with the grid of tasks in `grid`). Does not cover: records, objects and text of any length, grids that
//! aren't regular, codecs that the crate `zarrs` doesn't have: these are refused with
//! [`crate::error::Kind::NotNative`], and Python's own library reads them chunk by chunk.
//!
//! Invariants: an object of the store (a chunk, or a shard of chunks) is written by one task as a whole, so a store is
//! right for any chunks of the array and any number of threads; an array that is being made gets its document last, so
//! that what an interrupted write leaves doesn't pass for an array; elements in memory have the machine's byte order.

mod array;
mod chain;
mod create;
mod dest;
mod dtype;
mod grid;
mod meta;
mod region;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub use array::ZarrArray;
pub use create::{Create, document};
pub use dtype::{from_numpy, to_numpy};
pub use grid::write_grid;
pub use meta::{Format, Meta};
pub use region::Region;
pub use store::{ByteStore, LocalStore, Span};
pub use write::{Overwrite, ZarrWriter};
