//! The running server: axum around the synchronous [`crate::dispatch`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use futures::StreamExt as _;
use tokio::runtime::Runtime;

use crate::auth::Credentials;
use crate::dispatch;
use crate::faults::{Effect, spoil};
use crate::http::{Incoming, Reply, decode};
use crate::oidc::read_on_arrival;
use crate::requests::RecordedRequest;
use crate::world::World;

/// Bodies beyond this are refused with 413.
const LARGEST_BODY: usize = 512 * 1024 * 1024;

/// The pieces in which a multistatus is sent.
const PIECE: usize = 64 * 1024;

/// How much of a request's body the log keeps.
const LOGGED_BODY: usize = 2048;

/// A running simulated Nextcloud. It has threads of its own and ends, connections included, when dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    world: Arc<World>,
    runtime: Option<Runtime>,
}

impl Simulator {
    /// Starts on a free loopback port, with the users of [`World::new`].
    ///
    /// # Panics
    /// If no loopback port can be bound.
    #[expect(
        clippy::expect_used,
        reason = "a test without a server cannot go on; the message says why"
    )]
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .expect("a free loopback port")
    }

    /// Starts on a given address, with the users of [`World::new`].
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        Self::start_with(Arc::new(World::new()), address).await
    }

    /// Starts around an existing world: with the address of a stopped simulator, a Nextcloud that comes back.
    pub async fn start_with(world: Arc<World>, address: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("nextcloud-sim")
            .enable_all()
            .build()?;
        let shared = Arc::clone(&world);
        let (report, reported) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            match tokio::net::TcpListener::bind(address).await {
                Ok(listener) => {
                    // The receiver waits for exactly this message; if it is gone, nobody needs the server.
                    if report.send(listener.local_addr()).is_ok() {
                        serve(listener, shared).await;
                    }
                }
                Err(error) => drop(report.send(Err(error))),
            }
        });
        let address = reported
            .await
            .map_err(|_| io::Error::other("the server task ended early"))
            .flatten();
        match address {
            Ok(address) => {
                world.write().oidc.base_url = format!("http://{address}");
                Ok(Self {
                    address,
                    world,
                    runtime: Some(runtime),
                })
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// `http://127.0.0.1:<port>`, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The data behind the server.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, world: Arc<World>) {
    let app = Router::new().fallback(handle).with_state(world);
    let listener = listener.tap_io(|stream| {
        // Without it a small answer may wait for the client's delayed acknowledgement; losing it is harmless.
        let _ = stream.set_nodelay(true);
    });
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    // Ends only with the runtime: axum's serve retries failed accepts itself.
    if let Err(error) = axum::serve(listener, service).await {
        unreachable!("axum::serve never returns: {error}");
    }
}

async fn handle(
    State(world): State<Arc<World>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return respond(Reply::new(413, "text/plain", "too large"), None);
    };
    let request = Incoming {
        method: parts.method.as_str().to_owned(),
        path: decode(parts.uri.path()),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
        peer: peer.ip(),
    };
    let login = match Credentials::of(&request) {
        Credentials::Basic { login, .. } => Some(login),
        _ => None,
    };
    world.log().push(record(&request, login.clone()));
    let arrival = read_on_arrival(&world, &request);
    let effects = world.faults().hit(&request, login.as_deref());
    let replaced = replacement(&request, &effects).await;
    let mut reply = match replaced {
        Some(reply) => reply,
        None => dispatch::answer(&world, &request, &arrival),
    };
    let mut cut = None;
    for effect in &effects {
        if let Effect::CutBody(bytes) = effect {
            cut = Some(*bytes);
        }
        reply = spoil(reply, effect);
    }
    if reply.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
    }
    respond(reply, cut)
}

/// Waits as the faults demand; an answer if one of them replaces the real one.
async fn replacement(request: &Incoming, effects: &[Effect]) -> Option<Reply> {
    let mut replaced = None;
    for effect in effects {
        match effect {
            Effect::Latency(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
            }
            Effect::Hang => std::future::pending::<()>().await,
            Effect::Status(status) => {
                replaced = replaced.or_else(|| Some(dispatch::status_fault(request, *status)));
            }
            Effect::StatusRetryAfter(status, seconds) => {
                replaced = replaced.or_else(|| {
                    let reply = dispatch::status_fault(request, *status);
                    Some(reply.with("retry-after", seconds.to_string()))
                });
            }
            Effect::Maintenance => {
                replaced = replaced.or_else(|| Some(dispatch::maintenance(request)));
            }
            Effect::EmptyAnswer => {
                replaced = replaced.or_else(|| Some(Reply::new(200, "", "")));
            }
            Effect::HtmlPage => {
                replaced = replaced.or_else(|| Some(Reply::html(200, "Please log in")));
            }
            Effect::CutBody(_)
            | Effect::TruncateListing(_)
            | Effect::InnerStatus(_)
            | Effect::EmptyMultistatus => {}
        }
    }
    replaced
}

fn record(request: &Incoming, user: Option<String>) -> RecordedRequest {
    let start = &request.body[..request.body.len().min(LOGGED_BODY)];
    let text = |name: &str| request.header(name).map(str::to_owned);
    RecordedRequest {
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        user,
        scheme: request
            .header("authorization")
            .and_then(|value| value.split(' ').next())
            .map(str::to_lowercase),
        depth: text("depth"),
        ocs_header: request.has_ocs_header(),
        user_agent: text("user-agent"),
        body_start: String::from_utf8_lossy(start).into_owned(),
    }
}

fn respond(reply: Reply, cut: Option<usize>) -> Response {
    let body = match cut {
        Some(bytes) => broken_body(&reply.body, bytes),
        None if reply.streamed => pieces(reply.body),
        None => Body::from(reply.body),
    };
    let mut response = Response::new(body);
    *response.status_mut() = axum::http::StatusCode::from_u16(reply.status).unwrap_or_default();
    for (name, value) in reply.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn pieces(body: Bytes) -> Body {
    let starts = (0..body.len()).step_by(PIECE);
    Body::from_stream(
        futures::stream::iter(starts)
            .map(move |start| Ok::<_, io::Error>(body.slice(start..body.len().min(start + PIECE)))),
    )
}

/// The first bytes, then an error that makes the server close the connection.
fn broken_body(body: &Bytes, bytes: usize) -> Body {
    let kept = body.slice(..body.len().min(bytes));
    let broken = futures::stream::once(async {
        // Lets the server flush what it has before it sees the error.
        tokio::task::yield_now().await;
        Err(io::Error::other("injected fault: connection cut"))
    });
    Body::from_stream(futures::stream::iter([Ok(kept)]).chain(broken))
}
