//! The last word must arrive. A socket that is closed while its client still sends is reset by the kernel, and a reset takes
//! the answer away that the client has not read yet: a refusal of a large upload would show as a broken pipe. So the rest
//! of what the client sends is taken and thrown away for a while, as nginx does (`lingering_close`).

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Most connections that linger at once; beyond, sockets are closed at once.
const MOST: usize = 256;
/// Most bytes that are thrown away: twice the largest request body.
const MOST_BYTES: usize = 64 << 20;
/// Longest time from the answer to the close.
const LONGEST: Duration = Duration::from_secs(30);
/// The same once the server is stopping: a slow upload must not make the stop last.
const LONGEST_AT_STOP: Duration = Duration::from_secs(2);
/// Longest silence of the client.
const SILENCE: Duration = Duration::from_secs(5);
/// Bytes taken at a time.
const PIECE: usize = 16 << 10;

/// Counts the connections that linger.
#[derive(Clone, Debug)]
pub(super) struct Lingering {
    places: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl Default for Lingering {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST)), stopping: watch::Sender::new(false) }
    }
}

impl Lingering {
    /// Lets a client finish what it sends, within bounds, and closes.
    pub(super) async fn hear_out(&self, mut socket: impl AsyncRead + Unpin) {
        let Ok(_place) = self.places.try_acquire() else { return };
        // Over time or over: either way the socket is closed now.
        tokio::select! {
            _ = timeout(LONGEST, discard(&mut socket)) => {}
            () = self.stopped() => {}
        }
    }

    /// The server is stopping: whoever lingers, or begins to, has little time left.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    async fn stopped(&self) {
        // The sender is ours, so there is no error.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
        sleep(LONGEST_AT_STOP).await;
    }
}

async fn discard(socket: &mut (impl AsyncRead + Unpin)) {
    let (mut piece, mut taken) = (vec![0; PIECE], 0);
    while taken < MOST_BYTES {
        match timeout(SILENCE, socket.read(&mut piece)).await {
            Ok(Ok(read)) if read > 0 => taken += read,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::time::Instant;

    use super::*;

    async fn time_for(lingering: &Lingering, socket: impl AsyncRead + Unpin) -> Duration {
        let began = Instant::now();
        lingering.hear_out(socket).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_client_or_at_a_bound() {
        let lingering = Lingering::default();
        let (done, client) = tokio::io::duplex(64);
        drop(client);
        assert_eq!(time_for(&lingering, done).await, Duration::ZERO);
        let (silent, _client) = tokio::io::duplex(64);
        assert_eq!(time_for(&lingering, silent).await, SILENCE);
        assert_eq!(time_for(&lingering, tokio::io::repeat(0)).await, Duration::ZERO, "the bytes are bounded");
        assert_eq!(time_for(&lingering, slow_client()).await, LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_leaves_little_time() {
        let lingering = Lingering::default();
        let other = lingering.clone();
        tokio::spawn(async move {
            sleep(SILENCE).await;
            other.stop();
        });
        assert_eq!(time_for(&lingering, slow_client()).await, SILENCE + LONGEST_AT_STOP);
        assert_eq!(time_for(&lingering, slow_client()).await, LONGEST_AT_STOP, "it has begun already");
    }

    /// A client that goes on and on.
    fn slow_client() -> impl AsyncRead + Unpin {
        let (slow, mut client) = tokio::io::duplex(64);
        tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                sleep(SILENCE / 2).await;
            }
        });
        slow
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_so_many_nobody_waits() {
        let lingering = Lingering::default();
        let _places = lingering.places.try_acquire_many(u32::try_from(MOST).expect("few")).expect("free");
        let (silent, _client) = tokio::io::duplex(64);
        assert_eq!(time_for(&lingering, silent).await, Duration::ZERO);
    }
}
