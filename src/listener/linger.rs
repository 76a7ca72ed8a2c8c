//! The last word must arrive. A socket that is closed while its client still sends is reset by the kernel, and a reset takes
//! the answer away that the client has not read yet: a refusal of a large upload would show as a broken pipe. So the rest
//! of what the client sends is taken and thrown away for a while, as nginx does (`lingering_close`).

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Most connections that linger at once; beyond, sockets are closed at once.
const MOST: usize = 256;
/// Most bytes that are thrown away: twice the largest request body.
const MOST_BYTES: usize = 64 << 20;
/// Longest time from the answer to the close.
const LONGEST: Duration = Duration::from_secs(30);
/// Longest silence of the client.
const SILENCE: Duration = Duration::from_secs(5);
/// Bytes taken at a time.
const PIECE: usize = 16 << 10;

/// Counts the connections that linger.
#[derive(Clone, Debug)]
pub(super) struct Lingering(Arc<Semaphore>);

impl Default for Lingering {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl Lingering {
    /// Lets a client finish what it sends, within bounds, and closes.
    pub(super) async fn hear_out(&self, mut socket: impl AsyncRead + Unpin) {
        let Ok(_place) = self.0.try_acquire() else { return };
        // Over time or over: either way the socket is closed now.
        let _ = timeout(LONGEST, discard(&mut socket)).await;
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
    use tokio::time::{Instant, sleep};

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
        let (slow, mut client) = tokio::io::duplex(64);
        tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                sleep(SILENCE / 2).await;
            }
        });
        assert_eq!(time_for(&lingering, slow).await, LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_so_many_nobody_waits() {
        let lingering = Lingering::default();
        let _places = lingering.0.try_acquire_many(u32::try_from(MOST).expect("few")).expect("free");
        let (silent, _client) = tokio::io::duplex(64);
        assert_eq!(time_for(&lingering, silent).await, Duration::ZERO);
    }
}
