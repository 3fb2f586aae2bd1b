//! The peer's certificate and its proof of possession, in either role.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, SignatureScheme};

use super::catalogue::{verifiable, verification};
use super::errors::certificate_error;
use super::notes::note;
use crate::fault::Fault;
use crate::verify::{Peer, Trust, name_of};

/// Verifies peers in either role; without `trust` it accepts every certificate, but still its proof of possession.
#[derive(Debug)]
pub struct Verifier {
    trust: Option<Arc<Trust>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// The signatures that are accepted in a handshake.
    schemes: Vec<SignatureScheme>,
    subjects: Vec<DistinguishedName>,
    mandatory: bool,
}

impl Verifier {
    /// `None` if none of the `schemes` can be verified; no list of them is all that can be.
    pub fn new(trust: Option<Arc<Trust>>, schemes: Option<&[u16]>, mandatory: bool) -> Option<Self> {
        let known = verifiable();
        let schemes: Vec<_> = match schemes {
            Some(wanted) => wanted.iter().map(|&value| value.into()).filter(|scheme| known.contains(scheme)).collect(),
            None => known,
        };
        let subjects = trust.iter().flat_map(|trust| trust.subjects().map(DistinguishedName::in_sequence)).collect();
        (!schemes.is_empty()).then(|| Self { trust, algorithms: verification(), schemes, subjects, mandatory })
    }

    /// Verify what the peer has sent, and note the path, or why there is none.
    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        peer: Peer,
        now: UnixTime,
    ) -> Result<(), Error> {
        let Some(trust) = &self.trust else { return Ok(()) };
        note(|notes| {
            let now = notes.now.map_or(now, |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
            match trust.verify(leaf, others, peer, now) {
                Ok(path) => {
                    notes.path = path;
                    Ok(())
                }
                Err(error) => {
                    notes.refused = iter::once(leaf).chain(others).map(|der| der.to_vec()).collect();
                    notes.refusal = Some(Fault::Certificate { code: name_of(&error), text: error.to_string() });
                    Err(certificate_error(error).into())
                }
            }
        })
    }

    /// Verify a signature of the handshake; one that fails may do so for a key that is too small, so the leaf is noted.
    fn verify_signature(
        &self,
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        check: impl FnOnce(&WebPkiSupportedAlgorithms) -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if !self.schemes.contains(&signed.scheme) {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        check(&self.algorithms).inspect_err(|_| note(|notes| notes.refused = vec![leaf.to_vec()]))
    }
}

/// What the traits of both roles ask for in the same words.
macro_rules! signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.verify_signature(leaf, signed, |known| verify_tls12_signature(message, leaf, signed, known))
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.verify_signature(leaf, signed, |known| verify_tls13_signature(message, leaf, signed, known))
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.schemes.clone()
        }
    };
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        note(|notes| notes.ocsp = ocsp_response.to_vec());
        self.verify(leaf, intermediates, Peer::Server, now).map(|()| ServerCertVerified::assertion())
    }

    signatures!();
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(leaf, intermediates, Peer::Client, now).map(|()| ClientCertVerified::assertion())
    }

    signatures!();
}
