//! rustls for unitls: connections between memory buffers. No file is opened, no socket is touched.

#![deny(unsafe_code)]

mod engine;
mod exporter;
mod fault;
mod locks;
mod memory;
mod raw;
mod tls;
mod verify;
mod wire;

use pyo3::prelude::*;

/// The cipher suites, by preference.
#[pyfunction]
fn suites() -> Vec<u16> {
    tls::suites()
}

/// The key exchange groups, by preference.
#[pyfunction]
fn groups() -> Vec<u16> {
    tls::groups()
}

/// The signature schemes that can be verified.
#[pyfunction]
fn schemes() -> Vec<u16> {
    tls::schemes()
}

/// Refuse revocation lists or an ECHConfigList that cannot be used.
#[pyfunction]
#[pyo3(signature = (lists, ech))]
fn check(lists: Vec<Vec<u8>>, ech: Option<Vec<u8>>) -> PyResult<()> {
    Ok(tls::check(&lists, ech)?)
}

// No lock of ours relies on the GIL: every class is frozen, and what changes lies behind a mutex.
#[pymodule(gil_used = false)]
fn unitls_rustls(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("RUSTLS_VERSION", env!("RUSTLS_VERSION"))?;
    module.add("Error", py.get_type::<fault::Error>())?;
    module.add("WantRead", py.get_type::<fault::WantRead>())?;
    module.add_class::<memory::MemoryBuffer>()?;
    module.add_class::<engine::Identity>()?;
    module.add_class::<engine::Session>()?;
    module.add_class::<engine::Config>()?;
    module.add_class::<engine::Connection>()?;
    module.add_function(wrap_pyfunction!(suites, module)?)?;
    module.add_function(wrap_pyfunction!(check, module)?)?;
    module.add_function(wrap_pyfunction!(groups, module)?)?;
    module.add_function(wrap_pyfunction!(schemes, module)?)
}
