//! A command line as words, quoted like in a shell; nothing is expanded.

/// Splits at blanks. `'…'` is text as it is; in `"…"` and outside of quotes `\` takes the next character as it is.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        if c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        // An opening quote begins a word even when nothing stands between it and the closing one.
        let word = word.get_or_insert_default();
        match c {
            '\'' | '"' => loop {
                match characters.next().ok_or("a quote is not closed")? {
                    end if end == c => break,
                    '\\' if c == '"' => word.push(characters.next().ok_or("a quote is not closed")?),
                    inner => word.push(inner),
                }
            },
            '\\' => word.push(characters.next().ok_or("nothing follows the last `\\`")?),
            c => word.push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_like_in_a_shell_without_expansion() {
        for (line, words) in [
            ("", vec![]),
            ("sava", vec!["sava"]),
            ("  sava  --port   1 ", vec!["sava", "--port", "1"]),
            ("a 'b c' \"d e\"", vec!["a", "b c", "d e"]),
            ("a'b'\"c\"", vec!["abc"]),
            ("'' \"\"", vec!["", ""]),
            (r#"a\ b "c\"d" 'e\f'"#, vec!["a b", "c\"d", r"e\f"]),
            ("echo $HOME | cat; x", vec!["echo", "$HOME", "|", "cat;", "x"]),
        ] {
            assert_eq!(split(line), Ok(words.into_iter().map(str::to_owned).collect()), "{line}");
        }
        for bad in ["'a", "\"a", "a\\", "\"a\\"] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }
}
