//! Conditions to try.

use crate::random::Random;

/// Tests of every kind that random requests meet sometimes.
pub(crate) const TESTS: [&str; 55] = [
    "host == shop.example",
    "host == SHOP.example:9050",
    "host != localhost",
    "host is [::1]",
    "user-agent == Firefox",
    "user-agent == safari",
    "user-agent != Chrome",
    "user-agent == edge",
    "user-agent has IE",
    "user-agent has 'Mozilla/5.0 ('",
    "has header x-a",
    "misses header X-B",
    "has header user-agent",
    "has cookie vamp",
    "misses cookie group",
    "has cookie Vamp",
    "header x-a == 1",
    "header x-a != one",
    "header x-b == 'one, two'",
    "header x-c == ONE",
    "header x-a has n",
    "header x-b misses 1",
    "header x-c starts with prefix",
    "not header x-a starts with 1",
    "header x-b ends with o",
    "header x-c ends with 0",
    "header x-a matches ^[0-9]+$",
    "header x-b matches '(?i)^one'",
    "header x-c matches '^(one|two)$'",
    "header x-a matches 'e.*t'",
    "header x-a == 'x=1; y'",
    "cookie vamp == 1",
    "cookie vamp != 213",
    "cookie vamp has 1",
    "cookie group misses d",
    "cookie group starts with a",
    "cookie vamp starts with 2",
    "cookie beta ends with 3",
    "cookie vamp ends with d",
    "cookie group == '\"a;b,c\"'",
    "cookie beta has Value=good",
    "cookie vamp matches '^[0-9]{3}$'",
    "cookie beta matches '^[a-z]+$'",
    "path == /api",
    "path == /it's/here",
    "path starts with /api",
    "path ends with .js",
    "path has static",
    "path matches ^/v[0-9]+/",
    "method == GET",
    "method != post",
    "method is PURGE",
    "client ip in 10.0.0.0/8",
    "client ip not in 2001:db8::/32",
    "client ip == 127.0.0.1",
];

/// A condition of at most `most` tests.
pub(crate) fn random(random: &mut Random, most: usize) -> String {
    let tests = 1 + random.below(most);
    tree(random, tests)
}

fn tree(random: &mut Random, tests: usize) -> String {
    if tests == 1 {
        let test = random.pick(&TESTS);
        return if random.below(4) == 0 { format!("not ({test})") } else { test.to_owned() };
    }
    let (left, operator) = (1 + random.below(tests - 1), random.pick(&["and", "or", "OR", "&&", "|"]));
    let (left, right) = (tree(random, left), tree(random, tests - left));
    match random.below(4) {
        0 => format!("not (({left}) {operator} ({right}))"),
        1 => format!("{left} {operator} {right}"),
        _ => format!("({left}) {operator} ({right})"),
    }
}

/// Trees whose normal forms are large, or were wrong in the original.
pub(crate) fn shapes() -> Vec<String> {
    let cookie = |i: usize| format!("has cookie c{i}");
    let xor = |a: &str, b: &str| format!("(({a}) and not ({b})) or (not ({a}) and ({b}))");
    let list = |range: std::ops::Range<usize>| range.map(cookie).collect::<Vec<_>>();
    let pairs: Vec<String> = (0..6).map(|i| format!("({} or {})", cookie(2 * i), cookie(2 * i + 1))).collect();
    let (exclusive, same) = (xor(&cookie(0), &cookie(1)), format!("not ({})", xor(&cookie(0), &cookie(1))));
    let long: Vec<String> = (0..100).map(|i| format!("(c{i} or has cookie c{})", i % 32)).collect();
    let long = long.join(" and ").replace("(c", "(misses cookie d");
    vec![
        list(0..31).join(" or "),
        list(0..5).join(" or "),
        list(0..31).join(" and "),
        format!("not ({})", list(0..31).join(" or ")),
        pairs.join(" and "),
        format!("not ({})", pairs.join(" and ")),
        exclusive.clone(),
        same,
        (2..7).fold(exclusive, |tree, i| xor(&tree, &cookie(i))),
        "has cookie c0 or misses cookie c0".to_owned(),
        "has cookie c0 and misses cookie c0".to_owned(),
        long,
        format!(
            "({}) and misses cookie c3 or ({}) and has cookie c3",
            list(0..3).join(" or "),
            list(4..7).join(" or ")
        ),
    ]
}

/// Values with characters that mean something to HAProxy's configuration.
pub(crate) fn odd_values() -> Vec<String> {
    let mut values: Vec<String> = [
        "'",
        "''",
        "\"",
        "it's",
        "say \"hi\"",
        "\\",
        "a\\",
        "\\'",
        "\\\"",
        "#",
        "a # b",
        "%[src]",
        "%%",
        "$",
        "$HOME",
        "${HOME}",
        "\"$HOME\"",
        "a b",
        "a  b",
        "a\tb",
        "é",
        "漢 ⇒ 字",
        "<>",
        "()",
        "a,b",
        "-f",
        "-i",
        "--",
        "!",
        "or",
        "if",
        "{ src }",
        "\\x41",
        "\\n",
        "`id`",
        "~",
        "*",
        "[a]",
        "/etc/passwd",
        "a;b",
    ]
    .map(str::to_owned)
    .to_vec();
    values.push("x".repeat(5000));
    values.push("' \"\\$#".repeat(600));
    values
}

/// Regular expressions of everything that is taken.
pub(crate) const PATTERNS: [&str; 34] = [
    "a",
    "^a",
    "a$",
    "^a$",
    "a.c",
    "^$",
    "^a*$",
    "a+b",
    "ab?c",
    "^(ab|c)+$",
    "^(?:ab|c)*$",
    "^a{2}$",
    "^a{2,}$",
    "^a{1,2}$",
    "^a+?b",
    "[abc]d",
    "^[^abc]$",
    "[a-f0-9]{4}",
    "^[]a]$",
    "^[^]a]+$",
    "^[a-]$",
    r"^[\]\\^-]$",
    r"\d\d",
    r"^\w+$",
    r"\s",
    r"^\W$",
    r"\bword\b",
    r"\Bord",
    "^[[:alpha:]]+$",
    "[[:^alnum:]]",
    r"\.",
    r"^\x41\x{42}$",
    "(?i)^abc$",
    "a||b",
];

/// Values for them.
pub(crate) const PATTERN_VALUES: [&str; 30] = [
    "a", "b", "abc", "ABC", "ac", "aac", "aab", "ababc", "c", "aa", "aaa", "bd", "d", "1f2e", "]", "]a", "-", "\\",
    "^", "12", "1 2", "a word", "sword", "words", "a.b", "AB", "é", "a\tb", "_", "aé",
];

/// Pieces of which many combinations are regular expressions, and some are taken.
const PIECES: &[&str] = &[
    "a",
    "b",
    "c",
    "-",
    "]",
    "[",
    "^",
    "$",
    ".",
    "*",
    "+",
    "?",
    "|",
    "(",
    ")",
    "(?:",
    "{2}",
    "{1,3}",
    "{2,}",
    "{",
    "}",
    "[ab]",
    "[^a]",
    "[a-c]",
    "[^a-b-]",
    "[[:digit:]",
    "[:alpha:]",
    "[[:space:]]",
    r"\d",
    r"\D",
    r"\w",
    r"\W",
    r"\s",
    r"\S",
    r"\b",
    r"\B",
    r"\.",
    r"\\",
    r"\-",
    r"\]",
    r"\A",
    r"\z",
    r"\x61",
    r"\x{62}",
    r"\t",
    "&",
    "&&",
    "~",
    "#",
    " ",
    "1",
    "_",
    "(?i)",
    "(a|b)",
    r"\/",
    r"\#",
    r"\ ",
    "[[",
    ":]",
    "[]",
    "[^]",
    "--",
];

pub(crate) fn random_pattern(random: &mut Random) -> String {
    (0..1 + random.below(7)).map(|_| random.pick(PIECES)).collect()
}

/// A value that such an expression may find.
pub(crate) fn random_value(random: &mut Random) -> String {
    let characters = ["a", "b", "c", "A", "-", "1", " ", ".", "]", "\\", "_", "[", "&", "é", "a", "b", ":", "\t", "#"];
    let inner: String = (0..random.below(7)).map(|_| random.pick(&characters)).collect();
    inner.trim().to_owned()
}

pub(crate) const COOKIE_TESTS: [&str; 17] = [
    "has cookie a",
    "has cookie b",
    "has cookie $a",
    "has cookie a-b",
    "has cookie [a]",
    "has cookie A",
    "cookie a == 1",
    "cookie a == 2",
    "cookie b == 2",
    "cookie a has ;",
    "cookie a has ,",
    "cookie a has '\"'",
    "cookie a matches ^$",
    "cookie b matches ^$",
    "cookie a starts with 1",
    "cookie a == '1 2'",
    "cookie a != 1",
];

pub(crate) const COOKIE_HEADERS: [&str; 34] = [
    "a=1",
    "a=",
    "a",
    "=1",
    "a =1",
    "a= 1 ",
    " a = 1 ; b = 2 ",
    "b=2; a=",
    "a=; b=2",
    "a=1;b=2",
    "a=1,b=2",
    "a=1, b=2",
    "a=\"1;b=2\"",
    "a=\"1,b=2\"; b=3",
    "a=\"1",
    "a=1\"2;b=2",
    "$a=1; a=2",
    "a=1; a=2",
    "A=1",
    "a==1",
    "a=1=2",
    ";a=1",
    ";;a=1;;",
    "a;b=2",
    "b;a=1",
    "[a]=1",
    "a-b=1",
    "a\"b,a=1",
    "x=\"\\\"\"; a=1",
    "x=\"\\; a=1",
    "a=1 2",
    "a=\t1\t;b=2",
    "b=,a=1",
    "ab=1; ba=1",
];

pub(crate) const HOSTS: [&str; 16] = [
    "a",
    "A",
    "a:80",
    "a:",
    "a.b",
    "a.b:8080",
    "a.",
    "[::1]",
    "[::1]:80",
    "127.0.0.1",
    "127.0.0.1:80",
    "localhost",
    "LocalHost:9050",
    "localhost:9051",
    "xn--a",
    "a-b_c",
];

/// What a condition may contain although the library alone cannot say whether HAProxy takes it.
pub(crate) fn accepted() -> Vec<String> {
    let mut texts: Vec<String> = [
        "< hdr_sub(user-agent) Android > or not <req.hdr(host) -m beg a>",
        "< path_reg '^/a b$' \"c\\\"d\" >",
        "< req.hdr(x),lower -m str -- a b c >",
        "< src 10.0.0.0/8 192.168.0.0/16 >",
        "< path -m beg '#' \\# '$HOME' it\\'s >",
        "client ip in 0.0.0.0/0",
        "client ip in ::/0",
        "client ip in ::ffff:10.0.0.0/104",
        "method == M-SEARCH or method == \"G'X\"",
    ]
    .map(str::to_owned)
    .to_vec();
    let graphic = || (b'!'..=b'~').map(char::from);
    for c in graphic().filter(|c| !"\"(),/:;<=>?@[\\]{}".contains(*c)) {
        texts.push(format!("has header \"x{c}{c}a\""));
    }
    for c in graphic().filter(|c| !"=;,\"\\()".contains(*c)) {
        texts.push(format!("cookie \"x{c}{c}a\" == 1"));
    }
    texts
}
