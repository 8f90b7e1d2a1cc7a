//! Where blocks of arrays come from: memory, files, functions of the position. A source reads any region.

use std::fmt::Debug;
use std::sync::Arc;

use crate::chunk::ArrayChunk;
use crate::error::Result;
use crate::nd::NdDtype;
use crate::token::Token;
use crate::wire::Encoder;

/// Part of an array: where it begins and how long it is, along each axis.
pub type Region = [(usize, usize)];

/// Where the elements along an axis of a view come from: axis, first element, step; `None` for a new axis.
pub type ViewAxis = Option<(usize, usize, isize)>;

/// A source of blocks. It is immutable.
pub trait ArraySource: Debug + Send + Sync {
    /// What it is called in plans and names, such as `from-zarr`.
    fn name(&self) -> &str;

    /// Type of the elements.
    fn dtype(&self) -> NdDtype;

    /// The length of each axis.
    fn shape(&self) -> Vec<usize>;

    /// Content hash: files with their sizes and times, options.
    fn token(&self) -> Token;

    /// Where a region comes from, for errors: file and storage chunks.
    fn describe(&self, region: &Region) -> String;

    /// Bytes of memory that reading a region takes, the result included; 0 when it is in memory already.
    fn projected_bytes(&self, region: &Region) -> usize;

    /// Whether it reads files of this machine, so that reading once more costs about what reading a copy would.
    fn is_local_file(&self) -> bool {
        false
    }

    /// Whether it reads files of this machine that have the elements as memory has them, so that reading a block once more
    /// costs about what keeping it does.
    fn is_stored_plainly(&self) -> bool {
        false
    }

    /// The elements of a region.
    ///
    /// # Errors
    /// When they can't be read.
    fn read(&self, region: &Region) -> Result<ArrayChunk>;

    /// Whether its elements are in memory, so that reading any region costs nothing.
    fn in_memory(&self) -> bool {
        false
    }

    /// Whether, in memory, elements along the last axis lie side by side.
    fn in_rows(&self) -> bool {
        false
    }

    /// The box of elements that are read together at least, along each axis; none where any element is as good as another.
    fn grain(&self) -> Option<&[usize]> {
        None
    }

    /// These of its elements, with `fixed` positions of axes that are gone, as a source of `shape`. `None` when it
    /// can't show such.
    fn viewed(
        &self,
        _axes: &[ViewAxis],
        _fixed: &[(usize, usize)],
        _shape: &[usize],
    ) -> Option<Arc<dyn ArraySource>> {
        None
    }

    /// What its wire form is called.
    fn wire_kind(&self) -> &'static str;

    /// Writes it for another process; the reader is listed under its kind in `py::wire`.
    ///
    /// # Errors
    /// When it can't leave the process.
    fn encode(&self, out: &mut Encoder) -> Result<()>;
}
