//! The commands that ask a server.

mod client;
mod config;
mod delete;
mod deploy;
mod describe;
mod diff;
mod emit;
mod events;
mod gateway;
mod generate;
mod kind;
mod list;
mod progress;
mod shape;
mod store;
mod top;

use super::{Ended, Trouble, Verdict, input, report, screen};
use clap::Subcommand;
use config::ConfigArgs;
use delete::DeleteArgs;
use deploy::{DeployArgs, UndeployArgs};
use describe::DescribeArgs;
use diff::DiffArgs;
use emit::EmitArgs;
use events::EventsArgs;
use gateway::GatewayArgs;
use generate::GenerateArgs;
use list::ListArgs;
use store::{Mode, StoreArgs};
use top::TopArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Remote {
    /// List artifacts.
    #[command(after_help = "Examples:\n  vamp list deployments\n  vamp list gateways -o json")]
    List(ListArgs),
    /// Show one artifact.
    #[command(after_help = "Examples:\n  vamp describe deployment sava\n  vamp describe gateway sava/sava/web\n  \
        vamp describe breed sava:1.0 -o yaml > breed.yml")]
    Describe(DescribeArgs),
    /// Store an artifact, new or not.
    ///
    /// A file may have several documents; each says by `kind` what it is. Nothing runs by being stored: see
    /// `vamp deploy`.
    #[command(after_help = "Examples:\n  vamp create blueprint -f sava.yml\n  vamp create -f everything.yml\n  \
        vamp create breed --stdin < breed.yml")]
    Create(StoreArgs),
    /// Replace an artifact that is stored already.
    #[command(after_help = "Example:\n  vamp update gateway sava/9060 -f gateway.yml")]
    Update(StoreArgs),
    /// Delete stored artifacts.
    #[command(after_help = "Example:\n  vamp delete breed sava:1.0 sava:1.1")]
    Delete(DeleteArgs),
    /// Deploy a blueprint, or merge it into what is deployed.
    ///
    /// Services that are new beside others get no traffic until they get a weight: see `vamp gateway`.
    #[command(
        override_usage = "vamp deploy [OPTIONS] <BLUEPRINT> [DEPLOYMENT]\n       vamp deploy [OPTIONS] --file <FILE> [DEPLOYMENT]",
        after_help = "Examples:\n  vamp deploy -f sava.yml sava --wait\n  vamp deploy sava:1.1 sava"
    )]
    Deploy(DeployArgs),
    /// The same as `deploy`.
    #[command(
        override_usage = "vamp merge [OPTIONS] <BLUEPRINT> [DEPLOYMENT]\n       vamp merge [OPTIONS] --file <FILE> [DEPLOYMENT]",
        after_help = "Example:\n  vamp merge -f sava-1.1.yml sava --wait=60"
    )]
    Merge(DeployArgs),
    /// Take a deployment, or services of it, out of traffic, and stop what ran.
    #[command(after_help = "Examples:\n  vamp undeploy sava -s sava:1.0\n  vamp undeploy sava --wait")]
    Undeploy(UndeployArgs),
    /// Print a stored artifact with something replaced.
    Generate(GenerateArgs),
    /// Move traffic: set the weights of a gateway, or the condition of a route.
    ///
    /// A route is named by its path, or by the service that it leads to. Without a change, the gateway is shown.
    #[command(
        visible_alias = "update-gateway",
        after_help = "Examples:\n  vamp gateway sava/sava/web -w sava:1.0@90%,sava:1.1@10%\n  \
        vamp gateway sava/sava/web -r sava:1.1 -c 'User-Agent == Chrome' -s 50%\n  \
        vamp gateway sava/sava/web -r sava:1.1 -c null"
    )]
    Gateway(GatewayArgs),
    /// Store an event.
    #[command(
        after_help = "Example:\n  vamp emit '{\"rate\": 12.5}' --tags gateways:sava/9050,metrics:rate --type metrics"
    )]
    Emit(EmitArgs),
    /// Show events, the newest first, or follow them.
    #[command(
        after_help = "Examples:\n  vamp events --tags deployments:sava\n  vamp events --follow --type health -o json"
    )]
    Events(EventsArgs),
    /// Show what files would change on the server, without changing it.
    ///
    /// The exit status is 0 if nothing would change, 1 if something would, 2 if a file is not valid.
    #[command(after_help = "Examples:\n  vamp diff -f gateway.yml --kind gateway\n  \
        vamp diff -f sava-1.1.yml --deployment sava")]
    Diff(DiffArgs),
    /// Show the settings of the server.
    #[command(
        after_help = "Examples:\n  vamp config\n  vamp config vamp.http-api.port\n  vamp config --type environment"
    )]
    Config(ConfigArgs),
    /// Show gateways, routes, shares and rates, live.
    ///
    /// Ends with Ctrl-C. Without a terminal it shows one table. A share is what a route gets of the requests that no
    /// condition takes. Rates are those that somebody tells as events, type `metrics` and tag `metrics:rate`; Vamp itself
    /// tells none.
    #[command(after_help = "Examples:\n  vamp top\n  vamp top sava --once")]
    Top(TopArgs),
}

pub(super) async fn run(command: Remote) -> Ended {
    match command {
        Remote::List(args) => list::run(&args).await,
        Remote::Describe(args) => describe::run(&args).await,
        Remote::Create(args) => store::run(&args, Mode::Create).await,
        Remote::Update(args) => store::run(&args, Mode::Update).await,
        Remote::Delete(args) => delete::run(&args).await,
        Remote::Deploy(args) | Remote::Merge(args) => deploy::deploy(&args).await,
        Remote::Undeploy(args) => deploy::undeploy(&args).await,
        Remote::Generate(args) => generate::run(&args).await,
        Remote::Gateway(args) => gateway::run(&args).await,
        Remote::Emit(args) => emit::run(&args).await,
        Remote::Events(args) => events::run(&args).await,
        Remote::Diff(args) => diff::run(&args).await,
        Remote::Config(args) => config::run(&args).await,
        Remote::Top(args) => top::run(&args).await,
    }
}
