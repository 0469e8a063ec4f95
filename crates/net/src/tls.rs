//! TLS by rustls: whom to trust, who we are. Files are read again for a new connection when they have changed.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::config::{Source, TlsConfig, TlsVersion};
use crate::error::ClientConfigError;

/// Where systems keep the authorities that they trust, as one PEM file.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Time and length of each file that a configuration was made from.
type Stamps = Vec<Option<(SystemTime, u64)>>;

/// A ready configuration and what it was made from.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) client: Arc<rustls::ClientConfig>,
    stamps: Stamps,
}

impl Ready {
    pub(crate) fn new(config: &TlsConfig) -> Result<Self, ClientConfigError> {
        let stamps = stamps(config);
        Ok(Self { client: Arc::new(build(config)?), stamps })
    }

    /// Whether the files are those that this was made from.
    pub(crate) fn is_current(&self, config: &TlsConfig) -> bool {
        self.stamps.is_empty() || self.stamps == stamps(config)
    }
}

fn stamps(config: &TlsConfig) -> Stamps {
    let sources = [&config.ca, &config.cert, &config.key];
    let files = sources.into_iter().flatten().filter_map(|source| match source {
        Source::File(path) => Some(path),
        Source::Inline(_) => None,
    });
    let stamp = |path: &std::path::PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    files.map(stamp).collect()
}

fn build(config: &TlsConfig) -> Result<rustls::ClientConfig, ClientConfigError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = |what| {
        move |error: rustls::Error| ClientConfigError::Tls { what, reason: error.to_string() }
    };
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(config)?)
        .map_err(tls("tls_config"))?;
    let builder = if config.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAll(provider)))
    } else {
        builder.with_root_certificates(roots(config)?)
    };
    let (cert, key) = match (&config.cert, &config.key) {
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => (cert, key),
        (None, Some(_)) | (Some(_), None) => {
            let reason = "a client certificate and its key must be given together".to_owned();
            return Err(ClientConfigError::Tls { what: "tls_config", reason });
        }
    };
    let chain = certificates("cert", &read(cert)?)?;
    let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| {
        ClientConfigError::Tls { what: "unable to use the client key", reason: error.to_string() }
    })?;
    builder.with_client_auth_cert(chain, key).map_err(tls("unable to use the client certificate"))
}

fn versions(
    config: &TlsConfig,
) -> Result<Vec<&'static SupportedProtocolVersion>, ClientConfigError> {
    let min = config.min_version.unwrap_or(TlsVersion::Tls12);
    let max = config.max_version.unwrap_or(TlsVersion::Tls13);
    let all = [
        (TlsVersion::Tls13, &rustls::version::TLS13),
        (TlsVersion::Tls12, &rustls::version::TLS12),
    ];
    let chosen: Vec<_> =
        all.into_iter().filter(|(v, _)| (min..=max).contains(v)).map(|(_, v)| v).collect();
    if chosen.is_empty() {
        let reason = "tls_config.max_version must be greater than or equal to tls_config.min_version if both are specified".to_owned();
        return Err(ClientConfigError::Tls { what: "tls_config", reason });
    }
    Ok(chosen)
}

/// The configured authorities, or the system's, or (where a system has none) Mozilla's.
fn roots(config: &TlsConfig) -> Result<RootCertStore, ClientConfigError> {
    if let Some(source) = &config.ca {
        let mut store = RootCertStore::empty();
        for certificate in certificates("ca", &read(source)?)? {
            store.add(certificate).map_err(|error| ClientConfigError::Tls {
                what: "unable to use the CA certificate",
                reason: error.to_string(),
            })?;
        }
        return Ok(store);
    }
    Ok(system_roots())
}

/// The authorities that this system trusts, or (where it has none) Mozilla's.
#[must_use]
pub fn system_roots() -> RootCertStore {
    let mut store = RootCertStore::empty();
    if let Some(pem) = SYSTEM_BUNDLES.iter().find_map(|path| std::fs::read(Path::new(path)).ok()) {
        let certificates = CertificateDer::pem_slice_iter(&pem).flatten();
        store.add_parsable_certificates(certificates);
    }
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    store
}

fn read(source: &Source) -> Result<Vec<u8>, ClientConfigError> {
    match source {
        Source::Inline(text) => Ok(text.reveal().as_bytes().to_vec()),
        Source::File(path) => std::fs::read(path)
            .map_err(|source| ClientConfigError::File { path: path.display().to_string(), source }),
    }
}

fn certificates(
    what: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, ClientConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found =
        found.map_err(|error| ClientConfigError::Tls { what, reason: error.to_string() })?;
    if found.is_empty() {
        let reason = "no PEM certificate found".to_owned();
        return Err(ClientConfigError::Tls { what, reason });
    }
    Ok(found)
}

/// `insecure_skip_verify`: any certificate will do; the handshake's signatures are still checked.
#[derive(Debug)]
struct TrustAll(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
