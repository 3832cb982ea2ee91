//! What a server says instead of an answer, for people.

use crate::cli::{Trouble, input::Source, report};
use hyper::StatusCode;
use serde::Deserialize;
use vamp_core::Violation;

/// An error answer.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(super) status: StatusCode,
    what: String,
    message: String,
    errors: Vec<Violation>,
    /// What the violations are in.
    source: Option<Source>,
}

/// The parts of a problem document that people need.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    message: String,
    detail: String,
    errors: Vec<Violation>,
}

impl Problem {
    /// Reads an error answer, which may also come from something that is no Vamp server.
    pub(super) fn read(status: StatusCode, what: String, text: &str, source: Option<Source>) -> Self {
        let document = serde_json::from_str::<Document>(text).unwrap_or_default();
        let message = [document.message, document.detail].into_iter().find(|text| !text.is_empty());
        let plain = || text.chars().take(500).collect::<String>().trim().to_owned();
        let message = message.unwrap_or_else(plain);
        Self { status, what, message, errors: document.errors, source }
    }

    pub(super) fn trouble(self) -> Trouble {
        let hint = match self.status {
            StatusCode::UNAUTHORIZED => "; show a token with --token-file or VAMP_TOKEN",
            StatusCode::FORBIDDEN => "; see that the token may do this, and that --host is the server's own name",
            _ => "",
        };
        let text = format!("{}{hint}", self.text());
        match self.status {
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY => Trouble::Usage(text),
            _ => Trouble::Failed(text),
        }
    }

    fn text(&self) -> String {
        if !self.errors.is_empty() {
            return self.violations();
        }
        let Self { status, what, message, .. } = self;
        if message.is_empty() { format!("the server answers {status} to {what}") } else { message.clone() }
    }

    fn violations(&self) -> String {
        if let Some(source) = &self.source {
            return report::in_files(std::slice::from_ref(source), &self.errors);
        }
        // Nobody has seen the text that was sent, so its lines mean nothing.
        let placeless = |one: &Violation| Violation { line: None, column: None, ..one.clone() };
        let nowhere = Source { name: self.what.clone(), text: String::new() };
        report::in_files(&[nowhere], &self.errors.iter().map(placeless).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, text: &str) -> Trouble {
        let status = StatusCode::from_u16(status).expect("a status");
        let source = Source { name: "a.yml".to_owned(), text: "port: x\n".to_owned() };
        Problem::read(status, "GET /x".to_owned(), text, Some(source)).trouble()
    }

    #[test]
    fn violations_are_shown_in_the_file_that_was_sent() {
        let answer = r#"{"message": "all in one", "errors": [{"code": "A", "path": "port", "line": 1, "column": 7, "message": "m"}]}"#;
        let Trouble::Usage(text) = told(400, answer) else { panic!("a mistake of the user") };
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(text, "1 mistake\na.yml:1:7: port: m (A)\n  1 | port: x\n    |       ^");
    }

    #[test]
    fn a_problem_without_violations_is_its_message_and_anything_else_the_status() {
        for (status, answer, expected) in [
            (409, r#"{"message": "port 80 is taken"}"#, "port 80 is taken"),
            (504, r#"{"detail": "waits for health"}"#, "waits for health"),
            (502, "<html>bad gateway</html>", "<html>bad gateway</html>"),
            (500, "", "the server answers 500 Internal Server Error to GET /x"),
            (401, r#"{"message": "no token"}"#, "no token; show a token with --token-file or VAMP_TOKEN"),
        ] {
            let Trouble::Failed(text) = told(status, answer) else { panic!("{status} is no mistake of the user") };
            assert_eq!(text, expected);
        }
    }
}
