//! Functions of the host language as the engine sees them.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use crate::chunk::array_source::ViewAxis;
use crate::chunk::{Chunk, Source};
use crate::error::Result;
use crate::nd::{Grid, NdDtype};
use crate::schema::FrameSchema;
use crate::token::{Name, Token};
use crate::wire::Encoder;

/// What a host call hands back.
#[derive(Clone, Debug)]
pub enum HostOutput {
    /// A pandas object that should have this shape. It becomes a native chunk when its schema is native and holds its values,
    /// else it stays what it is, as a host chunk.
    Likely {
        /// Its labels and dtypes.
        schema: Arc<FrameSchema>,
        /// Other labels are an error.
        labels: bool,
    },
    /// A block of an array of this dtype; a NumPy array becomes a native chunk, anything else stays as it is.
    Array(Arc<NdDtype>),
    /// Any object, kept as it is.
    Object,
}

/// Where in a run a host call happens, for errors and for functions that ask.
#[derive(Clone, Debug)]
pub struct CallSite {
    /// The name of the node that is computed.
    pub name: Name,
    /// The partition that it makes.
    pub partition: usize,
    /// The number of partitions of the collection.
    pub npartitions: usize,
    /// The source whose rows it is given, and which of its partitions.
    pub origin: Option<(Arc<dyn Source>, usize)>,
    /// For a block of an array: where in the grid it is.
    pub block: Option<Arc<BlockSite>>,
}

/// What a call knows beside its name and its partition. Calls that make the one partition of a collection, which come by
/// the hundred thousand, have none.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The number of partitions of the collection.
    pub npartitions: usize,
    /// The source whose rows it is given, and which of its partitions.
    pub origin: Option<(Arc<dyn Source>, usize)>,
    /// For a block of an array: where in the grid it is.
    pub block: Option<Arc<BlockSite>>,
    /// How many consecutive inputs make up each argument; `None` when each is one.
    pub groups: Option<Arc<[usize]>>,
}

/// Where in a grid a block is, and how its inputs come.
#[derive(Clone, Debug)]
pub struct BlockSite {
    /// Its position along each axis.
    pub index: Vec<usize>,
    /// For each argument the lengths of the nested lists that its blocks come in; empty for a single block.
    pub nests: Vec<Vec<usize>>,
}

impl CallSite {
    /// The site of the call that makes a partition of a node.
    #[must_use]
    pub fn new(name: Name, partition: usize, around: Option<&Surroundings>) -> Self {
        Self {
            name,
            partition,
            npartitions: around.map_or(1, |around| around.npartitions),
            origin: around.and_then(|around| around.origin.clone()),
            block: around.and_then(|around| around.block.clone()),
        }
    }

    /// The key of the task: its name and the partition or, of an array, the position of the block.
    #[must_use]
    pub fn key(&self) -> String {
        let Some(block) = &self.block else {
            return format!("('{}', {})", self.name, self.partition);
        };
        let positions: Vec<String> = block.index.iter().map(ToString::to_string).collect();
        match positions.as_slice() {
            [] => format!("('{}',)", self.name),
            _ => format!("('{}', {})", self.name, positions.join(", ")),
        }
    }
}

/// A function of the host language.
pub trait HostFn: Any + Debug + Send + Sync {
    /// Calls it; each argument is one or more chunks, which arrive as one pandas object (several are concatenated).
    ///
    /// # Errors
    /// The user's exception as [`crate::error::Kind::Host`].
    fn call(&self, args: Vec<Vec<Chunk>>, output: &HostOutput, site: &CallSite) -> Result<Chunk>;

    /// What people call it.
    fn name(&self) -> &str;

    /// Its content hash.
    fn token(&self) -> Token;

    /// pandas or NumPy applied by dusk itself, rather than a function of the user.
    fn is_library(&self) -> bool;

    /// Of a function that reads a block of something that is no node by the block's position: one that reads the blocks of a
    /// view of it instead, cut as `shown`. `None` when it is no such function, or can't read such parts.
    fn viewed(
        &self,
        _axes: &[ViewAxis],
        _fixed: &[(usize, usize)],
        _shown: &Grid,
    ) -> Option<Arc<dyn HostFn>> {
        None
    }

    /// Writes it for another process.
    ///
    /// # Errors
    /// When it can't leave the process.
    fn encode(&self, out: &mut Encoder) -> Result<()>;

    /// For the layer that made it.
    fn as_any(&self) -> &dyn Any;
}
