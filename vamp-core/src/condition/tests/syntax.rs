//! What parses, in canonical form; the names of the cases are those of the behavioural specification of the original.

use crate::condition::{Condition, Expr, Match, Needle, Predicate};
use http::HeaderName;
use std::borrow::Cow;

fn read(text: &str) -> Condition {
    Condition::parse(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn check(cases: &[(&str, &str, &str)]) {
    for (case, text, canonical) in cases {
        let condition = read(text);
        assert_eq!(condition.to_string(), *canonical, "{case}: {text}");
        assert_eq!(read(canonical), condition, "{case}: {canonical}");
        assert_eq!(condition.as_str(), *text);
    }
}

#[test]
fn the_parser_cases_of_the_original_keep_their_trees() {
    check(&[
        ("P1", "user-agent == a and user-agent != b", "user-agent has a and user-agent misses b"),
        ("P2", "user-agent == a and not user-agent == b", "user-agent has a and user-agent misses b"),
        ("P3", "<water ⇒ ice>", "< water ⇒ ice >"),
        ("P4", "< water ⇒ ice>", "< water ⇒ ice >"),
        ("P5", "< water ⇒ ice >", "< water ⇒ ice >"),
        ("P6", " <water ⇒ ice>", "< water ⇒ ice >"),
        ("P7", "<water ⇒ ice> ", "< water ⇒ ice >"),
        ("P8", " <water ⇒ ice> ", "< water ⇒ ice >"),
        ("P9", "  <  water  ⇒  ice  > ", "< water  ⇒  ice >"),
        ("P10", "User-Agent==Firefox", "user-agent has Firefox"),
        ("P11", "User-Agent== Firefox ", "user-agent has Firefox"),
        ("P12", "User-Agent == Firefox ", "user-agent has Firefox"),
        ("P13", " User-Agent == Firefox ", "user-agent has Firefox"),
        ("P14", " User-Agent ! Firefox ", "user-agent misses Firefox"),
        ("P15", " User-Agent != Firefox ", "user-agent misses Firefox"),
        ("P16", "user.agent != Firefox", "user-agent misses Firefox"),
        ("P17", "User-Agent is Firefox", "user-agent has Firefox"),
        ("P18", "User-Agent not Firefox", "user-agent misses Firefox"),
        ("P19", " ( User-Agent == Firefox ) ", "user-agent has Firefox"),
        ("P20", "host == localhost", "host == localhost"),
        ("P21", "host != localhost", "host != localhost"),
        ("P22", "host is localhost", "host == localhost"),
        ("P23", "host not localhost", "host != localhost"),
        ("P24", "host misses localhost", "host != localhost"),
        ("P25", "host has localhost", "host == localhost"),
        ("P26", "host contains localhost", "host == localhost"),
        ("P27", "! host is localhost", "host != localhost"),
        ("P28", "not host is localhost", "host != localhost"),
        ("P29", "has cookie vamp", "has cookie vamp"),
        ("P30", "misses cookie vamp", "misses cookie vamp"),
        ("P31", "contains cookie vamp", "has cookie vamp"),
        ("P32", "has header vamp", "has header vamp"),
        ("P33", "misses header vamp", "misses header vamp"),
        ("P34", "contains header vamp", "has header vamp"),
        ("P35", "cookie vamp has 12345", "cookie vamp has 12345"),
        ("P36", "cookie vamp misses 12345", "cookie vamp misses 12345"),
        ("P37", "cookie vamp contains 12345", "cookie vamp has 12345"),
        ("P38", "header vamp has 12345", "header vamp has 12345"),
        ("P39", "header vamp misses 12345", "header vamp misses 12345"),
        ("P40", "header vamp contains 12345", "header vamp has 12345"),
    ]);
}

#[test]
fn the_resolver_and_marshaller_cases_of_the_original_keep_their_trees() {
    const MOZILLA: &str = "'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_5) AppleWebKit/602.2.14 (KHTML, like Gecko) \
                           Version/10.0.1 Safari/602.2.14'";
    let (r17, r17_printed) = (format!("User-Agent = {MOZILLA}"), format!("user-agent has {MOZILLA}"));
    check(&[
        ("R1", "User-Agent is Firefox", "user-agent has Firefox"),
        ("R2", "User-Agent is Safari", "user-agent has Safari"),
        ("R3", "host == localhost", "host == localhost"),
        ("R4", "contains cookie vamp", "has cookie vamp"),
        ("R5", "has header page", "has header page"),
        ("R6", "cookie vamp has 123", "cookie vamp has 123"),
        ("R7", "header page contains 1", "header page has 1"),
        ("R8", "misses cookie vamp", "misses cookie vamp"),
        ("R9", "misses header page", "misses header page"),
        ("R11", "< hdr_sub(user-agent) Android >", "< hdr_sub(user-agent) Android >"),
        (
            "R12",
            "<hdr_sub(user-agent) Android> or <hdr_sub(user-agent) Chrome>",
            "< hdr_sub(user-agent) Android > or < hdr_sub(user-agent) Chrome >",
        ),
        (
            "R13",
            "not <hdr_sub(user-agent) Android> and User-Agent != Chrome",
            "not < hdr_sub(user-agent) Android > and user-agent misses Chrome",
        ),
        (
            "R14",
            "not <hdr_sub(user-agent) Android> or User-Agent != Chrome",
            "not < hdr_sub(user-agent) Android > or user-agent misses Chrome",
        ),
        (
            "R15",
            "(User-Agent = Chrome OR User-Agent = Firefox) AND has cookie vamp",
            "(user-agent has Chrome or user-agent has Firefox) and has cookie vamp",
        ),
        ("R16", "User-Agent == \"Mozilla/5.0 Macintosh\"", "user-agent has 'Mozilla/5.0 Macintosh'"),
        ("R17", &r17, &r17_printed),
        (
            "G7",
            "user-agent != safari and user-agent = chrome and cookie group contains admin and has header x-allow",
            "user-agent misses safari and user-agent has chrome and cookie group has admin and has header x-allow",
        ),
        ("M1", "user-agent = Firefox", "user-agent has Firefox"),
        ("M2", "user-agent = Safari", "user-agent has Safari"),
        ("M4", "user-agent=Android", "user-agent has Android"),
        ("M5", "user-agent!=Android", "user-agent misses Android"),
        ("M6", "User-Agent=Android", "user-agent has Android"),
        ("M7", "user-agent = Android", "user-agent has Android"),
        ("M8", "user-agent  =  Android", "user-agent has Android"),
        ("M9", "user.agent = Ios", "user-agent has Ios"),
        ("M10", "host = www.google.com", "host == www.google.com"),
        ("M11", "host != www.google.com", "host != www.google.com"),
        ("M12", "cookie MYCUSTOMER contains Value=good", "cookie MYCUSTOMER has Value=good"),
        ("M13", "has cookie JSESSIONID", "has cookie JSESSIONID"),
        ("M14", "misses cookie JSESSIONID", "misses cookie JSESSIONID"),
        ("M15", "has header X-SPECIAL", "has header x-special"),
        ("M16", "misses header X-SPECIAL", "misses header x-special"),
    ]);
}

#[test]
fn the_probes_of_the_original_parse_or_now_mean_what_they_say() {
    check(&[
        ("X1", "Has Cookie x", "has cookie x"),
        ("X2", "NOT has cookie x", "misses cookie x"),
        ("X4", "not (not has cookie c)", "not (misses cookie c)"),
        ("X5", "header x = 1", "header x == 1"),
        ("X8", "(host = a)AND(host = b)", "host == a and host == b"),
        ("X9", "(host = a) & (host = b)", "host == a and host == b"),
        ("X10", "host=a&&host=b", "host == a&&host=b"),
        ("X11", "host = 'a b'", "host == 'a b'"),
        ("X13", "user-agent != safari", "user-agent misses safari"),
        ("X14", "has cookie x or misses cookie x", "has cookie x or misses cookie x"),
        ("X15", "has cookie x and misses cookie x", "has cookie x and misses cookie x"),
        (
            "X16",
            "(host = a and misses cookie c) or (host != a and has cookie c)",
            "host == a and misses cookie c or host != a and has cookie c",
        ),
        ("X17", "user-agent = \"it's\"", "user-agent has it's"),
        ("X18", "user-agent = 'it''s'", "user-agent has it's"),
    ]);
    let folded = |text: &str| read(text).expression().clone().into_nnf().to_string();
    assert_eq!(folded("not (not has cookie c)"), "has cookie c");
}

#[test]
fn the_extended_grammar_compares_headers_cookies_paths_methods_and_clients() {
    check(&[
        ("eq", "header X-Version == 2", "header x-version == 2"),
        ("is", "header x IS 2", "header x == 2"),
        ("ne", "header x != 2", "header x != 2"),
        ("not", "cookie x not 2", "cookie x != 2"),
        ("begin", "cookie x starts with 2", "cookie x starts with 2"),
        ("begin2", "cookie x STARTS  With 2", "cookie x starts with 2"),
        ("end", "not header x ends with .io", "not header x ends with .io"),
        ("regex", "header x matches '^2\\.[0-9]+$'", "header x matches ^2\\.[0-9]+$"),
        ("regex2", "header x matches '^(a|b)$'", "header x matches '^(a|b)$'"),
        ("path", "path == /a", "path == /a"),
        ("path2", "path=/a", "path == /a"),
        ("path3", "path starts with /api or path has '/it''s/'", "path starts with /api or path has /it's/"),
        ("path4", "path misses x", "path misses x"),
        ("method", "method is get", "method == GET"),
        ("method2", "METHOD != POST", "method != POST"),
        ("client", "client ip in 10.1.2.3/8", "client ip in 10.0.0.0/8"),
        ("client2", "client ip not in 2001:db8::1/32", "client ip not in 2001:db8::/32"),
        ("client3", "client-ip == 127.0.0.1", "client ip in 127.0.0.1"),
        ("client4", "client.ip!=::1", "client ip not in ::1"),
        ("client5", "not client ip in 0.0.0.0/0", "client ip not in 0.0.0.0/0"),
        ("blanks", "(host=a)and(host=b)or not(host=c)", "host == a and host == b or host != c"),
        ("blanks2", "host\n==\ta\n\nor\r\nhas\u{c}header x", "host == a or has header x"),
    ]);
}

#[test]
fn values_keep_every_character_but_control_characters() {
    for value in [
        "'",
        "\"",
        "it's \"quoted\"",
        "\\",
        "#",
        "%[src]",
        "$HOME ${HOME}",
        " ",
        "a\tb",
        "é ⇒ 漢",
        "<>",
        "a)",
        "--",
        "-f",
        "\\x41",
    ] {
        let quoted = format!("header x == '{}'", value.replace('\'', "''"));
        let doubled = format!("header x == \"{}\"", value.replace('"', "\"\""));
        let expected =
            Expr::Leaf(Predicate::Header { name: HeaderName::from_static("x"), test: Match::Equals(value.into()) });
        for text in [quoted, doubled] {
            assert_eq!(*read(&text).expression(), expected, "{text}");
            assert_eq!(*read(&read(&text).to_string()).expression(), expected, "{text}");
        }
    }
}

#[test]
fn names_of_browsers_stand_for_ordinary_tests() {
    for (text, printed) in [
        ("user-agent == CHROME", "user-agent has Chrome"),
        ("user-agent is firefox", "user-agent has Firefox"),
        ("user-agent has edge", "user-agent has Edge"),
        ("user-agent = ie", "user-agent has MSIE"),
        ("user-agent == safari", "user-agent has Safari and user-agent has Version"),
        ("user-agent != Safari", "user-agent misses Safari or user-agent misses Version"),
        ("user-agent == curl", "user-agent has curl"),
    ] {
        assert_eq!(read(text).expanded().into_nnf().to_string(), printed, "{text}");
    }
    let safari = read("user-agent == safari");
    let Expr::And(leaves) = safari.expanded() else { panic!("two leaves") };
    for (leaf, part) in leaves.iter().zip(["Safari", "Version"]) {
        let Expr::Leaf(Cow::Owned(Predicate::UserAgent(agent))) = leaf else { panic!("{leaf} is a leaf") };
        assert_eq!(agent.parts(), [Needle::new(part)]);
    }
    assert!(!read("user-agent == Safari").is_native());
}

#[test]
fn serde_keeps_the_text_as_it_was_written() {
    let text = "User-Agent=Firefox  AND (has cookie x)";
    let condition: Condition = serde_json::from_value(serde_json::json!(text)).unwrap();
    assert_eq!(serde_json::to_value(&condition).unwrap(), serde_json::json!(text));
    assert_eq!(condition, "user-agent has Firefox and has cookie x".parse().unwrap());
    assert_eq!(format!("{condition:?}"), format!("Condition({text:?})"));
    let error = serde_json::from_value::<Condition>(serde_json::json!("host =")).unwrap_err();
    assert!(error.to_string().contains("line 1, column 7: expected a value"), "{error}");
}
