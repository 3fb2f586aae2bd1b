//! rustls: the only file that names its types, since its next version changes them.
//!
//! Connections are unbuffered ones (`rustls::unbuffered`): records are decrypted where they lie in the incoming queue
//! and encrypted towards the outgoing one. What the library tells only through its configuration's callbacks (the peer's
//! certificates when it refuses them, sessions, secrets) lands in `Notes`, which are the connection's own: they lie in a
//! variable of the thread while the library works on that connection.

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use pyo3::PyErr;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientConnectionData, ClientSessionStore, EchConfig, EchMode, ResolvesClientCert, Tls12ClientSessionValue,
    Tls13ClientSessionValue, UnbufferedClientConnection,
};
use rustls::crypto::aws_lc_rs::{self as provider, sign::any_supported_type};
use rustls::crypto::{
    CryptoProvider, SupportedKxGroup, hash::HashAlgorithm, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{
    CertificateDer, EchConfigListBytes, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    ClientHello, ResolvesServerCert, ServerConnectionData, ServerSessionMemoryCache, UnbufferedServerConnection,
};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::unbuffered::{
    ConnectionState, EncryptError, ReadEarlyData, TransmitTlsData, UnbufferedStatus, WriteTraffic,
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, HandshakeKind, InconsistentKeys,
    KeyLog, NamedGroup, OtherError, ProtocolVersion, ServerConfig, SignatureAlgorithm, SignatureScheme,
    SupportedCipherSuite, SupportedProtocolVersion, version,
};
use zeroize::Zeroizing;

use crate::exporter::{Hash, Secret};
use crate::fault::Fault;
use crate::memory::Queue;
use crate::raw::Output;
use crate::verify::{DatedAnchor, Peer, Step, Trust, name_of};

/// Room for what encryption adds to a record: header, explicit nonce (TLS 1.2), inner content type, tag; rounded up.
const RECORD_OVERHEAD: usize = 64;
const RECORD: usize = 16384;
/// A KeyUpdate or an alert that goes out in front of the data.
const CONTROL: usize = 512;
/// How many sessions a server remembers for clients that do not take tickets.
const STORED_SESSIONS: usize = 256;

// ---------------------------------------------------------------------------------------------------------- notes

/// What the library has told about one connection.
#[derive(Default)]
pub struct Notes {
    /// Seconds since the epoch to verify at, if not now.
    now: Option<u64>,
    /// What the peer has sent, if it was refused: the library does not tell then.
    refused: Vec<Vec<u8>>,
    refusal: Option<Fault>,
    path: Vec<Step>,
    ocsp: Vec<u8>,
    offered: Option<Session>,
    sessions: Vec<Session>,
    wants_log: bool,
    log: Vec<String>,
    client_random: [u8; 32],
    secret: Option<Zeroizing<Vec<u8>>>,
    callback: Option<PyErr>,
}

thread_local! {
    static NOTES: RefCell<Box<Notes>> = RefCell::default();
}

/// Run `work` with `notes` where the callbacks find them. A callback may run another connection on the same thread.
fn noting<T>(notes: &mut Box<Notes>, work: impl FnOnce() -> T) -> T {
    NOTES.with_borrow_mut(|here| mem::swap(here, notes));
    let result = work();
    NOTES.with_borrow_mut(|here| mem::swap(here, notes));
    result
}

/// A session that can be resumed.
#[derive(Clone)]
pub enum Session {
    Tls12(Tls12ClientSessionValue),
    Tls13(Arc<std::sync::Mutex<Option<Tls13ClientSessionValue>>>),
}

impl Session {
    pub fn is_tls13(&self) -> bool {
        matches!(self, Self::Tls13(_))
    }

    /// How many bytes of early data its server has said it takes.
    fn early_data(&self) -> usize {
        let Self::Tls13(held) = self else { return 0 };
        held.lock().ok().and_then(|value| value.as_ref().map(|value| value.max_early_data_size() as usize)).unwrap_or(0)
    }
}

/// Hands sessions over to the connection that made them, and offers the one a connection was given.
#[derive(Debug)]
struct SessionNotes;

impl ClientSessionStore for SessionNotes {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        NOTES.with_borrow_mut(|notes| notes.sessions.push(Session::Tls12(value)));
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        NOTES.with_borrow(|notes| match &notes.offered {
            Some(Session::Tls12(value)) => Some(value.clone()),
            _ => None,
        })
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        let held = Arc::new(std::sync::Mutex::new(Some(value)));
        NOTES.with_borrow_mut(|notes| {
            // A server may send any number of tickets: the newest are kept.
            if notes.sessions.len() >= 8 {
                notes.sessions.remove(0);
            }
            notes.sessions.push(Session::Tls13(held));
        });
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        NOTES.with_borrow(|notes| match &notes.offered {
            Some(Session::Tls13(held)) => held.lock().ok()?.take(),
            _ => None,
        })
    }
}

/// Notes secrets: for the exporter always, for a key log where one is wanted.
#[derive(Debug)]
struct SecretNotes;

impl KeyLog for SecretNotes {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        NOTES.with_borrow_mut(|notes| {
            if notes.wants_log {
                notes.log.push(format!("{label} {} {}\n", hex(client_random), hex(secret)));
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

// ---------------------------------------------------------------------------------------------------------- errors

fn configuration(error: Error) -> Fault {
    let code = match &error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => "KeyMismatch".to_owned(),
        other => name_of(other),
    };
    Fault::Configuration { code, text: error.to_string() }
}

/// The library's error as ours. A certificate's refusal was noted with all it says, and comes first.
fn fault(error: Error) -> Fault {
    let text = error.to_string();
    match error {
        Error::AlertReceived(alert) => Fault::Alert(alert.into()),
        Error::InvalidCertificate(refusal) => Fault::Certificate { code: name_of(&refusal), text },
        Error::NoCertificatesPresented => Fault::Certificate { code: "NoCertificatesPresented".into(), text },
        Error::PeerMisbehaved(what) => Fault::Library { code: format!("PeerMisbehaved.{}", name_of(&what)), text },
        Error::PeerIncompatible(what) => Fault::Library { code: format!("PeerIncompatible.{}", name_of(&what)), text },
        Error::InvalidMessage(what) => Fault::Library { code: format!("InvalidMessage.{}", name_of(&what)), text },
        other => Fault::Library { code: name_of(&other), text },
    }
}

/// What to tell the library about a refusal, so that the peer gets the fitting alert.
fn certificate_error(error: webpki::Error) -> CertificateError {
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

// ---------------------------------------------------------------------------------------------------------- verifiers

/// Verifies peers in either role; without `trust` it accepts every certificate, but still its proof of possession.
#[derive(Debug)]
struct Verifier {
    trust: Option<Arc<Trust>>,
    schemes: Vec<SignatureScheme>,
    subjects: Vec<DistinguishedName>,
    mandatory: bool,
}

impl Verifier {
    fn new(trust: Option<Arc<Trust>>, schemes: Option<&[u16]>, mandatory: bool) -> Self {
        let known = provider::default_provider().signature_verification_algorithms.supported_schemes();
        let schemes = match schemes {
            Some(wanted) => {
                wanted.iter().map(|&scheme| scheme.into()).filter(|scheme| known.contains(scheme)).collect()
            }
            None => known,
        };
        let subjects = trust.iter().flat_map(|trust| trust.subjects().map(DistinguishedName::in_sequence)).collect();
        Self { trust, schemes, subjects, mandatory }
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        peer: Peer,
        now: UnixTime,
    ) -> Result<(), Error> {
        let Some(trust) = &self.trust else { return Ok(()) };
        NOTES.with_borrow_mut(|notes| {
            let now = notes.now.map_or(now, |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
            match trust.verify(leaf, others, peer, now) {
                Ok(path) => {
                    notes.path = path;
                    Ok(())
                }
                Err(error) => {
                    notes.refused = std::iter::once(leaf).chain(others).map(|der| der.to_vec()).collect();
                    notes.refusal = Some(Fault::Certificate { code: name_of(&error), text: error.to_string() });
                    Err(certificate_error(error).into())
                }
            }
        })
    }

    /// Verify a signature of the handshake; one that fails may do so for a key that is too small, so the chain is noted.
    fn verify_signature(
        &self,
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        check: impl FnOnce() -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if !self.schemes.contains(&signed.scheme) {
            return Err(rustls::PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        check().inspect_err(|_| NOTES.with_borrow_mut(|notes| notes.refused = vec![leaf.to_vec()]))
    }

    fn verify_tls12(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider::default_provider().signature_verification_algorithms;
        self.verify_signature(leaf, signed, || verify_tls12_signature(message, leaf, signed, &algorithms))
    }

    fn verify_tls13(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider::default_provider().signature_verification_algorithms;
        self.verify_signature(leaf, signed, || verify_tls13_signature(message, leaf, signed, &algorithms))
    }
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
        NOTES.with_borrow_mut(|notes| notes.ocsp = ocsp_response.to_vec());
        self.verify(leaf, intermediates, Peer::Server, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_tls12(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_tls13(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
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

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_tls12(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_tls13(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

// ---------------------------------------------------------------------------------------------------------- identities

/// Signs with a key that lives elsewhere: the scheme and the message, to the signature.
pub type SignCallback = Arc<dyn Fn(u16, &[u8]) -> Result<Vec<u8>, PyErr> + Send + Sync>;
/// Picks an identity from the server's list of authorities.
pub type ChooseCallback = Arc<dyn Fn(&[&[u8]]) -> Result<Option<Identity>, PyErr> + Send + Sync>;

/// A chain with its key, loaded.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

struct ExternalKey {
    public_key: Vec<u8>,
    schemes: Vec<SignatureScheme>,
    sign: SignCallback,
}

struct ExternalSigner {
    scheme: SignatureScheme,
    sign: SignCallback,
}

impl fmt::Debug for ExternalKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ExternalKey")
    }
}

impl fmt::Debug for ExternalSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ExternalSigner")
    }
}

impl SigningKey for ExternalKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = *self.schemes.iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(ExternalSigner { scheme, sign: self.sign.clone() }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.public_key.as_slice().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match u16::from(self.schemes[0]) {
            0x0403 | 0x0503 | 0x0603 => SignatureAlgorithm::ECDSA,
            0x0807 => SignatureAlgorithm::ED25519,
            _ => SignatureAlgorithm::RSA,
        }
    }
}

impl Signer for ExternalSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        (self.sign)(self.scheme.into(), message).map_err(|error| {
            NOTES.with_borrow_mut(|notes| notes.callback = Some(error));
            Error::General("the signer has failed".into())
        })
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

/// A key that signs with some schemes only, preferred in this order.
#[derive(Debug)]
struct Restricted {
    key: Arc<dyn SigningKey>,
    schemes: Vec<SignatureScheme>,
}

impl SigningKey for Restricted {
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

impl Identity {
    /// Load a chain and its key in DER: PKCS #8, PKCS #1 or SEC 1.
    pub fn new(chain: Vec<Vec<u8>>, key: &[u8], ocsp: Option<Vec<u8>>) -> Result<Self, Fault> {
        let key = PrivateKeyDer::try_from(key)
            .map_err(|text| Fault::Configuration { code: "General".into(), text: text.into() })?;
        let loaded = any_supported_type(&key).map_err(configuration)?;
        Self::checked(chain, loaded, ocsp)
    }

    /// Refer to a key that signs on demand.
    pub fn external(
        chain: Vec<Vec<u8>>,
        public_key: Vec<u8>,
        schemes: &[u16],
        sign: SignCallback,
        ocsp: Option<Vec<u8>>,
    ) -> Result<Self, Fault> {
        if schemes.is_empty() {
            return Err(Fault::Configuration {
                code: "General".into(),
                text: "no signature scheme fits the key".into(),
            });
        }
        let schemes = schemes.iter().map(|&scheme| scheme.into()).collect();
        Self::checked(chain, Arc::new(ExternalKey { public_key, schemes, sign }), ocsp)
    }

    fn checked(chain: Vec<Vec<u8>>, key: Arc<dyn SigningKey>, ocsp: Option<Vec<u8>>) -> Result<Self, Fault> {
        let mut certified = CertifiedKey::new(chain.into_iter().map(CertificateDer::from).collect(), key);
        certified.ocsp = ocsp;
        match certified.keys_match() {
            // rustls cannot read every certificate that a server may have to show; then the key has to stand in it.
            Err(Error::InvalidCertificate(_)) if holds_key(&certified) => {}
            other => other.map_err(configuration)?,
        }
        Ok(Self(Arc::new(certified)))
    }

    fn restricted(&self, schemes: Option<&[u16]>) -> Arc<CertifiedKey> {
        let Some(schemes) = schemes else { return self.0.clone() };
        let schemes = schemes.iter().map(|&scheme| scheme.into()).collect();
        let mut certified = (*self.0).clone();
        certified.key = Arc::new(Restricted { key: certified.key, schemes });
        Arc::new(certified)
    }
}

/// Whether the leaf holds the public key, as a SubjectPublicKeyInfo in DER.
fn holds_key(certified: &CertifiedKey) -> bool {
    let (Some(leaf), Some(public_key)) = (certified.cert.first(), certified.key.public_key()) else { return false };
    leaf.windows(public_key.len()).any(|part| part == public_key.as_ref())
}

/// Asks the program for the identity to show.
struct Chooser(ChooseCallback, Option<Vec<u16>>);

impl fmt::Debug for Chooser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Chooser")
    }
}

impl ResolvesClientCert for Chooser {
    fn resolve(&self, authorities: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        match (self.0)(authorities) {
            Ok(identity) => identity.map(|identity| identity.restricted(self.1.as_deref())),
            Err(error) => {
                NOTES.with_borrow_mut(|notes| notes.callback = Some(error));
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
struct NoIdentity;

impl ResolvesServerCert for NoIdentity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

// ---------------------------------------------------------------------------------------------------------- configurations

/// What both roles are configured with.
pub struct Common {
    pub versions: Vec<u16>,
    pub suites: Option<Vec<u16>>,
    pub groups: Option<Vec<u16>>,
    pub schemes: Option<Vec<u16>>,
    pub protocols: Vec<Vec<u8>>,
    /// `None` does not verify the peer.
    pub anchors: Option<Vec<DatedAnchor>>,
    pub lists: Vec<Vec<u8>>,
    pub depth: Option<usize>,
    pub identity: Option<Identity>,
    pub key_log: bool,
}

/// What a client is configured with besides.
pub struct ForClient {
    pub choose: Option<ChooseCallback>,
    pub resumption: bool,
    pub ech: Option<Vec<u8>>,
    pub early_data: bool,
}

/// What a server is configured with besides.
pub struct ForServer {
    pub mandatory: bool,
    pub tickets: Option<usize>,
    /// How many bytes of early data are taken.
    pub early_data: u32,
}

enum Role {
    Client(Arc<ClientConfig>),
    Server(Arc<ServerConfig>),
}

/// The library's configuration of either role, shared by its connections.
pub struct Config {
    role: Role,
    trust: Option<Arc<Trust>>,
    key_log: bool,
}

fn none_left(what: &str) -> Fault {
    Fault::Configuration { code: "NoneLeft".into(), text: format!("rustls has none of the {what} that were asked for") }
}

impl Common {
    fn provider(&self) -> Result<Arc<CryptoProvider>, Fault> {
        let mut chosen = provider::default_provider();
        if let Some(suites) = &self.suites {
            chosen.cipher_suites = ordered(suites, provider::ALL_CIPHER_SUITES, |suite| suite.suite().into());
        }
        if let Some(groups) = &self.groups {
            chosen.kx_groups = ordered(groups, provider::ALL_KX_GROUPS, |group| group.name().into());
        }
        if chosen.cipher_suites.is_empty() {
            return Err(none_left("cipher suites"));
        }
        if chosen.kx_groups.is_empty() {
            return Err(none_left("groups"));
        }
        Ok(Arc::new(chosen))
    }

    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let known = [(0x0303, &version::TLS12), (0x0304, &version::TLS13)];
        known.into_iter().filter(|(number, _)| self.versions.contains(number)).map(|(_, version)| version).collect()
    }

    fn trust(&mut self) -> Result<Option<Arc<Trust>>, Fault> {
        let Some(anchors) = self.anchors.take() else { return Ok(None) };
        let algorithms = provider::default_provider().signature_verification_algorithms.all;
        let trust = Trust::new(anchors, &self.lists, self.depth, algorithms)?;
        if trust.is_empty() {
            let text = "the trust store holds no certificate that can be read".into();
            return Err(Fault::Configuration { code: "NoAnchors".into(), text });
        }
        Ok(Some(Arc::new(trust)))
    }

    fn verifier(&self, trust: &Option<Arc<Trust>>, mandatory: bool) -> Result<Arc<Verifier>, Fault> {
        let verifier = Verifier::new(trust.clone(), self.schemes.as_deref(), mandatory);
        if verifier.schemes.is_empty() { Err(none_left("signature algorithms")) } else { Ok(Arc::new(verifier)) }
    }
}

/// Those of `known` that are `wanted`, in the order in which they are wanted.
fn ordered<T: Copy>(wanted: &[u16], known: &[T], number: impl Fn(&T) -> u16) -> Vec<T> {
    wanted.iter().filter_map(|value| known.iter().find(|item| number(item) == *value).copied()).collect()
}

impl Config {
    pub fn client(mut common: Common, client: ForClient) -> Result<Self, Fault> {
        let trust = common.trust()?;
        let builder = ClientConfig::builder_with_provider(common.provider()?);
        let builder = match client.ech {
            Some(list) => {
                let ech = EchConfig::new(EchConfigListBytes::from(list), provider::hpke::ALL_SUPPORTED_SUITES);
                builder.with_ech(EchMode::Enable(ech.map_err(configuration)?))
            }
            None => builder.with_protocol_versions(&common.versions()),
        };
        let builder = builder.map_err(configuration)?.dangerous();
        let builder = builder.with_custom_certificate_verifier(common.verifier(&trust, true)?);
        let schemes = common.schemes.clone();
        let mut config = match (client.choose, &common.identity) {
            (Some(choose), _) => builder.with_client_cert_resolver(Arc::new(Chooser(choose, schemes))),
            (None, Some(identity)) => {
                let certified = identity.restricted(schemes.as_deref());
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
            }
            (None, None) => builder.with_no_client_auth(),
        };
        config.alpn_protocols = common.protocols;
        config.key_log = Arc::new(SecretNotes);
        config.resumption = if client.resumption {
            rustls::client::Resumption::store(Arc::new(SessionNotes))
        } else {
            rustls::client::Resumption::disabled()
        };
        config.enable_early_data = client.early_data;
        Ok(Self { role: Role::Client(Arc::new(config)), trust, key_log: common.key_log })
    }

    pub fn server(mut common: Common, server: ForServer) -> Result<Self, Fault> {
        let trust = common.trust()?;
        let builder = ServerConfig::builder_with_provider(common.provider()?);
        let builder = builder.with_protocol_versions(&common.versions()).map_err(configuration)?;
        let builder = match &trust {
            Some(_) => builder.with_client_cert_verifier(common.verifier(&trust, server.mandatory)?),
            None => builder.with_no_client_auth(),
        };
        let resolver: Arc<dyn ResolvesServerCert> = match &common.identity {
            Some(identity) => Arc::new(SingleCertAndKey::from(identity.restricted(common.schemes.as_deref()))),
            None => Arc::new(NoIdentity),
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = common.protocols;
        config.key_log = Arc::new(SecretNotes);
        config.max_early_data_size = server.early_data;
        if server.early_data == 0 {
            config.ticketer = provider::Ticketer::new().map_err(configuration)?;
        } // else sessions are remembered, not sealed into tickets: each is used once, so early data is not taken twice
        config.session_storage = ServerSessionMemoryCache::new(STORED_SESSIONS);
        if let Some(tickets) = server.tickets {
            config.send_tls13_tickets = tickets;
        }
        Ok(Self { role: Role::Server(Arc::new(config)), trust, key_log: common.key_log })
    }

    /// Begin a connection; a client's first flight is written by its first step.
    pub fn connect(&self, name: Option<String>, session: Option<Session>) -> Result<Connection, Fault> {
        let early_room = match &self.role {
            Role::Client(config) if config.enable_early_data => session.as_ref().map_or(0, Session::early_data),
            _ => 0,
        };
        let mut notes = Box::new(Notes { wants_log: self.key_log, offered: session, ..Notes::default() });
        let role = match &self.role {
            Role::Client(config) => {
                let name = match name {
                    Some(name) => ServerName::try_from(name).map_err(|_| Fault::Configuration {
                        code: "InvalidDnsName".into(),
                        text: "rustls does not take this server name".into(),
                    })?,
                    // No name of a server is sent for an address; the verifier looks at neither.
                    None => ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into()),
                };
                let made = noting(&mut notes, || UnbufferedClientConnection::new(config.clone(), name));
                Native::Client(Box::new(made.map_err(configuration)?))
            }
            Role::Server(config) => {
                Native::Server(Box::new(UnbufferedServerConnection::new(config.clone()).map_err(configuration)?))
            }
        };
        notes.offered = None;
        Ok(Connection {
            native: role,
            trust: self.trust.clone(),
            notes,
            server_random: None,
            held: Vec::new(),
            held_start: 0,
            boundary: 0,
            peer_closed: false,
            due: None,
            early: Early { room: early_room, ..Early::default() },
        })
    }
}

// ---------------------------------------------------------------------------------------------------------- connections

enum Native {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

/// Why the library stopped.
enum Stop {
    /// A record of application data was given to the sink.
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

/// One connection.
pub struct Connection {
    native: Native,
    trust: Option<Arc<Trust>>,
    notes: Box<Notes>,
    server_random: Option<[u8; 32]>,
    /// Plaintext of a record that was longer than what was asked for.
    held: Vec<u8>,
    held_start: usize,
    /// Where in the incoming queue the first record begins that a handshake has not been shown whole.
    boundary: usize,
    peer_closed: bool,
    /// What a read has met behind the data that it gave: the next one gives that.
    due: Option<Result<(), Fault>>,
    early: Early,
}

/// Early data (RFC 8446 section 2.3), as far as this connection has to do with it.
#[derive(Default)]
struct Early {
    /// How much more a client may send.
    room: usize,
    /// On a client what goes out behind the ClientHello, on a server what has come in.
    data: Vec<u8>,
    /// Whether a client has sent some, or some has come to a server.
    used: bool,
    accepted: bool,
}

impl Early {
    /// Send what there is behind a ClientHello.
    fn send(&mut self, transmit: &mut TransmitTlsData<'_, ClientConnectionData>, outgoing: &mut Queue) {
        if self.data.is_empty() {
            return;
        }
        if let Some(mut adapter) = transmit.may_encrypt_early_data() {
            let size = self.data.len() + (self.data.len() / RECORD + 1) * RECORD_OVERHEAD + CONTROL;
            if let Ok(written) = adapter.encrypt(&self.data, outgoing.room(size)) {
                outgoing.advance(written);
                self.used = true;
            }
        }
        self.data = Vec::new();
    }

    /// Keep what has come in.
    fn receive(&mut self, records: &mut ReadEarlyData<'_, '_, ServerConnectionData>) -> Result<(), Fault> {
        while let Some(record) = records.next_record() {
            self.data.extend_from_slice(record.map_err(fault)?.payload);
            (self.used, self.accepted) = (true, true);
        }
        Ok(())
    }

    /// Look for EndOfEarlyData in what a client sends, which says that the server has taken it: rustls does not tell.
    ///
    /// It is the only message of four bytes (RFC 8446 section 4.5), so its record is the only one of 4 + 1 + 16.
    fn watch(&mut self, mut records: &[u8]) {
        while let Some(size) = record_end(records) {
            self.accepted |= records[0] == 23 && size == 5 + 4 + 1 + 16;
            records = &records[size..];
        }
    }
}

/// Let the library go on until it stops. `sink` takes a record's plaintext, `traffic` writes if that is possible.
macro_rules! drive {
    ($connection:expr, $incoming:expr, $shown:expr, $outgoing:expr, $sink:expr, $traffic:expr, $transmit:expr, $early:expr) => {{
        let mut shown = $shown;
        loop {
            let UnbufferedStatus { mut discard, state } =
                $connection.process_tls_records(&mut $incoming.filled_mut()[..shown]);
            let mut stop = None;
            match state {
                Ok(ConnectionState::ReadTraffic(mut records)) => {
                    while let Some(record) = records.next_record() {
                        let record = record.map_err(fault)?;
                        discard += record.discard;
                        ($sink)(record.payload);
                    }
                    stop = Some(Ok(Stop::Data));
                }
                Ok(ConnectionState::EncodeTlsData(mut message)) => {
                    let mut size = CONTROL;
                    loop {
                        match message.encode($outgoing.room(size)) {
                            Ok(written) => break $outgoing.advance(written),
                            Err(rustls::unbuffered::EncodeError::InsufficientSize(short)) => size = short.required_size,
                            Err(_) => break,
                        }
                    }
                }
                Ok(ConnectionState::TransmitTlsData(mut transmit)) => {
                    ($transmit)(&mut transmit, &mut *$outgoing);
                    transmit.done()
                }
                Ok(ConnectionState::ReadEarlyData(mut records)) => {
                    ($early)(&mut records)?;
                }
                Ok(ConnectionState::PeerClosed) => stop = Some(Ok(Stop::PeerClosed)),
                Ok(ConnectionState::Closed) => stop = Some(Ok(Stop::Closed)),
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    stop = Some(($traffic)(traffic, &mut *$outgoing).map(|()| Stop::Open))
                }
                Ok(ConnectionState::BlockedHandshake) => stop = Some(Ok(Stop::Blocked)),
                Ok(_) => stop = Some(Err(Fault::Misuse("the library is in a state that is not known here"))),
                Err(error) => stop = Some(Err(fault(error))),
            }
            $incoming.discard(discard);
            shown = shown.saturating_sub(discard).min($incoming.len());
            match stop {
                None => {}
                // An alert is waiting behind the error: it comes out first next time round.
                Some(Err(failure)) => {
                    if $connection.wants_write() {
                        if let ConnectionState::EncodeTlsData(mut alert) =
                            $connection.process_tls_records(&mut $incoming.filled_mut()[..]).state.map_err(fault)?
                        {
                            if let Ok(written) = alert.encode($outgoing.room(CONTROL)) {
                                $outgoing.advance(written);
                            }
                        }
                    }
                    break Err(failure);
                }
                Some(Ok(stop)) => break Ok(stop),
            }
        }
    }};
}

/// How far the record at the start of `data` reaches, if it is complete.
fn record_end(data: &[u8]) -> Option<usize> {
    let size = 5 + usize::from(u16::from_be_bytes([*data.get(3)?, *data.get(4)?]));
    (data.len() >= size).then_some(size)
}

/// rustls sends certificate_required also in TLS 1.2, which does not know it: there it is handshake_failure (RFC 5246
/// section 7.4.6), in the clear.
fn correct_alert(written: &mut [u8]) {
    const CERTIFICATE_REQUIRED: [u8; 7] = [21, 3, 3, 0, 2, 2, 116];
    if written.ends_with(&CERTIFICATE_REQUIRED) {
        written[written.len() - 1] = 40;
    }
}

fn encrypt<Data>(mut traffic: WriteTraffic<'_, Data>, outgoing: &mut Queue, data: &[u8]) -> Result<(), Fault> {
    let mut size = data.len() + (data.len() / RECORD + 1) * RECORD_OVERHEAD + CONTROL;
    loop {
        // The library allocates each record, encrypts there and copies it out: one copy in, one out.
        match traffic.encrypt(data, outgoing.room(size)) {
            Ok(written) => break outgoing.advance(written),
            Err(EncryptError::InsufficientSize(short)) => size = short.required_size,
            Err(error) => return Err(Fault::Library { code: "EncryptExhausted".into(), text: error.to_string() }),
        }
    }
    Ok(())
}

fn close<Data>(mut traffic: WriteTraffic<'_, Data>, outgoing: &mut Queue) -> Result<(), Fault> {
    if let Ok(written) = traffic.queue_close_notify(outgoing.room(CONTROL)) {
        outgoing.advance(written);
    }
    Ok(())
}

fn update<Data>(traffic: WriteTraffic<'_, Data>) -> Result<(), Fault> {
    traffic.refresh_traffic_keys().map_err(fault)
}

/// What to do when the library may write.
enum Task<'a> {
    Nothing,
    Encrypt(&'a [u8]),
    Close,
    UpdateKeys,
}

fn perform<Data>(task: &Task<'_>, traffic: WriteTraffic<'_, Data>, outgoing: &mut Queue) -> Result<(), Fault> {
    match task {
        Task::Nothing => Ok(()),
        Task::Encrypt(data) => encrypt(traffic, outgoing, data),
        Task::Close => close(traffic, outgoing),
        Task::UpdateKeys => update(traffic),
    }
}

impl Connection {
    /// Let the library work, with its notes in place, and with a panic of its as a fault like others.
    fn work(
        &mut self,
        incoming: &mut Queue,
        shown: usize,
        outgoing: &mut Queue,
        mut sink: impl FnMut(&[u8]),
        task: &Task<'_>,
    ) -> Result<Stop, Fault> {
        let shown = shown.min(incoming.len());
        let (native, early) = (&mut self.native, &mut self.early);
        let run = AssertUnwindSafe(|| match native {
            Native::Client(connection) => {
                drive!(
                    connection,
                    incoming,
                    shown,
                    outgoing,
                    sink,
                    |traffic, out: &mut Queue| perform(task, traffic, out),
                    |transmit: &mut _, out: &mut Queue| early.send(transmit, out),
                    |_: &mut _| Ok(())
                )
            }
            Native::Server(connection) => {
                drive!(
                    connection,
                    incoming,
                    shown,
                    outgoing,
                    sink,
                    |traffic, out: &mut Queue| perform(task, traffic, out),
                    |_: &mut _, _: &mut Queue| {},
                    |records: &mut _| early.receive(records)
                )
            }
        });
        let result = noting(&mut self.notes, || catch_unwind(run));
        let result =
            result.unwrap_or_else(|_| Err(Fault::Library { code: "Panic".into(), text: "rustls has panicked".into() }));
        if let Some(error) = self.notes.callback.take() {
            return Err(Fault::Callback(error));
        }
        if result.is_err() {
            if let Some(refusal) = self.notes.refusal.take() {
                return Err(refusal);
            }
        }
        match &result {
            Ok(Stop::Data) | Err(_) => incoming.mark_seen(0),
            Ok(Stop::PeerClosed | Stop::Closed) => {
                self.peer_closed = true;
                incoming.mark_seen(0);
            }
            Ok(Stop::Open | Stop::Blocked) => {}
        }
        result
    }

    fn is_handshaking(&self) -> bool {
        match &self.native {
            Native::Client(connection) => connection.is_handshaking() || connection.wants_write(),
            Native::Server(connection) => connection.is_handshaking() || connection.wants_write(),
        }
    }

    /// Take the handshake as far as it goes, record by record: what stands behind it stays where it is.
    pub fn handshake(&mut self, incoming: &mut Queue, outgoing: &mut Queue, now: Option<u64>) -> Result<(), Fault> {
        self.notes.now = now;
        loop {
            self.find_random(incoming.filled());
            let (mut held, start) = (mem::take(&mut self.held), outgoing.len());
            let all = incoming.len();
            let shown = incoming.filled().get(self.boundary..).and_then(record_end).map(|size| self.boundary + size);
            self.boundary = shown.unwrap_or(self.boundary);
            let shown = shown.unwrap_or(all);
            let stop = self.work(incoming, shown, outgoing, |data| held.extend_from_slice(data), &Task::Nothing);
            if self.early.used && matches!(self.native, Native::Client(_)) {
                self.early.watch(&outgoing.filled()[start..]);
            }
            let discarded = all - incoming.len();
            self.boundary = self.boundary.saturating_sub(discarded);
            if matches!(stop, Ok(Stop::Open | Stop::Blocked)) {
                incoming.mark_seen(shown.saturating_sub(discarded));
            }
            self.held = held;
            if matches!(self.native, Native::Server(_)) {
                self.find_random(&outgoing.filled()[start..]);
            }
            if let Err(Fault::Certificate { code, .. }) = &stop {
                if code == "NoCertificatesPresented" && self.version() == Some(0x0303) {
                    correct_alert(&mut outgoing.filled_mut()[start..]);
                }
            }
            match stop? {
                _ if !self.is_handshaking() => return Ok(()),
                Stop::Data => {}
                Stop::PeerClosed | Stop::Closed => return Err(Fault::Alert(0)),
                Stop::Open | Stop::Blocked if incoming.seen() < incoming.len() => {}
                Stop::Open | Stop::Blocked => return Err(Fault::WantRead),
            }
        }
    }

    /// Remember the server's random, which exporters of TLS 1.2 need, from a ServerHello at the start of `records`.
    fn find_random(&mut self, mut records: &[u8]) {
        while self.server_random.is_none() && records.len() >= 5 {
            let size = 5 + usize::from(u16::from_be_bytes([records[3], records[4]]));
            match records[0] {
                22 if records.get(5) == Some(&2) => {
                    self.server_random = records.get(11..43).and_then(|random| random.try_into().ok());
                    return;
                }
                21 => records = records.get(size..).unwrap_or_default(), // a warning may stand before it
                _ => return,
            }
        }
    }

    /// Decrypt what is there into `output`: as many records as fit. Nothing is only read at the peer's close_notify.
    pub fn read(&mut self, incoming: &mut Queue, outgoing: &mut Queue, output: &mut Output) -> Result<(), Fault> {
        self.give_held(output);
        if output.filled() == 0 {
            if let Some(end) = self.due.take() {
                incoming.set_due(false);
                return end;
            }
        }
        while output.room() > 0 && !self.peer_closed && self.due.is_none() {
            let mut rest = mem::take(&mut self.held);
            let sink = |data: &[u8]| rest.extend_from_slice(&data[output.push(data)..]);
            let stop = self.work(incoming, usize::MAX, outgoing, sink, &Task::Nothing);
            self.held = rest;
            let end = match stop {
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

    fn write_task(&mut self, incoming: &mut Queue, outgoing: &mut Queue, task: &Task<'_>) -> Result<(), Fault> {
        loop {
            // Only what the library has left there before: what came since is the reader's business.
            let (shown, mut held) = (incoming.seen(), mem::take(&mut self.held));
            let stop = self.work(incoming, shown, outgoing, |data| held.extend_from_slice(data), task);
            self.held = held;
            match stop? {
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
        self.write_task(incoming, outgoing, &Task::Encrypt(data))
    }

    pub fn shutdown(&mut self, incoming: &mut Queue, outgoing: &mut Queue) -> Result<(), Fault> {
        self.write_task(incoming, outgoing, &Task::Close)
    }

    /// On a client that has not begun: take data that goes out with the ClientHello.
    pub fn write_early(&mut self, data: &[u8]) -> usize {
        let taken = data.len().min(self.early.room);
        self.early.data.extend_from_slice(&data[..taken]);
        self.early.room -= taken;
        taken
    }

    /// On a server: the early data that has come in.
    pub fn take_early(&mut self) -> Vec<u8> {
        mem::take(&mut self.early.data)
    }

    /// Whether the server has taken early data; `None` if there was none.
    pub fn early_accepted(&self) -> Option<bool> {
        self.early.used.then_some(self.early.accepted)
    }

    pub fn update_keys(&mut self, incoming: &mut Queue, outgoing: &mut Queue) -> Result<(), Fault> {
        self.write_task(incoming, outgoing, &Task::UpdateKeys)?;
        self.write_task(incoming, outgoing, &Task::Nothing)
    }
}

/// What a connection tells of itself.
impl Connection {
    fn common(&self) -> &rustls::CommonState {
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

    pub fn take_session(&mut self) -> Option<Session> {
        self.notes.sessions.pop()
    }

    pub fn take_log(&mut self) -> String {
        mem::take(&mut self.notes.log).concat()
    }

    /// Exported keying material; `None` where the library has told no secret for it.
    pub fn export(&self, label: &[u8], length: usize, context: Option<&[u8]>) -> Option<Zeroizing<Vec<u8>>> {
        let suite = self.common().negotiated_cipher_suite()?;
        let hash = match suite_hash(suite) {
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

// ---------------------------------------------------------------------------------------------------------- the library

/// Every suite, by preference.
pub fn suites() -> Vec<u16> {
    provider::DEFAULT_CIPHER_SUITES.iter().map(|suite| suite.suite().into()).collect()
}

/// Every group, by preference.
pub fn groups() -> Vec<u16> {
    provider::ALL_KX_GROUPS.iter().map(|group: &&dyn SupportedKxGroup| group.name().into()).collect()
}

/// Every signature scheme that can be verified.
pub fn schemes() -> Vec<u16> {
    let algorithms = provider::default_provider().signature_verification_algorithms;
    algorithms.supported_schemes().into_iter().map(u16::from).collect()
}

/// Whether revocation lists and an ECHConfigList can be used.
pub fn check(lists: &[Vec<u8>], ech: Option<Vec<u8>>) -> Result<(), Fault> {
    Trust::new(Vec::new(), lists, None, &[])?;
    if let Some(list) = ech {
        EchConfig::new(EchConfigListBytes::from(list), provider::hpke::ALL_SUPPORTED_SUITES).map_err(configuration)?;
    }
    Ok(())
}
