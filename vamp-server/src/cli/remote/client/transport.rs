//! One request over one connection.

use super::{Ask, Body, Client, LONGEST_ANSWER, Secret, problem::Problem};
use crate::cli::Trouble;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, IF_MATCH},
};
use hyper_util::rt::TokioIo;
use std::{error::Error, time::Duration};
use tokio::{net::TcpStream, time::timeout};

impl Client {
    /// Status, headers and body of the answer.
    pub(super) async fn exchange(&self, ask: Ask<'_>) -> Result<(StatusCode, HeaderMap, Bytes), Trouble> {
        let within = self.timeout + ask.wait;
        let request = self.request(&ask, "application/json")?;
        let whole = async {
            let response = self.open(request).await?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await;
            let body = body.map_err(|error| self.broken(&*error))?;
            Ok((head.status, head.headers, body.to_bytes()))
        };
        timeout(within, whole).await.unwrap_or_else(|_| Err(self.silent(within)))
    }

    /// The body of an answer that goes on.
    pub(super) async fn stream(&self, ask: Ask<'_>) -> Result<Incoming, Trouble> {
        let request = self.request(&ask, "text/event-stream, application/json;q=0.5")?;
        let whole = async {
            let response = self.open(request).await?;
            if response.status().is_success() {
                return Ok(response.into_body());
            }
            let (status, body) = (response.status(), Limited::new(response.into_body(), LONGEST_ANSWER));
            let body = body.collect().await.map_err(|error| self.broken(&*error))?.to_bytes();
            Err(Problem::read(status, ask.what(), &String::from_utf8_lossy(&body), None).trouble())
        };
        timeout(self.timeout, whole).await.unwrap_or_else(|_| Err(self.silent(self.timeout)))
    }

    async fn open(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Trouble> {
        let connected = TcpStream::connect((self.base.host.as_str(), self.base.port)).await;
        let stream = connected.map_err(|error| {
            let hint = "start a server with `vamp server`, or name another with --host or VAMP_HOST";
            Trouble::Failed(format!("cannot reach {}: {error}; {hint}", self.base))
        })?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(&error))?;
        // Ends with the answer; what goes wrong is told there as well.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(|error| self.broken(&error))
    }

    fn request(&self, ask: &Ask<'_>, accept: &'static str) -> Result<Request<Full<Bytes>>, Trouble> {
        let (kind, body) = match &ask.body {
            None => (None, Bytes::new()),
            Some(Body::Text(source)) => (Some("application/x-yaml"), Bytes::copy_from_slice(source.text.as_bytes())),
            Some(Body::Json(value)) => (Some("application/json"), Bytes::from(value.to_string())),
        };
        let wrong = |error: &dyn Error| Trouble::Usage(format!("{} /{}: {error}", ask.method, ask.path));
        let request = Request::builder().method(&ask.method).uri(self.base.target(&ask.path, &ask.query));
        let mut request = request.body(Full::new(body)).map_err(|error| wrong(&error))?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&self.base.authority).map_err(|error| wrong(&error))?);
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(tag) = &ask.if_match {
            headers.insert(IF_MATCH, HeaderValue::from_str(tag).map_err(|error| wrong(&error))?);
        }
        if let Some(id) = &ask.after {
            headers.insert("last-event-id", HeaderValue::from_str(id).map_err(|error| wrong(&error))?);
        }
        if let Some(Secret(token)) = &self.token {
            let refuse = |_| Trouble::Usage("the token cannot be sent: it is of visible ASCII characters".to_owned());
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(refuse)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// What goes wrong while a server answers.
    pub(super) fn broken(&self, error: &(dyn Error + 'static)) -> Trouble {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Trouble::Failed(format!("{} does not answer in HTTP: {text}; is it a Vamp server?", self.base))
    }

    fn silent(&self, within: Duration) -> Trouble {
        let seconds = within.as_secs_f64();
        Trouble::Failed(format!("{} did not answer within {seconds} s; give it more with --timeout", self.base))
    }
}
