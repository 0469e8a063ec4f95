//! Lets `"`, `<` and `>` stand unescaped in a request's target, as in `curl -g 'http://…/api/v1/query?query=up{job="x"}'`.
//!
//! Prometheus takes that and many people write it, while our HTTP library refuses the request. So these three bytes are
//! escaped on their way in, in the request line and nowhere else: the stream rewrites only from where a head begins to the
//! end of its first line. Where a head begins is said by whoever has read the body before it ([`LineStart`]).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Says that the next byte of a connection is the first of a head. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct LineStart(Arc<AtomicBool>);

impl LineStart {
    /// At the beginning of a connection.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// To be called when a request's body is read to its end.
    pub(crate) fn body_is_read(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A stream that escapes the three bytes in request lines.
#[derive(Debug)]
pub(crate) struct Escaping<T> {
    inner: T,
    start: LineStart,
    in_line: bool,
    /// Rewritten bytes that the reader had no room for.
    pending: Vec<u8>,
}

impl<T> Escaping<T> {
    pub(crate) fn new(inner: T, start: LineStart) -> Self {
        Self { inner, start, in_line: false, pending: Vec::new() }
    }

    /// `bytes` rewritten; `None` when they stay as they are.
    fn rewritten(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.start.0.swap(false, Ordering::AcqRel) {
            self.in_line = true;
        }
        if !self.in_line {
            return None;
        }
        let end = bytes.iter().position(|b| *b == b'\n');
        self.in_line = end.is_none();
        let line = &bytes[..end.unwrap_or(bytes.len())];
        if !line.iter().any(|b| matches!(b, b'"' | b'<' | b'>')) {
            return None;
        }
        let mut out = Vec::with_capacity(bytes.len() + 32);
        for byte in line {
            match byte {
                b'"' => out.extend_from_slice(b"%22"),
                b'<' => out.extend_from_slice(b"%3C"),
                b'>' => out.extend_from_slice(b"%3E"),
                other => out.push(*other),
            }
        }
        out.extend_from_slice(&bytes[line.len()..]);
        Some(out)
    }

    fn give_pending(&mut self, buf: &mut ReadBuf<'_>) {
        let n = self.pending.len().min(buf.remaining());
        buf.put_slice(&self.pending[..n]);
        self.pending.drain(..n);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Escaping<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.pending.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
            if buf.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            let Some(pending) = self.rewritten(&buf.filled()[before..]) else {
                return Poll::Ready(Ok(()));
            };
            self.pending = pending;
            buf.set_filled(before);
        }
        self.give_pending(buf);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Escaping<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// What comes out of `text` that goes in by `write` bytes and is read by `read`; every `|` is a head's beginning.
    fn through(text: &str, write: usize, read: usize) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let start = LineStart::new();
            let (mut near, far) = tokio::io::duplex(write);
            let mut stream = Escaping::new(far, start.clone());
            let mut out = Vec::new();
            for part in text.split('|') {
                start.body_is_read();
                for bytes in part.as_bytes().chunks(write) {
                    near.write_all(bytes).await.unwrap();
                    let mut buf = vec![0; read];
                    let n = stream.read(&mut buf).await.unwrap();
                    out.extend_from_slice(&buf[..n]);
                    while !stream.pending.is_empty() || n == read && out.is_empty() {
                        let n = stream.read(&mut buf).await.unwrap();
                        out.extend_from_slice(&buf[..n]);
                    }
                }
            }
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn only_request_lines_are_rewritten() {
        let text = "GET /?q=up{a=\"b\"}<>1 HTTP/1.1\r\nETag: \"x\"\r\n\r\n<body>\"\n|GET /\" HTTP/1.1\r\n\"\r\n";
        let want = "GET /?q=up{a=%22b%22}%3C%3E1 HTTP/1.1\r\nETag: \"x\"\r\n\r\n<body>\"\nGET /%22 HTTP/1.1\r\n\"\r\n";
        for write in [1, 2, 7, 200] {
            for read in [200, write] {
                assert_eq!(through(text, write, read), want, "{write} {read}");
            }
        }
    }
}
