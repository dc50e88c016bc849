//! Connections after answers that did not need the request's body, as a client with a socket sees them.

use super::*;
use axum::middleware::from_fn_with_state;
use std::net::SocketAddr;
use std::sync::LazyLock;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const LIMIT: usize = super::super::limits::MAX_BODY_BYTES;
/// Answered with 401 before anything of the body is read.
const REFUSED: &str = "POST /mcp HTTP/1.1\r\nhost: localhost:8000\r\n";
const NEXT: &str = "GET /health/live HTTP/1.1\r\nhost: localhost:8000\r\n\r\n";

/// One connection to a server with every layer.
struct Wire(BufReader<TcpStream>);

struct Reply {
    status: u16,
    says_close: bool,
}

impl Wire {
    async fn to(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router, CancellationToken::new(), Duration::ZERO));
        Self::at(address).await
    }

    async fn at(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// None where the server closed the connection instead.
    async fn reply(&mut self) -> Option<Reply> {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line).await.unwrap() {
                0 => return None,
                _ if line == "\r\n" => break,
                _ => head.push(line.trim_end().to_lowercase()),
            }
        }
        let field = |name: &str| head.iter().find_map(|line| line.strip_prefix(name));
        let length = field("content-length: ").map_or(0, |length| length.parse().unwrap());
        self.0.read_exact(&mut vec![0; length]).await.unwrap();
        Some(Reply {
            status: head[0].split(' ').nth(1).unwrap().parse().unwrap(),
            says_close: field("connection: close").is_some(),
        })
    }

    /// The connection serves one more request.
    async fn goes_on(&mut self) -> bool {
        self.send(NEXT).await;
        self.reply().await.is_some_and(|reply| reply.status == 200)
    }

    /// The server closed the connection, and said so before.
    async fn is_closed_as_told(&mut self) {
        let reply = self.reply().await.unwrap();
        assert_eq!(
            (reply.status, reply.says_close),
            (401, true),
            "told before it closes"
        );
        assert!(self.reply().await.is_none());
    }
}

async fn hybrid() -> Wire {
    Wire::to(Server::hybrid().router).await
}

#[tokio::test]
async fn a_refused_request_with_a_large_body_leaves_the_connection_open() {
    static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; LIMIT]);
    let mut wire = hybrid().await;
    for _ in 0..3 {
        wire.send(format!("{REFUSED}content-length: {LIMIT}\r\n\r\n"))
            .await;
        wire.send(&*BODY).await;
        let reply = wire.reply().await.unwrap();
        assert_eq!((reply.status, reply.says_close), (401, false));
    }
    assert!(wire.goes_on().await);
}

#[tokio::test]
async fn a_body_that_comes_after_its_refusal_was_decided_is_waited_for() {
    let decided = Arc::new(tokio::sync::Notify::new());
    let tell = decided.clone();
    let refuse = move || async move {
        tell.notify_one();
        StatusCode::UNAUTHORIZED
    };
    let router = Router::new()
        .route("/mcp", axum::routing::post(refuse))
        .route("/health/live", axum::routing::get(|| async {}));
    let mut wire = Wire::to(router).await;
    for framing in ["content-length: 4", "transfer-encoding: chunked"] {
        wire.send(format!("{REFUSED}{framing}\r\n\r\n")).await;
        decided.notified().await;
        // Everything else that is ready runs first: the server is where it would answer.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let body = if framing.contains("chunked") {
            "4\r\nbody\r\n0\r\n\r\n"
        } else {
            "body"
        };
        wire.send(body).await;
        let reply = wire.reply().await.unwrap();
        assert_eq!((reply.status, reply.says_close), (401, false), "{framing}");
        assert!(wire.goes_on().await, "{framing}");
    }
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for_for_ever() {
    let impatient = from_fn_with_state(Duration::from_millis(1), super::super::unread_body::settle);
    let router = Server::hybrid().router.layer(impatient);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, service).await });
    let mut wire = Wire::at(address).await;
    wire.send(format!("{REFUSED}content-length: 4\r\n\r\n")).await;
    wire.is_closed_as_told().await;
}

#[tokio::test]
async fn a_body_beyond_every_limit_is_not_read() {
    let mut wire = hybrid().await;
    wire.send(format!("{REFUSED}content-length: {}\r\n\r\n", LIMIT + 1))
        .await;
    wire.is_closed_as_told().await;
}

#[tokio::test]
async fn who_asks_before_sending_is_not_invited() {
    let mut wire = hybrid().await;
    wire.send(format!(
        "{REFUSED}expect: 100-continue\r\ncontent-length: 4\r\n\r\n"
    ))
    .await;
    wire.is_closed_as_told().await;
}
