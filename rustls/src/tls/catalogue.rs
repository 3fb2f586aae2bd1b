//! What the library has, and what it can use.

use rustls::SignatureScheme;
use rustls::client::EchConfig;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::EchConfigListBytes;

use super::errors::configuration;
use crate::fault::Fault;
use crate::verify::Trust;

/// Every suite, by preference.
pub fn suites() -> Vec<u16> {
    provider::DEFAULT_CIPHER_SUITES.iter().map(|suite| suite.suite().into()).collect()
}

/// Every group, by preference.
pub fn groups() -> Vec<u16> {
    provider::ALL_KX_GROUPS.iter().map(|group| group.name().into()).collect()
}

/// Every signature scheme that can be verified.
pub fn schemes() -> Vec<u16> {
    verifiable().into_iter().map(u16::from).collect()
}

pub fn verifiable() -> Vec<SignatureScheme> {
    verification().supported_schemes()
}

/// What signatures are verified with.
pub fn verification() -> WebPkiSupportedAlgorithms {
    provider::default_provider().signature_verification_algorithms
}

/// Whether revocation lists and an ECHConfigList can be used.
pub fn check(lists: &[Vec<u8>], ech: Option<Vec<u8>>) -> Result<(), Fault> {
    Trust::new(Vec::new(), lists, None, &[])?;
    ech.map_or(Ok(()), |list| ech_config(list).map(drop))
}

/// The configuration to use of an ECHConfigList.
pub fn ech_config(list: Vec<u8>) -> Result<EchConfig, Fault> {
    EchConfig::new(EchConfigListBytes::from(list), provider::hpke::ALL_SUPPORTED_SUITES).map_err(configuration)
}
