//! What Python sees: frozen configurations and connections between two memory buffers.
//!
//! Nothing of Python's runs while a lock is held (what `locks` asks for follows from that). A handshake, the only thing that
//! calls back, works on what it has taken out of the locks. And of Python's objects only bytes are made under a lock: a
//! container's making may start the garbage collector, which may run anything.

use std::sync::{Arc, Mutex};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::fault::Fault;
use crate::locks::{lock, lock_attached};
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
/// A handshake has the connection, and a callback of it, or another thread, calls.
const BUSY: Fault = Fault::Misuse("the connection is in the middle of another call");

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
        sign: tls::Callable,
        ocsp: Option<Vec<u8>>,
    ) -> PyResult<Self> {
        Ok(Self { inner: tls::Identity::external(chain, public_key, &schemes, sign, ocsp)? })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.inner.owned_signer())
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
    identity: Option<Py<Identity>>,
    choose: Option<Arc<tls::Callable>>,
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
        choose: Option<tls::Callable>,
        resumption: bool,
        ech: Option<Vec<u8>>,
        early_data: bool,
    ) -> PyResult<Self> {
        let owner = identity;
        let identity = owner.as_ref().map(|owner| owner.get().inner.clone());
        let common =
            tls::Common { versions, suites, groups, schemes, protocols, anchors, lists, depth, identity, key_log };
        let choose = choose.map(Arc::new);
        let client = tls::ForClient { choose: choose.as_ref().map(chooser), resumption, ech, early_data };
        Ok(Self { inner: py.detach(|| tls::Config::client(common, client))?, identity: owner, choose })
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
        let owner = identity;
        let identity = owner.as_ref().map(|owner| owner.get().inner.clone());
        let common =
            tls::Common { versions, suites, groups, schemes, protocols, anchors, lists, depth, identity, key_log };
        let server = tls::ForServer { mandatory, tickets, early_data };
        Ok(Self { inner: py.detach(|| tls::Config::server(common, server))?, identity: owner, choose: None })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.identity)?;
        // While it is being called, the call owns it, too: then not all of its owners are seen from here.
        visit.call(self.choose.as_ref().filter(|choose| Arc::strong_count(choose) == 1).map(Arc::as_ref))
    }
}

fn chooser(choose: &Arc<tls::Callable>) -> tls::ChooseCallback {
    let choose = Arc::downgrade(choose);
    Box::new(move |authorities| {
        Python::attach(|py| {
            let names = PyTuple::new(py, authorities.iter().map(|name| PyBytes::new(py, name)))?;
            let chosen = tls::held(&choose)?.call1(py, (names,))?;
            let identity = chosen.extract::<Option<Py<Identity>>>(py)?;
            Ok(identity.map(|identity| identity.get().inner.clone()))
        })
    })
}

/// One connection between an incoming and an outgoing buffer.
#[pyclass(frozen, module = "unitls_rustls")]
pub struct Connection {
    /// Empty while a handshake works on it.
    inner: Mutex<Option<Box<tls::Connection>>>,
    config: Py<Config>,
    incoming: Py<MemoryBuffer>,
    outgoing: Py<MemoryBuffer>,
}

impl Connection {
    /// Work on the connection alone, for a moment and with the GIL.
    fn attached<T>(&self, py: Python<'_>, work: impl FnOnce(&mut tls::Connection) -> T) -> PyResult<T> {
        let mut guard = lock_attached(py, &self.inner);
        guard.as_mut().map(|connection| work(connection)).ok_or_else(|| BUSY.into())
    }

    /// Work on the connection and both queues, with or without the GIL by the amount of work.
    fn work<T: Send>(
        &self,
        py: Python<'_>,
        amount: usize,
        work: impl FnOnce(&mut tls::Connection, &mut Queue, &mut Queue) -> Result<T, Fault> + Send,
    ) -> Result<T, Fault> {
        let run = || {
            let mut guard = lock(&self.inner);
            let connection = guard.as_mut().ok_or(BUSY)?;
            self.incoming
                .get()
                .with_both(self.outgoing.get(), |incoming, outgoing| work(connection, incoming, outgoing))
        };
        // Whoever holds one of these locks does not wait for the GIL, so this thread may keep it while it waits.
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
            return Err(Fault::configuration("SameBuffer", "incoming and outgoing are the same buffer").into());
        }
        let session = session.map(|session| session.get().inner.clone());
        let inner = py.detach(|| config.get().inner.connect(name, session))?;
        Ok(Self { inner: Mutex::new(Some(Box::new(inner))), config, incoming, outgoing })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.config)
    }

    #[pyo3(signature = (now=None))]
    fn handshake(&self, py: Python<'_>, now: Option<u64>) -> PyResult<()> {
        let step = || {
            let taken = lock(&self.inner).take();
            let mut connection = taken.ok_or(BUSY)?;
            let mut incoming = self.incoming.get().with(Queue::take);
            let mut outgoing = Queue::default();
            let result = connection.handshake(&mut incoming, &mut outgoing, now);
            self.incoming.get().with(|queue| queue.put_back(incoming));
            self.outgoing.get().with(|queue| queue.append(outgoing.filled()));
            outgoing.discard(outgoing.len());
            *lock(&self.inner) = Some(connection);
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
        let chain = self.attached(py, |connection| made_bytes(py, &connection.peer_chain()))?;
        PyList::new(py, chain)
    }

    fn verified_chain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let chain = self.attached(py, |connection| made_bytes(py, &connection.verified_chain()))?;
        PyList::new(py, chain)
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

/// Bytes objects, for a list that is made once no lock is held.
fn made_bytes<'py>(py: Python<'py>, ders: &[&[u8]]) -> Vec<Bound<'py, PyBytes>> {
    ders.iter().map(|der| PyBytes::new(py, der)).collect()
}
