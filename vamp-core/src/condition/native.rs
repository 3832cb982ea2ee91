//! Native tests, `< … >`: an ACL in HAProxy's own words, such as `< hdr_sub(user-agent) Android >`.
//!
//! They go into HAProxy's configuration as they are written, so that [`check`] lets through only what stays one line,
//! reads no file, no environment and no Lua, and changes nothing. Whether HAProxy knows the test is for HAProxy to say.

/// The most words of a line in HAProxy is 64; some are needed around a test.
const MAX_WORDS: usize = 56;
/// How long a native test may be, in bytes.
const MAX_BYTES: usize = 4096;
/// Flags that read a file (`-f`), use a shared pattern list by its file (`-M`) or claim an identifier (`-u`).
const FLAGS: [&str; 3] = ["-f", "-M", "-u"];
/// Fetches and converters that run code, read the environment or a file, or write.
const CALLS: [&str; 7] = ["lua.", "env(", "jwt_verify", "jwt_decrypt", "set-var", "unset-var", "debug("];

/// Why a native test is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing is there.
    #[error("it is empty")]
    Empty,
    /// More than 4 KiB or 56 words.
    #[error("it is too long: at most 4 KiB and 56 words")]
    TooLong,
    /// A line break, or another control character.
    #[error("it has a control character; a native test is one line")]
    Control,
    /// A quote that is not closed, or a backslash at the end.
    #[error("a quote is not closed, or a backslash stands at the end")]
    Unbalanced,
    /// `\n`, `\r`, `\t` or `\x..` outside single quotes.
    #[error(
        "the escapes \\n, \\r, \\t and \\x.. are not allowed; put a backslash that is meant as such in single quotes"
    )]
    Escape,
    /// `$` inside double quotes.
    #[error("inside double quotes $ would read the environment; use single quotes")]
    Environment,
    /// `#` outside quotes.
    #[error("# begins a comment; quote it")]
    Comment,
    /// `!` at the beginning.
    #[error("HAProxy takes no ! here; write not < … >")]
    Negation,
    /// A flag that could read a file.
    #[error("a word beginning with {0} is not allowed: it could read a file")]
    Flag(&'static str),
    /// A fetch or converter that does more than look at the request.
    #[error("{0} is not allowed: it does more than look at the request")]
    Call(&'static str),
}

/// Whether `text` may go into HAProxy's configuration behind `acl <name>`.
///
/// # Errors
///
/// The reason why it may not.
pub fn check(text: &str) -> Result<(), Reason> {
    if text.len() > MAX_BYTES {
        return Err(Reason::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(Reason::Control);
    }
    let words = words(text)?;
    match words.first() {
        None => return Err(Reason::Empty),
        Some(first) if first.starts_with('!') => return Err(Reason::Negation),
        Some(_) if words.len() > MAX_WORDS => return Err(Reason::TooLong),
        Some(_) => {}
    }
    words.iter().try_for_each(|word| check_word(word))
}

/// The words of `text` as HAProxy sees them, without quotes; backslashes are dropped, so that none can hide a word.
fn words(text: &str) -> Result<Vec<String>, Reason> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (' ', None) => words.extend(word.take()),
            ('#', None) => return Err(Reason::Comment),
            ('$', Some('"')) => return Err(Reason::Environment),
            ('\\', None | Some('"')) => match characters.next() {
                None => return Err(Reason::Unbalanced),
                Some('n' | 'r' | 't' | 'x') => return Err(Reason::Escape),
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            // Inside single quotes a backslash is one, but arguments in parentheses are read once more.
            ('\\', Some(_)) => {}
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() { Err(Reason::Unbalanced) } else { Ok(words) }
}

fn check_word(word: &str) -> Result<(), Reason> {
    if let Some(flag) = FLAGS.into_iter().find(|flag| word.starts_with(flag)) {
        return Err(Reason::Flag(flag));
    }
    let lower = word.to_ascii_lowercase();
    if let Some(call) = CALLS.into_iter().find(|call| lower.contains(call)) {
        return Err(Reason::Call(call));
    }
    if calls_a_map(&lower) { Err(Reason::Call("a map converter")) } else { Ok(()) }
}

/// Whether `map(` or `map_<kind>(` is in `word`: their argument is a file.
fn calls_a_map(word: &str) -> bool {
    word.match_indices("map").any(|(place, _)| {
        let rest = word.get(place + 3..).unwrap_or_default();
        let kind = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        kind.starts_with('(')
    })
}
