//! `ETag`, `If-Match` and `If-None-Match`: nobody overwrites what they have not seen, or reads again what they have.

use super::{body, error::Problem};
use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{ETAG, IF_MATCH, IF_NONE_MATCH},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use serde_json::Value;
use vamp_core::{digest, driver::Version};

/// The tag of a stored version.
pub(super) fn etag(version: &Version) -> String {
    format!("\"{}\"", digits(version))
}

fn digits(version: &Version) -> String {
    version.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers what was read, or only that it is what the client has.
pub(super) fn read(headers: &HeaderMap, shown: &Value, version: &Version) -> Response {
    tagged(headers, shown, &etag(version))
}

/// The same for what is shown with more than is stored, such as instances: the tag changes with them.
pub(super) fn read_live(headers: &HeaderMap, shown: &Value, version: &Version) -> Response {
    let content = digest::of(shown.to_string().as_bytes());
    tagged(headers, shown, &format!("\"{}.{content}\"", digits(version)))
}

fn tagged(headers: &HeaderMap, shown: &Value, tag: &str) -> Response {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    });
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => body::answer(StatusCode::OK, headers, shown),
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// What a change expects of that which it changes: the tags of `If-Match`, if any.
#[derive(Debug)]
pub(super) struct Precondition(Option<String>);

impl Precondition {
    /// Whether nothing is expected.
    pub(super) const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The version to be replaced; `None` = whatever is there.
    pub(super) fn expected(&self, current: Option<&Version>) -> Result<Option<Version>, Problem> {
        let Some(tags) = &self.0 else { return Ok(None) };
        let matches = |version: &&Version| tags.split(',').any(|tag| is_of(tag.trim(), version));
        let changed = || Problem::new(StatusCode::PRECONDITION_FAILED, "it is not what `If-Match` says; read it again");
        current.filter(matches).map(|version| Some(version.clone())).ok_or_else(changed)
    }

    /// Refuses a condition where none can be kept.
    pub(super) fn none(&self) -> Result<(), Problem> {
        if self.0.is_some() { Err(not_kept("If-Match")) } else { Ok(()) }
    }

    fn of(method: &Method, headers: &HeaderMap) -> Result<Self, Problem> {
        if ![Method::GET, Method::HEAD].contains(method) && headers.contains_key(IF_NONE_MATCH) {
            return Err(not_kept("If-None-Match"));
        }
        let tags: Vec<&str> = headers.get_all(IF_MATCH).iter().map(|tag| tag.to_str().unwrap_or_default()).collect();
        Ok(Self((!tags.is_empty()).then(|| tags.join(","))))
    }
}

/// Whether a tag is that of a version, with or without what was shown beside it.
fn is_of(tag: &str, version: &Version) -> bool {
    let Some(tag) = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) else { return tag == "*" };
    tag.split_once('.').map_or(tag, |(stored, _)| stored) == digits(version)
}

/// To ignore it would be to overwrite what it protects.
fn not_kept(header: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("`{header}` is not supported here; leave it out"))
}

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.method, &parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_made_only_to_what_was_seen() {
        let (seen, other) = (Version([1, 171].into()), Version([2].into()));
        assert_eq!(etag(&seen), "\"01ab\"");
        let expected = |tags: &str, current| Precondition(Some(tags.to_owned())).expected(current);
        assert_eq!(expected("\"01ab\"", Some(&seen)).unwrap(), Some(seen.clone()));
        assert_eq!(expected("\"01ab.77\"", Some(&seen)).unwrap(), Some(seen.clone()));
        assert_eq!(expected("\"00\", \"01ab\"", Some(&seen)).unwrap(), Some(seen.clone()));
        assert_eq!(expected("*", Some(&other)).unwrap(), Some(other.clone()));
        assert!(expected("*", None).is_err());
        assert!(expected("\"01ab\"", Some(&other)).is_err());
        assert!(expected("W/\"01ab\"", Some(&seen)).is_err());
        assert_eq!(Precondition(None).expected(Some(&seen)).unwrap(), None);
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let version = Version([1].into());
        let shown = json!({"name": "a"});
        let status = |tags: &str, read: fn(&HeaderMap, &Value, &Version) -> Response| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(tags).unwrap())]);
            read(&headers, &shown, &version).status().as_u16()
        };
        assert_eq!((status("\"01\"", read), status("W/\"01\"", read), status("*", read)), (304, 304, 304));
        assert_eq!((status("\"02\"", read), status("\"01\"", read_live)), (200, 200));
        let live = read_live(&HeaderMap::new(), &shown, &version);
        assert_eq!(status(live.headers()[ETAG].to_str().unwrap(), read_live), 304);
    }
}
