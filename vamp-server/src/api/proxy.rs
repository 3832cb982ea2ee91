//! A way through this server to what runs behind it: gateways, instances, any host. HTTP, and whatever it is upgraded
//! to.

use super::{Api, error::Problem};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
        header::{
            AUTHORIZATION, CONNECTION, CONTENT_SECURITY_POLICY, HOST, PROXY_AUTHORIZATION, TE, TRAILER,
            TRANSFER_ENCODING, UPGRADE,
        },
    },
    response::{IntoResponse as _, Response},
};
use hyper::{client::conn::http1, upgrade};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use std::{net::IpAddr, time::Duration};
use tokio::{io::copy_bidirectional, net::TcpStream, time::timeout};
use vamp_core::routing::Protocol;

/// How long it may take to connect.
const TO_CONNECT: Duration = Duration::from_secs(5);
/// How long it may take until an answer begins.
const TO_ANSWER: Duration = Duration::from_secs(60);

/// What belongs to one connection only.
const HOP_BY_HOP: [HeaderName; 5] =
    [HeaderName::from_static("keep-alive"), PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING];

/// Where a request goes, and what it asks for there.
#[derive(Debug, PartialEq, Eq)]
struct Way {
    host: String,
    port: u16,
    path: String,
}

pub(super) async fn pass(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let way = api.way(request.uri()).await?;
    let unreachable = |why: &dyn std::fmt::Display| bad(format!("{}:{}: {why}", way.host, way.port));
    let connecting = timeout(TO_CONNECT, TcpStream::connect((way.host.as_str(), way.port))).await;
    let stream = connecting.map_err(|_| unreachable(&"no connection in time"))?.map_err(|error| unreachable(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "proxied connection");
        }
    });
    let (request, client) = forwarded(request, &way)?;
    let answering = timeout(TO_ANSWER, sender.send_request(request)).await;
    let mut answer = answering.map_err(|_| unreachable(&"no answer in time"))?.map_err(|error| unreachable(&error))?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        tokio::spawn(tunnel(client, upgrade::on(&mut answer)));
        return Ok(answer.map(|_| Body::empty()).into_response());
    }
    let mut response = answer.map(Body::new);
    HOP_BY_HOP.iter().for_each(|name| drop(response.headers_mut().remove(name)));
    response.headers_mut().remove(CONNECTION);
    // A page from there must not use this API as if it came from here: it has an origin of its own.
    let sandbox = HeaderValue::from_static("sandbox allow-scripts allow-forms allow-popups");
    response.headers_mut().append(CONTENT_SECURITY_POLICY, sandbox);
    Ok(response)
}

/// The request as it is sent on, and the upgrade of the client's connection, should it come to that.
fn forwarded(mut request: Request, way: &Way) -> Result<(Request, upgrade::OnUpgrade), Problem> {
    let client = upgrade::on(&mut request);
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let uri = format!("{}{query}", way.path).parse::<Uri>();
    *request.uri_mut() = uri.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let headers = request.headers_mut();
    let host = HeaderValue::try_from(format!("{}:{}", way.host, way.port));
    headers.insert(HOST, host.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?);
    without_ours(headers);
    Ok((request, client))
}

/// Leaves out what is meant for this server only: above all the token.
fn without_ours(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    if !headers.contains_key(UPGRADE) {
        headers.remove(CONNECTION);
    }
}

async fn tunnel(client: upgrade::OnUpgrade, server: upgrade::OnUpgrade) {
    let (client, server) = match tokio::try_join!(client, server) {
        Ok(both) => both,
        Err(error) => return tracing::debug!(%error, "upgrade"),
    };
    if let Err(error) = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await {
        tracing::debug!(%error, "upgraded connection");
    }
}

fn bad(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, message)
}

impl Api {
    async fn way(&self, uri: &Uri) -> Result<Way, Problem> {
        let path = uri.path().strip_prefix("/proxy/").unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        let rest = |taken: usize| format!("/{}", segments.get(taken..).unwrap_or_default().join("/"));
        match segments.as_slice() {
            ["host", host, "port", port, ..] => {
                let port = port.parse().map_err(|_| bad(format!("`{port}` is not a port")))?;
                Ok(Way { host: decoded(host), port, path: rest(4) })
            }
            ["gateways", ..] => self.way_through_gateway(&segments).await,
            [
                "deployments",
                deployment,
                "clusters",
                cluster,
                "services",
                service,
                "instances",
                id,
                "ports",
                port,
                ..,
            ] => {
                let [deployment, cluster, service, id, port] =
                    [deployment, cluster, service, id, port].map(|one| decoded(one));
                let instances = self.engine.instances(&deployment, &cluster, &service);
                let instance = instances.into_iter().find(|instance| instance.id == id);
                let instance = instance.ok_or_else(|| bad(format!("there is no instance `{id}` of that service")))?;
                let number = instance.ports.get(&port).ok_or_else(|| bad(format!("it has no port `{port}`")))?;
                Ok(Way { host: instance.host, port: *number, path: rest(10) })
            }
            ["workflows", ..] => Err(bad("workflows do not run in this server yet")),
            _ => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "write proxy/host/HOST/port/PORT/…, proxy/gateways/GATEWAY/… or \
                 proxy/deployments/…/clusters/…/services/…/instances/…/ports/…/…",
            )),
        }
    }

    /// The longest name first: `a/b` is a gateway before `b` is a path at gateway `a`.
    async fn way_through_gateway(&self, segments: &[&str]) -> Result<Way, Problem> {
        for taken in (2..=segments.len().min(4)).rev() {
            let name = decoded(&segments[1..taken].join("/"));
            let Some(gateway) = self.engine.known_gateway(&name).await else { continue };
            let Some(port) = gateway.port.number else {
                return Err(bad(format!("gateway `{name}` has no port of its own")));
            };
            if gateway.port.protocol != Protocol::Http {
                return Err(bad(format!("gateway `{name}` does not speak HTTP")));
            }
            let path = format!("/{}", segments[taken..].join("/"));
            return Ok(Way { host: self.gateway_bind().to_string(), port: port.get(), path });
        }
        Err(bad("there is no such gateway"))
    }

    /// Where gateways listen, seen from here.
    fn gateway_bind(&self) -> IpAddr {
        match self.gateway_bind {
            IpAddr::V4(bind) if bind.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(bind) if bind.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
            bind => bind,
        }
    }
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_this_server_goes_no_further() {
        let mut headers = HeaderMap::new();
        for (name, value) in [(AUTHORIZATION, "Bearer secret"), (CONNECTION, "keep-alive"), (TE, "trailers")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        without_ours(&mut headers);
        assert!(headers.is_empty(), "{headers:?}");
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        without_ours(&mut headers);
        assert_eq!(headers.len(), 2);
    }
}
