//! Sockets: listeners, a bound on connections, deadlines of heads, and the end of all of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::RunError;
use crate::push::face::Face;
use crate::request_line::{Escaping, LineStart};
use crate::serve::serve;
use crate::sockets;
use crate::stall::Impatient;
use crate::state::{State, stopped};
use crate::web::Guard;

/// Longest time from a connection's (or the last answer's) end to the end of the next request's head.
const HEAD_WAIT_MAX: Duration = Duration::from_secs(60);
/// Longest time that a client may take nothing of its answer.
const STALL_MAX: Duration = Duration::from_secs(60);
/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most header fields of a request.
const HEADERS_MAX: usize = 100;
/// How long a listener rests when the kernel has no more sockets for it.
const ACCEPT_REST: Duration = Duration::from_millis(200);
/// What is said to somebody who speaks HTTP where TLS is spoken.
const NOT_TLS: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Opens those of the addresses that can be; a well-known port that another program has is a warning.
pub(crate) async fn open_some(addresses: &[String]) -> Vec<TcpListener> {
    let mut listeners = Vec::new();
    for address in addresses {
        match bind(address).await {
            Ok(listener) => {
                tracing::info!(address, "Listening on");
                listeners.push(listener);
            }
            Err(error) => tracing::warn!(address, %error, "cannot listen here; going on without"),
        }
    }
    listeners
}

/// Opens the addresses. The first has to open; another that does not is a warning.
///
/// # Errors
/// [`RunError::Listen`] naming the main address.
pub(crate) async fn open(addresses: &[String]) -> Result<Vec<TcpListener>, RunError> {
    let mut listeners = Vec::new();
    for (i, address) in addresses.iter().enumerate() {
        match bind(address).await {
            Ok(listener) => {
                tracing::info!(address, "Listening on");
                listeners.push(listener);
            }
            Err(source) if i == 0 => {
                return Err(RunError::Listen { address: address.clone(), source });
            }
            Err(error) => tracing::warn!(address, %error, "cannot listen here; going on without"),
        }
    }
    if listeners.is_empty() { Err(RunError::NoAddress) } else { Ok(listeners) }
}

/// The sockets that systemd passed.
///
/// # Errors
/// [`RunError::Sockets`] when there are none that can be used.
pub(crate) fn passed() -> Result<Vec<TcpListener>, RunError> {
    tracing::info!("Listening on systemd activated listeners instead of port listeners.");
    let passed =
        sockets::from_systemd(|name| std::env::var(name).ok()).map_err(RunError::Sockets)?;
    let listener = |socket: std::net::TcpListener| {
        let address = socket.local_addr().map(|address| address.to_string()).unwrap_or_default();
        tracing::info!(address, "Listening on");
        TcpListener::from_std(socket).map_err(|error| RunError::Sockets(error.to_string()))
    };
    passed.into_iter().map(listener).collect()
}

async fn bind(address: &str) -> io::Result<TcpListener> {
    match address.strip_prefix(':') {
        None => TcpListener::bind(address).await,
        Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind(format!("0.0.0.0:{port}")).await
            }
            bound => bound,
        },
    }
}

/// Accepts until the server stops, then lets the open connections finish what they are doing.
pub(crate) async fn accept(
    listener: TcpListener,
    face: Face,
    state: Arc<State>,
    room: Arc<Semaphore>,
) {
    let mut stopping = state.stopping();
    let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    match state.guard.as_ref().is_some_and(Guard::has_tls) {
        true => tracing::info!(http2 = false, address, "TLS is enabled."),
        false => tracing::info!(http2 = false, address, "TLS is disabled."),
    }
    let mut connections = JoinSet::new();
    loop {
        // Past the bound new connections wait in the kernel's queue.
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, permit)
        };
        tokio::select! {
            () = stopped(&mut stopping) => break,
            Some(_ended) = connections.join_next() => {}
            (accepted, permit) = next => match (accepted, permit) {
                (Ok((stream, _)), Ok(permit)) => {
                    connections.spawn(connection(stream, face, Arc::clone(&state), permit));
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
                (Ok(_), Err(_)) => break,
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    face: Face,
    state: Arc<State>,
    permit: OwnedSemaphorePermit,
) {
    state.metrics.connections.add(1.0);
    // Answers are written whole; waiting for more bytes only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection cannot be set to no delay");
    }
    match state.guard.as_ref().filter(|guard| guard.has_tls()) {
        None => talk(stream, face, &state).await,
        Some(guard) => {
            let mut stopping = state.stopping();
            let wait = HEAD_WAIT_MAX.min(state.config.read_timeout);
            let shaken = tokio::select! {
                shaken = timeout(wait, handshake(stream, guard)) => Some(shaken),
                () = stopped(&mut stopping) => None,
            };
            match shaken {
                Some(Ok(Ok(stream))) => talk(stream, face, &state).await,
                Some(Ok(Err(error))) => tracing::debug!(%error, "TLS handshake error"),
                Some(Err(_)) => tracing::debug!("a TLS handshake took too long"),
                None => {}
            }
        }
    }
    state.metrics.connections.add(-1.0);
    drop(permit);
}

/// Speaks TLS, with the certificates as they are now.
async fn handshake(mut stream: TcpStream, guard: &Guard) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    // A record of TLS does not begin with a letter, and a method does.
    if first[0].is_ascii_uppercase() {
        // What is not read makes the kernel reset the connection, and the answer is lost.
        let mut request = [0; 4096];
        let _length = stream.read(&mut request).await?;
        stream.write_all(NOT_TLS).await?;
        stream.shutdown().await?;
        return Err(io::Error::other("the client speaks HTTP"));
    }
    let config = guard.handshake().map_err(io::Error::other)?;
    TlsAcceptor::from(config).accept(stream).await
}

/// Answers requests until one side has enough.
async fn talk<S>(stream: S, face: Face, state: &Arc<State>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stopping = state.stopping();
    let start = LineStart::new();
    let stream = Escaping::new(Impatient::new(stream, STALL_MAX), start.clone());
    let service = service_fn(|request| {
        let (state, start) = (Arc::clone(state), start.clone());
        async move {
            Ok::<_, std::convert::Infallible>(Box::pin(serve(state, face, request, start)).await)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT_MAX.min(state.config.read_timeout))
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stopped(&mut stopping) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
