//! The library's errors as ours, and the verifier's as the library's.

use std::sync::Arc;

use rustls::{CertificateError, Error, InconsistentKeys, OtherError};

use crate::fault::Fault;
use crate::verify::name_of;

/// The client takes no signature that the server's key can make: in TLS 1.2 the library has no word of its own for it.
pub const INCOMPATIBLE_KEY: &str = "IncompatibleSigningKey";

/// What is wrong with a configuration.
pub fn configuration(error: Error) -> Fault {
    let code = match &error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => "KeyMismatch".to_owned(),
        other => name_of(other),
    };
    Fault::configuration(code, error.to_string())
}

/// What is wrong with a connection. Why a certificate was refused was noted with all it says: that comes first.
pub fn fault(error: Error) -> Fault {
    let text = error.to_string();
    match error {
        Error::AlertReceived(alert) => Fault::Alert(alert.into()),
        Error::InvalidCertificate(refusal) => Fault::Certificate { code: name_of(&refusal), text },
        Error::NoCertificatesPresented => Fault::Certificate { code: "NoCertificatesPresented".into(), text },
        Error::PeerMisbehaved(what) => Fault::library(format!("PeerMisbehaved.{}", name_of(&what)), text),
        Error::PeerIncompatible(what) => Fault::library(format!("PeerIncompatible.{}", name_of(&what)), text),
        Error::InvalidMessage(what) => Fault::library(format!("InvalidMessage.{}", name_of(&what)), text),
        // A server of TLS 1.2 says so where the client takes no signature that its key can make, and sends no alert.
        Error::General(what) if what == "incompatible signing key" => Fault::library(INCOMPATIBLE_KEY, text),
        other => Fault::library(name_of(&other), text),
    }
}

/// What to tell the library about a refusal, so that the peer gets the fitting alert.
pub fn certificate_error(error: webpki::Error) -> CertificateError {
    use webpki::Error as E;
    match error {
        E::CertExpired { .. } | E::InvalidCertValidity => CertificateError::Expired,
        E::CertNotValidYet { .. } => CertificateError::NotValidYet,
        E::CertRevoked => CertificateError::Revoked,
        E::UnknownIssuer | E::MaximumPathDepthExceeded => CertificateError::UnknownIssuer,
        E::UnknownRevocationStatus => CertificateError::UnknownRevocationStatus,
        E::CrlExpired { .. } => CertificateError::ExpiredRevocationList,
        E::InvalidSignatureForPublicKey | E::SignatureAlgorithmMismatch => CertificateError::BadSignature,
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension | E::CaUsedAsEndEntity => {
            CertificateError::InvalidPurpose
        }
        E::BadDer | E::BadDerTime | E::MalformedExtensions | E::ExtensionValueInvalid | E::TrailingData(_) => {
            CertificateError::BadEncoding
        }
        other => CertificateError::Other(OtherError(Arc::new(other))),
    }
}
