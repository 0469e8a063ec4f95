//! Which certificates of clients will do: the five kinds of `client_auth_type`, and the names that are allowed.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::san;

/// Asks clients for their certificate.
#[derive(Debug)]
pub(super) struct ClientCertificates {
    pub(super) provider: Arc<CryptoProvider>,
    /// Whether a client has to have one.
    pub(super) mandatory: bool,
    /// What checks who made it; `None`: anybody may have.
    pub(super) authority: Option<Arc<dyn ClientCertVerifier>>,
    /// Authorities' certificates: one of them may be the client's own.
    pub(super) pinned: Vec<CertificateDer<'static>>,
    /// Names one of which it has to have; `None`: any.
    pub(super) names: Option<Vec<String>>,
}

/// Whether a certificate was refused for being an authority's, which is looked at after its time and before its issuer.
/// `openssl req -x509` makes such ones, and Go takes one that is itself in the list of authorities.
fn is_authority(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(other))
        if other.0.to_string() == "CaUsedAsEndEntity")
}

impl ClientCertVerifier for ClientCertificates {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authority.as_ref().map_or(&[], |authority| authority.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(authority) = &self.authority {
            match authority.verify_client_cert(end_entity, intermediates, now) {
                Ok(_) => {}
                Err(error) if is_authority(&error) && self.pinned.contains(end_entity) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(allowed) = &self.names {
            let names = san::names(end_entity)
                .ok_or_else(|| Error::General("error parsing client certificate".to_owned()))?;
            if !names.iter().any(|name| allowed.contains(name)) {
                return Err(Error::General(format!(
                    "could not find allowed SANs in client cert, found: [{}]",
                    names.join(" ")
                )));
            }
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
