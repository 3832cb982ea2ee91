//! The request that a condition is tried on.

use crate::cli::Trouble;
use clap::Args as ClapArgs;
use http::{
    HeaderName, HeaderValue, Method, Request,
    header::{COOKIE, HOST},
    request::Parts,
};
use std::{fmt::Display, net::IpAddr};
use vamp_core::condition::RequestParts;

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Request")]
pub(super) struct RequestArgs {
    /// A header of the request; may be given several times
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// A cookie of the request; may be given several times
    #[arg(long = "cookie", value_name = "NAME=VALUE")]
    cookies: Vec<String>,
    /// The host that it is for
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Its path
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Its method
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// The address of the client
    #[arg(long, value_name = "ADDRESS")]
    client_ip: Option<IpAddr>,
}

impl RequestArgs {
    /// The request; `None` without any flag.
    pub(super) fn parts(&self) -> Result<Option<Parts>, Trouble> {
        let Self { headers, cookies, host, path, method, client_ip } = self;
        let given = !headers.is_empty()
            || !cookies.is_empty()
            || [host, path, method].iter().any(|flag| flag.is_some())
            || client_ip.is_some();
        if given { self.build().map(Some) } else { Ok(None) }
    }

    /// The request as a condition sees it.
    pub(super) fn view<'p>(&self, parts: &'p Parts) -> RequestParts<'p> {
        let view = RequestParts::new(parts);
        self.client_ip.map_or(view, |client| view.from_client(client))
    }

    fn build(&self) -> Result<Parts, Trouble> {
        let (mut parts, ()) = Request::new(()).into_parts();
        for header in &self.headers {
            let hint = "write it as 'Name: value'";
            let (name, value) = header.split_once(':').ok_or_else(|| wrong("--header", header, &hint))?;
            let name: HeaderName = name.trim().parse().map_err(|_| wrong("--header", header, &hint))?;
            parts.headers.append(name, of("--header", value)?);
        }
        if let Some(host) = &self.host {
            parts.headers.insert(HOST, of("--host", host)?);
        }
        if !self.cookies.is_empty() {
            if let Some(cookie) = self.cookies.iter().find(|cookie| !cookie.contains('=')) {
                return Err(wrong("--cookie", cookie, &"write it as name=value"));
            }
            parts.headers.append(COOKIE, of("--cookie", &self.cookies.join("; "))?);
        }
        if let Some(path) = &self.path {
            if !path.starts_with('/') {
                return Err(wrong("--path", path, &"it begins with /"));
            }
            parts.uri = path.parse().map_err(|error| wrong("--path", path, &error))?;
        }
        if let Some(method) = &self.method {
            parts.method = Method::from_bytes(method.as_bytes()).map_err(|error| wrong("--method", method, &error))?;
        }
        Ok(parts)
    }
}

fn of(flag: &str, value: &str) -> Result<HeaderValue, Trouble> {
    HeaderValue::from_str(value.trim()).map_err(|_| wrong(flag, value, &"no header can carry that value"))
}

fn wrong(flag: &str, value: &str, hint: &impl Display) -> Trouble {
    Trouble::Usage(format!("{flag} {value:?}: {hint}"))
}
