//! How a request is carried out: within a deadline, and to its end once it has begun.

use super::{body::Change, error::Problem, extract::Query};
use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};
use tokio::time::timeout;

/// How long a request may take, beside what it asks to wait for.
const DEADLINE: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) async fn out(Query(change): Query<Change>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let deadline = DEADLINE + change.deadline().unwrap_or_default();
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let answered = match reads {
        true => read(deadline, next.run(request)).await,
        false => carry_out(deadline, next.run(request)).await,
    };
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if response.status().is_server_error() {
        tracing::warn!(request_id = ?id, status = response.status().as_u16(), "answered");
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The client's own, if it is one, or a new one: to find a request again in logs.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let sane = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        (1..=128).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    if let Some(id) = headers.get(REQUEST_ID).filter(sane) {
        return id.clone();
    }
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let id = format!("{:x}-{:x}-{count:x}", std::process::id(), now.as_millis());
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unknown"))
}

async fn read<T>(deadline: Duration, request: impl Future<Output = T>) -> Result<T, Problem> {
    let late = |_| unavailable("not read within the deadline; is the store unavailable?");
    timeout(deadline, request).await.map_err(late)
}

/// A change goes on when the client goes away or the deadline passes: it is never left half made.
async fn carry_out<T: Send + 'static>(
    deadline: Duration,
    request: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    match timeout(deadline, tokio::spawn(request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(defect)) => {
            tracing::error!(%defect, "a request failed");
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a defect of this server; its log says more"))
        }
        Err(_) => Err(unavailable("not done within the deadline, but it may still be: read before you try again")),
    }
}

fn unavailable(message: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    fn status<T>(answered: Result<T, Problem>) -> u16 {
        answered.map_or_else(|problem| problem.into_response().status().as_u16(), |_| 200)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_answered() {
        assert_eq!(status(read(DEADLINE, std::future::pending::<()>()).await), 503);
        assert_eq!(status(carry_out(DEADLINE, std::future::pending::<()>()).await), 503);
        assert_eq!(status(carry_out(DEADLINE, std::future::ready(())).await), 200);
    }

    #[tokio::test]
    async fn a_change_is_made_to_its_end_when_the_client_goes_away() {
        let (proceed, may_proceed) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel::<()>();
        let change = async move {
            may_proceed.await.unwrap();
            done.send(()).unwrap();
        };
        let mut request = Box::pin(carry_out(DEADLINE, change));
        // It begins, and then the client's connection is dropped.
        assert!(timeout(Duration::ZERO, &mut request).await.is_err());
        drop(request);
        proceed.send(()).unwrap();
        timeout(DEADLINE, is_done).await.unwrap().unwrap();
    }
}
