//! The document as a page: no script, nothing from elsewhere.

use super::operations::{Operation, PARAMETERS};
use std::fmt::Write as _;

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Vamp API</title><style>\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
code{font-family:ui-monospace,monospace}summary{cursor:pointer;padding:.3rem 0}\
.m{display:inline-block;width:4.5rem;font-weight:600;text-transform:uppercase}dt{font-family:ui-monospace,monospace}\
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}a{color:#8ab4f8}}</style>\
<h1>Vamp API</h1><p>Below <code>/api/v1</code>. Bodies are JSON or YAML. For programs: \
<a href=\"openapi.json\">openapi.json</a>.</p>";

pub(super) fn render(operations: &[Operation]) -> String {
    let mut page = HEAD.to_owned();
    let mut tag = "";
    for operation in operations {
        if operation.tag != tag {
            tag = operation.tag;
            let _ = write!(page, "<h2>{}</h2>", escaped(tag));
        }
        one(&mut page, operation);
    }
    page + "</html>\n"
}

fn one(page: &mut String, operation: &Operation) {
    let path = if operation.path.is_empty() { "/" } else { &operation.path };
    let (path, summary) = (escaped(path), escaped(&operation.summary));
    let _ = write!(
        page,
        "<details><summary><span class=\"m\">{}</span><code>{path}</code> {summary}</summary><dl>",
        operation.method
    );
    for key in &operation.parameters {
        let Some(parameter) = PARAMETERS.iter().find(|one| one.key == *key) else { continue };
        let _ = write!(page, "<dt>{}<dd>{} ({})", escaped(parameter.name), escaped(parameter.text), parameter.place);
    }
    for (status, _) in &operation.answers {
        let _ = write!(page, "<dt>{status}<dd>done");
    }
    page.push_str("</dl></details>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::openapi::operations;

    #[test]
    fn the_page_has_every_operation_and_no_script() {
        let page = render(&operations());
        assert_eq!(page.matches("<details>").count(), operations().len());
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
        assert_eq!(escaped("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
