//! What is not a condition, and what the error says.

use crate::condition::{Condition, ParseError, native};

fn refuse(text: &str) -> ParseError {
    match Condition::parse(text) {
        Err(error) => error,
        Ok(condition) => panic!("{text} is {condition}"),
    }
}

#[test]
fn text_that_is_not_a_condition_is_an_error_at_its_place() {
    for (case, text, offset, part) in [
        ("R10, M3", "hdr_sub(user-agent) Android", 0, "a test such as"),
        ("X3", "not not has cookie c", 4, "what is negated"),
        ("X6", "Header x Missing", 9, "starts with"),
        ("X7", "true", 0, "a test such as"),
        ("X12", "user agent = x", 0, "a test such as"),
        ("X20", "android", 0, "a test such as"),
        ("empty", "", 0, "a test such as"),
        ("blank", "  ", 2, "a test such as"),
        ("value", "host == ", 8, "a value"),
        ("value2", "host == (a)", 8, "a value"),
        ("blanks", "user-agent == Mozilla/5.0 Macintosh", 26, "the end"),
        ("blanks2", "(user-agent == Mozilla/5.0 Macintosh)", 27, "`)`"),
        ("paren", "host == a(b)", 9, "the end of a bare value"),
        ("ascii", "host == aé", 9, "the end of a bare value"),
        ("quote", "host == 'it's'", 12, "the end"),
        ("quote2", "host == 'a", 8, "a closing quote"),
        ("nothing", "header x == ''", 12, "not empty"),
        ("op", "host starts with a", 5, "==, !="),
        ("op2", "method has GET", 7, "==, !="),
        ("op3", "header x == ", 12, "a value"),
        ("name", "header x==1", 7, "the name of a header"),
        ("name2", "has header 'a b'", 11, "letters, digits"),
        ("name3", "has cookie a;b", 11, "the name of a cookie"),
        ("name4", "has x", 4, "`header` or `cookie`"),
        ("name5", "headerx == 1", 6, "a blank and the name"),
        ("method", "method == 'G T'", 10, "the name of a method"),
        ("ip", "client ip in 10.0.0.0/33", 13, "an address"),
        ("ip2", "client ip in 10.0.0/8", 13, "an address"),
        ("ip3", "client ip in 10.0.0.0/+8", 13, "an address"),
        ("ip4", "client ip 10.0.0.0/8", 10, "in, not in"),
        ("native", "< a < b >", 1, "closing >"),
        ("native2", "< a", 1, "closing >"),
        ("regex", "path matches /a(b", 15, "the end of a bare value"),
        ("regex2", "path matches '/a(b'", 16, "a regular expression"),
        ("regex3", "path matches [z-a]", 14, "a regular expression"),
    ] {
        let error = refuse(text);
        assert_eq!(error.offset(), offset, "{case}: {error}");
        assert!(error.expected().contains(part), "{case}: {error}");
    }
}

#[test]
fn a_line_break_or_a_zero_in_a_value_is_refused_with_its_code() {
    for (control, code) in
        [('\0', "U+0000"), ('\n', "U+000A"), ('\r', "U+000D"), ('\u{1b}', "U+001B"), ('\u{85}', "U+0085")]
    {
        let error = refuse(&format!("host == a or header x == 'a{control}b'"));
        assert!(error.expected().contains(code), "{error}");
    }
    assert!(refuse(&format!("host == {}", "a".repeat(8193))).expected().contains("8 KiB"));
    assert!(Condition::parse(&format!("host == {}", "a".repeat(8192))).is_ok());
    assert!(refuse(&format!("has cookie {}", "a".repeat(257))).expected().contains("name of a cookie"));
}

#[test]
fn an_error_shows_the_line_a_caret_and_a_hint() {
    let shown = refuse("host == a and\nuser-agent == Mozilla Macintosh").to_string();
    let expected = "line 2, column 23: expected `and`, `or` or the end\n  user-agent == Mozilla Macintosh\n                        \
                    ^\nhint: maybe quote the value, as in 'a value with blanks'";
    assert_eq!(shown, expected);
}

#[test]
fn ten_thousand_parentheses_are_refused() {
    let deep = "(".repeat(10_000) + "host == a" + &")".repeat(10_000);
    assert!(refuse(&deep).expected().contains("128"));
}

#[test]
fn a_regular_expression_that_haproxy_reads_otherwise_is_refused_at_its_place() {
    for (pattern, offset) in [
        (r"a\p{L}", 1),
        (r"(?P<name>a)", 4),
        (r"a(?i)b", 1),
        (r"(?i:a)", 2),
        (r"(?x)a", 0),
        (r"(?i)", 4),
        (r"a**", 2),
        (r"a++", 2),
        (r"a{2}{3}", 4),
        (r"a{256}", 1),
        (r"a{ 2 }", 1),
        (r"^*a", 1),
        (r"\b{start}a", 0),
        (r"\<a", 0),
        (r"[a&&b]", 1),
        (r"[a--b]", 1),
        (r"[a[b]]", 2),
        (r"[:alpha:]", 0),
        (r"[[:alpha:]-z]", 0),
        (r"[]-a]", 0),
        (r"[--{2}]", 0),
        (r"[+-[:alpha:]", 1),
        (r"a[^]-z]", 1),
        (r"é", 0),
        (r"[à-é]", 1),
        (r"\v", 0),
        (r"\u0041", 0),
        (r"\x{e9}", 0),
        (r"(a)\1", 3),
        (r"(?=a)", 0),
        (r"a{,3}", 2),
        (r"((a{200}){200}){200}", 0),
    ] {
        let text = format!("path matches '{pattern}'");
        let error = refuse(&text);
        assert_eq!(error.offset(), 14 + offset, "{pattern}: {error}");
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{pattern}");
    }
}

#[test]
fn a_condition_has_at_most_64_regular_expressions() {
    let many = |count: usize| vec!["(path matches ^/a)"; count].join(" or ");
    assert!(Condition::parse(&many(64)).is_ok());
    assert!(refuse(&many(65)).expected().contains("64 regular expressions"));
}

#[test]
fn a_native_test_that_could_do_more_than_look_at_the_request_is_refused() {
    use native::Reason;
    for (text, reason) in [
        ("", Reason::Empty),
        ("src -f /etc/shadow", Reason::Flag("-f")),
        ("src -i -n -f /etc/shadow", Reason::Flag("-f")),
        ("src \"-f\" /etc/shadow", Reason::Flag("-f")),
        ("src -'f' /etc/shadow", Reason::Flag("-f")),
        ("src '-'\"f\" /etc/shadow", Reason::Flag("-f")),
        ("src -\\f /etc/shadow", Reason::Flag("-f")),
        ("src \\-f /etc/shadow", Reason::Flag("-f")),
        ("src \\x2df /etc/shadow", Reason::Escape),
        ("path_beg \"\\n\"", Reason::Escape),
        ("src -M -f x", Reason::Flag("-M")),
        ("path -u 3 /a", Reason::Flag("-u")),
        ("lua.steal -m found", Reason::Call("lua.")),
        ("l'ua'.steal -m found", Reason::Call("lua.")),
        ("src,lua.steal -m found", Reason::Call("lua.")),
        ("env(HOME) -m found", Reason::Call("env(")),
        ("src,map_ip(/etc/shadow) -m found", Reason::Call("a map converter")),
        ("src,map(/etc/shadow) -m found", Reason::Call("a map converter")),
        ("src,\"map_str_int(/etc/shadow)\" -m found", Reason::Call("a map converter")),
        ("req.hdr(a),jwt_verify(RS256,/etc/x) -m found", Reason::Call("jwt_verify")),
        ("str(x),set-var(txn.n0) -m found", Reason::Call("set-var")),
        ("src,debug(a) -m found", Reason::Call("debug(")),
        ("path_beg \"$HOME\"", Reason::Environment),
        ("path_beg \"${HOME}\"", Reason::Environment),
        ("path_beg /a # b", Reason::Comment),
        ("path_beg /a\n  http-request deny", Reason::Control),
        ("path_beg /a\\", Reason::Unbalanced),
        ("path_beg /a \\\n deny", Reason::Control),
        ("path_beg '/a", Reason::Unbalanced),
        ("path_beg \"/a", Reason::Unbalanced),
        ("path_beg \"/a\\\"", Reason::Unbalanced),
        ("path_beg\t/a", Reason::Control),
        ("!path_beg /a", Reason::Negation),
    ] {
        assert_eq!(native::check(text), Err(reason.clone()), "{text}");
        assert!(refuse(&format!("<{text}>")).hint() == Some(&reason.to_string()), "{text}");
    }
    let long = format!("path {}", "a ".repeat(60));
    assert_eq!(native::check(&long), Err(Reason::TooLong));
}

#[test]
fn native_tests_that_only_look_at_the_request_pass() {
    for text in [
        "hdr_sub(user-agent) Android",
        "path_reg ^/a$",
        "path_reg '^/a b$' \"c\\\"d\"",
        "req.hdr(x),lower -m str -- a b c",
        "src 10.0.0.0/8 192.168.0.0/16",
        "path -m beg '#' \\# '$HOME' it\\'s",
        "req.hdr(x),map_of_nothing -m found",
        "always_true",
        "nbsrv(other) gt 0",
        "req.cook(a) -m sub -i abc",
    ] {
        assert_eq!(native::check(text), Ok(()), "{text}");
    }
}
