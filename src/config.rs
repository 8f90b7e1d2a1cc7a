//! The settings of one run: a snapshot of the configuration, taken when the run starts.

use std::path::PathBuf;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Worker threads; `0` runs every task on the calling thread (`sync`).
    pub threads: usize,
    /// The memory budget in bytes.
    pub memory_limit: usize,
    /// Where spilled chunks go; a folder of this process is made below it.
    pub spill_directory: PathBuf,
    /// How many rows a batch has.
    pub batch_rows: usize,
    /// Rewrite plans before they run.
    pub optimize: bool,
}

impl Default for Settings {
    /// One thread for each core, no memory limit, the system's folder for temporary files.
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_limit: usize::MAX,
            spill_directory: std::env::temp_dir(),
            batch_rows: 65_536,
            optimize: true,
        }
    }
}
