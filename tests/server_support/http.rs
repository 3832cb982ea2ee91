//! A client that sends exactly what it is told, also what no library would send.

use serde_json::Value;
use std::{io, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A request; the path is below `/api/v1`.
#[derive(Clone, Debug)]
pub struct Ask {
    method: &'static str,
    root: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

pub fn get(path: &str) -> Ask {
    Ask { method: "GET", root: "/api/v1", path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
}

pub fn delete(path: &str) -> Ask {
    Ask { method: "DELETE", ..get(path) }
}

pub fn post(path: &str, body: impl AsRef<[u8]>) -> Ask {
    Ask { method: "POST", ..get(path) }.body(body)
}

pub fn put(path: &str, body: impl AsRef<[u8]>) -> Ask {
    Ask { method: "PUT", ..get(path) }.body(body)
}

impl Ask {
    pub fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// Not below `/api/v1`.
    pub fn at_root(self) -> Self {
        Self { root: "", ..self }
    }

    /// A body, as YAML unless a header says otherwise.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self.header("content-type", "application/x-yaml")
    }

    /// Sets a header, in the place of what was there.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn head(&self, address: SocketAddr) -> String {
        let mut head = format!("{} {}{} HTTP/1.1\r\nconnection: close\r\n", self.method, self.root, self.path);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            head.push_str(&format!("host: {address}\r\n"));
        }
        if !self.body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head + "\r\n"
    }

    /// Sends it and reads the whole answer.
    pub async fn send(&self, address: SocketAddr) -> io::Result<Reply> {
        let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
        let (head, body) = (self.head(address), self.body.clone());
        // At the same time: a server that has read enough answers before it has read all.
        let writing = tokio::spawn(async move {
            writer.write_all(head.as_bytes()).await?;
            writer.write_all(&body).await?;
            // Kept until the answer is there: to close it would be to go away.
            Ok::<_, io::Error>(writer)
        });
        let mut received = Vec::new();
        let read = timeout(super::DEADLINE, reader.read_to_end(&mut received)).await;
        writing.abort();
        match (read.map_err(|_| io::ErrorKind::TimedOut)?, Reply::parse(&received)) {
            (_, Some(reply)) => Ok(reply),
            (Err(error), None) => Err(error),
            (Ok(_), None) => Err(io::Error::new(io::ErrorKind::InvalidData, String::from_utf8_lossy(&received))),
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    fn parse(received: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(received).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers: Vec<(String, String)> = lines.filter_map(header).collect();
        let reply = Self { status, headers, body: body.to_owned() };
        let announced = reply.header("content-length").and_then(|length| length.parse().ok());
        (announced.is_none() || announced == Some(body.len())).then_some(reply)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text under a JSON pointer.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> String {
        let json = self.json();
        let text = json.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        text.unwrap_or_else(|| panic!("no text at {pointer}: {json}"))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Holds the answer to what every refusal promises: a problem document with a message.
    #[track_caller]
    pub fn refused(self, status: u16) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{reply:?}");
        let json = reply.json();
        assert_eq!(json["status"], status, "{json}");
        assert!(json["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
        assert_eq!(json["message"], json["detail"], "{json}");
        reply
    }

    /// The code of each violation.
    pub fn codes(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().filter_map(|error| error["code"].as_str().map(str::to_owned)).collect()
    }
}
