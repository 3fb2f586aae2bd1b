//! Early data (RFC 8446 section 2.3).

use rustls::client::ClientConnectionData;
use rustls::server::ServerConnectionData;
use rustls::unbuffered::{ReadEarlyData, TransmitTlsData};

use super::drive::sealed_size;
use super::errors::fault;
use crate::fault::Fault;
use crate::memory::Queue;
use crate::wire::has_end_of_early_data;

/// What one connection has to do with early data.
#[derive(Default)]
pub struct Early {
    /// How much more a client may send.
    room: usize,
    /// On a client what goes out behind the ClientHello, on a server what has come in.
    data: Vec<u8>,
    /// Whether a client has sent some, or some has come to a server.
    used: bool,
    accepted: bool,
}

impl Early {
    pub fn with_room(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    /// Whether the server has taken early data; `None` if there was none.
    pub fn accepted(&self) -> Option<bool> {
        self.used.then_some(self.accepted)
    }

    /// On a client: take what is to go out with the ClientHello; how much of it.
    pub fn add(&mut self, data: &[u8]) -> usize {
        let taken = data.len().min(self.room);
        self.data.extend_from_slice(&data[..taken]);
        self.room -= taken;
        taken
    }

    /// On a client: send what there is behind a ClientHello. From then on it is too late for more.
    pub fn send(&mut self, transmit: &mut TransmitTlsData<'_, ClientConnectionData>, outgoing: &mut Queue) {
        self.room = 0;
        let data = std::mem::take(&mut self.data);
        if data.is_empty() {
            return;
        }
        if let Some(mut adapter) = transmit.may_encrypt_early_data() {
            if let Ok(written) = adapter.encrypt(&data, outgoing.room(sealed_size(data.len()))) {
                outgoing.advance(written);
                self.used = true;
            }
        }
    }

    /// On a client: look into what it sends for the sign that the server has taken early data: rustls does not tell.
    pub fn watch(&mut self, sent: &[u8]) {
        self.accepted |= self.used && has_end_of_early_data(sent);
    }

    /// On a server: keep what has come in. The library has bounded it by what the configuration says.
    pub fn receive(&mut self, records: &mut ReadEarlyData<'_, '_, ServerConnectionData>) -> Result<(), Fault> {
        while let Some(record) = records.next_record() {
            self.data.extend_from_slice(record.map_err(fault)?.payload);
            (self.used, self.accepted) = (true, true);
        }
        Ok(())
    }

    /// On a server: what has come in.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.data)
    }
}
