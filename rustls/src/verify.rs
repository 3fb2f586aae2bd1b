//! From a peer's certificates to a path that ends in a trusted anchor. Names are core's business.

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath, anchor_from_trusted_cert,
};

use crate::fault::Fault;

/// One certificate of a verified path, without a copy of it.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// The one at this place of what the peer has sent.
    Sent(usize),
    /// The anchor with this number.
    Anchor(usize),
}

/// An anchor as it is handed in: its certificate, and when it begins and ends in seconds since the epoch.
pub type DatedAnchor = (Vec<u8>, i64, i64);

/// What webpki's form of an anchor leaves out.
#[derive(Debug)]
struct Origin {
    certificate: CertificateDer<'static>,
    begin: i64,
    end: i64,
}

/// What is trusted, and how strictly.
#[derive(Debug)]
pub struct Trust {
    anchors: Vec<TrustAnchor<'static>>,
    /// Where each of the anchors comes from.
    origins: Vec<Origin>,
    lists: Vec<CertRevocationList<'static>>,
    depth: Option<usize>,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
}

/// Which end the peer is.
#[derive(Clone, Copy, Debug)]
pub enum Peer {
    Server,
    Client,
}

impl Trust {
    pub fn new(
        anchors: Vec<DatedAnchor>,
        lists: &[Vec<u8>],
        depth: Option<usize>,
        algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, Fault> {
        let mut trust = Self { anchors: vec![], origins: vec![], lists: vec![], depth, algorithms };
        for (der, begin, end) in anchors {
            let certificate = CertificateDer::from(der);
            // What cannot be parsed anchors nothing. Stores of systems do hold such; the rest of them is of use.
            if let Ok(anchor) = anchor_from_trusted_cert(&certificate).map(|anchor| anchor.to_owned()) {
                trust.anchors.push(anchor);
                trust.origins.push(Origin { certificate, begin, end });
            }
        }
        for list in lists {
            let parsed = OwnedCertRevocationList::from_der(list).map_err(|error| {
                Fault::configuration(name_of(&error), format!("a revocation list cannot be read: {error}"))
            })?;
            trust.lists.push(parsed.into());
        }
        Ok(trust)
    }

    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    pub fn certificate(&self, index: usize) -> Option<&[u8]> {
        self.origins.get(index).map(|origin| origin.certificate.as_ref())
    }

    pub fn subjects(&self) -> impl Iterator<Item = &[u8]> {
        self.anchors.iter().map(|anchor| anchor.subject.as_ref())
    }

    /// Verify what the peer has sent, at `now`.
    pub fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        peer: Peer,
        now: UnixTime,
    ) -> Result<Vec<Step>, Error> {
        // A leaf that is itself an anchor needs no path. Its dates and names are core's business.
        if self.lists.is_empty() && self.origins.iter().any(|origin| origin.certificate == *leaf) {
            return Ok(vec![Step::Sent(0)]);
        }
        let entity = EndEntityCert::try_from(leaf)?;
        let usage = match peer {
            Peer::Server => KeyUsage::server_auth(),
            Peer::Client => KeyUsage::client_auth(),
        };
        let lists: Vec<&CertRevocationList<'_>> = self.lists.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
            options
                .with_depth(RevocationCheckDepth::EndEntity)
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let acceptable = |path: &VerifiedPath<'_>| self.check_path(path, now);
        let path = entity.verify_for_usage(
            self.algorithms,
            &self.anchors,
            intermediates,
            now,
            usage,
            revocation,
            Some(&acceptable),
        )?;
        Ok(self.steps(&path, intermediates))
    }

    /// The number of an anchor, which webpki gives back as it was given to it.
    fn index_of(&self, anchor: &TrustAnchor<'_>) -> Option<usize> {
        self.anchors.iter().position(|known| std::ptr::eq(known, anchor))
    }

    /// What webpki leaves open: how long the path may be, and whether its anchor is valid now.
    fn check_path(&self, path: &VerifiedPath<'_>, now: UnixTime) -> Result<(), Error> {
        if self.depth.is_some_and(|depth| path.intermediate_certificates().count() > depth) {
            return Err(Error::MaximumPathDepthExceeded);
        }
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        match self.index_of(path.anchor()).and_then(|index| self.origins.get(index)) {
            Some(&Origin { end, .. }) if seconds > end => Err(Error::CertExpired { time: now, not_after: moment(end) }),
            Some(&Origin { begin, .. }) if seconds < begin => {
                Err(Error::CertNotValidYet { time: now, not_before: moment(begin) })
            }
            _ => Ok(()),
        }
    }

    fn steps(&self, path: &VerifiedPath<'_>, intermediates: &[CertificateDer<'_>]) -> Vec<Step> {
        let mut steps = vec![Step::Sent(0)];
        for certificate in path.intermediate_certificates() {
            let der = certificate.der();
            steps.extend(intermediates.iter().position(|sent| *sent == der).map(|index| Step::Sent(index + 1)));
        }
        steps.extend(self.index_of(path.anchor()).map(Step::Anchor));
        steps
    }
}

fn moment(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds.max(0).unsigned_abs()))
}

/// The library's own name of an error: its variant. There is no other way to it than its debugging text.
pub fn name_of(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(text.len());
    text[..end].to_owned()
}
