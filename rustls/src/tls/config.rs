//! From settings to the library's configurations.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::{EchMode, ResolvesClientCert, Resumption, UnbufferedClientConnection};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::ServerName;
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache, UnbufferedServerConnection};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion, version};

use super::catalogue::{ech_config, verification};
use super::connection::{Connection, Native};
use super::errors::configuration;
use super::identity::{ChooseCallback, Chooser, Identity, NoIdentity};
use super::notes::{Notes, SecretNotes, noting};
use super::sessions::{Session, SessionNotes};
use super::verifier::Verifier;
use crate::fault::Fault;
use crate::verify::{DatedAnchor, Trust};

/// How many sessions a server remembers for clients that do not take tickets.
const STORED_SESSIONS: usize = 256;

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

// ---------------------------------------------------------------------------------------------------------- parts

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
        let trust = Trust::new(anchors, &self.lists, self.depth, verification().all)?;
        if trust.is_empty() {
            return Err(Fault::configuration("NoAnchors", "the trust store holds no certificate that can be read"));
        }
        Ok(Some(Arc::new(trust)))
    }

    fn verifier(&self, trust: Option<Arc<Trust>>, mandatory: bool) -> Result<Arc<Verifier>, Fault> {
        let verifier = Verifier::new(trust, self.schemes.as_deref(), mandatory);
        verifier.map(Arc::new).ok_or_else(|| none_left("signature algorithms"))
    }

    /// The one identity there is, as both kinds of resolver.
    fn resolver(&self) -> Option<Arc<SingleCertAndKey>> {
        let identity = self.identity.as_ref()?;
        Some(Arc::new(SingleCertAndKey::from(identity.restricted(self.schemes.as_deref()))))
    }
}

fn none_left(what: &str) -> Fault {
    Fault::configuration("NoneLeft", format!("rustls has none of the {what} that were asked for"))
}

/// Those of `known` that are `wanted`, in the order in which they are wanted.
fn ordered<T: Copy>(wanted: &[u16], known: &[T], number: impl Fn(&T) -> u16) -> Vec<T> {
    wanted.iter().filter_map(|value| known.iter().find(|item| number(item) == *value).copied()).collect()
}

// ---------------------------------------------------------------------------------------------------------- both roles

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

impl Config {
    pub fn client(mut common: Common, client: ForClient) -> Result<Self, Fault> {
        let trust = common.trust()?;
        let builder = ClientConfig::builder_with_provider(common.provider()?);
        let builder = match client.ech {
            Some(list) => builder.with_ech(EchMode::Enable(ech_config(list)?)),
            None => builder.with_protocol_versions(&common.versions()),
        };
        let builder = builder.map_err(configuration)?.dangerous();
        let builder = builder.with_custom_certificate_verifier(common.verifier(trust.clone(), true)?);
        let resolver: Option<Arc<dyn ResolvesClientCert>> = match client.choose {
            Some(choose) => Some(Arc::new(Chooser { choose, schemes: common.schemes.clone() })),
            None => common.resolver().map(|resolver| resolver as _),
        };
        let mut config = match resolver {
            Some(resolver) => builder.with_client_cert_resolver(resolver),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = common.protocols;
        config.key_log = Arc::new(SecretNotes);
        config.resumption =
            if client.resumption { Resumption::store(Arc::new(SessionNotes)) } else { Resumption::disabled() };
        config.enable_early_data = client.early_data;
        Ok(Self { role: Role::Client(Arc::new(config)), trust, key_log: common.key_log })
    }

    pub fn server(mut common: Common, server: ForServer) -> Result<Self, Fault> {
        let trust = common.trust()?;
        let builder = ServerConfig::builder_with_provider(common.provider()?);
        let builder = builder.with_protocol_versions(&common.versions()).map_err(configuration)?;
        let builder = match &trust {
            Some(_) => builder.with_client_cert_verifier(common.verifier(trust.clone(), server.mandatory)?),
            None => builder.with_no_client_auth(),
        };
        let resolver: Arc<dyn ResolvesServerCert> = match common.resolver() {
            Some(resolver) => resolver,
            None => Arc::new(NoIdentity),
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = common.protocols;
        config.key_log = Arc::new(SecretNotes);
        config.max_early_data_size = server.early_data;
        // A server that gives no tickets gives none in TLS 1.2 either.
        if server.early_data == 0 && server.tickets != Some(0) {
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
        let mut notes = Box::new(Notes { wants_log: self.key_log, ..Notes::default() });
        let mut early_room = 0;
        let native = match &self.role {
            Role::Client(config) => {
                if config.enable_early_data {
                    early_room = session.as_ref().map_or(0, Session::early_data);
                }
                notes.offered = session;
                let name = server_name(name)?;
                let made = noting(&mut notes, || UnbufferedClientConnection::new(config.clone(), name));
                notes.offered = None;
                Native::Client(Box::new(made.map_err(configuration)?))
            }
            Role::Server(config) => {
                Native::Server(Box::new(UnbufferedServerConnection::new(config.clone()).map_err(configuration)?))
            }
        };
        Ok(Connection::new(native, self.trust.clone(), notes, early_room))
    }
}

fn server_name(name: Option<String>) -> Result<ServerName<'static>, Fault> {
    match name {
        Some(name) => ServerName::try_from(name)
            .map_err(|_| Fault::configuration("InvalidDnsName", "rustls does not take this server name")),
        // No name of a server is sent for an address; the verifier looks at neither.
        None => Ok(ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into())),
    }
}
