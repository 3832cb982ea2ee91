//! `config`: what this server was told, layer by layer, under the names of the original where it has one.

use super::{
    Api, body,
    error::Problem,
    extract::{Path, Query},
};
use crate::config::{Config, Given};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, env, net::SocketAddr};

/// The settings of one server, by dotted key.
#[derive(Debug, Default)]
pub(super) struct Layers {
    applied: Map<String, Value>,
    /// Flags, environment and file.
    said: Map<String, Value>,
    environment: Map<String, Value>,
    reference: Map<String, Value>,
}

/// The query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    #[serde(rename = "type")]
    layer: String,
    flatten: bool,
}

impl Layers {
    pub(super) fn new(config: &Config) -> Self {
        let reference = Given::default().complete().map(|defaults| settings(&defaults)).unwrap_or_default();
        Self {
            applied: settings(config),
            said: said(&config.said),
            environment: variables(|name| env::var(name).ok()),
            reference,
        }
    }

    /// An unknown layer is the applied one, as in the original. Settings do not change while the server runs.
    fn of(&self, layer: &str) -> Map<String, Value> {
        match layer {
            "system" | "application" => self.said.clone(),
            "environment" => self.environment.clone(),
            "reference" => self.reference.clone(),
            "dynamic" => Map::new(),
            _ => self.applied.clone(),
        }
    }
}

/// Where it says whether there is a token.
const TOKEN: &str = "vamp.http-api.token";

const NAMES: [&str; 6] = ["applied", "dynamic", "system", "environment", "application", "reference"];

pub(super) async fn all(State(api): State<Api>, Query(which): Query<Which>, headers: HeaderMap) -> Response {
    body::answer(StatusCode::OK, &headers, &shape(api.layers.of(&which.layer), which.flatten))
}

/// A layer by its name, or a setting by its key.
pub(super) async fn one(
    State(api): State<Api>,
    Path(key): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if NAMES.contains(&key.as_str()) {
        return Ok(body::answer(StatusCode::OK, &headers, &shape(api.layers.of(&key), which.flatten)));
    }
    let missing = || Problem::new(StatusCode::NOT_FOUND, format!("there is no setting `{key}`"));
    let value = api.layers.of(&which.layer).remove(&key).ok_or_else(missing)?;
    Ok(body::answer(StatusCode::OK, &headers, &value))
}

/// Settings do not change while the server runs, so that what it was told is what it does.
pub(super) async fn refuse() -> Response {
    let message = "settings are said by flags, environment and a file when the server starts; change them there and \
                   start it again";
    let allowed = [(header::ALLOW, "GET, HEAD")];
    (allowed, Problem::new(StatusCode::METHOD_NOT_ALLOWED, message)).into_response()
}

/// The settings that are no secret, by dotted key, as texts.
pub(crate) fn settings_as_text(config: &Config) -> BTreeMap<String, String> {
    let shown = settings(config).into_iter().filter(|(key, _)| key != TOKEN);
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    shown.map(|(key, value)| (key, text(value))).collect()
}

fn settings(config: &Config) -> Map<String, Value> {
    let mut shown = said(&Given {
        listen: Some(config.listen),
        data_dir: Some(config.data_dir.clone()),
        gateway_bind: Some(config.gateway_bind),
        gateway_ports: Some(config.gateway_ports.map_or_else(|| "none".to_owned(), |ports| ports.to_string())),
        share_env: (!config.share_env.is_empty()).then(|| config.share_env.join(",")),
        host_port: config.host_port,
        host_domain: config.host_domain.as_ref().map(ToString::to_string),
        certificates: config.certificates.clone(),
        trusted_proxies: Some(config.trusted_proxies.to_string()).filter(|networks| !networks.is_empty()),
        access_log: config.access_log.clone(),
        namespace: Some(config.namespace.clone()),
        haproxy: Some(config.haproxy.clone()),
        token_file: None,
        native_conditions: Some(if config.native_conditions { "yes" } else { "no" }.to_owned()),
    });
    // That there is one, never which.
    shown.insert(TOKEN.to_owned(), config.token.as_ref().map_or(Value::Null, |_| json!("***")));
    shown
}

fn said(given: &Given) -> Map<String, Value> {
    let Given {
        listen,
        data_dir,
        gateway_bind,
        gateway_ports,
        share_env,
        host_port,
        host_domain,
        certificates,
        trusted_proxies,
        access_log,
        namespace,
        haproxy,
        token_file,
        native_conditions,
    } = given;
    let interface = listen.map(|listen: SocketAddr| json!(listen.ip()));
    let entries = [
        ("vamp.namespace", namespace.as_ref().map(|name| json!(name))),
        ("vamp.http-api.interface", interface),
        ("vamp.http-api.port", listen.map(|listen| json!(listen.port()))),
        ("vamp.http-api.token-file", token_file.as_ref().map(|path| json!(path))),
        ("vamp.persistence.directory", data_dir.as_ref().map(|path| json!(path))),
        ("vamp.gateway-driver.host", gateway_bind.map(|host| json!(host))),
        ("vamp.operation.gateway.port-range", gateway_ports.as_ref().map(|text| json!(text))),
        ("vamp.model.share-environment", share_env.as_ref().map(|names| json!(names))),
        ("vamp.gateway-driver.host-port", host_port.map(|port| json!(port))),
        ("vamp.operation.gateway.host-domain", host_domain.as_ref().map(|domain| json!(domain))),
        ("vamp.gateway-driver.certificates", certificates.as_ref().map(|path| json!(path))),
        ("vamp.gateway-driver.trusted-proxies", trusted_proxies.as_ref().map(|networks| json!(networks))),
        ("vamp.gateway-driver.access-log", access_log.as_ref().map(|path| json!(path))),
        ("vamp.gateway-driver.haproxy.program", haproxy.as_ref().map(|path| json!(path))),
        ("vamp.gateway-driver.native-conditions", native_conditions.as_ref().map(|text| json!(text))),
    ];
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// Variables of the environment that are settings, by the names of the settings.
fn variables(of: impl Fn(&str) -> Option<String>) -> Map<String, Value> {
    let known = [
        ("VAMP_LISTEN", "vamp.http-api.listen"),
        ("VAMP_DATA_DIR", "vamp.persistence.directory"),
        ("VAMP_GATEWAY_BIND", "vamp.gateway-driver.host"),
        ("VAMP_GATEWAY_PORTS", "vamp.operation.gateway.port-range"),
        ("VAMP_SHARE_ENV", "vamp.model.share-environment"),
        ("VAMP_HOST_PORT", "vamp.gateway-driver.host-port"),
        ("VAMP_HOST_DOMAIN", "vamp.operation.gateway.host-domain"),
        ("VAMP_CERTIFICATES", "vamp.gateway-driver.certificates"),
        ("VAMP_TRUSTED_PROXIES", "vamp.gateway-driver.trusted-proxies"),
        ("VAMP_ACCESS_LOG", "vamp.gateway-driver.access-log"),
        ("VAMP_NAMESPACE", "vamp.namespace"),
        ("VAMP_HAPROXY", "vamp.gateway-driver.haproxy.program"),
        ("VAMP_TOKEN_FILE", "vamp.http-api.token-file"),
        ("VAMP_NO_NATIVE_CONDITIONS", "vamp.gateway-driver.no-native-conditions"),
        ("VAMP_CONFIG", "vamp.config-file"),
    ];
    known.into_iter().filter_map(|(name, key)| Some((key.to_owned(), json!(of(name)?)))).collect()
}

/// Dotted keys as they are, or as maps within each other.
fn shape(flat: Map<String, Value>, flatten: bool) -> Value {
    if flatten {
        return Value::Object(flat);
    }
    let mut nested = json!({});
    for (key, value) in flat {
        let mut place = &mut nested;
        for segment in key.split('.') {
            place = &mut place[segment];
        }
        *place = value;
    }
    nested
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn every_layer_is_shown_and_no_secret() {
        let file = env::temp_dir().join(format!("vamp-layers-{}", std::process::id()));
        std::fs::write(&file, "a-secret").unwrap();
        let given = Given { namespace: Some("x".to_owned()), token_file: Some(file.clone()), ..Given::default() };
        let layers = Layers::new(&given.complete().unwrap());
        std::fs::remove_file(file).unwrap();
        assert_eq!(layers.of("applied")["vamp.http-api.token"], "***");
        assert_eq!(layers.of("reference")["vamp.namespace"], "default");
        let said: Vec<String> = layers.of("system").keys().cloned().collect();
        assert_eq!(said, ["vamp.namespace", "vamp.http-api.token-file"]);
        for layer in NAMES {
            assert!(!Value::Object(layers.of(layer)).to_string().contains("a-secret"), "{layer}");
        }
    }

    #[test]
    fn keys_are_flat_or_within_each_other() {
        let flat = settings(&Given { data_dir: Some(PathBuf::from("d")), ..Given::default() }.complete().unwrap());
        assert_eq!(shape(flat.clone(), true)["vamp.persistence.directory"], "d");
        assert_eq!(shape(flat, false)["vamp"]["persistence"]["directory"], "d");
        let found = variables(|name| (name == "VAMP_NAMESPACE").then(|| "x".to_owned()));
        assert_eq!(Value::Object(found), json!({"vamp.namespace": "x"}));
    }
}
