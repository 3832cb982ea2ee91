//! Requests, as they are sent to HAProxy and as the library sees them.

use crate::random::Random;
use std::net::IpAddr;

/// A request and the client it comes from.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) client: IpAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

const METHODS: [&str; 5] = ["GET", "GET", "POST", "PUT", "PURGE"];
const TARGETS: [&str; 6] = ["/", "/api/v1/users", "/api?x=/static/a.js", "/static/app.js", "/v12/x", "/it's/here?q=1"];
const HOSTS: [&str; 6] =
    ["shop.example", "Shop.Example:9050", "www.shop.example", "localhost:9050", "[::1]:8080", "10.0.0.1"];
const AGENTS: [&str; 7] = [
    "Mozilla/5.0 (Macintosh) Version/10.0.1 Safari/602.2.14",
    "Mozilla/5.0 (X11) Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 (X11; rv:140.0) Gecko Firefox/140.0",
    "Mozilla/5.0 Chrome/120.0 Safari/537.36 Edge/18",
    "MSIE 7",
    "curl/8.0",
    "",
];
const CLIENTS: [&str; 8] = [
    "10.1.2.3",
    "10.200.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "2001:db8::1",
    "2001:db9::1",
    "::ffff:10.1.2.3",
    "2002:a01:203::1",
];
const VALUES: [&str; 8] = ["1", "2", "one", "one, two", "prefix-1", "10", "ONE", "x=1; y"];
const COOKIES: [&str; 6] = ["1", "213", "admin", "\"a;b,c\"", "", "Value=good"];

impl Sent {
    fn new(method: &str, target: &str, host: &str) -> Self {
        let headers = vec![("Host".to_owned(), host.to_owned())];
        Self { client: IpAddr::from([127, 0, 0, 1]), method: method.to_owned(), target: target.to_owned(), headers }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A request with the header `X-Odd`, and a cookie as far as a cookie can carry the value.
    pub(crate) fn odd(value: &str) -> Self {
        Self::new("GET", "/", "a").header("X-Odd", value).header("Cookie", &format!("a=1; odd={value}; b=2"))
    }

    pub(crate) fn with(name: &str, value: &str) -> Self {
        Self::new("GET", "/", "a").header(name, value)
    }

    pub(crate) fn host(host: &str) -> Self {
        Self::new("GET", "/", host)
    }

    /// A request with half of the cookies `c0` to `c31`.
    pub(crate) fn cookies(random: &mut Random) -> Self {
        let few = random.below(3) == 0;
        let chosen = (0..32).filter(|_| random.below(if few { 24 } else { 2 }) == 0);
        let cookies: Vec<String> = chosen.map(|i| format!("c{i}=1")).collect();
        let request = Self::new("GET", "/", "a");
        if cookies.is_empty() { request } else { request.header("Cookie", &cookies.join("; ")) }
    }

    pub(crate) fn random(random: &mut Random) -> Self {
        let mut request = Self::new(random.pick(&METHODS), random.pick(&TARGETS), random.pick(&HOSTS));
        request.client = random.pick(&CLIENTS).parse().expect("an address");
        let agent = random.pick(&AGENTS);
        if !agent.is_empty() {
            request = request.header("User-Agent", agent);
        }
        for name in ["X-A", "X-B", "X-C"] {
            for _ in 0..random.below(3) {
                request = request.header(name, random.pick(&VALUES));
            }
        }
        for _ in 0..random.below(3) {
            let names = ["vamp", "group", "beta", "Vamp"];
            let cookies: Vec<String> = (0..1 + random.below(3))
                .map(|_| format!("{}={}", random.pick(&names), random.pick(&COOKIES)))
                .collect();
            request = request.header("Cookie", &cookies.join(random.pick(&["; ", ";", ", "])));
        }
        request
    }

    /// As a library with the `http` crate gets it.
    pub(crate) fn parts(&self) -> http::request::Parts {
        let mut builder = http::Request::builder().method(&*self.method).uri(&self.target);
        for (name, value) in &self.headers {
            builder = builder.header(name, http::HeaderValue::from_bytes(value.trim().as_bytes()).expect("a value"));
        }
        builder.body(()).expect("a request").into_parts().0
    }

    /// As HAProxy gets it: behind a line that tells the client's address.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (kind, proxy) = if self.client.is_ipv4() { ("TCP4", "127.0.0.1") } else { ("TCP6", "::1") };
        [format!("PROXY {kind} {} {proxy} 1000 80\r\n", self.client), self.head()].concat().into_bytes()
    }

    /// As a client sends it.
    pub(crate) fn head(&self) -> String {
        let mut head =
            format!("{} {} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head + "\r\n"
    }
}
