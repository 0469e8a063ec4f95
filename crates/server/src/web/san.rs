//! The names in a certificate (its subject alternative names), read from DER. Bounded by the certificate's length; no recursion.

use std::net::{Ipv4Addr, Ipv6Addr};

/// 2.5.29.17
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
/// `[3]` of a certificate's body.
const EXTENSIONS: u8 = 0xa3;
/// `[1]`, `[2]`, `[6]` and `[7]` of a name.
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const ADDRESS: u8 = 0x87;

/// DNS names, mail addresses, IP addresses and URIs of `certificate`; `None` when it is not a certificate.
pub(super) fn names(certificate: &[u8]) -> Option<Vec<String>> {
    let (tag, certificate, _) = element(certificate)?;
    let (body_tag, body, _) = element(certificate)?;
    if tag != SEQUENCE || body_tag != SEQUENCE {
        return None;
    }
    let mut extensions = None;
    for (tag, value) in elements(body)? {
        if tag == EXTENSIONS {
            extensions = Some(element(value)?.1);
        }
    }
    let Some(extensions) = extensions else { return Some(Vec::new()) };
    for (_, extension) in elements(extensions)? {
        let parts = elements(extension)?;
        let is_names = parts.first() == Some(&(OBJECT_ID, SUBJECT_ALT_NAME));
        if let Some((OCTET_STRING, value)) = parts.last().copied().filter(|_| is_names) {
            let (_, general_names, _) = element(value)?;
            return Some(elements(general_names)?.into_iter().filter_map(name).collect());
        }
    }
    Some(Vec::new())
}

fn name((tag, value): (u8, &[u8])) -> Option<String> {
    match tag {
        EMAIL | DNS | URI => String::from_utf8(value.to_vec()).ok(),
        ADDRESS => match value.len() {
            4 => <[u8; 4]>::try_from(value).ok().map(|octets| Ipv4Addr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(value).ok().map(|octets| Ipv6Addr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// All elements in `der`, one after the other.
fn elements(mut der: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut found = Vec::new();
    while !der.is_empty() {
        let (tag, value, rest) = element(der)?;
        found.push((tag, value));
        der = rest;
    }
    Some(found)
}

/// The first element of `der`: tag, value, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (bytes, rest) = rest.split_at_checked(count)?;
        (bytes.iter().fold(0_usize, |length, b| length << 8 | usize::from(*b)), rest)
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((*tag, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;

    fn der(pem: &str) -> Vec<u8> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
    }

    #[test]
    fn all_kinds_of_names() {
        let names = names(&der(include_str!("../tests/pem/client.pem"))).unwrap();
        assert_eq!(names, ["client.test", "a@b.test", "spiffe://x/y", "10.0.0.1", "fe80::1"]);
        let none = der(include_str!("../tests/pem/ca.pem"));
        assert_eq!(super::names(&none), Some(Vec::new()));
        assert_eq!(super::names(b""), None);
        assert_eq!(super::names(b"hello"), None);
    }

    proptest! {
        #[test]
        fn broken_certificates_do_no_harm(at in 0_usize..600, to: u8, cut in 0_usize..600) {
            let mut der = der(include_str!("../tests/pem/client.pem"));
            let at = at % der.len();
            der[at] = to;
            der.truncate(cut.max(1));
            let _some = names(&der);
        }
    }
}
