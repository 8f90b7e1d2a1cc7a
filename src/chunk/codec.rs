//! Chunks as bytes, for spilling.
