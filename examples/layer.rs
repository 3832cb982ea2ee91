//! Vamp's routing inside a proxy that is an axum program: `cargo run --example layer`, then
//! `curl -H 'Cookie: beta=1' localhost:9050`.
//!
//! [`Route`] is a layer: it decides where a request goes and counts it there until its answer has been sent. What it
//! routes by comes from an agent in a real program; here it is one gateway, written by hand.
#![allow(missing_docs, missing_debug_implementations, reason = "an example")]

use axum::{
    Router,
    body::Body,
    extract::{Extension, Request},
    http::{HeaderValue, StatusCode, Uri, header::SET_COOKIE, uri::PathAndQuery},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{
    collections::{BTreeMap, hash_map::RandomState},
    error::Error,
    future::Future,
    hash::{BuildHasher, Hasher},
    num::NonZeroU16,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::net::{TcpListener, TcpStream};
use tower_layer::Layer;
use tower_service::Service;
use vamp_core::{
    condition::RequestParts,
    driver::{GatewayRenderer, Proxy},
    routing::{
        self, Instance, RoutingTable, Traffic,
        router::{Admitted, Entry, InProcess, InProcessRenderer},
    },
};

/// Routes requests that come in on `port`.
#[derive(Clone)]
struct Route {
    proxy: Arc<InProcess>,
    port: NonZeroU16,
}

impl<S> Layer<S> for Route {
    type Service = Routing<S>;

    fn layer(&self, inner: S) -> Routing<S> {
        Routing { route: self.clone(), inner }
    }
}

#[derive(Clone)]
struct Routing<S> {
    route: Route,
    inner: S,
}

impl<S> Service<Request> for Routing<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let admitted = self.route.admit(request);
        // The service that was polled is the one that may be called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            let (request, admitted, cookies) = match admitted {
                Ok(admitted) => admitted,
                Err(error) => return Ok((StatusCode::SERVICE_UNAVAILABLE, error.report()).into_response()),
            };
            let mut response = inner.call(request).await?;
            response.headers_mut().extend(cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)));
            // Open until the last byte of the answer is sent.
            Ok(response.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _open = &admitted;
                    frame
                }))
            }))
        })
    }
}

impl Route {
    /// The request, rewritten, with the instance to send it to; what keeps it counted; and the cookies of the answer.
    fn admit(&self, request: Request) -> vamp_core::Result<(Request, Admitted, Vec<HeaderValue>)> {
        let (mut parts, body) = request.into_parts();
        // Draws that nobody can foresee; whoever wants to repeat them writes the seed into the log.
        let seed = RandomState::new().build_hasher().finish();
        let view = RequestParts::new(&parts);
        let admitted = self.proxy.admit(Entry::Port(self.port), &view, seed, |_| true)?;
        let cookies = admitted.routed().cookies(&view, admitted.instance());
        let cookies = cookies.filter_map(|cookie| cookie.to_string().parse().ok()).collect();
        let rewritten = admitted.routed().rewritten(&view);
        if let Some(uri) = rewritten.and_then(|to| uri(&parts.uri, to.path, to.query)) {
            parts.uri = uri;
        }
        parts.extensions.insert(admitted.instance().clone());
        Ok((Request::from_parts(parts, body), admitted, cookies))
    }
}

fn uri(before: &Uri, path: &str, query: Option<&str>) -> Option<Uri> {
    let query = query.or(before.query()).map(|query| format!("?{query}")).unwrap_or_default();
    PathAndQuery::try_from(format!("{path}{query}")).ok().map(Uri::from)
}

/// Sends a request to the instance that the layer chose.
async fn forward(Extension(instance): Extension<Instance>, request: Request) -> Response {
    let send = async {
        let stream = TcpStream::connect((instance.host.as_str(), instance.port.get())).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        Ok::<_, Box<dyn Error + Send + Sync>>(answer.map(Body::new))
    };
    send.await.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

fn app(route: Route) -> Router {
    Router::new().fallback(forward).layer(route)
}

/// What an agent does for every change.
async fn serve(proxy: &InProcess, gateway: routing::Gateway) -> Result<(), Box<dyn Error>> {
    let target = proxy.target().await?;
    let table = RoutingTable { gateways: BTreeMap::from([(gateway.name.clone(), Arc::new(gateway))]) };
    let mut changes = BTreeMap::new();
    for (name, document) in InProcessRenderer.render(&table, &target) {
        changes.insert(name, Some(document?));
    }
    for answer in proxy.apply(&changes).await.into_values() {
        answer?;
    }
    Ok(())
}

/// All to the old version, and users with the cookie `beta` to the new one.
fn gateway(port: NonZeroU16, old: NonZeroU16, new: NonZeroU16) -> Result<routing::Gateway, Box<dyn Error>> {
    let route = |name: &str, weight: &str, condition: Option<&str>, port| {
        let instance = Instance { id: name.into(), host: "127.0.0.1".into(), port, traffic: Traffic::Ready };
        let (condition, strength) = (condition.map(str::parse).transpose()?, "100%".parse()?);
        let by_weight = routing::Route::new(name, weight.parse()?, routing::Target::Instances(vec![instance]));
        Ok::<_, Box<dyn Error>>(routing::Route { condition, strength, ..by_weight })
    };
    let routes = vec![route("old", "100%", None, old)?, route("new", "0%", Some("has cookie beta"), new)?];
    let decision = routing::Decision { gateway: "shop".into(), sticky: None, routes };
    Ok(routing::Gateway::new("shop", port, decision))
}

/// A version of the service, on a port of its own.
async fn start(name: &'static str) -> Result<NonZeroU16, Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port().try_into()?;
    let app = Router::new().fallback(move |request: Request| async move { format!("{name} {}\n", request.uri()) });
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(port)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = NonZeroU16::MIN.saturating_add(9_049);
    let proxy = Arc::new(InProcess::new());
    serve(&proxy, gateway(port, start("old").await?, start("new").await?)?).await?;
    let listener = TcpListener::bind(("127.0.0.1", port.get())).await?;
    println!("curl -H 'Cookie: beta=1' localhost:{port}");
    Ok(axum::serve(listener, app(Route { proxy, port })).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(response: Response) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[tokio::test]
    async fn a_request_goes_where_its_cookie_says_and_is_counted_until_it_is_answered() {
        let port = NonZeroU16::MIN;
        let proxy = Arc::new(InProcess::new());
        let (old, new) = (start("old").await.unwrap(), start("new").await.unwrap());
        serve(&proxy, gateway(port, old, new).unwrap()).await.unwrap();
        let mut app = app(Route { proxy: Arc::clone(&proxy), port });
        let request =
            |cookie: &str| Request::get("/basket?item=17").header("cookie", cookie).body(Body::empty()).unwrap();
        let response = app.call(request("other=1")).await.unwrap();
        assert_eq!(body(response).await, "old /basket?item=17\n");
        let response = app.call(request("beta=1")).await.unwrap();
        assert_eq!(proxy.connections("shop").await.unwrap(), BTreeMap::from([("new".to_owned(), 1)]));
        assert_eq!(body(response).await, "new /basket?item=17\n");
        assert_eq!(proxy.connections("shop").await.unwrap(), BTreeMap::new());
    }

    #[tokio::test]
    async fn without_a_gateway_the_answer_is_503() {
        let port = NonZeroU16::MIN;
        let mut app = app(Route { proxy: Arc::new(InProcess::new()), port });
        let response = app.call(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
