//! [`Config`]: what the server is told by flags, environment and file, in that order of precedence.

use serde::{Deserialize, Deserializer, de::Error as _};
use std::{
    fmt, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU16,
    path::{Path, PathBuf},
};
use vamp_core::{
    engine::GatewayPorts,
    model::Name,
    routing::{HostDomain, TrustedProxies},
    yaml::{self, Node},
};

/// What the server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where everything is kept: artifacts, instances, HAProxy.
    pub data_dir: PathBuf,
    /// The address on which gateways listen.
    pub gateway_bind: IpAddr,
    /// What gateways get that name no port; `None` = nothing.
    pub gateway_ports: Option<GatewayPorts>,
    /// The variables of the environment that artifacts may use: names, or beginnings of names and `*`.
    pub share_env: Vec<String>,
    /// The port on it that gateways share, for requests to their virtual hosts.
    pub host_port: Option<NonZeroU16>,
    /// Below which every http gateway has a host name by itself; it takes a port for virtual hosts.
    pub host_domain: Option<HostDomain>,
    /// Where the certificates are that gateways may name; `None` = nowhere.
    pub certificates: Option<PathBuf>,
    /// Proxies in front of the gateways that may say for whom they ask.
    pub trusted_proxies: TrustedProxies,
    /// The file where every request to a gateway is told.
    pub access_log: Option<PathBuf>,
    /// Whose instances and keys these are.
    pub namespace: String,
    /// The HAProxy program.
    pub haproxy: PathBuf,
    /// What clients have to show; needed when `listen` is not on loopback.
    pub token: Option<Token>,
    /// Whether conditions may be HAProxy's own, `< … >`.
    pub native_conditions: bool,
    /// What was said, before the defaults.
    pub said: Given,
}

/// A secret that clients have to show. `Debug` does not.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Whether this is the secret, in a time that does not tell how much of it is right.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), shown.as_bytes());
        let difference = ours.iter().zip(theirs).fold(0_u8, |sum, (left, right)| sum | (left ^ right));
        ours.len() == theirs.len() && difference == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// One source of settings; what it does not say is `None`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// See [`Config::listen`].
    pub listen: Option<SocketAddr>,
    /// See [`Config::data_dir`].
    pub data_dir: Option<PathBuf>,
    /// See [`Config::gateway_bind`].
    pub gateway_bind: Option<IpAddr>,
    /// `30000-32767` or `none`; see [`Config::gateway_ports`].
    pub gateway_ports: Option<String>,
    /// Names with commas between them; see [`Config::share_env`].
    pub share_env: Option<String>,
    /// See [`Config::host_port`].
    #[serde(deserialize_with = "port")]
    pub host_port: Option<NonZeroU16>,
    /// See [`Config::host_domain`].
    pub host_domain: Option<String>,
    /// See [`Config::certificates`].
    pub certificates: Option<PathBuf>,
    /// Networks with commas between them; see [`Config::trusted_proxies`].
    pub trusted_proxies: Option<String>,
    /// See [`Config::access_log`].
    pub access_log: Option<PathBuf>,
    /// See [`Config::namespace`].
    pub namespace: Option<String>,
    /// See [`Config::haproxy`].
    pub haproxy: Option<PathBuf>,
    /// A file with the token.
    pub token_file: Option<PathBuf>,
    /// `yes` or `no`; see [`Config::native_conditions`].
    pub native_conditions: Option<String>,
}

/// Settings are texts, numbers too.
fn port<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NonZeroU16>, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map(Some).map_err(|_| D::Error::custom(format!("`{text}` is no port: write 1 to 65535")))
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Given {
    /// The settings of a YAML file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or says something that is no setting.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let refuse = |why: String| ConfigError(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
        let documents = yaml::documents(&text, yaml::Limits::default()).map_err(|error| refuse(error.to_string()))?;
        match documents.as_slice() {
            [] => Ok(Self::default()),
            [document] if document.is_absent() => Ok(Self::default()),
            [document] => Self::of(document).map_err(refuse),
            _ => Err(refuse("more than one document".to_owned())),
        }
    }

    /// Every setting is a text here: `native_conditions: true` and a namespace `5` are as good as quoted ones. Each is
    /// read by itself, so that a mistake has its line.
    fn of(document: &Node) -> Result<Self, String> {
        let entries = document.entries().ok_or_else(|| format!("{} where a map of settings is", document.kind()))?;
        entries.iter().try_fold(Self::default(), |given, entry| {
            let refuse = |why: String| format!("line {}: {}: {why}", entry.position.line, entry.key);
            let text = entry.value.text().filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| refuse(format!("{} where a text is expected", entry.value.kind())))?;
            let one = serde_json::Map::from_iter([(entry.key.clone(), text.into())]);
            let one: Self = serde_json::from_value(one.into()).map_err(|error| refuse(error.to_string()))?;
            Ok(given.or(one))
        })
    }

    /// What this source says, and otherwise what the other one says.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            data_dir: self.data_dir.or(other.data_dir),
            gateway_bind: self.gateway_bind.or(other.gateway_bind),
            gateway_ports: self.gateway_ports.or(other.gateway_ports),
            share_env: self.share_env.or(other.share_env),
            host_port: self.host_port.or(other.host_port),
            host_domain: self.host_domain.or(other.host_domain),
            certificates: self.certificates.or(other.certificates),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            access_log: self.access_log.or(other.access_log),
            namespace: self.namespace.or(other.namespace),
            haproxy: self.haproxy.or(other.haproxy),
            token_file: self.token_file.or(other.token_file),
            native_conditions: self.native_conditions.or(other.native_conditions),
        }
    }

    /// The settings, with the defaults for what was not said.
    ///
    /// # Errors
    ///
    /// When the namespace is no name or the ports are no range, or the token cannot be read or is missing where it is needed.
    pub fn complete(self) -> Result<Config, ConfigError> {
        let said = self.clone();
        let token = self.token_file.as_deref().map(read_token).transpose()?;
        let listen = self.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        if !listen.ip().is_loopback() && token.is_none() {
            return Err(ConfigError(format!(
                "{listen} is reachable from outside, so clients need a token: write one into a file and name it with \
                 --token-file, or listen on 127.0.0.1"
            )));
        }
        let native_conditions = match self.native_conditions.as_deref() {
            None | Some("yes" | "true") => true,
            Some("no" | "false") => false,
            Some(other) => return Err(ConfigError(format!("native_conditions: `{other}` is neither yes nor no"))),
        };
        let gateway_ports = match self.gateway_ports.as_deref() {
            None => Some(GatewayPorts::default()),
            Some("none") => None,
            Some(text) => Some(text.parse().map_err(|error| ConfigError(format!("gateway_ports: {error}")))?),
        };
        let names = self.share_env.as_deref().unwrap_or_default().split(',').map(str::trim);
        let share_env = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let trusted_proxies = self.trusted_proxies.as_deref().unwrap_or_default().parse();
        let trusted_proxies = trusted_proxies.map_err(|error| ConfigError(format!("trusted_proxies: {error}")))?;
        let namespace = self.namespace.unwrap_or_else(|| "default".to_owned());
        if let Err(error) = namespace.parse::<Name>() {
            return Err(ConfigError(format!("namespace `{namespace}`: {error}")));
        }
        Ok(Config {
            listen,
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from(".vamp")),
            gateway_bind: self.gateway_bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            gateway_ports,
            share_env,
            host_port: self.host_port,
            trusted_proxies,
            access_log: self.access_log,
            host_domain: host_domain(self.host_domain.as_deref(), self.host_port)?,
            certificates: self.certificates,
            namespace,
            haproxy: self.haproxy.unwrap_or_else(|| PathBuf::from("haproxy")),
            token,
            native_conditions,
            said,
        })
    }
}

fn host_domain(text: Option<&str>, port: Option<NonZeroU16>) -> Result<Option<HostDomain>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    if port.is_none() {
        return Err(ConfigError(format!(
            "host_domain `{text}`: there is no port for hosts; give one with --host-port"
        )));
    }
    text.parse().map(Some).map_err(|error| ConfigError(format!("host_domain: {error}")))
}

fn read_token(path: &Path) -> Result<Token, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError(format!("{}: {error}", path.display())))?;
    match text.trim() {
        "" => Err(ConfigError(format!("{}: there is no token in it", path.display()))),
        token => Ok(Token(token.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let flags = Given { namespace: Some("flag".to_owned()), ..Given::default() };
        let file = Given {
            namespace: Some("file".to_owned()),
            gateway_bind: Some(IpAddr::from([127, 0, 0, 2])),
            ..Given::default()
        };
        let config = flags.or(file).complete().unwrap();
        assert_eq!((config.namespace.as_str(), config.gateway_bind), ("flag", IpAddr::from([127, 0, 0, 2])));
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    }

    fn file(name: &str, text: &str) -> Result<Config, ConfigError> {
        let path = std::env::temp_dir().join(format!("vamp-config-{}-{name}.yml", std::process::id()));
        fs::write(&path, text).unwrap();
        let given = Given::read(&path);
        fs::remove_file(&path).unwrap();
        given?.complete()
    }

    #[test]
    fn a_file_says_settings_as_yaml_says_them() {
        let config = file("plain", "native_conditions: false\nnamespace: 5\nlisten: '[::1]:1'\n").unwrap();
        assert_eq!((config.native_conditions, config.namespace.as_str()), (false, "5"));
        assert_eq!(config.listen.to_string(), "[::1]:1");
        assert!(file("true", "native_conditions: true\n").unwrap().native_conditions);
        for (name, nothing) in [("empty", ""), ("comment", "# nothing\n"), ("null", "~\n")] {
            assert!(file(name, nothing).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_mistake_in_a_file_is_told_with_its_line_and_what_would_be_right() {
        let told = |name, text| file(name, text).unwrap_err().to_string();
        let unknown = told("unknown", "listen: 127.0.0.1:1\nlisen: 127.0.0.1:1\n");
        assert!(unknown.contains("line 2") && unknown.contains("`lisen`") && unknown.contains("`listen`"), "{unknown}");
        let port = told("port", "# where\nlisten: 8080\n");
        assert!(port.contains("line 2: listen"), "{port}");
        assert!(told("list", "namespace: [a]\n").contains("line 1: namespace: a list"));
        assert!(told("absent", "namespace:\n").contains("line 1: namespace"));
        assert!(told("text", "listen\n").contains("text where a map of settings is"));
        assert!(told("name", "namespace: a/b\n").contains("namespace `a/b`"));
        assert!(told("twice", "namespace: a\nnamespace: b\n").contains("line 2"));
    }

    #[test]
    fn ports_for_gateways_are_a_range_or_none() {
        let ports = |text: Option<&str>| {
            let given = Given { gateway_ports: text.map(str::to_owned), ..Given::default() };
            given.complete().map(|config| config.gateway_ports.map(|ports| ports.to_string()))
        };
        assert_eq!(ports(None).unwrap().as_deref(), Some("30000-32767"));
        assert_eq!(ports(Some("9000-9100")).unwrap().as_deref(), Some("9000-9100"));
        assert_eq!(ports(Some("none")).unwrap(), None);
        let refused = ports(Some("9100-9000")).unwrap_err().to_string();
        assert!(refused.contains("gateway_ports") && refused.contains("larger"), "{refused}");
    }

    #[test]
    fn names_below_a_domain_need_a_port_for_them() {
        let domain = |domain: &str, port| {
            let given = Given { host_domain: Some(domain.to_owned()), host_port: port, ..Given::default() };
            given.complete().map(|config| config.host_domain.map(|domain| domain.to_string()))
        };
        let port = NonZeroU16::new(8_081);
        assert_eq!(domain("Vamp.Example", port).unwrap().as_deref(), Some("vamp.example"));
        assert!(domain("vamp", None).unwrap_err().to_string().contains("--host-port"));
        assert!(domain("*.vamp", port).unwrap_err().to_string().contains("host_domain"));
    }

    #[test]
    fn a_listener_for_the_world_needs_a_token() {
        let given = Given { listen: Some(SocketAddr::from(([0, 0, 0, 0], 8080))), ..Given::default() };
        assert!(given.complete().unwrap_err().to_string().contains("--token-file"));
    }

    #[test]
    fn a_token_is_compared_whole_and_never_shown() {
        let token = Token("secret".to_owned());
        assert!(token.is("secret") && !token.is("secre") && !token.is("secret!") && !token.is("Secret"));
        assert!(!format!("{token:?}").contains("secret"));
    }
}
