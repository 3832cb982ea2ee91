//! What conditions mean for requests.

use crate::condition::{Condition, RequestParts};
use http::request::Parts;

/// A request from its head, in lines; the first is method and target.
fn request(head: &str) -> Parts {
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let mut builder = http::Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        builder = builder.header(name, value.trim());
    }
    builder.body(()).unwrap().into_parts().0
}

fn holds(condition: &str, head: &str) -> Option<bool> {
    let condition = Condition::parse(condition).unwrap_or_else(|error| panic!("{error}"));
    condition.matches(&RequestParts::new(&request(head)))
}

fn check(cases: &[(&str, &str, bool)]) {
    for (condition, head, value) in cases {
        assert_eq!(holds(condition, head), Some(*value), "{condition} for {head}");
        assert_eq!(holds(&format!("not ({condition})"), head), Some(!*value), "not ({condition}) for {head}");
    }
}

#[test]
fn a_host_is_compared_without_case_and_without_the_port() {
    check(&[
        ("host == Shop.Example", "GET /\nHost: shop.EXAMPLE", true),
        ("host == localhost", "GET /\nHost: localhost:9050", true),
        ("host == localhost", "GET /\nHost: localhost:", true),
        ("host == localhost:9050", "GET /\nHost: localhost:9050", true),
        ("host == localhost:9050", "GET /\nHost: localhost:9051", false),
        ("host == localhost:9050", "GET /\nHost: localhost", false),
        ("host == shop.example", "GET /\nHost: www.shop.example", false),
        ("host == [::1]", "GET /\nHost: [::1]:80", true),
        ("host == [::1]", "GET /\nHost: [::1]", true),
        ("host == [::1]:80", "GET /\nHost: [::1]", false),
        ("host == a", "GET http://a:8080/", true),
        ("host == a", "GET http://b/\nHost: a", true),
        ("host == a", "GET /", false),
    ]);
}

#[test]
fn a_header_passes_if_one_of_its_values_does() {
    const HEAD: &str = "GET /\nX-A: one\nx-a: two, three\nX-Empty:";
    check(&[
        ("header x-a == one", HEAD, true),
        ("header X-A == 'two, three'", HEAD, true),
        ("header x-a == two", HEAD, false),
        ("header x-a == ONE", HEAD, false),
        ("header x-a has three", HEAD, true),
        ("header x-a misses three", HEAD, false),
        ("header x-a starts with tw", HEAD, true),
        ("header x-a starts with wo", HEAD, false),
        ("header x-a ends with ee", HEAD, true),
        ("header x-a matches '^t.o,'", HEAD, true),
        ("header x-a matches ^T", HEAD, false),
        ("header x-a matches '(?i)^T'", HEAD, true),
        ("header x-b misses one", HEAD, true),
        ("header x-b != one", HEAD, true),
        ("has header x-empty", HEAD, true),
        ("header x-empty matches ^$", HEAD, true),
        ("has header x-b", HEAD, false),
        ("misses header x-b", HEAD, true),
    ]);
}

#[test]
fn a_cookie_is_read_as_haproxy_reads_it() {
    const HEAD: &str = "GET /\nCookie: a=1; b = 2 ;c=\"x;y, a=9\", d=4; $Path=/; e=; f\nCookie: a=3";
    check(&[
        ("cookie a == 1", HEAD, true),
        ("cookie a == 3", HEAD, true),
        ("cookie a == 9", HEAD, false),
        ("cookie A == 1", HEAD, false),
        ("cookie b == 2", HEAD, true),
        ("cookie c has 'x;y, a=9'", HEAD, true),
        ("cookie d == 4", HEAD, true),
        ("has cookie $Path", HEAD, false),
        ("has cookie e", HEAD, true),
        ("cookie e matches ^$", HEAD, true),
        ("has cookie f", HEAD, false),
        ("has cookie a", "GET /\nCookie: a=", false),
        ("has cookie a", "GET /\nCookie: b=1; a=", true),
        ("cookie vamp has 1", "GET /\nCookie: vamp=213", true),
        ("misses cookie a", "GET /", true),
    ]);
}

#[test]
fn path_and_method_are_compared_without_the_query() {
    check(&[
        ("path == /a", "GET /a?b=/c", true),
        ("path has c", "GET /a?b=/c", false),
        ("path starts with /a", "GET http://host/a/b", true),
        ("path ends with .js", "GET /x.js", true),
        ("path matches '^/v[0-9]+/'", "GET /v12/x", true),
        ("path matches '.*'", "OPTIONS *", false),
        ("method == GET", "GET /", true),
        ("method is post", "POST /", true),
        ("method != POST", "GET /", true),
    ]);
}

#[test]
fn a_client_is_looked_for_in_networks_of_both_kinds() {
    let parts = request("GET /");
    for (condition, client, value) in [
        ("client ip in 10.0.0.0/8", "10.255.0.1", true),
        ("client ip in 10.0.0.0/8", "11.0.0.1", false),
        ("client ip in 10.1.2.3", "10.1.2.3", true),
        ("client ip in 10.1.2.3", "10.1.2.4", false),
        ("client ip in 0.0.0.0/0", "1.2.3.4", true),
        ("client ip in ::/0", "2001:db8::1", true),
        ("client ip in 2001:db8::/32", "2001:db8:1::1", true),
        ("client ip in 2001:db8::/32", "2001:db9::1", false),
        ("client ip in 10.0.0.0/8", "::ffff:10.1.1.1", true),
        ("client ip in 10.0.0.0/8", "2002:0a01::1", true),
        ("client ip in ::ffff:0.0.0.0/96", "10.1.1.1", true),
        ("client ip not in 10.0.0.0/8", "10.1.1.1", false),
    ] {
        let condition = Condition::parse(condition).unwrap();
        let request = RequestParts::new(&parts).from_client(client.parse().unwrap());
        assert_eq!(condition.matches(&request), Some(value), "{condition} for {client}");
    }
    assert_eq!(holds("client ip in ::/0", "GET /"), Some(false), "an unknown client is in no network");
}

#[test]
fn browsers_are_told_apart_by_what_they_send() {
    const SAFARI: &str = "GET /\nUser-Agent: Mozilla/5.0 (Macintosh) Version/10.0.1 Safari/602.2.14";
    const CHROME: &str = "GET /\nUser-Agent: Mozilla/5.0 Chrome/120.0 Safari/537.36";
    check(&[
        ("user-agent == safari", SAFARI, true),
        ("user-agent == Safari", CHROME, false),
        ("user-agent == Chrome", CHROME, true),
        ("user-agent != chrome", SAFARI, true),
        ("user-agent == Mozilla/5.0", SAFARI, true),
        ("user-agent == mozilla/5.0", SAFARI, false),
        ("user-agent == MSIE", SAFARI, false),
        ("user-agent == IE", "GET /\nUser-Agent: MSIE 7", true),
        ("user-agent == Firefox", "GET /", false),
    ]);
}

#[test]
fn the_defects_of_the_original_are_not_repeated() {
    check(&[
        // Five operands and more went wrong, and accepted a request without the cookie.
        (
            "user-agent != safari and user-agent = chrome and cookie group contains admin and has header x-allow",
            "GET /\nUser-Agent: Chrome\nX-Allow: 1",
            false,
        ),
        (
            "user-agent != safari and user-agent = chrome and cookie group contains admin and has header x-allow",
            "GET /\nUser-Agent: Chrome Safari\nX-Allow: 1\nCookie: group=admins",
            true,
        ),
        ("host=a or host=b or host=c or host=d or host=e", "GET /\nHost: f", false),
        ("host=a or host=b or host=c or host=d or host=e", "GET /\nHost: e", true),
        // Exclusive or, and equivalence, lost a half.
        ("(host = a and misses cookie c) or (host != a and has cookie c)", "GET /\nHost: a", true),
        ("(host = a and misses cookie c) or (host != a and has cookie c)", "GET /\nHost: a\nCookie: c=1", false),
        ("(host = a and has cookie c) or (host != a and misses cookie c)", "GET /\nHost: b", true),
        // A condition that always holds was not seen as such.
        ("host = a or host != a or host = b", "GET /", true),
    ]);
    let many: Vec<String> = (0..31).map(|i| format!("has cookie c{i}")).collect();
    check(&[(&many.join(" or "), "GET /\nCookie: c30=1", true), (&many.join(" or "), "GET /", false)]);
}

#[test]
fn a_native_part_leaves_open_only_what_depends_on_it() {
    for (condition, value) in [
        ("< src 10.0.0.0/8 >", None),
        ("not < src 10.0.0.0/8 >", None),
        ("< src 10.0.0.0/8 > or host == a", Some(true)),
        ("< src 10.0.0.0/8 > and host == b", Some(false)),
        ("< src 10.0.0.0/8 > and host == a", None),
    ] {
        assert_eq!(holds(condition, "GET /\nHost: a"), value, "{condition}");
        assert!(Condition::parse(condition).unwrap().is_native());
    }
}
