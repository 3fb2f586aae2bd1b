//! The only unsafe code of this crate: bytes of Python objects as slices.
//!
//! Everything here upholds two rules. A pointer is only used while the Python object (or the view of it) that owns the
//! memory is held. And memory that has not been written is never read: it is filled through `Output::push` alone.

#![allow(unsafe_code)]

use pyo3::buffer::{PyBuffer, PyUntypedBuffer};
use pyo3::exceptions::{PyBufferError, PyMemoryError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes that a caller has handed in, held for as long as they are used.
pub enum Input<'py> {
    Bytes(Bound<'py, PyBytes>),
    View(PyUntypedBuffer),
}

impl<'py> Input<'py> {
    /// Take any contiguous object that supports the buffer protocol.
    pub fn new(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            return Ok(Self::Bytes(bytes.clone()));
        }
        let view = PyUntypedBuffer::get(object)?;
        if !view.is_c_contiguous() {
            return Err(PyBufferError::new_err("the data is not contiguous"));
        }
        Ok(Self::View(view))
    }

    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(),
            // An empty view may have a null pointer, which no slice may have.
            Self::View(view) if view.len_bytes() == 0 => &[],
            // SAFETY: the view keeps the memory alive and of this size until it is dropped. Another thread of the program
            // may write to a mutable object meanwhile, as with every function of Python that takes a buffer and releases
            // the GIL: then some mixture of both is encrypted, nothing else.
            Self::View(view) => unsafe { std::slice::from_raw_parts(view.buf_ptr() as *const u8, view.len_bytes()) },
        }
    }
}

/// Memory of a Python object that is being filled from its start.
pub struct Output {
    start: *mut u8,
    capacity: usize,
    filled: usize,
}

// SAFETY: whoever makes an `Output` holds the object behind it until the `Output` is gone, and no other thread knows that
// object (new bytes) or may rely on its content (a buffer that is being read into).
unsafe impl Send for Output {}

impl Output {
    pub fn room(&self) -> usize {
        self.capacity - self.filled
    }

    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Append as much of `data` as there is room for; returns how much that was.
    pub fn push(&mut self, data: &[u8]) -> usize {
        let size = data.len().min(self.room());
        // SAFETY: `filled + size <= capacity`, and `data` is a slice of Rust's own memory, so the two do not overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(data.as_ptr(), self.start.add(self.filled), size);
        }
        self.filled += size;
        size
    }
}

/// Fill at most `size` bytes of a caller's writable buffer.
pub fn fill_buffer<T>(
    object: &Bound<'_, PyAny>,
    size: usize,
    work: impl FnOnce(&mut Output) -> T,
) -> PyResult<(T, usize)> {
    let view = PyBuffer::<u8>::get(object)?;
    if view.readonly() || !view.is_c_contiguous() {
        return Err(PyBufferError::new_err("the buffer is not writable, or not contiguous"));
    }
    let mut output = Output { start: view.buf_ptr() as *mut u8, capacity: view.item_count().min(size), filled: 0 };
    let result = work(&mut output);
    let filled = output.filled;
    drop(view); // not before: it holds the memory
    Ok((result, filled))
}

/// Make a bytes object of at most `capacity` bytes without filling it with zeros first, nor copying it afterwards.
pub fn fill_bytes<'py, T>(
    py: Python<'py>,
    capacity: usize,
    work: impl FnOnce(&mut Output) -> T,
) -> PyResult<(T, Bound<'py, PyBytes>)> {
    let size = ffi::Py_ssize_t::try_from(capacity).map_err(|_| PyMemoryError::new_err(()))?;
    // SAFETY: a new object, known to nobody else; its memory has room for `capacity` bytes.
    let (mut object, start) = unsafe {
        let object = ffi::PyBytes_FromStringAndSize(std::ptr::null(), size);
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        (object, ffi::PyBytes_AsString(object) as *mut u8)
    };
    let mut output = Output { start, capacity, filled: 0 };
    let result = work(&mut output);
    let filled = output.filled;
    if filled < capacity {
        shorten(py, &mut object, filled)?;
    }
    // SAFETY: the reference is ours, and nobody else's.
    Ok((result, unsafe { Bound::from_owned_ptr(py, object).cast_into_unchecked() }))
}

#[cfg(not(windows))]
unsafe extern "C" {
    // Part of the stable ABI, but not declared for it by pyo3.
    fn _PyBytes_Resize(object: *mut *mut ffi::PyObject, size: ffi::Py_ssize_t) -> std::ffi::c_int;
}

#[cfg(not(windows))]
fn shorten(py: Python<'_>, object: &mut *mut ffi::PyObject, size: usize) -> PyResult<()> {
    // SAFETY: we own the only reference, as this function demands; where it fails it frees the object and leaves a null
    // pointer. `size` is less than the length, so it fits.
    match unsafe { _PyBytes_Resize(object, size as ffi::Py_ssize_t) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(py)),
    }
}

/// There the symbol would have to be imported from a library whose name depends on the build: a copy is simpler.
#[cfg(windows)]
fn shorten(py: Python<'_>, object: &mut *mut ffi::PyObject, size: usize) -> PyResult<()> {
    // SAFETY: as above; the first `size` bytes have been written. The old object goes, and its bytes were copied before.
    unsafe {
        let shorter = ffi::PyBytes_FromStringAndSize(ffi::PyBytes_AsString(*object), size as ffi::Py_ssize_t);
        ffi::Py_DECREF(std::mem::replace(object, shorter));
        if shorter.is_null() { Err(PyErr::fetch(py)) } else { Ok(()) }
    }
}
