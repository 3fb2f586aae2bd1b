//! Exported keying material from an exporter secret (RFC 8446 section 7.5) or a master secret (RFC 5705 section 4).
//!
//! rustls exports from its buffered connections only. Ours are unbuffered, which saves a copy and five small reads for
//! each record; so the last step of the key schedule is done here, from the secret that the library tells its key log.

use aws_lc_rs::{digest, hmac};
use zeroize::Zeroizing;

/// The secret of one connection, and what goes with it.
pub enum Secret {
    Tls13 { exporter: Zeroizing<Vec<u8>> },
    Tls12 { master: Zeroizing<Vec<u8>>, client_random: [u8; 32], server_random: [u8; 32] },
}

/// The hash of a cipher suite.
#[derive(Clone, Copy)]
pub enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
        }
    }

    fn digest(self, data: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
        };
        digest::digest(algorithm, data)
    }

    fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

impl Secret {
    /// Keying material of `length` bytes; `None` if the label, the context or the length is out of bounds.
    pub fn export(
        &self,
        hash: Hash,
        label: &[u8],
        length: usize,
        context: Option<&[u8]>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Tls13 { exporter } => {
                // An absent context is an empty one here (RFC 8446 section 7.5).
                let derived = expand_label(hash, exporter, label, hash.digest(b"").as_ref(), hash.size())?;
                expand_label(hash, &derived, b"exporter", hash.digest(context.unwrap_or(b"")).as_ref(), length)
            }
            Self::Tls12 { master, client_random, server_random } => {
                let mut seed = [label, client_random, server_random].concat();
                if let Some(context) = context {
                    seed.extend(u16::try_from(context.len()).ok()?.to_be_bytes());
                    seed.extend(context);
                }
                Some(p_hash(hash, master, &seed, length))
            }
        }
    }
}

/// HKDF-Expand-Label (RFC 8446 section 7.1).
fn expand_label(hash: Hash, secret: &[u8], label: &[u8], context: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    if length > 255 * hash.size() {
        return None;
    }
    let mut info = u16::try_from(length).ok()?.to_be_bytes().to_vec();
    info.push(u8::try_from(label.len() + 6).ok()?);
    info.extend(b"tls13 ");
    info.extend(label);
    info.push(u8::try_from(context.len()).ok()?);
    info.extend(context);
    let key = hmac::Key::new(hash.hmac(), secret);
    let (mut output, mut block) = (Zeroizing::new(Vec::new()), Vec::new());
    for counter in 1..=255 {
        let mut step = hmac::Context::with_key(&key);
        step.update(&block);
        step.update(&info);
        step.update(&[counter]);
        block = step.sign().as_ref().to_vec();
        output.extend(&block);
        if output.len() >= length {
            break;
        }
    }
    output.truncate(length);
    Some(output)
}

/// P_hash (RFC 5246 section 5).
fn p_hash(hash: Hash, secret: &[u8], seed: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let key = hmac::Key::new(hash.hmac(), secret);
    let mut output = Zeroizing::new(Vec::new());
    let mut a = hmac::sign(&key, seed);
    while output.len() < length {
        output.extend(hmac::sign(&key, &[a.as_ref(), seed].concat()).as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    output.truncate(length);
    output
}
