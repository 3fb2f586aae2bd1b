//! Our certificates and their keys: loaded, living elsewhere, or chosen by the program.
//!
//! What the library holds refers to callables of the program weakly: the objects that Python sees own them, so that its
//! garbage collector finds every way that leads in a circle.

use std::fmt;
use std::sync::{Arc, Weak};

use pyo3::exceptions::PyReferenceError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use super::errors::configuration;
use super::notes::note;
use crate::fault::Fault;

/// A callable of the program.
pub type Callable = Py<PyAny>;
/// Picks an identity from the server's list of authorities.
pub type ChooseCallback = Box<dyn Fn(&[&[u8]]) -> PyResult<Option<Identity>> + Send + Sync>;

/// Take hold of a callable for one call. Whoever has a connection has its owner, too.
pub fn held(callable: &Weak<Callable>) -> PyResult<Arc<Callable>> {
    callable.upgrade().ok_or_else(|| PyReferenceError::new_err("the owner of the callback is gone"))
}

// ---------------------------------------------------------------------------------------------------------- identities

/// A chain with its key, loaded.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    signer: Option<Arc<Callable>>,
}

impl Identity {
    /// Load a chain and its key in DER: PKCS #8, PKCS #1 or SEC 1.
    pub fn new(chain: Vec<Vec<u8>>, key: &[u8], ocsp: Option<Vec<u8>>) -> Result<Self, Fault> {
        let key = PrivateKeyDer::try_from(key).map_err(|text| Fault::configuration("General", text))?;
        let loaded = any_supported_type(&key).map_err(configuration)?;
        Ok(Self { certified: checked(chain, loaded, ocsp)?, signer: None })
    }

    /// Refer to a key that signs on demand: the scheme and the message, to the signature.
    pub fn external(
        chain: Vec<Vec<u8>>,
        public_key: Vec<u8>,
        schemes: &[u16],
        signer: Callable,
        ocsp: Option<Vec<u8>>,
    ) -> Result<Self, Fault> {
        let schemes: Vec<_> = schemes.iter().map(|&scheme| SignatureScheme::from(scheme)).collect();
        let first = schemes.first().ok_or_else(|| Fault::configuration("General", "no signature scheme is given"))?;
        let algorithm = algorithm_of(*first);
        let signer = Arc::new(signer);
        let key = ExternalKey { public_key, algorithm, schemes, signer: Arc::downgrade(&signer) };
        Ok(Self { certified: checked(chain, Arc::new(key), ocsp)?, signer: Some(signer) })
    }

    /// The signer, if this is its only owner.
    pub fn owned_signer(&self) -> Option<&Callable> {
        self.signer.as_ref().filter(|signer| Arc::strong_count(signer) == 1).map(Arc::as_ref)
    }

    /// For the library; with a list of `schemes` it signs with no others.
    pub fn restricted(&self, schemes: Option<&[u16]>) -> Arc<CertifiedKey> {
        let Some(schemes) = schemes else { return self.certified.clone() };
        let schemes = schemes.iter().map(|&scheme| scheme.into()).collect();
        let mut certified = (*self.certified).clone();
        certified.key = Arc::new(RestrictedKey { key: certified.key, schemes });
        Arc::new(certified)
    }
}

fn checked(chain: Vec<Vec<u8>>, key: Arc<dyn SigningKey>, ocsp: Option<Vec<u8>>) -> Result<Arc<CertifiedKey>, Fault> {
    let mut certified = CertifiedKey::new(chain.into_iter().map(CertificateDer::from).collect(), key);
    certified.ocsp = ocsp;
    match certified.keys_match() {
        // rustls cannot read every certificate that a server may have to show; then the key has to stand in it.
        Err(Error::InvalidCertificate(_)) if holds_key(&certified) => {}
        other => other.map_err(configuration)?,
    }
    Ok(Arc::new(certified))
}

/// Whether the leaf holds the public key, as a SubjectPublicKeyInfo in DER.
fn holds_key(certified: &CertifiedKey) -> bool {
    let (Some(leaf), Some(public_key)) = (certified.cert.first(), certified.key.public_key()) else { return false };
    !public_key.is_empty() && leaf.windows(public_key.len()).any(|part| part == public_key.as_ref())
}

// ---------------------------------------------------------------------------------------------------------- keys

/// A key that lives elsewhere.
#[derive(Debug)]
struct ExternalKey {
    public_key: Vec<u8>,
    algorithm: SignatureAlgorithm,
    schemes: Vec<SignatureScheme>,
    signer: Weak<Callable>,
}

/// It, and the scheme that was agreed on.
#[derive(Debug)]
struct ExternalSigner {
    scheme: SignatureScheme,
    signer: Weak<Callable>,
}

fn algorithm_of(scheme: SignatureScheme) -> SignatureAlgorithm {
    use SignatureScheme as S;
    match scheme {
        S::ECDSA_NISTP256_SHA256 | S::ECDSA_NISTP384_SHA384 | S::ECDSA_NISTP521_SHA512 => SignatureAlgorithm::ECDSA,
        S::ED25519 => SignatureAlgorithm::ED25519,
        _ => SignatureAlgorithm::RSA,
    }
}

impl SigningKey for ExternalKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = *self.schemes.iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(ExternalSigner { scheme, signer: self.signer.clone() }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.public_key.as_slice().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }
}

impl Signer for ExternalSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = Python::attach(|py| {
            let signer = held(&self.signer)?;
            signer.call1(py, (u16::from(self.scheme), PyBytes::new(py, message)))?.extract(py)
        });
        signature.map_err(|error| {
            note(|notes| notes.callback = Some(error));
            Error::General("the signer has failed".into())
        })
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

/// A key that signs with some schemes only, preferred in this order.
#[derive(Debug)]
struct RestrictedKey {
    key: Arc<dyn SigningKey>,
    schemes: Vec<SignatureScheme>,
}

impl SigningKey for RestrictedKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let mut wanted = self.schemes.iter().filter(|scheme| offered.contains(scheme));
        wanted.find_map(|&scheme| self.key.choose_scheme(&[scheme]))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}

// ---------------------------------------------------------------------------------------------------------- choice

/// Asks the program for the identity to show; it signs with `schemes` only, if there are any.
pub struct Chooser {
    pub choose: ChooseCallback,
    pub schemes: Option<Vec<u16>>,
}

impl fmt::Debug for Chooser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Chooser")
    }
}

impl ResolvesClientCert for Chooser {
    fn resolve(&self, authorities: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        match (self.choose)(authorities) {
            Ok(identity) => note(|notes| {
                notes.chosen = identity;
                notes.chosen.as_ref().map(|identity| identity.restricted(self.schemes.as_deref()))
            }),
            Err(error) => {
                note(|notes| notes.callback = Some(error));
                None
            }
        }
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A server without a certificate of its own: only another context of the same connection could have had one.
#[derive(Debug)]
pub struct NoIdentity;

impl ResolvesServerCert for NoIdentity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}
