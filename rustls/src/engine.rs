//! What Python sees: frozen configurations and connections between two memory buffers.
//!
//! A lock is never held while waiting for the GIL, and no callback of Python runs while a lock is held: a handshake, the
//! only thing that calls back, works on what it has taken out of the locks.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::fault::Fault;
use crate::memory::{MemoryBuffer, Queue};
use crate::raw::{Input, Output, fill_buffer, fill_bytes};
use crate::tls;
use crate::verify::DatedAnchor;

/// From this much on the GIL is released: below, giving it up costs more than the work.
const DETACH_FROM: usize = 2048;
/// The most one `write` encrypts, so that the outgoing buffer stays small.
const MAX_WRITE: usize = 256 * 1024;
/// The most one `read` allocates.
const MAX_READ: usize = 1024 * 1024;

/// A certificate chain with its private key.
#[pyclass(frozen, module = "unitls_rustls")]
pub struct Identity {
    inner: tls::Identity,
}

#[pymethods]
impl Identity {
    #[new]
    #[pyo3(signature = (chain, key, ocsp=None))]
    fn new(chain: Vec<Vec<u8>>, key: &Bound<'_, PyBytes>, ocsp: Option<Vec<u8>>) -> PyResult<Self> {
        Ok(Self { inner: tls::Identity::new(chain, key.as_bytes(), ocsp)? })
    }

    #[staticmethod]
    #[pyo3(signature = (chain, public_key, schemes, sign, ocsp=None))]
    fn external(
        chain: Vec<Vec<u8>>,
        public_key: Vec<u8>,
        schemes: Vec<u16>,
        sign: Py<PyAny>,
        ocsp: Option<Vec<u8>>,
    ) -> PyResult<Self> {
        let callback = move |scheme: u16, message: &[u8]| {
            Python::attach(|py| {
                let signature = sign.bind(py).call1((scheme, PyBytes::new(py, message)))?;
                signature.extract::<Vec<u8>>()
            })
        };
        let inner = tls::Identity::external(chain, public_key, &schemes, Arc::new(callback), ocsp)?;
        Ok(Self { inner })
    }
}

/// A session that a client can resume.
#[pyclass(frozen, module = "unitls_rustls")]
pub struct Session {
    inner: tls::Session,
}

#[pymethods]
impl Session {
    #[getter]
    fn is_tls13(&self) -> bool {
        self.inner.is_tls13()
    }
}

/// A configuration of either role.
#[pyclass(frozen, module = "unitls_rustls", weakref)]
pub struct Config {
    inner: tls::Config,
}

#[pymethods]
impl Config {
    #[staticmethod]
    #[pyo3(signature = (*, versions, suites, groups, schemes, protocols, anchors, lists, depth, identity, key_log, choose, resumption, ech, early_data))]
    #[allow(clippy::too_many_arguments)] // by keyword only: they are the fields of a configuration
    fn client(
        py: Python<'_>,
        versions: Vec<u16>,
        suites: Option<Vec<u16>>,
        groups: Option<Vec<u16>>,
        schemes: Option<Vec<u16>>,
        protocols: Vec<Vec<u8>>,
        anchors: Option<Vec<DatedAnchor>>,
        lists: Vec<Vec<u8>>,
        depth: Option<usize>,
        identity: Option<Py<Identity>>,
        key_log: bool,
        choose: Option<Py<PyAny>>,
        resumption: bool,
        ech: Option<Vec<u8>>,
        early_data: bool,
    ) -> PyResult<Self> {
        let identity = identity.map(|identity| identity.get().inner.clone());
        let common =
            tls::Common { versions, suites, groups, schemes, protocols, anchors, lists, depth, identity, key_log };
        let client = tls::ForClient { choose: choose.map(chooser), resumption, ech, early_data };
        Ok(Self { inner: py.detach(|| tls::Config::client(common, client))? })
    }

    #[staticmethod]
    #[pyo3(signature = (*, versions, suites, groups, schemes, protocols, anchors, lists, depth, identity, key_log, mandatory, tickets, early_data))]
    #[allow(clippy::too_many_arguments)]
    fn server(
        py: Python<'_>,
        versions: Vec<u16>,
        suites: Option<Vec<u16>>,
        groups: Option<Vec<u16>>,
        schemes: Option<Vec<u16>>,
        protocols: Vec<Vec<u8>>,
        anchors: Option<Vec<DatedAnchor>>,
        lists: Vec<Vec<u8>>,
        depth: Option<usize>,
        identity: Option<Py<Identity>>,
        key_log: bool,
        mandatory: bool,
        tickets: Option<usize>,
        early_data: u32,
    ) -> PyResult<Self> {
        let identity = identity.map(|identity| identity.get().inner.clone());
        let common =
            tls::Common { versions, suites, groups, schemes, protocols, anchors, lists, depth, identity, key_log };
        Ok(Self {
            inner: py.detach(|| tls::Config::server(common, tls::ForServer { mandatory, tickets, early_data }))?,
        })
    }
}

fn chooser(choose: Py<PyAny>) -> tls::ChooseCallback {
    Arc::new(move |authorities: &[&[u8]]| {
        Python::attach(|py| {
            let names = PyTuple::new(py, authorities.iter().map(|name| PyBytes::new(py, name)))?;
            let chosen = choose.bind(py).call1((names,))?;
            let identity = chosen.extract::<Option<Py<Identity>>>().map_err(PyErr::from)?;
            Ok(identity.map(|identity| identity.get().inner.clone()))
        })
    })
}

/// One connection between an incoming and an outgoing buffer.
#[pyclass(frozen, module = "unitls_rustls")]
pub struct Connection {
    /// Empty while a handshake works on it.
    inner: Mutex<Option<Box<tls::Connection>>>,
    incoming: Py<MemoryBuffer>,
    outgoing: Py<MemoryBuffer>,
}

impl Connection {
    fn attached<T>(&self, py: Python<'_>, work: impl FnOnce(&mut tls::Connection) -> T) -> PyResult<T> {
        let mut guard = self.inner.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        match guard.as_mut() {
            Some(connection) => Ok(work(connection)),
            None => Err(Fault::Misuse("the connection is in the middle of another call").into()),
        }
    }

    /// Work on the connection and both queues, with or without the GIL by the amount of work.
    fn work<T: Send>(
        &self,
        py: Python<'_>,
        amount: usize,
        work: impl FnOnce(&mut tls::Connection, &mut Queue, &mut Queue) -> Result<T, Fault> + Send,
    ) -> Result<T, Fault> {
        let run = || {
            let mut guard = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let connection = guard.as_mut().ok_or(Fault::Misuse("the connection is in the middle of another call"))?;
            self.incoming
                .get()
                .with(|incoming| self.outgoing.get().with(|outgoing| work(connection, incoming, outgoing)))
        };
        // Whoever holds one of these locks needs no GIL to let go of it, so this thread may keep it for a short time.
        if amount < DETACH_FROM { run() } else { py.detach(run) }
    }

    fn readable(&self, py: Python<'_>) -> PyResult<usize> {
        self.attached(py, |connection| self.incoming.get().with(|queue| connection.readable(queue)))
    }

    fn read_to(&self, py: Python<'_>, amount: usize, output: &mut Output) -> Result<(), Fault> {
        self.work(py, amount, |connection, incoming, outgoing| connection.read(incoming, outgoing, output))
    }
}

#[pymethods]
impl Connection {
    #[new]
    #[pyo3(signature = (config, incoming, outgoing, name=None, session=None))]
    fn new(
        py: Python<'_>,
        config: Py<Config>,
        incoming: Py<MemoryBuffer>,
        outgoing: Py<MemoryBuffer>,
        name: Option<String>,
        session: Option<Py<Session>>,
    ) -> PyResult<Self> {
        if incoming.is(&outgoing) {
            let text = "incoming and outgoing are the same buffer".into();
            return Err(Fault::Configuration { code: "SameBuffer".into(), text }.into());
        }
        let session = session.map(|session| session.get().inner.clone());
        let inner = py.detach(|| config.get().inner.connect(name, session))?;
        Ok(Self { inner: Mutex::new(Some(Box::new(inner))), incoming, outgoing })
    }

    #[pyo3(signature = (now=None))]
    fn handshake(&self, py: Python<'_>, now: Option<u64>) -> PyResult<()> {
        let step = || {
            let taken = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut connection = taken.ok_or(Fault::Misuse("the connection is in the middle of another call"))?;
            let mut incoming = self.incoming.get().with(Queue::take);
            let mut outgoing = Queue::default();
            let result = connection.handshake(&mut incoming, &mut outgoing, now);
            self.incoming.get().with(|queue| queue.put_back(incoming));
            self.outgoing.get().with(|queue| queue.append(outgoing.filled()));
            outgoing.discard(outgoing.len());
            *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
            result
        };
        Ok(py.detach(step)?)
    }

    #[pyo3(signature = (n, /))]
    fn read<'py>(&self, py: Python<'py>, n: usize) -> PyResult<Bound<'py, PyBytes>> {
        let amount = self.readable(py)?.min(n).min(MAX_READ);
        // Not less than one byte: with no room at all nothing would be tried, and a close_notify stay unseen.
        let (result, data) = fill_bytes(py, amount.max(1), |output| self.read_to(py, amount, output))?;
        result?;
        Ok(data)
    }

    #[pyo3(signature = (n, buffer, /))]
    fn read_into(&self, py: Python<'_>, n: usize, buffer: &Bound<'_, PyAny>) -> PyResult<usize> {
        let amount = self.readable(py)?.min(n);
        let (result, filled) = fill_buffer(buffer, n, |output| self.read_to(py, amount, output))?;
        result?;
        Ok(filled)
    }

    #[pyo3(signature = (data, /))]
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let input = Input::new(data)?;
        let octets = input.as_slice();
        let octets = &octets[..octets.len().min(MAX_WRITE)];
        self.work(py, octets.len(), |connection, incoming, outgoing| connection.write(incoming, outgoing, octets))?;
        Ok(octets.len())
    }

    fn pending(&self, py: Python<'_>) -> PyResult<usize> {
        self.attached(py, |connection| connection.pending())
    }

    fn shutdown(&self, py: Python<'_>) -> PyResult<()> {
        Ok(self.work(py, 0, tls::Connection::shutdown)?)
    }

    fn update_keys(&self, py: Python<'_>) -> PyResult<()> {
        Ok(self.work(py, 0, tls::Connection::update_keys)?)
    }

    #[pyo3(signature = (data, /))]
    fn write_early(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let input = Input::new(data)?;
        self.attached(py, |connection| connection.write_early(input.as_slice()))
    }

    fn take_early<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.attached(py, |connection| PyBytes::new(py, &connection.take_early()))
    }

    fn early_accepted(&self, py: Python<'_>) -> PyResult<Option<bool>> {
        self.attached(py, |connection| connection.early_accepted())
    }

    fn version(&self, py: Python<'_>) -> PyResult<Option<u16>> {
        self.attached(py, |connection| connection.version())
    }

    fn cipher(&self, py: Python<'_>) -> PyResult<Option<u16>> {
        self.attached(py, |connection| connection.cipher())
    }

    fn group(&self, py: Python<'_>) -> PyResult<Option<u16>> {
        self.attached(py, |connection| connection.group())
    }

    fn resumed(&self, py: Python<'_>) -> PyResult<Option<bool>> {
        self.attached(py, |connection| connection.resumed())
    }

    fn protocol<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.attached(py, |connection| connection.protocol().map(|name| PyBytes::new(py, name)))
    }

    fn peer_chain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.attached(py, |connection| chain(py, connection.peer_chain()))?
    }

    fn verified_chain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.attached(py, |connection| chain(py, connection.verified_chain()))?
    }

    fn ocsp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.attached(py, |connection| PyBytes::new(py, connection.ocsp()))
    }

    fn take_session(&self, py: Python<'_>) -> PyResult<Option<Session>> {
        self.attached(py, |connection| connection.take_session().map(|inner| Session { inner }))
    }

    fn take_log(&self, py: Python<'_>) -> PyResult<String> {
        self.attached(py, |connection| connection.take_log())
    }

    #[pyo3(signature = (label, length, context=None))]
    fn export<'py>(
        &self,
        py: Python<'py>,
        label: &[u8],
        length: usize,
        context: Option<&[u8]>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.attached(py, |connection| {
            connection.export(label, length, context).map(|material| PyBytes::new(py, &material))
        })
    }
}

fn chain<'py>(py: Python<'py>, ders: Vec<&[u8]>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, ders.into_iter().map(|der| PyBytes::new(py, der)))
}
