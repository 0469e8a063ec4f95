//! An HTTP client for fetching the same URL again and again: one keep-alive connection per [`Session`], one deadline over
//! everything, bounded bodies, redirects, credentials that stay with their host.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use hyper::{Request, Response};
use parking_lot::Mutex;
use stdx::budget::{Budget, Charge};

use crate::auth;
use crate::config::ClientConfig;
use crate::connect::{Route, Sender, connect};
use crate::error::{Cause, ClientConfigError, ClientError, protocol_cause};
use crate::proxy::Proxies;
use crate::tls;
use crate::url::Url;

/// Most redirects that are followed.
pub const REDIRECTS_MAX: usize = 10;
/// Most bytes of an unwanted body that are read to keep a connection.
const DRAIN_BYTES_MAX: u64 = 64 * 1024;
/// What a body's buffer is charged for at a time.
const CHARGE_STEP_BYTES: u64 = 256 * 1024;

/// A client's settings, made ready once and shared by its sessions.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    proxies: Proxies,
    tls: Mutex<Option<tls::Ready>>,
}

impl Client {
    /// Checks the configuration. Files of certificates must be there if the client will speak TLS (`https`); they are read
    /// again when they change.
    ///
    /// # Errors
    /// [`ClientConfigError`].
    pub fn new(config: ClientConfig, https: bool) -> Result<Self, ClientConfigError> {
        if let Some(what) = config.unsupported {
            return Err(ClientConfigError::Unsupported(what));
        }
        for header in &config.headers {
            if header.name.parse::<HeaderName>().is_err() {
                return Err(ClientConfigError::Header(header.name.clone()));
            }
        }
        for (name, values) in &config.proxy.connect_headers {
            let valid =
                |value: &crate::config::Secret| HeaderValue::from_str(value.reveal()).is_ok();
            if name.parse::<HeaderName>().is_err() || !values.iter().all(valid) {
                return Err(ClientConfigError::Header(name.clone()));
            }
        }
        let proxies = Proxies::new(&config.proxy, &|name| std::env::var(name).ok())?;
        let uses_files = config.tls != crate::config::TlsConfig::default();
        let tls = if https || uses_files { Some(tls::Ready::new(&config.tls)?) } else { None };
        Ok(Self { config, proxies, tls: Mutex::new(tls) })
    }

    /// The TLS settings, made anew when a file has changed.
    fn tls(&self) -> Result<Arc<rustls::ClientConfig>, Cause> {
        let mut ready = self.tls.lock();
        if let Some(ready) = ready.as_ref().filter(|ready| ready.is_current(&self.config.tls)) {
            return Ok(Arc::clone(&ready.client));
        }
        let made =
            tls::Ready::new(&self.config.tls).map_err(|error| Cause::Tls(error.to_string()))?;
        let client = Arc::clone(&made.client);
        *ready = Some(made);
        Ok(client)
    }
}

/// A header to send; built once per target.
#[derive(Debug, Clone, Default)]
pub struct RequestHeaders(HeaderMap);

impl RequestHeaders {
    /// # Errors
    /// [`ClientConfigError::Header`] when a name or value cannot stand in a request.
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ClientConfigError> {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            let bad = || ClientConfigError::Header(name.to_owned());
            let parsed: HeaderName = name.parse().map_err(|_| bad())?;
            map.append(parsed, HeaderValue::from_str(value).map_err(|_| bad())?);
        }
        Ok(Self(map))
    }
}

/// Bounds of one fetch.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// From the first packet to the body's last byte.
    pub deadline: Duration,
    /// A body of this many bytes or more is refused.
    pub body_bytes_max: u64,
    /// What bodies of all sessions together may take.
    pub budget: Arc<Budget>,
}

/// An answer's head; its body is in the caller's buffer when the status is 200.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The status as it stood in the first line, e.g. `500 Internal Server Error`.
    pub status_text: String,
    pub content_type: String,
    pub content_encoding: String,
    /// Pays for the body's buffer; drop it with the body.
    pub charge: Charge,
}

/// The way to one target: a connection that is kept between fetches.
#[derive(Debug)]
pub struct Session {
    client: Arc<Client>,
    connection: Option<(Origin, Sender)>,
}

/// What a connection can be used for again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    https: bool,
    authority: String,
}

impl Session {
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        Self { client, connection: None }
    }

    /// Fetches `url` and puts a `200`'s body (as sent, compressed or not) behind what `body` holds. Other bodies are thrown
    /// away.
    ///
    /// # Errors
    /// [`ClientError`]; the connection is not kept then.
    pub async fn get(
        &mut self,
        url: &Url,
        headers: &RequestHeaders,
        bounds: &Bounds,
        body: &mut Vec<u8>,
    ) -> Result<Answer, ClientError> {
        let at = tokio::time::Instant::now() + bounds.deadline;
        let mut asked = url.to_string();
        let sent = tokio::time::timeout_at(at, self.follow(url, headers, &mut asked)).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(cause)) => return Err(self.broken(asked, cause)),
            Err(_) => return Err(self.broken(asked, Cause::Deadline)),
        };
        let mut answer = Answer {
            status: response.status().as_u16(),
            status_text: status_text(&response),
            content_type: text_of(response.headers(), &CONTENT_TYPE),
            content_encoding: text_of(response.headers(), &CONTENT_ENCODING),
            charge: bounds.budget.charge(0)?,
        };
        let good = answer.status == 200;
        let read = async {
            if good {
                read_body(response.into_body(), bounds.body_bytes_max, &mut answer.charge, body)
                    .await
            } else {
                drain(response.into_body()).await
            }
        };
        let read = match tokio::time::timeout_at(at, read).await {
            Ok(read) => read,
            Err(_) if good => Err(ClientError::Body(Cause::Deadline)),
            Err(_) => Ok(false),
        };
        match read {
            Ok(true) => Ok(answer),
            Ok(false) => {
                self.connection = None;
                Ok(answer)
            }
            Err(error) => {
                self.connection = None;
                Err(error)
            }
        }
    }

    fn broken(&mut self, url: String, cause: Cause) -> ClientError {
        self.connection = None;
        ClientError::Request { url, cause }
    }

    /// Sends the request and follows redirects. `asked` becomes what errors name: the URL asked last, or (as in Go) the
    /// location that is not followed, as it was written.
    async fn follow(
        &mut self,
        first: &Url,
        headers: &RequestHeaders,
        asked: &mut String,
    ) -> Result<Response<Incoming>, Cause> {
        let mut url = first.clone();
        let mut last = String::new();
        let mut own_host = true;
        for _ in 0..REDIRECTS_MAX {
            // Credentials go to the host that they are configured for and nowhere else, not even back after a detour, and
            // not in the open when they began under TLS.
            own_host &= url.host == first.host && (url.https || !first.https);
            let response = self.send(&url, headers, own_host).await?;
            let Some(location) =
                redirect(&response).filter(|_| self.client.config.follow_redirects)
            else {
                return Ok(response);
            };
            *asked = location;
            url = url.join(asked)?;
            if !drain(response.into_body()).await.unwrap_or(false) {
                self.connection = None;
            }
            last = std::mem::replace(asked, url.to_string());
        }
        *asked = last;
        Err(Cause::Redirects)
    }

    /// Sends one request, over the kept connection where there is one. A kept connection that the peer closed meanwhile is
    /// replaced once.
    async fn send(
        &mut self,
        url: &Url,
        headers: &RequestHeaders,
        own_host: bool,
    ) -> Result<Response<Incoming>, Cause> {
        let request = self.request(url, headers, own_host).await?;
        let origin = Origin { https: url.https, authority: url.authority.clone() };
        let kept = self.connection.take().filter(|(have, _)| *have == origin);
        if let Some((_, mut sender)) = kept
            && sender.ready().await.is_ok()
        {
            match sender.send_request(request.clone()).await {
                Ok(response) => {
                    self.connection = Some((origin, sender));
                    return Ok(response);
                }
                Err(error) if error.is_parse() => return Err(protocol_cause(&error)),
                Err(_) => {}
            }
        }
        let client = Arc::clone(&self.client);
        let proxy = client.proxies.of(url);
        let tls = if url.https { Some(client.tls()?) } else { None };
        let route = Route {
            proxy,
            proxy_config: &client.config.proxy,
            tls,
            server_name: &client.config.tls.server_name,
        };
        let mut sender = connect(url, route).await?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| protocol_cause(&error))?;
        self.connection = Some((origin, sender));
        Ok(response)
    }

    async fn request(
        &self,
        url: &Url,
        headers: &RequestHeaders,
        own_host: bool,
    ) -> Result<Request<Empty<Bytes>>, Cause> {
        let proxy = self.client.proxies.of(url).filter(|_| !url.https);
        let target = match proxy {
            Some(_) => format!("{}://{}{}", url.scheme(), url.authority, url.origin_form()),
            None => url.origin_form().to_owned(),
        };
        let invalid = |error: hyper::http::Error| Cause::Protocol(error.to_string());
        let mut request = Request::get(target).body(Empty::new()).map_err(invalid)?;
        let map = request.headers_mut();
        *map = headers.0.clone();
        let host = HeaderValue::from_str(&url.authority);
        map.insert(HOST, host.map_err(|error| Cause::Protocol(error.to_string()))?);
        if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref())
            && let Ok(mut value) = HeaderValue::from_str(authorization.reveal())
        {
            value.set_sensitive(true);
            map.insert(hyper::header::PROXY_AUTHORIZATION, value);
        }
        if own_host {
            for (name, value) in self.credentials().await? {
                map.append(name, value);
            }
        }
        Ok(request)
    }

    async fn credentials(&self) -> Result<auth::Headers, Cause> {
        if !auth::reads_files(&self.client.config) {
            return auth::headers(&self.client.config);
        }
        let client = Arc::clone(&self.client);
        let read = tokio::task::spawn_blocking(move || auth::headers(&client.config)).await;
        read.unwrap_or_else(|error| Err(Cause::Credentials(error.to_string())))
    }
}

fn redirect(response: &Response<Incoming>) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    Some(location.to_str().unwrap_or("").to_owned())
}

fn status_text(response: &Response<Incoming>) -> String {
    let status = response.status();
    let sent = response.extensions().get::<hyper::ext::ReasonPhrase>();
    let reason = sent.map_or_else(
        || status.canonical_reason().unwrap_or("").to_owned(),
        |reason| String::from_utf8_lossy(reason.as_bytes()).into_owned(),
    );
    format!("{} {reason}", status.as_u16()).trim_end().to_owned()
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned()
}

/// Reads the body to its end. `true`: the connection can be used again.
async fn read_body(
    mut incoming: Incoming,
    bytes_max: u64,
    charge: &mut Charge,
    body: &mut Vec<u8>,
) -> Result<bool, ClientError> {
    let mut read_bytes = 0_u64;
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| ClientError::Body(protocol_cause(&error)))?;
        let Some(chunk) = frame.data_ref() else {
            continue;
        };
        read_bytes = read_bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if read_bytes >= bytes_max {
            return Err(ClientError::BodyLimit);
        }
        if read_bytes > charge.bytes() {
            charge.grow((read_bytes - charge.bytes()).max(CHARGE_STEP_BYTES))?;
        }
        body.extend_from_slice(chunk);
    }
    Ok(true)
}

/// Throws a body away. `false`: it is too long for that, or broken; give the connection up.
async fn drain(mut incoming: Incoming) -> Result<bool, ClientError> {
    let mut left = DRAIN_BYTES_MAX;
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            return Ok(false);
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(u64::try_from(bytes).unwrap_or(u64::MAX)) {
            Some(rest) => left = rest,
            None => return Ok(false),
        }
    }
    Ok(true)
}
