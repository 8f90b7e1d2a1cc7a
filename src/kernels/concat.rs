//! Arrays one after another.
