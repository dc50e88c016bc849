//! A stand-in for a Qdrant server: gRPC over a real socket, points in memory.
//!
//! It answers what the server's adapter asks, by the formulas of Qdrant's documentation, and refuses everything else.
//! **Every read must carry a tenant filter**: one without fails the test, at the latest when the stand-in is dropped.

mod filters;
mod service;
mod store;

use ::qdrant_client::qdrant::collections_server::CollectionsServer;
use ::qdrant_client::qdrant::points_server::PointsServer;
use ::qdrant_client::qdrant::qdrant_server::QdrantServer;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::Collection;
use tonic::transport::server::{Server, TcpIncoming};
use tonic::{Request, Status};

/// The key that clients must send.
pub const API_KEY: &str = "stand-in-key";

/// Most points of one request: what a client may send without meeting the limits of gRPC servers.
const MOST_POINTS: usize = 128;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The server is not there.
    Unavailable,
    /// The answer takes so long.
    Slow(Duration),
    /// The change is made, its answer is lost.
    Cut,
}

/// Faults still to come, by the method they hit.
struct Planned {
    method: &'static str,
    fault: Fault,
    times: usize,
}

#[derive(Default)]
struct State {
    collections: BTreeMap<String, Collection>,
    faults: Vec<Planned>,
    /// What no client should have done.
    violations: Vec<String>,
    /// Requests by method, refused ones too.
    requests: BTreeMap<&'static str, usize>,
}

#[derive(Clone, Default)]
struct Service(Arc<Mutex<State>>);

/// A running stand-in; dropping it looks for violations.
pub struct StandIn {
    address: SocketAddr,
    service: Service,
    serving: tokio::task::JoinHandle<()>,
}

impl StandIn {
    /// Listens on a free port of this machine; served by the runtime that this is called in.
    pub fn start() -> Self {
        let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = incoming.local_addr().unwrap();
        let service = Service::default();
        let server = Server::builder()
            .add_service(PointsServer::new(service.clone()))
            .add_service(CollectionsServer::new(service.clone()))
            .add_service(QdrantServer::new(service.clone()))
            .serve_with_incoming(incoming);
        let serving = tokio::spawn(async move { server.await.unwrap() });
        Self {
            address,
            service,
            serving,
        }
    }

    /// For `QDRANT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next `times` requests to `method` (its gRPC name in small letters, `*` for all) meet `fault`.
    pub fn inject(&self, method: &'static str, fault: Fault, times: usize) {
        self.service.state().faults.push(Planned { method, fault, times });
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.service.state().faults.clear();
    }

    /// Names of the collections and their numbers of points.
    pub fn collections(&self) -> Vec<(String, usize)> {
        let state = self.service.state();
        let sizes = state
            .collections
            .iter()
            .map(|(name, collection)| (name.clone(), collection.points.len()));
        sizes.collect()
    }

    /// Removes a collection, as an administrator could.
    pub fn lose(&self, collection: &str) {
        self.service.state().collections.remove(collection);
    }

    /// Requests to a method so far.
    pub fn requests(&self, method: &str) -> usize {
        self.service.state().requests.get(method).copied().unwrap_or(0)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
        let violations = std::mem::take(&mut self.service.state().violations);
        if !std::thread::panicking() {
            assert!(
                violations.is_empty(),
                "asked what must not be asked: {violations:?}"
            );
        }
    }
}

impl Service {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what no client should do and refuses it.
    fn violation(&self, what: impl Into<String>) -> Status {
        let what = what.into();
        self.state().violations.push(what.clone());
        Status::invalid_argument(what)
    }

    /// Meets the planned faults; the request's content, and whether its answer is to be lost.
    async fn admit<T>(&self, method: &'static str, request: Request<T>) -> Result<(T, bool), Status> {
        let key = request
            .metadata()
            .get("api-key")
            .and_then(|key| key.to_str().ok());
        if key != Some(API_KEY) {
            return Err(Status::unauthenticated("Must provide an API key"));
        }
        let fault = {
            let mut state = self.state();
            *state.requests.entry(method).or_default() += 1;
            let planned = state
                .faults
                .iter_mut()
                .find(|planned| planned.times > 0 && (planned.method == method || planned.method == "*"));
            planned.map(|planned| {
                planned.times -= 1;
                planned.fault
            })
        };
        match fault {
            None => Ok((request.into_inner(), false)),
            Some(Fault::Unavailable) => Err(Status::unavailable("the server is not there")),
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                Ok((request.into_inner(), false))
            }
            Some(Fault::Cut) => Ok((request.into_inner(), true)),
        }
    }

    /// Works on a collection.
    fn with<R>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Collection) -> Result<R, Status>,
    ) -> Result<R, Status> {
        match self.state().collections.get_mut(name) {
            Some(collection) => work(collection),
            None => Err(Status::not_found(format!("Collection `{name}` doesn't exist!"))),
        }
    }
}
