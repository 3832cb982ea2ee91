//! Lists, page by page.

use super::{body, references::Shape};
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
const LARGEST: usize = 30;

/// What of what is stored is shown, and how: the query of everything that is read.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub(super) struct View {
    page: usize,
    per_page: usize,
    expand_references: bool,
    only_references: bool,
    /// Of a deployment, the blueprint that deploys it.
    pub(super) as_blueprint: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { page: 1, per_page: LARGEST, expand_references: false, only_references: false, as_blueprint: false }
    }
}

impl View {
    /// How references are shown; both at once means neither.
    pub(super) const fn shape(self) -> Shape {
        match (self.expand_references, self.only_references) {
            (true, false) => Shape::Expanded,
            (false, true) => Shape::Named,
            _ => Shape::Stored,
        }
    }

    /// How many items a page has; 0 means as many as there may be.
    pub(super) const fn size(self) -> usize {
        if self.per_page == 0 || self.per_page > LARGEST { LARGEST } else { self.per_page }
    }

    /// How many items stand before the page.
    pub(super) const fn skip(self) -> usize {
        self.page.saturating_sub(1).saturating_mul(self.size())
    }
}

/// One page of a sorted list of `total` items, with `X-Total-Count` and `Link`.
pub(super) fn list(uri: &Uri, view: View, headers: &HeaderMap, shown: Vec<Value>, total: usize) -> Response {
    let size = view.size();
    let page = view.page.max(1);
    let last = total.div_ceil(size).max(1);
    let mut response = body::answer(StatusCode::OK, headers, &Value::Array(shown));
    let others = others(uri.query().unwrap_or_default());
    let link = |page: usize, relation: &str| {
        format!("</api/v1{}?page={page}&per_page={size}{others}>; rel=\"{relation}\"", uri.path())
    };
    let links = [
        link(1, "first"),
        link(page.saturating_sub(1).clamp(1, last), "prev"),
        link(page.saturating_add(1).min(last), "next"),
        link(last, "last"),
    ];
    let set = [(TOTAL, total.to_string()), (header::LINK, links.join(", "))];
    for (name, value) in set {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The parameters beside those of the page, as they were sent.
fn others(query: &str) -> String {
    let names = |pair: &&str| !["page", "per_page", ""].contains(&pair.split('=').next().unwrap_or_default());
    query.split('&').filter(names).map(|pair| format!("&{pair}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_other_parameters() {
        let uri = "/events?tag=a%3Ab&page=2&tag=c&per_page=10".parse().unwrap();
        let view = View { page: 2, per_page: 10, ..View::default() };
        let response = list(&uri, view, &HeaderMap::new(), Vec::new(), 35);
        let links = response.headers()[header::LINK].to_str().unwrap();
        assert!(links.contains("</api/v1/events?page=1&per_page=10&tag=a%3Ab&tag=c>; rel=\"prev\""), "{links}");
        assert!(links.contains("?page=4&per_page=10&tag=a%3Ab&tag=c>; rel=\"last\""), "{links}");
        assert_eq!(response.headers()[TOTAL], "35");
    }

    #[test]
    fn a_page_is_never_empty_or_longer_than_thirty() {
        let page = |page, per_page| {
            let view = View { page, per_page, ..View::default() };
            (view.skip(), view.size())
        };
        assert_eq!((page(0, 0), page(1, 31), page(3, 10)), ((0, 30), (0, 30), (20, 10)));
        assert_eq!(page(usize::MAX, 30).0, usize::MAX);
    }
}
