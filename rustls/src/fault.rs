//! What goes wrong, and the one conversion to Python's exceptions.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(unitls_rustls, Error, PyException, "Whatever the library reports: (kind, code, text).");
create_exception!(unitls_rustls, WantRead, Error, "More has to come in first.");

/// Everything that a call can end with, besides success.
#[derive(Debug)]
pub enum Fault {
    /// More ciphertext is needed.
    WantRead,
    /// A certificate was refused; the code is the verifier's own word.
    Certificate { code: String, text: String },
    /// The peer has sent an alert that ends the connection: fatal, or close_notify in the middle of a handshake.
    Alert(u8),
    /// The library ended the connection for another reason; the code is its own word.
    Library { code: String, text: String },
    /// What was asked for cannot be configured.
    Configuration { code: String, text: String },
    /// A callback of the program has failed.
    Callback(PyErr),
    /// A call that makes no sense now.
    Misuse(&'static str),
}

impl Fault {
    pub fn library(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Library { code: code.into(), text: text.into() }
    }

    pub fn configuration(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Configuration { code: code.into(), text: text.into() }
    }
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::WantRead => WantRead::new_err(("want_read", "", "more has to come in first")),
            Fault::Certificate { code, text } => Error::new_err(("certificate", code, text)),
            Fault::Alert(number) => Error::new_err(("alert", number, "the peer has ended the connection")),
            Fault::Library { code, text } => Error::new_err(("library", code, text)),
            Fault::Configuration { code, text } => Error::new_err(("configuration", code, text)),
            Fault::Misuse(text) => Error::new_err(("misuse", "", text)),
            Fault::Callback(cause) => Python::attach(|py| {
                let error = Error::new_err(("callback", "", cause.to_string()));
                error.set_cause(py, Some(cause));
                error
            }),
        }
    }
}
