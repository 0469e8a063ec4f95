//! What stands between the sockets and the routes: the file as it is now, and whether a request may pass.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use net::config::Source;
use parking_lot::Mutex;

use super::config::{WebConfig, WebFile};
use super::limit::Limiter;
use super::passwords::Passwords;
use super::tls;
use crate::http::Reply;

/// Time, length and number of a file on the disk.
type Stamp = Option<(SystemTime, u64, u64)>;
/// Files and how they were when they were read.
type Stamps = Vec<(PathBuf, Stamp)>;

/// One reading of the file, ready for use.
#[derive(Debug)]
pub(crate) struct Ready {
    config: WebConfig,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// `None`: the file says nothing of TLS.
    tls: Option<Result<Arc<rustls::ServerConfig>, String>>,
}

/// What passwords say of who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No passwords are asked for.
    Anybody,
    /// Name and password are right.
    Known,
    /// They are wrong or missing.
    Unknown,
}

/// What was read last, and of which files.
struct Seen {
    stamps: Stamps,
    ready: Result<Arc<Ready>, String>,
}

/// Keeps the file's rules.
pub(crate) struct Guard {
    file: WebFile,
    /// Whether the listeners speak TLS: what the file said at the start, as with Prometheus.
    tls: bool,
    seen: Mutex<Seen>,
    limiter: Mutex<Option<Limiter>>,
    passwords: Passwords,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guard({:?}, tls {})", self.file, self.tls)
    }
}

impl Guard {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// What is wrong with it or with a file that it names.
    pub(crate) fn new(file: WebFile) -> Result<Self, String> {
        let seen = look(&file);
        let ready = seen.ready.clone()?;
        if let Some(Err(error)) = &ready.tls {
            return Err(format!("{}: {error}", file.path.display()));
        }
        if let Some(limit) = ready.config.rate_limit {
            tracing::info!(burst = limit.burst, interval = ?limit.interval, "Rate Limiter is enabled.");
        }
        Ok(Self {
            tls: ready.tls.is_some(),
            seen: Mutex::new(seen),
            limiter: Mutex::new(None),
            passwords: Passwords::new()?,
            file,
        })
    }

    /// Whether the listeners speak TLS.
    pub(crate) fn has_tls(&self) -> bool {
        self.tls
    }

    /// Whether nobody comes in unasked now; a file that is wrong lets nobody in.
    pub(crate) fn asks_who_comes(&self) -> bool {
        self.current().map_or(true, |ready| ready.config.asks_who_comes())
    }

    /// The file as it is now. Reads it only when it or a certificate has changed.
    ///
    /// # Errors
    /// What is wrong with it.
    fn current(&self) -> Result<Arc<Ready>, String> {
        let mut seen = self.seen.lock();
        if seen.stamps.iter().any(|(path, was)| stamp(path) != *was) {
            *seen = look(&self.file);
            match &seen.ready {
                Err(error) => {
                    tracing::error!(%error, "Unable to parse configuration; all requests are refused");
                }
                Ok(ready) => self.said(ready),
            }
        }
        seen.ready.clone()
    }

    /// Says what became of a change.
    fn said(&self, ready: &Ready) {
        match &ready.tls {
            Some(Err(error)) => {
                tracing::error!(%error, "the certificates cannot be used; connections are refused");
            }
            Some(Ok(_)) if !self.tls => {
                tracing::warn!("the web configuration has TLS now, which takes a restart");
            }
            None if self.tls => tracing::error!(
                "the web configuration has no TLS any more; connections are refused until a restart"
            ),
            Some(Ok(_)) | None => tracing::info!("the web configuration was read anew"),
        }
    }

    /// What a handshake needs now.
    ///
    /// # Errors
    /// What is wrong with the file or the certificates.
    pub(crate) fn handshake(&self) -> Result<Arc<rustls::ServerConfig>, String> {
        match &self.current()?.tls {
            Some(config) => config.clone(),
            None => Err("TLS config is not present".to_owned()),
        }
    }

    /// Who it is that comes, or what is answered instead. `now` is monotonic.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        now: Duration,
    ) -> Result<(Arc<Ready>, Standing), Box<Reply>> {
        let refuse = |status: StatusCode| {
            Box::new(Reply::error(status, status.canonical_reason().unwrap_or_default()))
        };
        let Ok(ready) = self.current() else {
            return Err(refuse(StatusCode::INTERNAL_SERVER_ERROR));
        };
        if !self.has_room(&ready, now) {
            return Err(refuse(StatusCode::TOO_MANY_REQUESTS));
        }
        let users = &ready.config.users;
        if users.is_empty() {
            return Ok((ready, Standing::Anybody));
        }
        let standing = if let Some((name, password)) = basic(headers)
            && self.passwords.are_right(users, &name, &password).await
        {
            Standing::Known
        } else {
            Standing::Unknown
        };
        Ok((ready, standing))
    }

    fn has_room(&self, ready: &Ready, now: Duration) -> bool {
        let Some(limit) = ready.config.rate_limit else { return true };
        let mut limiter = self.limiter.lock();
        match &mut *limiter {
            Some(limiter) if limiter.limit() == limit => limiter.allow(now),
            other => other.insert(Limiter::new(limit, now)).allow(now),
        }
    }
}

impl Ready {
    fn new(config: WebConfig) -> Result<Self, String> {
        let header = |(name, value): &(String, String)| {
            let bad = |error: &dyn std::fmt::Display| {
                format!("http_server_config.headers.{name}: {error}")
            };
            let value = HeaderValue::from_str(value).map_err(|error| bad(&error))?;
            let name = HeaderName::try_from(name).map_err(|error| bad(&error))?;
            Ok::<_, String>((name, value))
        };
        let headers = config.headers.iter().map(header).collect::<Result<_, _>>()?;
        let tls = config.tls.as_ref().map(tls::build);
        Ok(Self { config, headers, tls })
    }

    /// Adds the configured headers, but for those that the answer has by itself.
    pub(crate) fn dress(&self, reply: &mut Reply) {
        for (name, value) in &self.headers {
            reply.headers.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// Reads the file and the certificates that it names.
fn look(file: &WebFile) -> Seen {
    // Stamps come before the reading: what is written in between is read again.
    let mut stamps = vec![(file.path.clone(), stamp(&file.path))];
    let ready = (file.load)().and_then(|config| {
        if let Some(tls) = &config.tls {
            let sources = [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()];
            for source in sources.into_iter().flatten() {
                if let Source::File(path) = source {
                    stamps.push((path.clone(), stamp(path)));
                }
            }
        }
        Ready::new(config).map(Arc::new)
    });
    Seen { stamps, ready }
}

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len(), meta.ino()))
}

/// Name and password of `Authorization: Basic …`.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (kind, code) = text.split_at_checked("Basic ".len())?;
    if !kind.eq_ignore_ascii_case("Basic ") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(code).ok()?;
    let colon = bytes.iter().position(|b| *b == b':')?;
    let name = std::str::from_utf8(&bytes[..colon]).ok()?.to_owned();
    Some((name, bytes[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_in_headers() {
        for (text, want) in [
            ("Basic YTpi", Some(("a", "b"))),
            ("bASIC YTpi", Some(("a", "b"))),
            ("Basic YTpiOmM=", Some(("a", "b:c"))),
            ("Basic Og==", Some(("", ""))),
            ("Basic YQ==", None),
            ("Basic  YTpi", None),
            ("Basic YTpi=", None),
            ("Basic", None),
            ("Bearer YTpi", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(text).unwrap());
            let want = want.map(|(name, password): (&str, &str)| {
                (name.to_owned(), password.as_bytes().to_vec())
            });
            assert_eq!(basic(&headers), want, "{text}");
        }
        assert_eq!(basic(&HeaderMap::new()), None);
    }
}
