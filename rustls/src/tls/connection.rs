//! One connection: what a handshake, a read and a write are made of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;

use super::drive::{Sink, Stop, Task, Work};
use super::early::Early;
use super::errors::INCOMPATIBLE_KEY;
use super::notes::{Notes, noting};
use crate::fault::Fault;
use crate::memory::Queue;
use crate::raw::Output;
use crate::verify::Trust;
use crate::wire::{HANDSHAKE_FAILURE, INTERNAL_ERROR, correct_alert, record_end, server_random};

const CLOSE_NOTIFY: u8 = 0;
const TLS12: u16 = 0x0303;

pub enum Native {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

/// One connection.
pub struct Connection {
    pub(super) native: Native,
    pub(super) trust: Option<Arc<Trust>>,
    pub(super) notes: Box<Notes>,
    /// What exporters of TLS 1.2 need, and the library does not tell.
    pub(super) server_random: Option<[u8; 32]>,
    pub(super) early: Early,
    /// Plaintext of a record that was longer than what was asked for.
    held: Vec<u8>,
    held_start: usize,
    /// Where in the incoming queue the first record begins that a handshake has not been shown whole.
    boundary: usize,
    peer_closed: bool,
    /// What a read has met behind the data that it gave: the next one gives that.
    due: Option<Result<(), Fault>>,
}

impl Connection {
    pub fn new(native: Native, trust: Option<Arc<Trust>>, notes: Box<Notes>, early_room: usize) -> Self {
        Self {
            native,
            trust,
            notes,
            server_random: None,
            early: Early::with_room(early_room),
            held: Vec::new(),
            held_start: 0,
            boundary: 0,
            peer_closed: false,
            due: None,
        }
    }

    /// Let the library work, with its notes in place, and with a panic of its as a fault like others.
    fn work(
        &mut self,
        incoming: &mut Queue,
        shown: usize,
        outgoing: &mut Queue,
        output: Option<&mut Output>,
        task: Task<'_>,
    ) -> Result<Stop, Fault> {
        let sink = Sink { output, rest: &mut self.held };
        let shown = shown.min(incoming.len());
        let work = Work { incoming, shown, outgoing, sink, task, early: &mut self.early };
        // Whatever a panic leaves half done is this connection's own, and memory-safe: it gives errors from then on.
        let run = AssertUnwindSafe(|| match &mut self.native {
            Native::Client(connection) => work.drive(&mut **connection),
            Native::Server(connection) => work.drive(&mut **connection),
        });
        let result = noting(&mut self.notes, || catch_unwind(run));
        let result = result.unwrap_or_else(|_| Err(Fault::library("Panic", "rustls has panicked")));
        let result = match (self.notes.callback.take(), result) {
            (Some(error), _) => Err(Fault::Callback(error)),
            (None, Err(failure)) => Err(self.notes.refusal.take().unwrap_or(failure)),
            (None, done) => done,
        };
        self.peer_closed |= matches!(result, Ok(Stop::PeerClosed | Stop::Closed));
        if !matches!(result, Ok(Stop::Open | Stop::Blocked)) {
            incoming.mark_seen(0);
        }
        result
    }

    // ------------------------------------------------------------------------------------------------ the handshake

    /// Take the handshake as far as it goes, record by record: what stands behind it stays where it is.
    pub fn handshake(&mut self, incoming: &mut Queue, outgoing: &mut Queue, now: Option<u64>) -> Result<(), Fault> {
        self.notes.now = now;
        let result = self.show_records(incoming, outgoing);
        if !matches!(result, Err(Fault::WantRead)) {
            self.notes.chosen = None; // nothing is signed from now on
        }
        result
    }

    fn show_records(&mut self, incoming: &mut Queue, outgoing: &mut Queue) -> Result<(), Fault> {
        loop {
            let start = outgoing.len();
            if let Native::Client(_) = self.native {
                self.server_random = self.server_random.or_else(|| server_random(incoming.filled()));
            }
            let stop = self.show_record(incoming, outgoing);
            let sent = &outgoing.filled()[start..];
            match self.native {
                Native::Client(_) => self.early.watch(sent),
                Native::Server(_) => self.server_random = self.server_random.or_else(|| server_random(sent)),
            }
            if let Err(failure) = &stop {
                self.complete_alert(failure, outgoing, start);
            }
            match stop? {
                _ if self.is_done() => return Ok(()),
                Stop::Data => {}
                Stop::PeerClosed | Stop::Closed => return Err(Fault::Alert(CLOSE_NOTIFY)),
                Stop::Open | Stop::Blocked if incoming.seen() < incoming.len() => {}
                Stop::Open | Stop::Blocked => return Err(Fault::WantRead),
            }
        }
    }

    /// Give the peer the alert that the library does not give it, or not rightly, in what was written from `start` on.
    fn complete_alert(&self, failure: &Fault, outgoing: &mut Queue, start: usize) {
        match failure {
            Fault::Certificate { code, .. } if code == "NoCertificatesPresented" && self.version() == Some(TLS12) => {
                correct_alert(&mut outgoing.filled_mut()[start..]);
            }
            Fault::Library { code, .. } if code == INCOMPATIBLE_KEY => outgoing.append(&HANDSHAKE_FAILURE),
            // Where the program could not choose a certificate, the library has gone on without one: that must not go out.
            Fault::Callback(_) => {
                outgoing.truncate(start);
                outgoing.append(&INTERNAL_ERROR);
            }
            _ => {}
        }
    }

    /// Show the library one record more, or what there is of one.
    fn show_record(&mut self, incoming: &mut Queue, outgoing: &mut Queue) -> Result<Stop, Fault> {
        let all = incoming.len();
        let next = incoming.filled().get(self.boundary..).and_then(record_end);
        let shown = next.map_or(all, |size| self.boundary + size);
        if next.is_some() {
            self.boundary = shown;
        }
        let stop = self.work(incoming, shown, outgoing, None, Task::Nothing);
        let discarded = all - incoming.len();
        self.boundary = self.boundary.saturating_sub(discarded);
        if matches!(stop, Ok(Stop::Open | Stop::Blocked)) {
            incoming.mark_seen(shown.saturating_sub(discarded));
        }
        stop
    }

    /// Whether the handshake is over, and all of it written.
    fn is_done(&self) -> bool {
        !self.common().is_handshaking() && !self.common().wants_write()
    }

    // ------------------------------------------------------------------------------------------------ reading

    /// Decrypt what is there into `output`: as many records as fit. Nothing is only read at the peer's close_notify.
    pub fn read(&mut self, incoming: &mut Queue, outgoing: &mut Queue, output: &mut Output) -> Result<(), Fault> {
        // It would go on here, and call back while locks are held.
        if self.common().is_handshaking() {
            return Err(Fault::Misuse("the handshake is not done"));
        }
        self.give_held(output);
        if output.filled() == 0 {
            if let Some(end) = self.due.take() {
                incoming.set_due(false);
                return end;
            }
        }
        while output.room() > 0 && !self.peer_closed && self.due.is_none() {
            let end = match self.work(incoming, usize::MAX, outgoing, Some(output), Task::Nothing) {
                Ok(Stop::Data) if incoming.len() == 0 => break,
                Ok(Stop::Data) => continue,
                Ok(Stop::PeerClosed | Stop::Closed) => Ok(()),
                // What is left is the start of a record, or of a message in several.
                Ok(Stop::Open | Stop::Blocked) => {
                    incoming.mark_seen(incoming.len());
                    if output.filled() == 0 {
                        return Err(Fault::WantRead);
                    }
                    incoming.reveal();
                    break;
                }
                Err(failure) => Err(failure),
            };
            if output.filled() == 0 {
                return end;
            }
            self.due = Some(end);
            incoming.set_due(true);
        }
        Ok(())
    }

    fn give_held(&mut self, output: &mut Output) {
        self.held_start += output.push(&self.held[self.held_start..]);
        if self.held_start == self.held.len() {
            (self.held, self.held_start) = (Vec::new(), 0);
        }
    }

    /// How much plaintext `read` can give at most, with `incoming` as it is.
    pub fn readable(&self, incoming: &Queue) -> usize {
        self.pending() + if self.peer_closed { 0 } else { incoming.len() }
    }

    pub fn pending(&self) -> usize {
        self.held.len() - self.held_start
    }

    // ------------------------------------------------------------------------------------------------ writing

    fn write_task(&mut self, incoming: &mut Queue, outgoing: &mut Queue, task: Task<'_>) -> Result<(), Fault> {
        loop {
            // Only what the library has left there before: what came since is the reader's business. So nothing is
            // taken from it here, and no callback comes.
            match self.work(incoming, incoming.seen(), outgoing, None, task)? {
                Stop::Open => return Ok(()),
                // The peer's close_notify ends its direction only (RFC 8446 section 6.1): go on writing.
                Stop::Data | Stop::PeerClosed => {}
                Stop::Closed if matches!(task, Task::Close) => return Ok(()),
                Stop::Closed => return Err(Fault::Misuse("the connection is closed")),
                Stop::Blocked => return Err(Fault::Misuse("the handshake is not done")),
            }
        }
    }

    pub fn write(&mut self, incoming: &mut Queue, outgoing: &mut Queue, data: &[u8]) -> Result<(), Fault> {
        self.write_task(incoming, outgoing, Task::Encrypt(data))
    }

    pub fn shutdown(&mut self, incoming: &mut Queue, outgoing: &mut Queue) -> Result<(), Fault> {
        self.write_task(incoming, outgoing, Task::Close)
    }

    pub fn update_keys(&mut self, incoming: &mut Queue, outgoing: &mut Queue) -> Result<(), Fault> {
        self.write_task(incoming, outgoing, Task::UpdateKeys)?;
        self.write_task(incoming, outgoing, Task::Nothing)
    }

    /// On a client that has not begun: take data that goes out with the ClientHello.
    pub fn write_early(&mut self, data: &[u8]) -> usize {
        self.early.add(data)
    }

    /// On a server: the early data that has come in.
    pub fn take_early(&mut self) -> Vec<u8> {
        self.early.take()
    }
}
