//! Lets `cargo test` find the shared libpython of the interpreter that `pyo3` was configured for.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    pyo3_build_config::add_libpython_rpath_link_args();
}
