//! `fingerprint` and `community_id`: hashes of fields.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Digest as _;
use ring::digest;
use serde_json::Value;

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::Config;
use crate::ingest::document::shown;
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;

#[derive(Debug, Clone, Copy)]
enum Method {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl Method {
    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Md5 => return md5::Md5::digest(bytes).to_vec(),
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

#[derive(Debug)]
struct Fingerprint {
    /// In the order of their names.
    fields: Vec<Path>,
    target: Path,
    salt: String,
    method: Method,
    ignore_missing: bool,
}

pub(super) fn fingerprint(
    config: &mut Config,
    _: &mut Builder,
) -> Result<Box<dyn Processor>, Error> {
    let mut names = config.strs("fields")?;
    names.sort_unstable();
    let mut fields = Vec::with_capacity(names.len());
    for name in &names {
        fields
            .push(Path::parse(name).map_err(|error| config.error(Some("fields"), &error.reason))?);
    }
    if fields.is_empty() {
        return Err(config.error(Some("fields"), "must specify at least one field"));
    }
    let target = config.path_or("target_field", &Path::parse("fingerprint")?)?;
    let name = config.str_or("method", "SHA-1")?;
    let method = match name.as_str() {
        "MD5" => Method::Md5,
        "SHA-1" => Method::Sha1,
        "SHA-256" => Method::Sha256,
        "SHA-512" => Method::Sha512,
        _ => {
            let text = format!(
                "[{name}] must be one of [MD5, SHA-1, SHA-256, SHA-512], cannot calculate fingerprint"
            );
            return Err(config.error(Some("method"), &text));
        }
    };
    Ok(Box::new(Fingerprint {
        fields,
        target,
        salt: config.str_or("salt", "")?,
        method,
        ignore_missing: config.bool_or("ignore_missing", false)?,
    }))
}

impl Edit for Fingerprint {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let mut bytes = self.salt.clone().into_bytes();
        let mut found = false;
        for field in &self.fields {
            match document.get(field) {
                None | Some(Value::Null) if self.ignore_missing => {}
                None | Some(Value::Null) => {
                    let text =
                        format!("missing field [{}] when calculating fingerprint", field.text);
                    return Err(Error::illegal(text));
                }
                Some(value) => {
                    found = true;
                    feed(value, &mut bytes);
                }
            }
        }
        if !found {
            return Ok(());
        }
        let hash = STANDARD.encode(self.method.hash(&bytes));
        document.set(&self.target, Value::String(hash))
    }
}

/// Values as Elasticsearch hashes them: a zero byte before each; of objects the names too, in their order.
fn feed(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| feed(item, bytes)),
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            for name in names {
                bytes.push(0);
                bytes.extend_from_slice(name.as_bytes());
                if let Some(value) = members.get(name) {
                    feed(value, bytes);
                }
            }
        }
        Value::Null => bytes.extend_from_slice(&[0, 0]),
        Value::Bool(flag) => bytes.extend_from_slice(&[0, if *flag { 1 } else { 2 }]),
        Value::String(text) => {
            bytes.push(0);
            bytes.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => {
            bytes.push(0);
            match number.as_i64() {
                Some(int) => match i32::try_from(int) {
                    Ok(int) => bytes.extend_from_slice(&int.to_be_bytes()),
                    Err(_) => bytes.extend_from_slice(&int.to_be_bytes()),
                },
                None => {
                    let value = number.as_f64().unwrap_or_default();
                    bytes.extend_from_slice(&value.to_bits().to_be_bytes());
                }
            }
        }
    }
}

/// The Community ID of a flow, version 1.
#[derive(Debug)]
struct CommunityId {
    source_ip: Path,
    source_port: Path,
    destination_ip: Path,
    destination_port: Path,
    iana_number: Path,
    transport: Path,
    icmp_type: Path,
    icmp_code: Path,
    target: Path,
    seed: u16,
    ignore_missing: bool,
}

pub(super) fn community_id(
    config: &mut Config,
    _: &mut Builder,
) -> Result<Box<dyn Processor>, Error> {
    let mut path = |name: &str, default: &str| {
        let default = Path::parse(default)?;
        config.path_or(name, &default)
    };
    let mut made = CommunityId {
        source_ip: path("source_ip", "source.ip")?,
        source_port: path("source_port", "source.port")?,
        destination_ip: path("destination_ip", "destination.ip")?,
        destination_port: path("destination_port", "destination.port")?,
        iana_number: path("iana_number", "network.iana_number")?,
        transport: path("transport", "network.transport")?,
        icmp_type: path("icmp_type", "icmp.type")?,
        icmp_code: path("icmp_code", "icmp.code")?,
        target: path("target_field", "network.community_id")?,
        seed: 0,
        ignore_missing: true,
    };
    let seed = config.opt_int("seed")?.unwrap_or(0);
    made.seed = u16::try_from(seed)
        .map_err(|_| config.error(Some("seed"), &format!("{seed} must be between 0 and 65535")))?;
    made.ignore_missing = config.bool_or("ignore_missing", true)?;
    Ok(Box::new(made))
}

const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("tcp", 6),
    ("udp", 17),
    ("gre", 47),
    ("icmp6", 58),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("eigrp", 88),
    ("ospf", 89),
    ("pim", 103),
    ("sctp", 132),
];

impl Edit for CommunityId {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let Some(id) = self.id(document)? else {
            if self.ignore_missing {
                return Ok(());
            }
            return Err(Error::illegal("unable to construct flow from document"));
        };
        document.set(&self.target, Value::String(id))
    }
}

impl CommunityId {
    /// `None` when a part of the flow is missing.
    fn id(&self, document: &Document) -> Result<Option<String>, Error> {
        let text = |path: &Path| document.get(path).filter(|value| !value.is_null()).map(shown);
        let address = |path: &Path| match text(path) {
            None => Ok(None),
            Some(text) => match text.parse::<IpAddr>() {
                Ok(address) => Ok(Some(address)),
                Err(_) => Err(Error::illegal(format!("'{text}' is not an IP string literal."))),
            },
        };
        let (Some(source), Some(destination)) =
            (address(&self.source_ip)?, address(&self.destination_ip)?)
        else {
            return Ok(None);
        };
        let Some(protocol) = text(&self.iana_number).or_else(|| text(&self.transport)) else {
            return Ok(None);
        };
        let named = PROTOCOLS.iter().find(|(name, _)| *name == protocol.to_ascii_lowercase());
        let number = match (named, protocol.parse::<u8>()) {
            (Some((_, number)), _) => *number,
            (None, Ok(number)) => number,
            (None, Err(_)) => {
                let text = format!("could not convert string [{protocol}] to transport protocol");
                return Err(Error::illegal(text));
            }
        };
        let port = |path: &Path, what: &str, max: i64| match text(path) {
            None => Ok(None),
            Some(text) => match text.parse::<i64>().ok().filter(|port| (0..=max).contains(port)) {
                Some(port) => Ok(u16::try_from(port).ok()),
                None => Err(Error::illegal(format!("invalid {what} [{text}]"))),
            },
        };
        let ports = match number {
            1 | 58 => {
                let kind = port(&self.icmp_type, "icmp type", 255)?;
                let code = port(&self.icmp_code, "icmp code", 255)?;
                let Some(kind) = kind else { return Ok(None) };
                Some(icmp_ports(number, kind, code.unwrap_or(0)))
            }
            6 | 17 | 132 => {
                let from = port(&self.source_port, "source port", 65_535)?;
                let to = port(&self.destination_port, "destination port", 65_535)?;
                let (Some(from), Some(to)) = (from, to) else { return Ok(None) };
                Some((from, to, false))
            }
            _ => None,
        };
        Ok(Some(self.hashed(source, destination, number, ports)))
    }

    fn hashed(
        &self,
        source: IpAddr,
        destination: IpAddr,
        protocol: u8,
        ports: Option<(u16, u16, bool)>,
    ) -> String {
        let octets = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let (from_port, to_port, one_way) = ports.unwrap_or_default();
        let from = (octets(source), from_port);
        let to = (octets(destination), to_port);
        // Both directions of a flow have the same id.
        let (first, second) = if from <= to || one_way { (from, to) } else { (to, from) };
        let mut bytes = self.seed.to_be_bytes().to_vec();
        bytes.extend_from_slice(&first.0);
        bytes.extend_from_slice(&second.0);
        bytes.extend_from_slice(&[protocol, 0]);
        if ports.is_some() {
            bytes.extend_from_slice(&first.1.to_be_bytes());
            bytes.extend_from_slice(&second.1.to_be_bytes());
        }
        format!("1:{}", STANDARD.encode(Method::Sha1.hash(&bytes)))
    }
}

/// What stands for ports: the type and the type that answers it; without an answer the code, and only one direction.
fn icmp_ports(protocol: u8, kind: u16, code: u16) -> (u16, u16, bool) {
    let pairs: &[(u16, u16)] = if protocol == 1 {
        &[(8, 0), (13, 14), (15, 16), (17, 18), (10, 9)]
    } else {
        &[(128, 129), (133, 134), (135, 136), (130, 131), (144, 145), (139, 140)]
    };
    for (ask, answer) in pairs {
        if kind == *ask {
            return (kind, *answer, false);
        }
        if kind == *answer {
            return (kind, *ask, false);
        }
    }
    (kind, code, true)
}
