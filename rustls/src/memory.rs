//! The buffer between a connection and the transport: a queue of bytes that the TLS library works on in place.

use std::cell::RefCell;
use std::mem;
use std::ptr;
use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::locks::{lock, lock_attached};
use crate::raw::Input;

/// An empty buffer keeps no more than this: idle connections hold next to nothing.
const KEPT: usize = 1024;
/// Larger blocks are lent by their thread, so that bulk transfer neither allocates nor clears memory again and again.
const LARGEST_LENT: usize = 512 * 1024;
const LENT_BLOCKS: usize = 4;

thread_local! {
    static BLOCKS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A block of at least `size` bytes, every one initialised (with what is of no meaning).
fn borrow_block(size: usize) -> Vec<u8> {
    let lent = BLOCKS.with_borrow_mut(|blocks| {
        let index = blocks.iter().position(|block| block.len() >= size)?;
        Some(blocks.swap_remove(index))
    });
    lent.unwrap_or_else(|| vec![0; size.next_power_of_two().max(KEPT)])
}

fn give_back(block: Vec<u8>) {
    if block.len() > LARGEST_LENT {
        return;
    }
    BLOCKS.with_borrow_mut(|blocks| {
        if blocks.len() < LENT_BLOCKS {
            blocks.push(block);
        } else if let Some(smallest) = blocks.iter_mut().min_by_key(|other| other.len()) {
            if smallest.len() < block.len() {
                *smallest = block;
            }
        }
    });
}

/// A queue of bytes in one block, so that what is in it can be decrypted in place.
#[derive(Default)]
pub struct Queue {
    block: Vec<u8>,
    start: usize,
    end: usize,
    /// How much at its start the connection has looked at and can do nothing with before more has come: the beginning of
    /// a record.
    seen: usize,
    /// How much of that counts as taken: all, once the connection has said that it needs more.
    taken: usize,
    /// The end, or a fault, was met behind data that was given: it counts as one more byte, so that somebody asks for it.
    due: bool,
    ended: bool,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn seen(&self) -> usize {
        self.seen
    }

    pub fn mark_seen(&mut self, size: usize) {
        self.seen = size.min(self.len());
        self.taken = self.seen;
    }

    /// Let what was seen count as pending again: a read that gave data did not say that it needs more.
    pub fn reveal(&mut self) {
        self.taken = 0;
    }

    /// What nobody has looked at yet.
    pub fn pending(&self) -> usize {
        self.len() - self.taken + usize::from(self.due)
    }

    pub fn set_due(&mut self, due: bool) {
        self.due = due;
    }

    fn eof(&self) -> bool {
        self.ended && self.pending() == 0
    }

    pub fn filled(&self) -> &[u8] {
        &self.block[self.start..self.end]
    }

    pub fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.block[self.start..self.end]
    }

    /// Room for `size` bytes behind what is there; `advance` tells how much of it was used.
    pub fn room(&mut self, size: usize) -> &mut [u8] {
        if self.block.len() - self.end < size {
            let length = self.len();
            if self.block.len() - length >= size {
                self.block.copy_within(self.start..self.end, 0);
            } else {
                let mut block = borrow_block(length + size);
                block[..length].copy_from_slice(self.filled());
                self.release_block(block);
            }
            (self.start, self.end) = (0, length);
        }
        &mut self.block[self.end..]
    }

    fn release_block(&mut self, replacement: Vec<u8>) {
        let old = mem::replace(&mut self.block, replacement);
        if old.len() > KEPT {
            give_back(old);
        }
    }

    pub fn advance(&mut self, size: usize) {
        debug_assert!(size <= self.block.len() - self.end);
        self.end += size;
    }

    pub fn append(&mut self, data: &[u8]) {
        self.room(data.len())[..data.len()].copy_from_slice(data);
        self.advance(data.len());
    }

    /// Keep no more than `size` bytes.
    pub fn truncate(&mut self, size: usize) {
        self.end = self.end.min(self.start + size);
    }

    pub fn discard(&mut self, size: usize) {
        self.start += size.min(self.len());
        self.seen = self.seen.saturating_sub(size);
        self.taken = self.taken.saturating_sub(size);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.block.len() > KEPT {
                self.release_block(Vec::new());
            }
        }
    }

    /// Take the content out, and leave the end where it is marked.
    pub fn take(&mut self) -> Queue {
        let ended = self.ended;
        mem::replace(self, Queue { ended, ..Queue::default() })
    }

    /// Put content that was taken in front of what has come since.
    pub fn put_back(&mut self, mut taken: Queue) {
        if self.len() > 0 {
            taken.append(self.filled());
        }
        (taken.ended, taken.due) = (self.ended, self.due);
        let newer = mem::replace(self, taken);
        if newer.block.len() > KEPT {
            give_back(newer.block);
        }
        self.discard(0);
    }
}

/// A first-in, first-out buffer of bytes in native memory.
#[pyclass(frozen, module = "unitls_rustls")]
pub struct MemoryBuffer {
    queue: Mutex<Queue>,
}

impl MemoryBuffer {
    /// Run `work` on the queue, from a thread that is not attached to the interpreter, or may block it for a moment.
    pub fn with<T>(&self, work: impl FnOnce(&mut Queue) -> T) -> T {
        work(&mut lock(&self.queue))
    }

    /// Run `work` on both queues. One connection's incoming buffer may be another's outgoing one, so the order in which
    /// they are locked is the same for everyone: that of their addresses.
    pub fn with_both<T>(&self, other: &Self, work: impl FnOnce(&mut Queue, &mut Queue) -> T) -> T {
        if ptr::from_ref(self) < ptr::from_ref(other) {
            self.with(|ours| other.with(|theirs| work(ours, theirs)))
        } else {
            other.with(|theirs| self.with(|ours| work(ours, theirs)))
        }
    }

    fn attached<T>(&self, py: Python<'_>, work: impl FnOnce(&mut Queue) -> T) -> T {
        work(&mut lock_attached(py, &self.queue))
    }
}

#[pymethods]
impl MemoryBuffer {
    #[new]
    fn new() -> Self {
        Self { queue: Mutex::default() }
    }

    #[getter]
    fn pending(&self, py: Python<'_>) -> usize {
        self.attached(py, |queue| queue.pending())
    }

    #[getter]
    fn eof(&self, py: Python<'_>) -> bool {
        self.attached(py, |queue| queue.eof())
    }

    #[pyo3(signature = (n=-1, /))]
    fn read<'py>(&self, py: Python<'py>, n: isize) -> Bound<'py, PyBytes> {
        self.attached(py, |queue| {
            let size = usize::try_from(n).map_or(queue.len(), |n| n.min(queue.len()));
            let data = PyBytes::new(py, &queue.filled()[..size]);
            queue.discard(size);
            data
        })
    }

    #[pyo3(signature = (data, /))]
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let input = Input::new(data)?;
        let octets = input.as_slice();
        self.attached(py, |queue| {
            if queue.ended {
                return Err(PyValueError::new_err("cannot write after write_eof()"));
            }
            queue.append(octets);
            Ok(octets.len())
        })
    }

    fn write_eof(&self, py: Python<'_>) {
        self.attached(py, |queue| queue.ended = true);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.attached(py, |queue| {
            let eof = if queue.eof() { "True" } else { "False" };
            format!("<MemoryBuffer pending={} eof={eof}>", queue.pending())
        })
    }
}
