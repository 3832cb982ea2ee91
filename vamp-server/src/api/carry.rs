//! How a request is carried out: within a deadline, and to its end once it has begun.

use super::{body::Change, error::Problem, extract::Query};
use axum::{
    extract::Request,
    http::{
        HeaderValue, Method, StatusCode,
        header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{future::Future, time::Duration};
use tokio::time::timeout;

/// How long a request may take, beside what it asks to wait for.
const DEADLINE: Duration = Duration::from_secs(30);

pub(super) async fn out(Query(change): Query<Change>, request: Request, next: Next) -> Response {
    let deadline = DEADLINE + change.deadline().unwrap_or_default();
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let answered = match reads {
        true => read(deadline, next.run(request)).await,
        false => carry_out(deadline, next.run(request)).await,
    };
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
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
