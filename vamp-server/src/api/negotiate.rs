//! JSON or YAML, as the client prefers.

use super::error::Problem;
use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, header::ACCEPT},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// How to write an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

/// The format that the client prefers; JSON when it does not care. `None` = it takes neither.
pub(super) fn preferred(headers: &HeaderMap) -> Option<Format> {
    let accept: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if accept.is_empty() { Some(Format::Json) } else { choose(&accept.join(",")) }
}

/// Tells a client that takes neither, before anything is done for it.
pub(super) async fn check(request: Request, next: Next) -> Response {
    if preferred(request.headers()).is_some() {
        return next.run(request).await;
    }
    let message = "answers are `application/json` or `application/x-yaml`; accept one of them";
    Problem::new(StatusCode::NOT_ACCEPTABLE, message).into_response()
}

fn choose(accept: &str) -> Option<Format> {
    let best = |types: &[&str]| types.iter().filter_map(|one| quality(accept, one)).max_by(f32::total_cmp);
    let json = best(&["application/json"]).filter(|quality| *quality > 0.0);
    let yaml = best(&["application/x-yaml", "application/yaml"]).filter(|quality| *quality > 0.0);
    match (json, yaml) {
        (None, None) => None,
        (None, Some(_)) => Some(Format::Yaml),
        (Some(json), Some(yaml)) if yaml > json => Some(Format::Yaml),
        // Of two equals, the one that is named first.
        (Some(json), Some(yaml)) if yaml >= json && names_yaml_first(accept) => Some(Format::Yaml),
        (Some(_), _) => Some(Format::Json),
    }
}

fn names_yaml_first(accept: &str) -> bool {
    let first = accept.split([',', ';']).next().unwrap_or_default().trim().to_ascii_lowercase();
    ["application/x-yaml", "application/yaml"].contains(&first.as_str())
}

/// The quality of the most specific range that covers the type.
fn quality(accept: &str, media_type: &str) -> Option<f32> {
    let covers = |range: &str| match range {
        range if range == media_type => Some(2),
        "application/*" => Some(1),
        "*/*" => Some(0),
        _ => None,
    };
    let ranges = accept.split(',').filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let specific = covers(&parts.next()?.to_ascii_lowercase())?;
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((specific, quality.map_or(Some(1.0), |text| text.parse().ok())?))
    });
    ranges.max_by_key(|(specific, _)| *specific).map(|(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_format_is_chosen_and_json_when_it_does_not_matter() {
        let table = [
            ("application/json", Some(Format::Json)),
            ("application/x-yaml", Some(Format::Yaml)),
            ("application/yaml", Some(Format::Yaml)),
            ("Application/X-YAML; charset=utf-8", Some(Format::Yaml)),
            ("*/*", Some(Format::Json)),
            ("application/*;q=0.5", Some(Format::Json)),
            ("text/html, */*;q=0.1", Some(Format::Json)),
            ("application/x-yaml, application/json", Some(Format::Yaml)),
            ("application/json, application/x-yaml", Some(Format::Json)),
            ("application/x-yaml, */*", Some(Format::Yaml)),
            ("application/json;q=0.5, application/x-yaml", Some(Format::Yaml)),
            ("application/json;q=0, */*", Some(Format::Yaml)),
            ("application/x-yaml;q=0, application/json;q=0", None),
            ("text/html", None),
        ];
        for (accept, expected) in table {
            assert_eq!(choose(accept), expected, "{accept}");
        }
    }
}
