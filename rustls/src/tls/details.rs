//! What a connection tells of itself.

use std::mem;

use rustls::crypto::hash::HashAlgorithm;
use rustls::{CommonState, HandshakeKind, ProtocolVersion, SupportedCipherSuite};
use zeroize::Zeroizing;

use super::connection::{Connection, Native};
use super::sessions::Session;
use crate::exporter::{Hash, Secret};
use crate::verify::Step;

impl Connection {
    pub(super) fn common(&self) -> &CommonState {
        match &self.native {
            Native::Client(connection) => connection,
            Native::Server(connection) => connection,
        }
    }

    pub fn version(&self) -> Option<u16> {
        self.common().protocol_version().map(u16::from)
    }

    pub fn cipher(&self) -> Option<u16> {
        self.common().negotiated_cipher_suite().map(|suite| suite.suite().into())
    }

    pub fn protocol(&self) -> Option<&[u8]> {
        self.common().alpn_protocol()
    }

    pub fn group(&self) -> Option<u16> {
        self.common().negotiated_key_exchange_group().map(|group| group.name().into())
    }

    pub fn resumed(&self) -> Option<bool> {
        self.common().handshake_kind().map(|kind| kind == HandshakeKind::Resumed)
    }

    pub fn peer_chain(&self) -> Vec<&[u8]> {
        match self.common().peer_certificates() {
            Some(chain) => chain.iter().map(|der| der.as_ref()).collect(),
            None => self.notes.refused.iter().map(Vec::as_slice).collect(),
        }
    }

    pub fn verified_chain(&self) -> Vec<&[u8]> {
        let sent = self.peer_chain();
        let steps = self.notes.path.iter().filter_map(|step| match *step {
            Step::Sent(index) => sent.get(index).copied(),
            Step::Anchor(index) => self.trust.as_ref()?.certificate(index),
        });
        steps.collect()
    }

    pub fn ocsp(&self) -> &[u8] {
        &self.notes.ocsp
    }

    /// Whether the server has taken early data; `None` if there was none.
    pub fn early_accepted(&self) -> Option<bool> {
        self.early.accepted()
    }

    /// The newest session that was made and not taken yet.
    pub fn take_session(&mut self) -> Option<Session> {
        self.notes.sessions.pop()
    }

    /// The lines for the key log that have come up since the last call.
    pub fn take_log(&mut self) -> String {
        mem::take(&mut self.notes.log)
    }

    /// Exported keying material; `None` where the library has told no secret for it.
    pub fn export(&self, label: &[u8], length: usize, context: Option<&[u8]>) -> Option<Zeroizing<Vec<u8>>> {
        let hash = match suite_hash(self.common().negotiated_cipher_suite()?) {
            HashAlgorithm::SHA256 => Hash::Sha256,
            HashAlgorithm::SHA384 => Hash::Sha384,
            _ => return None,
        };
        let secret = self.notes.secret.clone()?;
        let secret = if self.common().protocol_version() == Some(ProtocolVersion::TLSv1_3) {
            Secret::Tls13 { exporter: secret }
        } else {
            let server_random = self.server_random?;
            Secret::Tls12 { master: secret, client_random: self.notes.client_random, server_random }
        };
        secret.export(hash, label, length, context)
    }
}

fn suite_hash(suite: SupportedCipherSuite) -> HashAlgorithm {
    match suite {
        SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider.algorithm(),
        SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider.algorithm(),
    }
}
