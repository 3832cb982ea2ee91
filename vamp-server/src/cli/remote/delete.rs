//! `vamp delete`.

use super::{
    Ended, Trouble, Verdict,
    client::{Ask, Reach, encoded},
    describe::missing,
    kind::Kind,
    screen::say,
};
use clap::Args as ClapArgs;
use hyper::Method;

#[derive(Debug, ClapArgs)]
pub(crate) struct DeleteArgs {
    /// What it is
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,
    /// Its name; several are deleted one after the other
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(args: &DeleteArgs) -> Ended {
    let (kind, client) = (args.kind, args.reach.client()?);
    if kind == Kind::Deployments {
        return Err(Trouble::Usage("a deployment is not deleted but taken down: `vamp undeploy NAME`".to_owned()));
    }
    for name in &args.names {
        let path = format!("{}/{}", kind.plural(), encoded(name));
        if client.get(path.as_str()).await?.is_none() {
            return Err(missing(kind, name));
        }
        client.send(Ask::new(Method::DELETE, path)).await?;
        say(format!("{} `{name}` deleted", kind.singular()))?;
    }
    Ok(Verdict::Yes)
}
