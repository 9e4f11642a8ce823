//! A connection that does not wait for ever: the time and the size of a request's head are
//! bounded, however slowly it trickles in, and so is the time for taking the answer away.
//!
//! Between two requests the connection watches itself; while a request is worked on, the time for
//! it does (`super`). The HTTP library has the same limits but needs a timer the server framework
//! does not give it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

/// How long a request's head may take, from the connection or from the answer before it.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(20);
/// Longest head: when so much has come and it is still not complete, no more is read.
pub(super) const HEAD_MAX: usize = 16 * 1024;

/// Where a connection stands.
#[derive(Clone)]
pub(super) struct Phase(Arc<Mutex<Head>>);

#[derive(Clone, Copy)]
enum Head {
    /// A head is awaited until then; so much of it is here.
    Awaited { until: Instant, seen: Seen },
    /// A request is worked on.
    Done,
}

/// How much of a head is here. It ends with an empty line; what stands behind it is body, and the
/// HTTP library reads some of that before anybody is told of the request.
#[derive(Clone, Copy)]
struct Seen {
    bytes: usize,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before it: empty lines in front do not count as its end.
    Front,
    /// Inside a line.
    Line,
    /// At the beginning of a line.
    Break,
    /// Behind it.
    End,
}

impl Seen {
    fn take(&mut self, more: &[u8]) {
        for byte in more {
            self.at = match (self.at, byte) {
                (At::End, _) => return,
                (At::Break, b'\n') => At::End,
                (At::Line, b'\n') => At::Break,
                (at, b'\r' | b'\n') => at,
                _ => At::Line,
            };
            self.bytes = self.bytes.saturating_add(1);
        }
    }

    fn too_long(&self) -> bool {
        self.bytes >= HEAD_MAX && self.at != At::End
    }
}

impl Phase {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(awaited())))
    }

    /// A request's head is complete; gives what ends its time when it is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.set(Head::Done);
        Busy(self.clone())
    }

    fn set(&self, head: Head) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    fn get(&self) -> Head {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, more: &[u8]) {
        let mut head = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Head::Awaited { seen, .. } = &mut *head {
            seen.take(more);
        }
    }
}

fn awaited() -> Head {
    Head::Awaited { until: Instant::now() + HEAD_TIME, seen: Seen { bytes: 0, at: At::Front } }
}

/// While this is held, a request is worked on.
pub(super) struct Busy(Phase);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(awaited());
    }
}

/// A watched connection. It keeps its place among the connections until it is dropped.
pub(super) struct Watched<S> {
    stream: S,
    phase: Phase,
    timer: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, place: OwnedSemaphorePermit) -> Self {
        let timer = Box::pin(tokio::time::sleep(HEAD_TIME));
        Self { stream, phase: Phase::new(), timer, _place: place }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.clone()
    }

    /// Fails when the time or the size for a head is used up.
    fn watch(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Head::Awaited { until, seen } = self.phase.get() else { return Ok(()) };
        if seen.too_long() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the head is too long"));
        }
        if self.timer.deadline() != until {
            self.timer.as_mut().reset(until);
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.watch(cx)?;
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.phase.take(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if written.is_pending() {
            self.watch(cx)?;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_pending() {
            self.watch(cx)?;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        if shut.is_pending() {
            self.watch(cx)?;
        }
        shut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Semaphore;

    fn watched() -> (Watched<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (Watched::new(ours, place), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_is_cut_off() {
        let (mut watched, mut theirs) = watched();
        let start = Instant::now();
        let drip = async move {
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if theirs.write_all(b"x").await.is_err() {
                    return;
                }
            }
        };
        let task = tokio::spawn(drip);
        let error = loop {
            let mut byte = [0; 1];
            if let Err(error) = watched.read_exact(&mut byte).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), HEAD_TIME.as_secs());
        task.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_worked_on_has_its_own_time() {
        let (mut watched, mut theirs) = watched();
        let busy = watched.phase().busy();
        let late = tokio::spawn(async move {
            tokio::time::sleep(HEAD_TIME * 2).await;
            theirs.write_all(b"x").await.unwrap();
            theirs
        });
        watched.read_u8().await.unwrap();
        let _theirs = late.await.unwrap();
        drop(busy);
        let error = watched.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "the next head has its time again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_without_end_is_cut_off() {
        let (mut watched, mut theirs) = watched();
        theirs.write_all(&vec![b'x'; HEAD_MAX]).await.unwrap();
        let mut buffer = vec![0; HEAD_MAX];
        watched.read_exact(&mut buffer).await.unwrap();
        theirs.write_all(b"x").await.unwrap();
        let error = watched.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_body_is_no_long_head() {
        let (mut watched, mut theirs) = watched();
        let request = [b"POST / HTTP/1.1\r\n\r\n".as_slice(), &[b'x'; HEAD_MAX * 2]].concat();
        theirs.write_all(&request).await.unwrap();
        watched.read_exact(&mut vec![0; request.len()]).await.unwrap();
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        let end = |parts: &[&str]| {
            let mut seen = Seen { bytes: 0, at: At::Front };
            parts.iter().for_each(|part| seen.take(part.as_bytes()));
            (seen.at == At::End, seen.bytes)
        };
        assert_eq!(end(&["GET / HTTP/1.1\r\na: b\r\n\r\nbody"]), (true, 24));
        assert_eq!(end(&["GET /\r", "\n\r", "\n"]), (true, 9));
        assert_eq!(end(&["GET /\n\n"]), (true, 7), "bare line ends are accepted too");
        assert_eq!(end(&["\r\n\r\n\n\n"]), (false, 6), "not begun");
        assert_eq!(end(&["\r\n\r\nGET /\r\na: b\r\n"]), (false, 17));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_nobody_takes_away_does_not_wait_for_ever() {
        let (mut watched, _theirs) = watched();
        let error = watched.write_all(&vec![0; 128 * 1024]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
