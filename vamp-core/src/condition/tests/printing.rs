//! A condition that is printed and read again is the same.

use crate::condition::{Cidr, Condition, Expr, Host, Match, Needle, Pattern, Predicate, UserAgent};
use http::HeaderName;
use proptest::prelude::*;

fn values() -> impl Strategy<Value = Box<str>> {
    prop_oneof![
        "[a-z]{1,6}",
        "[\t -~]{1,12}",
        "['\"()<>#$%\\\\ ]{1,6}",
        "[^\\x00-\\x1f\\x7f-\\x9f]{1,6}",
        proptest::sample::select(vec!["and", "or", "not", "has", "is", "=", "!", "starts with"])
            .prop_map(str::to_owned),
    ]
    .prop_map(Into::into)
}

fn matches() -> impl Strategy<Value = Match> {
    prop_oneof![
        values().prop_map(Match::Equals),
        values().prop_map(|value| Match::Contains(Needle::new(&value))),
        values().prop_map(Match::StartsWith),
        values().prop_map(Match::EndsWith),
        "(\\(\\?i\\))?\\^?[a-z]{0,3}(\\[a-f'\"\\]\\+|\\(x\\|y\\)|\\\\d\\{2\\})"
            .prop_map(|text| { Match::Matches(Pattern::new(&text).unwrap_or_else(|error| panic!("{text}: {error}"))) }),
    ]
}

fn cookie_names() -> impl Strategy<Value = Box<str>> {
    "[!#$%&'*+./0-9:<>?@A-Z^_`a-z{|}~\\[\\]-]{1,8}".prop_map(Into::into)
}

fn header_names() -> impl Strategy<Value = HeaderName> {
    "[!#$%&'*+.0-9^_`a-z|~-]{1,8}".prop_map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap())
}

fn predicates() -> impl Strategy<Value = Predicate> {
    prop_oneof![
        values().prop_map(|value| Predicate::Host(Host::new(&value))),
        values().prop_map(|value| Predicate::UserAgent(UserAgent::new(&value))),
        proptest::sample::select(vec!["Safari", "chrome", "IE"]).prop_map(|b| Predicate::UserAgent(UserAgent::new(b))),
        header_names().prop_map(Predicate::HeaderPresent),
        cookie_names().prop_map(Predicate::CookiePresent),
        (header_names(), matches()).prop_map(|(name, test)| Predicate::Header { name, test }),
        (cookie_names(), matches()).prop_map(|(name, test)| Predicate::Cookie { name, test }),
        matches().prop_map(Predicate::Path),
        proptest::sample::select(vec!["GET", "PURGE", "M-SEARCH"]).prop_map(|name| Predicate::Method(name.into())),
        (any::<std::net::IpAddr>(), 0_u8..=32)
            .prop_map(|(address, bits)| { Predicate::ClientIp(format!("{address}/{bits}").parse::<Cidr>().unwrap()) }),
        proptest::sample::select(vec!["src 10.0.0.0/8", "path_reg ^/a$", "water ⇒ ice"])
            .prop_map(|text| Predicate::Native(text.into())),
    ]
}

fn trees() -> impl Strategy<Value = Expr<Predicate>> {
    predicates().prop_map(Expr::Leaf).prop_recursive(5, 40, 4, |inner| {
        let list = proptest::collection::vec(inner.clone(), 1..5);
        prop_oneof![inner.prop_map(Expr::negation), list.clone().prop_map(Expr::and), list.prop_map(Expr::or)]
    })
}

proptest! {
    #[test]
    fn a_printed_condition_parses_to_itself(tree in trees()) {
        let printed = tree.to_string();
        let condition = Condition::parse(&printed).unwrap_or_else(|error| panic!("{error}"));
        prop_assert_eq!(condition.expression(), &tree, "{}", printed);
        prop_assert_eq!(condition.to_string(), printed);
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_inside_it(text in "\\PC{0,60}") {
        if let Err(error) = Condition::parse(&text) {
            prop_assert!(error.offset() <= text.len());
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn a_mutilated_condition_is_read_or_refused(tree in trees(), cut in 0_usize..200, put in "[ ()'\"<>=!a]{0,3}") {
        let mut text: Vec<char> = tree.to_string().chars().collect();
        let place = cut % (text.len() + 1);
        text.splice(place..(place + 2).min(text.len()), put.chars());
        let text: String = text.into_iter().collect();
        match Condition::parse(&text) {
            Ok(condition) => prop_assert_eq!(Condition::parse(&condition.to_string()).unwrap(), condition),
            Err(error) => prop_assert!(error.offset() <= text.len()),
        }
    }
}
