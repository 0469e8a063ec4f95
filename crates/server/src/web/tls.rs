//! `tls_server_config` → rustls. Errors name the key and, where there is one, the file.

use std::sync::Arc;

use net::config::{Source, TlsVersion};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{
    InconsistentKeys, RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::client_cert::ClientCertificates;
use super::config::{ClientAuth, TlsServer};

/// Builds what handshakes need; reads the files.
///
/// # Errors
/// A file that cannot be read, a certificate that cannot be used, or a setting that rustls does not have.
pub(super) fn build(tls: &TlsServer) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(provider(tls)?);
    let (chain, key) = (chain(&tls.cert)?, key(&tls.key)?);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(tls)?)
        .map_err(|error| format!("tls_server_config: {error}"))?;
    let builder = match clients(tls, provider)? {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        let mismatch =
            matches!(error, rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch));
        let reason = if mismatch {
            "tls: private key does not match public key".to_owned()
        } else {
            format!("tls: {error}")
        };
        format!("failed to load X509KeyPair: {reason}")
    })?;
    config.ignore_client_order = tls.prefer_server_cipher_suites;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn provider(tls: &TlsServer) -> Result<CryptoProvider, String> {
    let mut provider = rustls::crypto::ring::default_provider();
    if !tls.cipher_suites.is_empty() {
        let chosen = provider.cipher_suites.iter().copied();
        let chosen: Vec<SupportedCipherSuite> = chosen
            .filter(|suite| match suite {
                SupportedCipherSuite::Tls13(_) => true,
                SupportedCipherSuite::Tls12(_) => {
                    let name = suite.suite().as_str().unwrap_or_default();
                    tls.cipher_suites.iter().any(|wanted| wanted == name)
                }
            })
            .collect();
        if tls.max_version == TlsVersion::Tls12
            && !chosen.iter().any(|suite| suite.tls13().is_none())
        {
            return Err(
                "cipher_suites: none of them is of TLS 1.2, and max_version is TLS12".to_owned()
            );
        }
        provider.cipher_suites = chosen;
    }
    if !tls.curves.is_empty() {
        provider.kx_groups = tls.curves.iter().map(|name| group(name)).collect::<Result<_, _>>()?;
    }
    Ok(provider)
}

fn group(name: &str) -> Result<&'static dyn SupportedKxGroup, String> {
    use rustls::crypto::ring::kx_group::{SECP256R1, SECP384R1, X25519};
    match name {
        "X25519" => Ok(X25519),
        "CurveP256" => Ok(SECP256R1),
        "CurveP384" => Ok(SECP384R1),
        other => Err(format!("curve_preferences: {other} is not supported in this version")),
    }
}

fn versions(tls: &TlsServer) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let all = [
        (TlsVersion::Tls13, &rustls::version::TLS13),
        (TlsVersion::Tls12, &rustls::version::TLS12),
    ];
    let range = tls.min_version..=tls.max_version;
    let chosen: Vec<_> =
        all.into_iter().filter(|(v, _)| range.contains(v)).map(|(_, v)| v).collect();
    if chosen.is_empty() {
        return Err("min_version is above max_version".to_owned());
    }
    Ok(chosen)
}

/// What asks clients for certificates, if they are to be asked.
fn clients(
    tls: &TlsServer,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let (mandatory, checked) = match tls.client_auth {
        ClientAuth::None => return Ok(None),
        ClientAuth::Request => (false, false),
        ClientAuth::RequireAny => (true, false),
        ClientAuth::VerifyIfGiven => (false, true),
        ClientAuth::RequireAndVerify => (true, true),
    };
    let pinned = match &tls.client_ca {
        Some(source) if checked => authorities(source)?,
        Some(_) | None => Vec::new(),
    };
    let authority = checked.then(|| authority(&pinned, Arc::clone(&provider))).transpose()?;
    let names = tls.client_allowed_sans.clone();
    Ok(Some(Arc::new(ClientCertificates { provider, mandatory, authority, pinned, names })))
}

/// What checks against `authorities`; none: against those of the system.
fn authority(
    authorities: &[CertificateDer<'static>],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots =
        if authorities.is_empty() { net::system_roots() } else { RootCertStore::empty() };
    for certificate in authorities {
        roots.add(certificate.clone()).map_err(|error| format!("client_ca: {error}"))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| format!("client_ca: {error}"))
}

fn authorities(source: &Source) -> Result<Vec<CertificateDer<'static>>, String> {
    let name = named(source, "client_ca", "client_ca_file");
    let found: Result<Vec<_>, _> = certificates(&read(source, &name)?).collect();
    let found = found.map_err(|error| format!("{name}: {error}"))?;
    if found.is_empty() {
        return Err(format!("{name}: no PEM certificate found"));
    }
    Ok(found)
}

fn chain(source: &Source) -> Result<Vec<CertificateDer<'static>>, String> {
    let name = named(source, "cert", "cert_file");
    let chain: Result<Vec<_>, _> = certificates(&read(source, &name)?).collect();
    let chain = chain.map_err(|error| format!("failed to load X509KeyPair: {name}: {error}"))?;
    if chain.is_empty() {
        return Err(format!(
            "failed to load X509KeyPair: tls: failed to find any PEM data in certificate input ({name})"
        ));
    }
    Ok(chain)
}

fn key(source: &Source) -> Result<PrivateKeyDer<'static>, String> {
    let name = named(source, "key", "key_file");
    PrivateKeyDer::from_pem_slice(&read(source, &name)?).map_err(|error| {
        let reason = if matches!(error, rustls_pki_types::pem::Error::NoItemsFound) {
            "tls: failed to find any PEM data in key input".to_owned()
        } else {
            error.to_string()
        };
        format!("failed to load X509KeyPair: {reason} ({name})")
    })
}

/// The key, and the file that it names.
fn named(source: &Source, inline: &str, file: &str) -> String {
    match source {
        Source::Inline(_) => inline.to_owned(),
        Source::File(path) => format!("{file} ({})", path.display()),
    }
}

fn read(source: &Source, name: &str) -> Result<Vec<u8>, String> {
    match source {
        Source::Inline(text) => Ok(text.reveal().as_bytes().to_vec()),
        Source::File(path) => std::fs::read(path).map_err(|error| {
            let reason = if error.kind() == std::io::ErrorKind::NotFound {
                "no such file or directory".to_owned()
            } else if error.kind() == std::io::ErrorKind::PermissionDenied {
                "permission denied".to_owned()
            } else {
                error.to_string()
            };
            format!("failed to read {name}: open {}: {reason}", path.display())
        }),
    }
}

fn certificates(
    pem: &[u8],
) -> impl Iterator<Item = Result<CertificateDer<'static>, rustls_pki_types::pem::Error>> + '_ {
    CertificateDer::pem_slice_iter(pem)
}
