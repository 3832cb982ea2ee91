//! The form of a configuration: its lines, by keyword and number of words, as HAProxy reads them.

/// What begins a section.
const SECTIONS: [&str; 4] = ["global", "defaults", "frontend", "backend"];

/// What else may begin a line; of a rule, with its action.
const KEYWORDS: [&str; 38] = [
    "acl",
    "balance",
    "bind",
    "close-spread-time",
    "default-server",
    "description",
    "hard-stop-after",
    "hash-type",
    "http-after-response set-header",
    "http-request add-header",
    "http-request allow",
    "http-request del-header",
    "http-request deny",
    "http-request disable-l7-retry",
    "http-request set-header",
    "http-request set-path",
    "http-request set-pathq",
    "http-request set-var",
    "http-request unset-var",
    "http-response add-header",
    "http-response allow",
    "http-response set-var",
    "maxconn",
    "mode",
    "no",
    "option",
    "retries",
    "retry-on",
    "server",
    "stick-table",
    "tcp-request content accept",
    "tcp-request content sc-inc-gpc0",
    "tcp-request content set-var",
    "tcp-request content track-sc0",
    "tcp-request content unset-var",
    "timeout",
    "use-server",
    "use_backend",
];

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    keyword: String,
    words: usize,
    /// Expressions that HAProxy evaluates within texts: `%[…]`.
    expressions: usize,
}

/// A configuration without the texts in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form(Vec<Line>);

impl Form {
    pub(crate) fn of(configuration: &str) -> Self {
        Self(configuration.lines().map(words).filter(|words| !words.is_empty()).map(|words| line(&words)).collect())
    }

    pub(crate) fn assert_known_words(&self, context: &str) {
        for line in &self.0 {
            let keyword = line.keyword.as_str();
            assert!(SECTIONS.contains(&keyword) || KEYWORDS.contains(&keyword), "{context}: a line of `{keyword}`");
        }
    }
}

fn line(words: &[String]) -> Line {
    let rule = words[0].contains("-request") || words[0].contains("-response");
    let mut keyword: Vec<&str> = words.iter().take(1).map(String::as_str).collect();
    if rule {
        let action = usize::from(words.get(1).is_some_and(|word| word == "content")) + 1;
        keyword.extend(words.iter().take(action + 1).skip(1).map(|word| word.split('(').next().unwrap_or_default()));
    }
    // In a test `%[` is text; elsewhere `%%` is a percent sign.
    let evaluated = words.iter().filter(|_| words[0] != "acl");
    let expressions = evaluated.map(|word| word.replace("%%", "").matches("%[").count()).sum();
    Line { keyword: keyword.join(" "), words: words.len(), expressions }
}

/// The words of a line as HAProxy takes it apart; panics where it would refuse it or put a variable of the environment
/// into it.
fn words(line: &str) -> Vec<String> {
    assert!(!line.contains(['\r', '\0']), "a control character in {line:?}");
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(next) = characters.next() {
        match next {
            ' ' | '\t' => words.extend(word.take()),
            '#' => break,
            '\\' => {
                let escaped = characters.next().unwrap_or_else(|| panic!("a line that goes on: {line:?}"));
                word.get_or_insert_default().push(escaped);
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(inner) => word.push(inner),
                        None => panic!("a quote without end: {line:?}"),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') => word.extend(characters.next()),
                        Some('$') => panic!("a variable of the environment: {line:?}"),
                        Some(inner) => word.push(inner),
                        None => panic!("a quote without end: {line:?}"),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes_keep_words_together_and_a_hash_ends_a_line() {
        assert_eq!(words(r#"  acl a 'b c'\''d' "e \" f" g\ h # i"#), ["acl", "a", "b c'd", "e \" f", "g h"]);
        assert_eq!(words("  acl a ''"), ["acl", "a", ""]);
        assert!(words("# all of it").is_empty());
    }

    #[test]
    fn a_line_more_a_word_more_or_an_expression_more_is_another_form() {
        let form = Form::of("frontend a\n  http-request set-path '/b' if c\n");
        for other in [
            "frontend a\n  http-request set-path '/b' if c\n  use_backend d\n",
            "frontend a\n  http-request set-path '/b' if c d\n",
            "frontend a\n  http-request set-path '/%[env(HOME)]' if c\n",
            "frontend a\n  http-request set-header '/b' if c\n",
        ] {
            assert_ne!(Form::of(other), form, "{other}");
        }
        assert_eq!(Form::of("frontend x\n  http-request set-path '/%%[env(HOME)]' if y\n"), form);
    }
}
