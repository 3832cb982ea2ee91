//! Cookies as HAProxy reads them: the values of a name in a `Cookie` header.

/// Every value of the cookie `name` in the value of a `Cookie` header, in order.
///
/// Browsers separate cookies with `;`, HAProxy also takes `,`. A quoted value may contain both. Cookies that begin with
/// `$` are attributes of old and have no value of their own.
pub(super) fn values<'a>(header: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    parts(header)
        .flat_map(move |part| cookies(part, name.len() + 1))
        .filter(move |(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// The parts of a header between commas.
fn parts(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = end_of_value(text, [b',', b',']);
        let (part, after) = text.split_at_checked(end)?;
        rest = after.get(1..);
        Some(part.trim_ascii())
    })
}

/// Names and values of a part. HAProxy stops where no more than `short` bytes are left: a last `name=` is not there.
fn cookies(part: &[u8], short: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(part);
    std::iter::from_fn(move || {
        loop {
            let text = rest.filter(|text| text.len() > short)?;
            let equal = memchr::memchr3(b'=', b';', b',', text)?;
            let (key, after) = (text.get(..equal)?, text.get(equal + 1..)?);
            if text.get(equal) != Some(&b'=') {
                rest = Some(after);
                continue;
            }
            let after = after.trim_ascii_start();
            let (value, next) = after.split_at_checked(end_of_value(after, [b',', b';']))?;
            rest = next.get(1..);
            let key = key.trim_ascii();
            if key.first() != Some(&b'$') {
                return Some((key, value.trim_ascii_end()));
            }
        }
    })
}

/// Where the value at the beginning of `text` ends: at one of two separators outside quotes.
fn end_of_value(text: &[u8], [one, other]: [u8; 2]) -> usize {
    let Some(start) = memchr::memchr3(one, other, b'"', text) else { return text.len() };
    let (mut quoted, mut escaped) = (false, false);
    for (place, byte) in text.iter().enumerate().skip(start) {
        match *byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if !quoted && (byte == one || byte == other) => return place,
            _ => {}
        }
    }
    text.len()
}
