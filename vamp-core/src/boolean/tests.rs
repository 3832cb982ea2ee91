use super::{Expr, Leaf, MAX_TEXT, Parsed, fail, parse};
use nom::{Parser, bytes::complete::take_while1};
use proptest::prelude::*;
use std::fmt;

/// An operand of one letter.
#[derive(Clone, Debug, PartialEq)]
struct Letter(char);

impl Leaf for Letter {
    fn write(&self, negated: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if negated { "!" } else { "" }, self.0)
    }
}

fn word(input: &str) -> Parsed<'_, Expr<Letter>> {
    let Ok((rest, word)) = letters(input) else { return fail(input, "a letter") };
    match word.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Ok((rest, Expr::Constant(true))),
        "false" | "f" | "0" => Ok((rest, Expr::Constant(false))),
        _ => Ok((rest, Expr::Leaf(Letter(word.chars().next().unwrap())))),
    }
}

fn letters(input: &str) -> Parsed<'_, &str> {
    take_while1(|c: char| c.is_ascii_alphanumeric()).parse(input)
}

fn read(text: &str) -> Expr<Letter> {
    parse(text, word).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn holds(expr: &Expr<Letter>, truths: &str) -> bool {
    expr.evaluate(&mut |leaf| Some(truths.contains(leaf.0))).unwrap()
}

#[test]
fn the_cases_of_the_original_grammar_parse_to_the_same_trees() {
    for (text, printed) in [
        ("a", "a"),
        (" a ", "a"),
        ("((a))", "a"),
        ("TRUE", "true"),
        ("t ", "true"),
        (" 1 ", "true"),
        ("((1))", "true"),
        ("False", "false"),
        (" F", "false"),
        (" 0 ", "false"),
        ("(false)", "false"),
        ("not a", "!a"),
        ("! a", "!a"),
        ("NOT a", "!a"),
        ("a and b", "a and b"),
        ("a && b", "a and b"),
        ("a & b", "a and b"),
        ("a AND b And c", "a and b and c"),
        ("a or b", "a or b"),
        ("a || b", "a or b"),
        ("a | b", "a or b"),
        ("a Or b | c", "a or b or c"),
        ("a and b or c", "a and b or c"),
        ("(a and b) or c", "a and b or c"),
        ("a or b and c", "a or b and c"),
        ("!(a and b) and c", "not (a and b) and c"),
        ("(a or b) and c", "(a or b) and c"),
        ("a or (b and c)", "a or b and c"),
        ("a and (b and c)", "a and b and c"),
        ("not (not a)", "not (!a)"),
        ("(a)and(b)OR(c)", "a and b or c"),
        ("not(a)&&b||c", "!a and b or c"),
        ("a&b", "a and b"),
    ] {
        let expr = read(text);
        assert_eq!(expr.to_string(), printed, "{text}");
        assert_eq!(read(printed), expr, "{printed}");
    }
}

#[test]
fn constants_and_negations_are_folded_into_the_normal_form() {
    for (text, normal) in [
        ("a or true", "true"),
        ("a or false", "a"),
        ("a and true", "a"),
        ("a and false", "false"),
        ("a or true and b", "a or b"),
        ("a or false and b", "a"),
        ("a and true or b", "a or b"),
        ("a and false or b", "b"),
        ("true and true", "true"),
        ("1 and 0", "false"),
        ("not (a and not (b or !c))", "!a or b or !c"),
        ("not (a or (b or not (not c)))", "!a and !b and !c"),
    ] {
        assert_eq!(read(text).into_nnf().to_string(), normal, "{text}");
    }
}

#[test]
fn errors_point_at_their_place_and_say_what_was_expected() {
    for (text, offset, expected) in [
        ("", 0, "a letter"),
        ("a b", 2, "`and`, `or` or the end"),
        ("a and", 2, "`and`, `or` or the end"),
        ("a and ", 6, "a letter"),
        ("a or\n (b and ?)", 13, "a letter"),
        ("(a", 2, "`and`, `or` or `)`"),
        ("a)", 1, "`and`, `or` or the end"),
        ("not not a", 4, "what is negated"),
        ("!!a", 1, "what is negated"),
    ] {
        let error = parse(text, word).unwrap_err();
        assert_eq!((error.offset(), error.expected()), (offset, expected), "{text}");
    }
    let error = parse("a or\n\tb c", word).unwrap_err();
    assert_eq!((error.line(), error.column()), (2, 4));
    let shown = "line 2, column 4: expected `and`, `or` or the end\n   b c\n     ^\nhint: maybe quote the value, as in 'a value \
                 with blanks'";
    assert_eq!(error.to_string(), shown);
}

#[test]
fn an_error_in_a_long_line_shows_only_what_surrounds_it() {
    let text = format!("{} b b {}", "a or ".repeat(1000) + "a", "or a".repeat(1000));
    let error = parse(&text, word).unwrap_err();
    let shown = error.to_string();
    assert!(shown.chars().count() < 400, "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    let caret = lines[2].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[1].chars().nth(caret), Some('b'), "{shown}");
}

#[test]
fn deep_or_long_text_is_refused_and_the_deepest_that_is_taken_can_be_walked() {
    let nested = |depth: usize, open: &str| format!("{}a{}", open.repeat(depth), ")".repeat(depth));
    assert_eq!(read(&nested(128, "(")), Expr::Leaf(Letter('a')));
    for depth in [129, 10_000] {
        for open in ["(", "not (", "a&("] {
            let error = parse(&nested(depth, open), word).unwrap_err();
            assert!(error.expected().contains("128"), "{error}");
        }
    }
    let deepest = read(&nested(128, "not ("));
    assert!(holds(&deepest, "a") && deepest.clone().into_nnf() == Expr::Leaf(Letter('a')));
    assert_eq!(read(&deepest.to_string()), deepest.clone());
    let wide = read(&("a or b and !c or ".repeat(3000) + "d"));
    assert!(holds(&wide, "d"));
    let error = parse(&"é".repeat(MAX_TEXT), word).unwrap_err();
    assert_eq!((error.offset(), error.expected()), (MAX_TEXT, "at most 64 KiB of text"));
}

#[test]
fn an_unknown_operand_matters_only_where_the_others_do_not_decide() {
    for (text, value) in [
        ("x", None),
        ("not x", None),
        ("a or x", Some(true)),
        ("x or a", Some(true)),
        ("b or x", None),
        ("b and x", Some(false)),
        ("x and b", Some(false)),
        ("a and x", None),
        ("not (x and b)", Some(true)),
    ] {
        let value_of = |leaf: &Letter| (leaf.0 != 'x').then_some(leaf.0 == 'a');
        assert_eq!(read(text).evaluate(&mut { value_of }), value, "{text}");
    }
}

fn trees() -> impl Strategy<Value = Expr<Letter>> {
    let leaf = prop_oneof![
        8 => proptest::sample::select(vec!['a', 'b', 'c', 'd', 'e', 'g']).prop_map(|name| Expr::Leaf(Letter(name))),
        1 => any::<bool>().prop_map(Expr::Constant),
    ];
    leaf.prop_recursive(6, 60, 4, |inner| {
        let list = proptest::collection::vec(inner.clone(), 1..5);
        prop_oneof![inner.prop_map(Expr::negation), list.clone().prop_map(Expr::and), list.prop_map(Expr::or)]
    })
}

proptest! {
    #[test]
    fn printed_trees_parse_to_themselves(tree in trees()) {
        prop_assert_eq!(read(&tree.to_string()), tree);
    }

    #[test]
    fn the_normal_form_has_the_same_truth_table_and_negates_leaves_only(tree in trees()) {
        let normal = tree.clone().into_nnf();
        for bits in 0..64_u32 {
            let truths: String = "abcdeg".chars().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, c)| c).collect();
            prop_assert_eq!(holds(&tree, &truths), holds(&normal, &truths));
        }
        prop_assert!(is_normal(&normal) || matches!(normal, Expr::Constant(_)), "{normal}");
    }
}

fn is_normal(expr: &Expr<Letter>) -> bool {
    match expr {
        Expr::Constant(_) => false,
        Expr::Leaf(_) => true,
        Expr::Not(inner) => matches!(**inner, Expr::Leaf(_)),
        Expr::And(operands) | Expr::Or(operands) => operands.len() > 1 && operands.iter().all(is_normal),
    }
}
