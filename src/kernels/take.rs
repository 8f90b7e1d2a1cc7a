//! Rows by position or mask.
