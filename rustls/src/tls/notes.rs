//! What the library's callbacks have told about one connection, and to which connection they tell it.

use std::cell::RefCell;
use std::mem;

use pyo3::PyErr;
use rustls::KeyLog;
use zeroize::Zeroizing;

use super::identity::Identity;
use super::sessions::Session;
use crate::fault::Fault;
use crate::verify::Step;

/// How many sessions wait to be taken: a server may send any number of tickets.
const KEPT_SESSIONS: usize = 8;

/// What the library has told about one connection.
#[derive(Default)]
pub struct Notes {
    /// Seconds since the epoch to verify at, if not now.
    pub now: Option<u64>,
    /// What the peer has sent, if it was refused: the library does not tell then.
    pub refused: Vec<Vec<u8>>,
    pub refusal: Option<Fault>,
    pub path: Vec<Step>,
    pub ocsp: Vec<u8>,
    /// The session that a client offers.
    pub offered: Option<Session>,
    /// Those that were made.
    pub sessions: Vec<Session>,
    pub wants_log: bool,
    pub log: String,
    pub client_random: [u8; 32],
    /// What exporters start from.
    pub secret: Option<Zeroizing<Vec<u8>>>,
    /// The identity that the program has chosen, which owns its signer.
    pub chosen: Option<Identity>,
    /// What a callback of the program has raised.
    pub callback: Option<PyErr>,
}

impl Notes {
    /// Keep a session; of many the newest are kept.
    pub fn add_session(&mut self, session: Session) {
        if self.sessions.len() >= KEPT_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push(session);
    }
}

thread_local! {
    static NOTES: RefCell<Box<Notes>> = RefCell::default();
}

/// Run `work` with `notes` where the callbacks find them. A callback may run another connection on the same thread.
pub fn noting<T>(notes: &mut Box<Notes>, work: impl FnOnce() -> T) -> T {
    NOTES.with_borrow_mut(|here| mem::swap(here, notes));
    let result = work();
    NOTES.with_borrow_mut(|here| mem::swap(here, notes));
    result
}

/// Look into the notes of the connection that the library works on, or write to them. `work` calls nothing of Python.
pub fn note<T>(work: impl FnOnce(&mut Notes) -> T) -> T {
    NOTES.with_borrow_mut(|notes| work(notes))
}

/// Notes secrets: for the exporter always, for a key log where one is wanted.
#[derive(Debug)]
pub struct SecretNotes;

impl KeyLog for SecretNotes {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        note(|notes| {
            if notes.wants_log {
                notes.log += &format!("{label} {} {}\n", hex(client_random), hex(secret));
            }
            if matches!(label, "EXPORTER_SECRET" | "CLIENT_RANDOM") {
                notes.secret = Some(Zeroizing::new(secret.to_vec()));
                if let Ok(random) = client_random.try_into() {
                    notes.client_random = random;
                }
            }
        });
    }
}

fn hex(data: &[u8]) -> String {
    data.iter().map(|octet| format!("{octet:02x}")).collect()
}
