//! Server-sent events, as far as a server of ours sends them.

use super::{Ask, Client};
use crate::cli::Trouble;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::collections::VecDeque;

/// A longer line than this is no event, in bytes.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// What to come back with.
    pub(crate) id: Option<String>,
    pub(crate) data: String,
}

/// An answer that goes on.
pub(crate) struct Stream {
    client: Client,
    body: Incoming,
    reader: Reader,
}

impl Stream {
    pub(crate) async fn open(client: &Client, ask: Ask<'_>) -> Result<Self, Trouble> {
        let body = client.stream(ask).await?;
        Ok(Self { client: client.clone(), body, reader: Reader::default() })
    }

    /// The next event; `None` when the server has ended the answer.
    pub(crate) async fn next(&mut self) -> Result<Option<Sent>, Trouble> {
        loop {
            if let Some(sent) = self.reader.events.pop_front() {
                return Ok(Some(sent));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(|error| self.client.broken(&error))?;
            if let Some(data) = frame.data_ref() {
                self.reader.take(data);
            }
            if self.reader.line.len() > LONGEST_LINE {
                return Err(Trouble::Failed("the server sends a line without an end; is it a Vamp server?".to_owned()));
            }
        }
    }
}

/// Lines to events.
#[derive(Default)]
struct Reader {
    line: Vec<u8>,
    open: Sent,
    events: VecDeque<Sent>,
}

impl Reader {
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.end_line(String::from_utf8_lossy(&line).trim_end_matches('\r'));
            } else {
                self.line.push(*byte);
            }
        }
    }

    fn end_line(&mut self, line: &str) {
        if line.is_empty() {
            let sent = std::mem::take(&mut self.open);
            if !sent.data.is_empty() {
                self.events.push_back(sent);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" if self.open.data.is_empty() => self.open.data.push_str(value),
            "data" => {
                self.open.data.push('\n');
                self.open.data.push_str(value);
            }
            "id" => self.open.id = Some(value.to_owned()),
            // Comments keep the connection alive; the type is in the event itself.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = ": hello\n\nid: 1\nevent: health\ndata: {\"a\":\ndata: 1}\n\n:\n\ndata:x\r\n\r\nid: 3\n\ndata: late";
        for size in [1, 2, 7, text.len()] {
            let mut reader = Reader::default();
            text.as_bytes().chunks(size).for_each(|chunk| reader.take(chunk));
            let first = Sent { id: Some("1".to_owned()), data: "{\"a\":\n1}".to_owned() };
            let second = Sent { id: None, data: "x".to_owned() };
            assert_eq!(reader.events, [first, second], "chunks of {size}");
        }
    }
}
