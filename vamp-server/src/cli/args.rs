//! The command line as types.

#[cfg(feature = "http")]
use super::remote::Remote;
#[cfg(feature = "haproxy")]
use super::render::RenderArgs;
use super::{
    completion::CompletionArgs, condition::ConditionArgs, schema::SchemaArgs, simulate::SimulateArgs,
    validate::ValidateArgs,
};
#[cfg(feature = "http")]
use crate::config::{Config, ConfigError, Given};
use clap::{Args as ClapArgs, Parser, Subcommand};
use std::path::PathBuf;
#[cfg(feature = "http")]
use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU16,
};

const TO_BEGIN: &str = "To begin:
  vamp server                              a server with a gateway agent, on localhost:8080
  vamp deploy -f sava-1.0.yml sava --wait  a blueprint, until everything runs
  vamp top                                 where traffic goes

`vamp COMMAND --help` has examples. The exit status is 0 for done or yes, 1 for no or failed, 2 for told wrong or invalid.
VAMP_HOST says where the server is, VAMP_TOKEN what to show it; NO_COLOR=1 turns colours off.";

/// Runs new versions of services beside old ones, and decides request by request who gets which.
#[derive(Debug, Parser)]
#[command(name = "vamp", version, arg_required_else_help = true, after_help = TO_BEGIN)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the API server with a gateway agent in it.
    ///
    /// Instances and HAProxy go on when the server ends, and the next one on the same data folder finds them again.
    /// `vamp down` stops everything.
    #[cfg(feature = "http")]
    #[command(
        after_help = "Example:\n  vamp server --data-dir .vamp\n  curl -X PUT 'localhost:8080/api/v1/deployments/sava?wait=60' \
        -H 'Content-Type: application/x-yaml' --data-binary @examples/artifacts/sava-1.0.yml"
    )]
    Server(ServerArgs),
    /// Stop the server, every instance and HAProxy of a data folder.
    ///
    /// What was deployed stays stored: the next server on that folder runs it again.
    #[command(after_help = "Example:\n  vamp down --data-dir .vamp")]
    Down(DownArgs),
    #[cfg(feature = "http")]
    #[command(flatten)]
    Remote(Remote),
    /// Show what a condition means, and whether a request meets it.
    ///
    /// No server is needed. With a request, the exit status is 0 if it matches, 1 if it does not.
    Condition(ConditionArgs),
    /// Say what is wrong with artifacts.
    ///
    /// No server is needed. Several documents and files may refer to each other. The exit status is 0 if all are valid,
    /// 2 if not; every mistake is told at once, with its line and what to do.
    #[command(after_help = "Examples:\n  vamp validate -f sava.yml\n  vamp validate -f breeds.yml blueprint.yml\n  \
        vamp validate --output json -f - < gateway.yml")]
    Validate(ValidateArgs),
    /// Print what HAProxy would get for gateways and blueprints.
    ///
    /// No server is needed. Addresses of instances are made up, as nothing runs; the values of the maps are shown as
    /// comments. The exit status is 2 if something is not valid, or if HAProxy cannot do it.
    #[cfg(feature = "haproxy")]
    #[command(after_help = "Examples:\n  vamp render -f gateway.yml\n  \
        vamp render -f sava.yml --deployment sava > haproxy.cfg")]
    Render(RenderArgs),
    /// Say who would have gone where: replay a request log through gateways.
    ///
    /// No server is needed, and nothing is sent: every request of the log is decided as HAProxy would, with every
    /// instance alive. The same seed gives the same result.
    #[command(after_help = "Examples:\n  vamp simulate -f shop.yml --log requests.jsonl\n  \
        vamp simulate -f shop.yml --log browser.har --seed 7 --output json")]
    Simulate(SimulateArgs),
    /// Print the JSON Schema of a kind, for editors and other programs.
    ///
    /// It knows every key and short form. What holds between parts, such as weights that sum up, only `vamp validate` says.
    #[command(after_help = "Examples:\n  vamp schema gateway\n  vamp schema blueprints > blueprint.schema.json")]
    Schema(SchemaArgs),
    /// Print the script that completes commands and flags in a shell.
    #[command(after_help = "Examples:\n  source <(vamp completion bash)\n  \
        vamp completion zsh > ~/.zfunc/_vamp\n  vamp completion fish > ~/.config/fish/completions/vamp.fish")]
    Completion(CompletionArgs),
}

impl Command {
    /// Whether it runs until it is told to end.
    pub(crate) const fn serves(&self) -> bool {
        match self {
            #[cfg(feature = "http")]
            Self::Server(_) => true,
            _ => false,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DownArgs {
    /// The folder that the server was given.
    #[arg(long, env = "VAMP_DATA_DIR", default_value = ".vamp", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[cfg(feature = "http")]
#[derive(Debug, ClapArgs)]
pub(crate) struct ServerArgs {
    /// Where the API listens; anything but loopback needs a token [default: 127.0.0.1:8080]
    #[arg(long, env = "VAMP_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where everything is kept: artifacts, instances, HAProxy [default: .vamp]
    #[arg(long, env = "VAMP_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The address on which gateways listen [default: 127.0.0.1]
    #[arg(long, env = "VAMP_GATEWAY_BIND", value_name = "ADDRESS")]
    gateway_bind: Option<IpAddr>,
    /// The ports that gateways get which name none, or `none` [default: 30000-32767]
    #[arg(long, env = "VAMP_GATEWAY_PORTS", value_name = "FIRST-LAST")]
    gateway_ports: Option<String>,
    /// Variables of the server's environment that artifacts may use as `$env://NAME`; `PREFIX*` stands for many
    ///
    /// Whoever may store an artifact may read them. Without this, artifacts see none.
    #[arg(long, env = "VAMP_SHARE_ENV", value_name = "NAME,…", value_delimiter = ',')]
    share_env: Vec<String>,
    /// The port that gateways share, for requests to their virtual hosts [default: none]
    #[arg(long, env = "VAMP_HOST_PORT", value_name = "PORT")]
    host_port: Option<NonZeroU16>,
    /// Give every http gateway a name below this domain: `sava/web/http` is `http.web.sava.DOMAIN` [default: none]
    #[arg(long, env = "VAMP_HOST_DOMAIN", value_name = "DOMAIN")]
    host_domain: Option<String>,
    /// A folder of certificates, which gateways may name: each a PEM file with chain and key [default: none]
    #[arg(long, env = "VAMP_CERTIFICATES", value_name = "DIR")]
    certificates: Option<PathBuf>,
    /// Networks of proxies in front of the gateways whose `X-Forwarded-…` headers are believed [default: none]
    #[arg(long, env = "VAMP_TRUSTED_PROXIES", value_name = "CIDR,…")]
    trusted_proxies: Option<String>,
    /// Write every request to a gateway to this file, as a line of JSON; 64 MiB and one older file at most [default: none]
    #[arg(long, env = "VAMP_ACCESS_LOG", value_name = "FILE")]
    access_log: Option<PathBuf>,
    /// Whose instances and keys these are [default: default]
    #[arg(long, env = "VAMP_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// The HAProxy program [default: haproxy]
    #[arg(long, env = "VAMP_HAPROXY", value_name = "PROGRAM")]
    haproxy: Option<PathBuf>,
    /// A file with the token that clients have to show as `Authorization: Bearer …`
    #[arg(long, env = "VAMP_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Refuse conditions in HAProxy's own language, `< … >`
    #[arg(long, env = "VAMP_NO_NATIVE_CONDITIONS")]
    no_native_conditions: bool,
    /// A YAML file with the same settings, e.g. `data_dir: .vamp`; flags and environment win
    #[arg(long, env = "VAMP_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[cfg(feature = "http")]
impl ServerArgs {
    pub(crate) fn config(self) -> Result<Config, ConfigError> {
        let flags = Given {
            listen: self.listen,
            data_dir: self.data_dir,
            gateway_bind: self.gateway_bind,
            gateway_ports: self.gateway_ports,
            share_env: (!self.share_env.is_empty()).then(|| self.share_env.join(",")),
            host_port: self.host_port,
            host_domain: self.host_domain,
            certificates: self.certificates,
            trusted_proxies: self.trusted_proxies,
            access_log: self.access_log,
            namespace: self.namespace,
            haproxy: self.haproxy,
            token_file: self.token_file,
            native_conditions: self.no_native_conditions.then(|| "no".to_owned()),
        };
        let file = self.config.as_deref().map(Given::read).transpose()?.unwrap_or_default();
        flags.or(file).complete()
    }
}
