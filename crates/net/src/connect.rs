//! From a URL to a connection that takes requests: names, TCP, proxies, TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::ProxyConfig;
use crate::error::{Cause, dial_reason, protocol_cause, tls_cause};
use crate::proxy::Proxy;
use crate::url::Url;

/// Most bytes of an answer's head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most headers of an answer.
pub const HEADERS_MAX: usize = 256;

/// An open connection.
pub(crate) type Sender = SendRequest<Empty<Bytes>>;

/// How to get to a host.
pub(crate) struct Route<'a> {
    pub(crate) proxy: Option<&'a Proxy>,
    pub(crate) proxy_config: &'a ProxyConfig,
    /// For `https`.
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    /// The name to ask for and check; empty: the URL's host.
    pub(crate) server_name: &'a str,
}

/// Opens a connection for `url`. The caller sets the deadline.
pub(crate) async fn connect(url: &Url, route: Route<'_>) -> Result<Sender, Cause> {
    let mut tcp = match route.proxy {
        Some(proxy) => dial(&proxy.url).await.map_err(|cause| Cause::Proxy(cause.to_string()))?,
        None => dial(url).await?,
    };
    let Some(tls) = route.tls else {
        return handshake(tcp).await;
    };
    if let Some(proxy) = route.proxy {
        tunnel(&mut tcp, url, proxy, route.proxy_config).await?;
    }
    let name = if route.server_name.is_empty() { &url.host } else { route.server_name };
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| Cause::Tls(format!("tls: invalid server name {name:?}")))?;
    let stream = TlsConnector::from(tls).connect(name, tcp).await;
    handshake(stream.map_err(|error| tls_cause(&error))?).await
}

async fn dial(url: &Url) -> Result<TcpStream, Cause> {
    let lookup = |reason: String| Cause::Lookup { host: url.host.clone(), reason };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((url.host.as_str(), url.port))
        .await
        .map_err(|_| lookup("no such host".to_owned()))?
        .collect();
    let mut first = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                // Without it a request of two packets may wait for an acknowledgement; nothing depends on it.
                let _best_effort = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Err(error) => {
                let cause =
                    Cause::Dial { address: address.to_string(), reason: dial_reason(&error) };
                first.get_or_insert(cause);
            }
        }
    }
    Err(first.unwrap_or_else(|| lookup("no such host".to_owned())))
}

/// Asks a proxy for a tunnel to `url`'s host.
async fn tunnel(
    tcp: &mut TcpStream,
    url: &Url,
    proxy: &Proxy,
    config: &ProxyConfig,
) -> Result<(), Cause> {
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
    let mut head =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n", port = url.port);
    if let Some(authorization) = &proxy.authorization {
        head.push_str(&format!("Proxy-Authorization: {}\r\n", authorization.reveal()));
    }
    for (name, values) in &config.connect_headers {
        for value in values {
            head.push_str(&format!("{name}: {}\r\n", value.reveal()));
        }
    }
    head.push_str("\r\n");
    let broken = |error: std::io::Error| Cause::Proxy(error.to_string());
    tcp.write_all(head.as_bytes()).await.map_err(broken)?;
    let answer = read_head(tcp).await?;
    let line = answer.lines().next().unwrap_or("");
    let status = line.split_once(' ').map_or("", |(_, status)| status);
    if line.starts_with("HTTP/1.") && status.starts_with('2') {
        return Ok(());
    }
    Err(Cause::Proxy(if status.is_empty() {
        "malformed HTTP response".to_owned()
    } else {
        status.to_owned()
    }))
}

/// Reads up to the empty line, byte by byte: what follows belongs to the tunnel.
async fn read_head(tcp: &mut TcpStream) -> Result<String, Cause> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Err(Cause::Proxy("answer too long".to_owned()));
        }
        let byte = tcp.read_u8().await.map_err(|error| Cause::Proxy(error.to_string()))?;
        head.push(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Starts HTTP/1.1. The connection is driven by a task of its own, which ends when the sender is dropped or the peer closes.
async fn handshake<S>(stream: S) -> Result<Sender, Cause>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let (sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| protocol_cause(&error))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // Whoever waits for an answer is told; an idle connection that breaks is nobody's concern.
            tracing::trace!(%error, "connection ended");
        }
    });
    Ok(sender)
}
