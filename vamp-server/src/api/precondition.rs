//! `ETag` and `If-Match`: nobody overwrites what they have not seen.

use super::error::Problem;
use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, StatusCode,
        header::{IF_MATCH, IF_NONE_MATCH},
        request::Parts,
    },
};
use vamp_core::driver::Version;

/// The tag of a stored version.
pub(super) fn etag(version: &Version) -> String {
    let digits: String = version.0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// What a change expects of that which it changes: the tags of `If-Match`, if any.
#[derive(Debug)]
pub(super) struct Precondition(Option<String>);

impl Precondition {
    /// The version to be replaced; `None` = whatever is there.
    pub(super) fn expected(&self, current: Option<&Version>) -> Result<Option<Version>, Problem> {
        let Some(tags) = &self.0 else { return Ok(None) };
        let matches = |version: &&Version| tags.split(',').any(|tag| tag.trim() == "*" || tag.trim() == etag(version));
        let changed = || Problem::new(StatusCode::PRECONDITION_FAILED, "it is not what `If-Match` says; read it again");
        current.filter(matches).map(|version| Some(version.clone())).ok_or_else(changed)
    }

    /// Refuses a condition where none can be kept.
    pub(super) fn none(&self) -> Result<(), Problem> {
        if self.0.is_some() { Err(not_kept("If-Match")) } else { Ok(()) }
    }

    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        if headers.contains_key(IF_NONE_MATCH) {
            return Err(not_kept("If-None-Match"));
        }
        let tags: Vec<&str> = headers.get_all(IF_MATCH).iter().map(|tag| tag.to_str().unwrap_or_default()).collect();
        Ok(Self((!tags.is_empty()).then(|| tags.join(","))))
    }
}

/// To ignore it would be to overwrite what it protects.
fn not_kept(header: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("`{header}` is not supported here; leave it out"))
}

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_made_only_to_what_was_seen() {
        let (seen, other) = (Version([1, 171].into()), Version([2].into()));
        assert_eq!(etag(&seen), "\"01ab\"");
        let expected = |tags: &str, current| Precondition(Some(tags.to_owned())).expected(current);
        assert_eq!(expected("\"01ab\"", Some(&seen)).unwrap(), Some(seen.clone()));
        assert_eq!(expected("\"00\", \"01ab\"", Some(&seen)).unwrap(), Some(seen.clone()));
        assert_eq!(expected("*", Some(&other)).unwrap(), Some(other.clone()));
        assert!(expected("*", None).is_err());
        assert!(expected("\"01ab\"", Some(&other)).is_err());
        assert!(expected("W/\"01ab\"", Some(&seen)).is_err());
        assert_eq!(Precondition(None).expected(Some(&seen)).unwrap(), None);
    }
}
