//! Request logs: HAR, as browsers and proxies save it, and lines of JSON.

use crate::cli::Trouble;
use http::{
    HeaderName, HeaderValue, Method, Request, Uri,
    header::{COOKIE, HOST},
    request::Parts,
};
use serde::Deserialize;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    net::IpAddr,
    path::Path,
};
use vamp_core::condition;

/// One line of a log, in bytes.
const LONGEST_LINE: u64 = 1024 * 1024;
/// A HAR is read as a whole: so many bytes at most.
const LARGEST_HAR: u64 = 256 * 1024 * 1024;

const HINT: &str = "a line is an object such as {\"method\": \"GET\", \"host\": \"a.example\", \"path\": \"/\", \
                    \"headers\": {\"User-Agent\": \"Chrome\"}, \"client\": \"10.0.0.1\"}; only `path` must be there";

/// A request that was made once.
#[derive(Debug)]
pub(super) struct Recorded {
    parts: Parts,
    client: Option<IpAddr>,
    /// The gateway that took it, if the log says so.
    pub(super) gateway: Option<String>,
    /// The port that it was sent to, if the log says so.
    pub(super) port: Option<u16>,
}

impl Recorded {
    /// The host that it was for.
    pub(super) fn host(&self) -> Option<&str> {
        self.parts.headers.get(HOST)?.to_str().ok()
    }
}

impl condition::Request for Recorded {
    fn method(&self) -> &str {
        self.parts.method.as_str()
    }

    fn path(&self) -> &str {
        match self.parts.uri.path() {
            "*" => "",
            path => path,
        }
    }

    fn header_values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.parts.headers.get_all(name).iter().map(|value| value.as_bytes().trim_ascii())
    }

    fn client_ip(&self) -> Option<IpAddr> {
        self.client
    }
}

/// The requests of a log, one after the other; ends after the first that cannot be read.
pub(super) fn requests(file: &Path) -> Result<Box<dyn Iterator<Item = Result<Recorded, Trouble>>>, Trouble> {
    let name = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
    let unread = |error: io::Error| Trouble::Usage(format!("{name}: {error}; name a HAR or lines of JSON with --log"));
    let mut reader: Box<dyn BufRead> = match file.as_os_str() == "-" {
        true => Box::new(BufReader::new(io::stdin())),
        false => Box::new(BufReader::new(File::open(file).map_err(unread)?)),
    };
    let mut first = Vec::new();
    while first.trim_ascii().is_empty() {
        first.clear();
        if (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut first).map_err(unread)? == 0 {
            return Err(Trouble::Usage(format!("{name}: there is no request in it")));
        }
    }
    // A line of a log is a whole object; the first line of a HAR is one only if all of it is.
    let is_line = serde_json::from_slice::<Line>(&first).is_ok() || !first.trim_ascii().starts_with(b"{");
    let begun: Box<dyn BufRead> = Box::new(BufReader::new(io::Cursor::new(first).chain(reader)));
    match is_line {
        true => Ok(Box::new(lines(begun, name))),
        false => Ok(Box::new(har(begun, &name)?)),
    }
}

/// Headers, in the forms in which logs have them.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Headers {
    List(Vec<Pair>),
    Map(serde_json::Map<String, serde_json::Value>),
    #[default]
    None,
}

#[derive(Debug, Deserialize)]
struct Pair {
    name: String,
    value: String,
}

/// A line: an access log record, or anything with the same keys.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    method: Option<String>,
    host: Option<String>,
    /// With or without the query.
    #[serde(alias = "url", alias = "uri")]
    path: String,
    #[serde(default)]
    headers: Headers,
    #[serde(alias = "client_ip")]
    client: Option<IpAddr>,
    gateway: Option<String>,
    port: Option<u16>,
}

fn lines(mut reader: Box<dyn BufRead>, name: String) -> impl Iterator<Item = Result<Recorded, Trouble>> {
    let mut number = 0_u64;
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        while line.trim_ascii().is_empty() {
            line.clear();
            number += 1;
            match (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(Trouble::Failed(format!("{name}:{number}: {error}")))),
            }
        }
        let read = serde_json::from_slice::<Line>(&line).map_err(|error| error.to_string());
        Some(
            read.and_then(Line::recorded)
                .map_err(|why| Trouble::Usage(format!("{name}:{number}: {why}\nhint: {HINT}"))),
        )
    })
}

impl Line {
    fn recorded(self) -> Result<Recorded, String> {
        let Self { method, host, path, headers, client, gateway, port } = self;
        let mut pairs = Vec::new();
        match headers {
            Headers::List(list) => pairs.extend(list.into_iter().map(|pair| (pair.name, pair.value))),
            Headers::Map(map) => {
                for (name, value) in map {
                    match value {
                        serde_json::Value::Array(values) => {
                            pairs.extend(values.iter().map(|value| (name.clone(), text(value))));
                        }
                        value => pairs.push((name, text(&value))),
                    }
                }
            }
            Headers::None => {}
        }
        let mut recorded = recorded(method.as_deref(), &path, &pairs)?;
        if let Some(host) = host {
            recorded.parts.headers.insert(HOST, value("the host", &host)?);
        }
        recorded.client = client;
        recorded.gateway = gateway;
        recorded.port = port.or(recorded.port);
        Ok(recorded)
    }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What of a HAR is looked at.
#[derive(Debug, Deserialize)]
struct Har {
    log: Log,
}

#[derive(Debug, Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    request: Made,
}

#[derive(Debug, Deserialize)]
struct Made {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    cookies: Vec<Pair>,
}

fn har(
    mut reader: Box<dyn BufRead>,
    name: &str,
) -> Result<impl Iterator<Item = Result<Recorded, Trouble>> + use<>, Trouble> {
    let mut bytes = Vec::new();
    let read = (&mut reader).take(LARGEST_HAR + 1).read_to_end(&mut bytes);
    read.map_err(|error| Trouble::Failed(format!("{name}: {error}")))?;
    if bytes.len() as u64 > LARGEST_HAR {
        return Err(Trouble::Usage(format!("{name}: more than 256 MiB; split it, or log lines of JSON")));
    }
    let refused = |error| Trouble::Usage(format!("{name}: neither a HAR nor lines of JSON: {error}\nhint: {HINT}"));
    let har: Har = serde_json::from_slice(&bytes).map_err(refused)?;
    let name = name.to_owned();
    Ok(har.log.entries.into_iter().zip(0_usize..).map(move |(Entry { request }, number)| {
        let place = |why| Trouble::Usage(format!("{name}: log/entries/{number}/request: {why}"));
        request.recorded().map_err(place)
    }))
}

impl Made {
    fn recorded(self) -> Result<Recorded, String> {
        let Self { method, url, headers, cookies } = self;
        let mut pairs: Vec<(String, String)> = headers.into_iter().map(|pair| (pair.name, pair.value)).collect();
        // Browsers leave out what they keep apart.
        if !cookies.is_empty() && !pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
            let cookies: Vec<String> = cookies.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
            pairs.push((COOKIE.to_string(), cookies.join("; ")));
        }
        recorded(Some(&method), &url, &pairs)
    }
}

fn recorded(method: Option<&str>, url: &str, headers: &[(String, String)]) -> Result<Recorded, String> {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.uri = url.parse::<Uri>().map_err(|error| format!("`{url}` is not a path or an address: {error}"))?;
    if let Some(method) = method {
        parts.method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is not a method"))?;
    }
    // HTTP/2 has the method and the host as headers whose names begin with a colon.
    for (name, text) in headers.iter().filter(|(name, _)| !name.starts_with(':')) {
        let parsed: HeaderName = name.parse().map_err(|_| format!("`{name}` is not the name of a header"))?;
        parts.headers.append(parsed, value(name, text)?);
    }
    if let (None, Some(authority)) = (parts.headers.get(HOST), parts.uri.authority()) {
        parts.headers.insert(HOST, value("the host", authority.as_str())?);
    }
    let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok()?.rsplit_once(':')?.1.parse().ok());
    let port = parts.uri.port_u16().or(named);
    Ok(Recorded { parts, client: None, gateway: None, port })
}

fn value(name: &str, text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text.trim()).map_err(|_| format!("no header can carry the value of `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vamp_core::condition::Condition;

    fn of_line(line: &str) -> Result<Recorded, String> {
        serde_json::from_str::<Line>(line).map_err(|error| error.to_string())?.recorded()
    }

    fn matches(recorded: &Recorded, condition: &str) -> bool {
        condition.parse::<Condition>().expect("a condition").matches(recorded) == Some(true)
    }

    #[test]
    fn a_line_has_what_a_condition_looks_at() {
        let line = r#"{"method": "POST", "host": "a.example:81", "path": "/b?c=d", "client": "10.1.2.3", "gateway": "shop",
            "headers": {"User-Agent": "Chrome/1", "Cookie": ["a=b", "c=d"], "X-Number": 5}, "status": 200}"#;
        let recorded = of_line(line).expect("a request");
        let all = "method == POST and host == a.example and path is /b and client ip in 10.0.0.0/8 and \
                   user-agent has Chrome and has cookie c and header x-number == 5";
        assert!(matches(&recorded, all));
        assert_eq!((recorded.gateway.as_deref(), recorded.host()), (Some("shop"), Some("a.example:81")));
        assert!(matches(&of_line(r#"{"path": "/"}"#).expect("a request"), "method == GET"));
        let pairs = r#"{"url": "http://b.example:8080/", "headers": [{"name": "X", "value": "y"}]}"#;
        let recorded = of_line(pairs).expect("a request");
        assert!(matches(&recorded, "host == b.example and header x == y"));
        assert_eq!(recorded.port, Some(8080));
    }

    #[test]
    fn a_line_of_our_own_access_log_is_one() {
        let line = r#"{"time":1795547170.415,"gateway":"shop","route":"shop/web/1.0/http","instance":"web-1","client":"10.1.2.3",
            "method":"GET","host":"a.example:81","path":"/b?c=d","status":200,"duration":3,"bytes":74,
            "headers":{"user-agent":"Chrome/1"}}"#;
        let recorded = of_line(line).expect("a request");
        let all =
            "method == GET and host == a.example and path is /b and client ip in 10.0.0.0/8 and user-agent has Chrome";
        assert!(matches(&recorded, all));
        assert_eq!(recorded.gateway.as_deref(), Some("shop"));
    }

    #[test]
    fn what_is_no_request_is_refused_with_what_is_wrong() {
        for (line, why) in [
            (r#"{"path": "a b"}"#, "is not a path"),
            (r#"{"path": "/", "method": "G T"}"#, "is not a method"),
            (r#"{"path": "/", "headers": {"a b": "c"}}"#, "is not the name of a header"),
            (r#"{"path": "/", "client": "me"}"#, "invalid IP address"),
            (r#"{"host": "a"}"#, "missing field `path`"),
        ] {
            let refused = of_line(line).expect_err(line);
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn a_har_keeps_cookies_apart_and_pseudo_headers_are_left_out() {
        let har = r#"{"log": {"entries": [{"request": {"method": "GET", "url": "https://a.example/b",
            "headers": [{"name": ":authority", "value": "a.example"}], "cookies": [{"name": "beta", "value": "1"}]}}]}}"#;
        let requests: Vec<_> = super::har(Box::new(har.as_bytes()), "a.har").expect("a HAR").collect();
        let [Ok(recorded)] = requests.as_slice() else { panic!("{requests:?}") };
        assert!(matches(recorded, "has cookie beta and host == a.example and path == /b"));
    }
}
