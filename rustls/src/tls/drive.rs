//! The one loop that lets the library work.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, ReadEarlyData, ReadTraffic, TransmitTlsData,
    UnbufferedStatus, WriteTraffic,
};

use super::early::Early;
use super::errors::fault;
use crate::fault::Fault;
use crate::memory::Queue;
use crate::raw::Output;

const RECORD: usize = 16384;
/// Room for what encryption adds to a record: header, explicit nonce (TLS 1.2), inner content type, tag; rounded up.
const RECORD_OVERHEAD: usize = 64;
/// Room for a KeyUpdate or an alert that goes out in front of the data.
const CONTROL: usize = 512;

/// How much room `size` bytes of plaintext may need when they are encrypted.
pub fn sealed_size(size: usize) -> usize {
    size + (size / RECORD + 1) * RECORD_OVERHEAD + CONTROL
}

/// What to do when the library may write.
#[derive(Clone, Copy)]
pub enum Task<'a> {
    Nothing,
    Encrypt(&'a [u8]),
    Close,
    UpdateKeys,
}

/// Why the library stopped.
pub enum Stop {
    /// Application data has been decrypted.
    Data,
    /// The peer's close_notify has come.
    PeerClosed,
    /// Both sides have sent close_notify.
    Closed,
    /// It may write; for everything else it needs more.
    Open,
    /// It needs more.
    Blocked,
}

/// What the two roles of a connection do differently.
pub trait Role {
    type Data;

    /// Take the next step with what has come in.
    fn process<'c, 'i>(&'c mut self, records: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// Whether something waits to be encoded.
    fn wants_write(&self) -> bool;

    /// Send early data behind what was encoded.
    fn send_early(early: &mut Early, transmit: &mut TransmitTlsData<'_, Self::Data>, outgoing: &mut Queue);

    /// Receive early data.
    fn receive_early(early: &mut Early, records: &mut ReadEarlyData<'_, '_, Self::Data>) -> Result<(), Fault>;
}

impl Role for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, records: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(records)
    }

    fn wants_write(&self) -> bool {
        (**self).wants_write()
    }

    fn send_early(early: &mut Early, transmit: &mut TransmitTlsData<'_, Self::Data>, outgoing: &mut Queue) {
        early.send(transmit, outgoing);
    }

    fn receive_early(_: &mut Early, _: &mut ReadEarlyData<'_, '_, Self::Data>) -> Result<(), Fault> {
        Ok(()) // nobody sends it to a client
    }
}

impl Role for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, records: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(records)
    }

    fn wants_write(&self) -> bool {
        (**self).wants_write()
    }

    fn send_early(_: &mut Early, _: &mut TransmitTlsData<'_, Self::Data>, _: &mut Queue) {} // a server has none

    fn receive_early(early: &mut Early, records: &mut ReadEarlyData<'_, '_, Self::Data>) -> Result<(), Fault> {
        early.receive(records)
    }
}

/// Where plaintext goes: to the reader, and what does not fit, or has no reader now, to `rest`.
pub struct Sink<'a> {
    pub output: Option<&'a mut Output>,
    pub rest: &'a mut Vec<u8>,
}

impl Sink<'_> {
    fn give(&mut self, data: &[u8]) {
        let given = self.output.as_mut().map_or(0, |output| output.push(data));
        self.rest.extend_from_slice(&data[given..]);
    }
}

/// What the library works on.
pub struct Work<'a> {
    pub incoming: &'a mut Queue,
    /// How much of it the library is shown; no more than there is.
    pub shown: usize,
    pub outgoing: &'a mut Queue,
    pub sink: Sink<'a>,
    pub task: Task<'a>,
    pub early: &'a mut Early,
}

impl Work<'_> {
    /// Let the library go on until it stops.
    pub fn drive<R: Role>(mut self, connection: &mut R) -> Result<Stop, Fault> {
        loop {
            match self.step(connection) {
                Ok(None) => {}
                Ok(Some(stop)) => return Ok(stop),
                Err(failure) => {
                    self.flush(connection);
                    return Err(failure);
                }
            }
        }
    }

    /// Answer one state of the library; nothing comes of it if it just goes on.
    #[inline(always)] // with 100-byte messages the calls between here and `drive` can be measured
    fn step<R: Role>(&mut self, connection: &mut R) -> Result<Option<Stop>, Fault> {
        let UnbufferedStatus { mut discard, state } = connection.process(&mut self.incoming.filled_mut()[..self.shown]);
        let outgoing = &mut *self.outgoing;
        let stop = match state {
            Ok(ConnectionState::ReadTraffic(records)) => {
                decrypt(records, &mut discard, &mut self.sink).map(|()| Some(Stop::Data))
            }
            Ok(ConnectionState::WriteTraffic(traffic)) => {
                perform(self.task, traffic, outgoing).map(|()| Some(Stop::Open))
            }
            Ok(ConnectionState::EncodeTlsData(message)) => {
                encode(message, outgoing);
                Ok(None)
            }
            Ok(ConnectionState::TransmitTlsData(mut transmit)) => {
                R::send_early(self.early, &mut transmit, outgoing);
                transmit.done();
                Ok(None)
            }
            Ok(ConnectionState::ReadEarlyData(mut records)) => {
                R::receive_early(self.early, &mut records).map(|()| None)
            }
            Ok(ConnectionState::PeerClosed) => Ok(Some(Stop::PeerClosed)),
            Ok(ConnectionState::Closed) => Ok(Some(Stop::Closed)),
            Ok(ConnectionState::BlockedHandshake) => Ok(Some(Stop::Blocked)),
            Ok(_) => Err(Fault::Misuse("the library is in a state that is not known here")),
            Err(error) => Err(fault(error)),
        };
        self.incoming.discard(discard);
        self.shown = self.shown.saturating_sub(discard).min(self.incoming.len());
        stop
    }

    /// Write out the alert that waits behind an error. It comes before all that the library may read.
    fn flush<R: Role>(&mut self, connection: &mut R) {
        while connection.wants_write() {
            match connection.process(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(message)) => encode(message, self.outgoing),
                _ => return,
            }
        }
    }
}

fn decrypt<Data>(
    mut records: ReadTraffic<'_, '_, Data>,
    discard: &mut usize,
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    while let Some(record) = records.next_record() {
        let record = record.map_err(fault)?;
        *discard += record.discard;
        sink.give(record.payload);
    }
    Ok(())
}

fn encode<Data>(mut message: EncodeTlsData<'_, Data>, outgoing: &mut Queue) {
    let mut size = CONTROL;
    loop {
        match message.encode(outgoing.room(size)) {
            Ok(written) => return outgoing.advance(written),
            Err(EncodeError::InsufficientSize(short)) => size = short.required_size,
            Err(EncodeError::AlreadyEncoded) => return,
        }
    }
}

fn perform<Data>(task: Task<'_>, mut traffic: WriteTraffic<'_, Data>, outgoing: &mut Queue) -> Result<(), Fault> {
    match task {
        Task::Nothing => Ok(()),
        // The library allocates each record, encrypts there and copies it out: one copy in, one out.
        Task::Encrypt(data) => write(outgoing, sealed_size(data.len()), |room| traffic.encrypt(data, room)),
        Task::Close => write(outgoing, CONTROL, |room| traffic.queue_close_notify(room)),
        Task::UpdateKeys => traffic.refresh_traffic_keys().map_err(fault),
    }
}

/// Give the library room to write to: `size`, or more if that is too little.
fn write(
    outgoing: &mut Queue,
    mut size: usize,
    mut into: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), Fault> {
    loop {
        match into(outgoing.room(size)) {
            Ok(written) => {
                outgoing.advance(written);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(short)) => size = short.required_size,
            Err(error) => return Err(Fault::library("EncryptExhausted", error.to_string())),
        }
    }
}
