//! A provider on a thread of its own, so that what it allocates is not counted: constant bytes over plain sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;

/// Answers to requests that do not ask for a stream.
pub const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1780000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"A weir holds water behind a wall of stone and lets it pass evenly.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":100,"total_tokens":300,"prompt_tokens_details":{"cached_tokens":0}}}"#;

/// Where the provider is, and how to make a running stream go on.
pub struct Provider {
    pub url: String,
    events: SyncSender<Bytes>,
}

impl Provider {
    /// Starts it; the thread ends with the process.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (events, waiting) = sync_channel(16);
        std::thread::spawn(move || {
            // One connection at a time: a gateway whose calls follow each other keeps one.
            while let Ok((stream, _)) = listener.accept() {
                converse(&stream, &waiting);
            }
        });
        Self { url, events }
    }

    /// Sends these bytes as one chunk of the running stream; none end it.
    pub fn send(&self, event: &[u8]) {
        self.events.send(Bytes::copy_from_slice(event)).expect("the provider runs");
    }
}

/// Answers every request of a connection until it is closed.
fn converse(stream: &TcpStream, events: &Receiver<Bytes>) {
    stream.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::new(stream);
    while let Some(body) = request(&mut reader) {
        let asks_for_stream = body.windows(13).any(|bytes| bytes == br#""stream":true"#);
        if asks_for_stream {
            pass_on(stream, events);
        } else {
            let length = ANSWER.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
            write(stream, &[head.as_bytes(), ANSWER.as_bytes()].concat());
        }
    }
}

fn pass_on(stream: &TcpStream, events: &Receiver<Bytes>) {
    write(stream, b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    for event in events {
        // The chunk of no bytes is the last one.
        write(stream, &[format!("{:x}\r\n", event.len()).as_bytes(), &event, b"\r\n"].concat());
        if event.is_empty() {
            return;
        }
    }
}

/// In one piece, so that the other side reads it in one.
fn write(mut stream: &TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("the gateway listens");
}

/// The body of the next request; none at the end of the connection.
fn request(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}
