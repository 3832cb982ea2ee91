use super::*;

fn shown(text: &str) -> String {
    Selector::parse(text).unwrap_or_else(|error| panic!("{text}\n{error}")).to_string()
}

#[test]
fn every_operand_reads_in_each_of_its_spellings() {
    for (text, canonical) in [
        ("name (a)", "name (a)"),
        ("ID(a.*)", "name (a.*)"),
        ("kind (deployment)", "kind (deployment)"),
        ("type (x)", "kind (x)"),
        ("namespace ($namespace)", "namespace ($namespace)"),
        ("group (a)", "namespace (a)"),
        ("image (magneticio/.*)", "image (magneticio/.*)"),
        ("label (app)(shop|cart)", "label (app)(shop|cart)"),
        ("label (app) ((.*))", "label (app)((.*))"),
        ("ip (10\\..*)", "ip (10\\..*)"),
        ("host (a)", "ip (a)"),
        ("port ( 8080 )", "port (8080)"),
        ("index (0)", "index (0)"),
        ("port_index (1)", "index (1)"),
        ("true", "true"),
        ("f", "false"),
        ("1", "true"),
        ("name (a\\))", "name (a\\))"),
    ] {
        assert_eq!(shown(text), canonical, "{text}");
        assert_eq!(Selector::parse(canonical).expect(canonical), Selector::parse(text).expect(text));
    }
}

#[test]
fn operands_combine_like_in_conditions() {
    for (text, canonical) in [
        ("name (a) and port (1) or ip (b)", "name (a) and port (1) or ip (b)"),
        ("!name(a)&&(port(1)||index(2))", "not name (a) and (port (1) or index (2))"),
        ("not (name (a) or t)", "not (name (a) or true)"),
    ] {
        assert_eq!(shown(text), canonical, "{text}");
    }
}

#[test]
fn what_is_no_selector_is_pointed_at() {
    for (text, offset, expected) in [
        ("", 0, "`name`"),
        ("nam (a)", 0, "`name`"),
        ("name", 4, "`(`"),
        ("name a", 0, "`name`"),
        ("name ()", 6, "a pattern"),
        ("name (a", 6, "a closing `)`"),
        ("name (((a)))", 7, "no parentheses"),
        ("name ((a)(b))", 6, "at most one group"),
        ("name ([)", 6, "a regular expression"),
        ("name (a{1000}{1000})", 6, "a regular expression"),
        ("port (http)", 5, "a number"),
        ("port (70000)", 5, "a number"),
        ("label (a)", 9, "`(`"),
        ("name (a) port (1)", 9, "`and`"),
        ("truely", 0, "`name`"),
    ] {
        let error = Selector::parse(text).expect_err(text);
        assert_eq!(error.offset(), offset, "{text}: {error}");
        assert!(error.expected().contains(expected), "{text}: {error}");
    }
}
