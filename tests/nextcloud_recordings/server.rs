//! A tiny HTTP server that answers with prepared bytes, one connection per request, and remembers what it was asked.

use nextcloud_mcp_server::clock::SharedClock;
use nextcloud_mcp_server::config::NextcloudConfig;
use nextcloud_mcp_server::ids::{LoginName, UserId};
use nextcloud_mcp_server::nextcloud::{Credential, Nextcloud, UserSession};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

/// What to answer: status, headers, body, and how much of the body really is sent.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub cut_at: Option<usize>,
    pub hangs: bool,
    pub chunked: bool,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            ..Self::default()
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The connection ends after so many bytes of the body, although more were promised.
    pub fn cut_at(mut self, bytes: usize) -> Self {
        self.cut_at = Some(bytes);
        self
    }

    /// The connection stays open after that.
    pub fn hangs(mut self) -> Self {
        self.hangs = true;
        self
    }

    /// The body's length is not announced.
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let bodyless = matches!(self.status, 204 | 304);
        if self.chunked {
            head.push_str("Transfer-Encoding: chunked\r\n");
        } else if !bodyless {
            write!(head, "Content-Length: {}\r\n", self.body.len()).unwrap();
        }
        let mut all = (head + "\r\n").into_bytes();
        let body = &self.body[..self.cut_at.unwrap_or(self.body.len())];
        if !self.chunked {
            all.extend_from_slice(body);
            return all;
        }
        for piece in body.chunks(4096) {
            all.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            all.extend_from_slice(piece);
            all.extend_from_slice(b"\r\n");
        }
        if self.cut_at.is_none() {
            all.extend_from_slice(b"0\r\n\r\n");
        }
        all
    }
}

/// The server. The last reply is repeated.
#[derive(Debug, Clone)]
pub struct Server {
    pub base: Url,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, replies.clone(), log.clone()));
            }
        });
        Self { base, seen }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub fn config(&self) -> NextcloudConfig {
        NextcloudConfig {
            host: self.base.clone(),
            public_url: self.base.clone(),
            verify_tls: true,
            ca_bundle: None,
            max_concurrency: 8,
            timeout_seconds: 20,
        }
    }

    pub fn nextcloud(&self, clock: SharedClock) -> Nextcloud {
        Nextcloud::with_entropy(&self.config(), clock, Arc::new(NoDice)).unwrap()
    }

    pub fn session(&self, clock: SharedClock, user: &str) -> UserSession {
        self.nextcloud(clock).session(UserId::new(user), basic())
    }
}

pub fn basic() -> Credential {
    Credential::Basic {
        login_name: LoginName::new("alice"),
        password: "alice-pass-1".into(),
    }
}

async fn serve(mut stream: TcpStream, replies: Vec<Reply>, log: Arc<Mutex<Vec<Request>>>) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(request);
        log.len() - 1
    };
    let reply = replies.get(number).or(replies.last()).unwrap();
    // The client may hang up early, on purpose: that is its right.
    let _hung_up = stream.write_all(&reply.bytes()).await;
    if reply.hangs {
        // Until the client gives up.
        let _closed = stream.read_u8().await;
    }
    let _closed = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + 4 + length {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    Some(Request {
        method: first.next()?.to_owned(),
        target: first.next()?.to_owned(),
        headers,
        body: bytes[end + 4..].to_vec(),
    })
}

/// Always the middle of the range, so that a count of requests does not depend on chance.
#[derive(Debug)]
struct NoDice;

impl nextcloud_mcp_server::entropy::Entropy for NoDice {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0x80);
    }
}
