//! The sessions of clients: core keeps them, so the library's store only hands them over.

use std::sync::{Arc, Mutex};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

use super::notes::note;

/// A session that can be resumed.
#[derive(Clone)]
pub enum Session {
    Tls12(Tls12ClientSessionValue),
    /// A ticket, which is used once: whoever takes it leaves nothing (RFC 8446 appendix C.4).
    Tls13(Arc<Mutex<Option<Tls13ClientSessionValue>>>),
}

impl Session {
    pub fn is_tls13(&self) -> bool {
        matches!(self, Self::Tls13(_))
    }

    /// How many bytes of early data its server has said it takes.
    pub fn early_data(&self) -> usize {
        let Self::Tls13(held) = self else { return 0 };
        held.lock().ok().and_then(|value| value.as_ref().map(|value| value.max_early_data_size() as usize)).unwrap_or(0)
    }
}

/// Hands sessions over to the connection that made them, and offers the one a connection was given.
#[derive(Debug)]
pub struct SessionNotes;

impl ClientSessionStore for SessionNotes {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        note(|notes| notes.add_session(Session::Tls12(value)));
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        note(|notes| match &notes.offered {
            Some(Session::Tls12(value)) => Some(value.clone()),
            _ => None,
        })
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        note(|notes| notes.add_session(Session::Tls13(Arc::new(Mutex::new(Some(value))))));
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        note(|notes| match &notes.offered {
            Some(Session::Tls13(held)) => held.lock().ok()?.take(),
            _ => None,
        })
    }
}
