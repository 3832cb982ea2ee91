//! The server as it is composed, with the real HAProxy, in a folder of its own.

use super::http::{Ask, Reply};
use std::{net::SocketAddr, path::PathBuf};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};
use vamp_server::{
    api,
    compose::{self, Composition},
    config::{Config, Given},
};

/// A running server; HAProxy ends and the folder goes with this value.
pub struct Whole {
    pub address: SocketAddr,
    pub folder: PathBuf,
    config: Config,
    stop: Option<oneshot::Sender<()>>,
    engine: Option<JoinHandle<()>>,
    _api: JoinSet<()>,
}

impl Whole {
    /// With these settings, but on a free port and in a folder of its own.
    pub async fn start(name: &str, given: Given) -> Self {
        let folder = std::env::temp_dir().join(format!("vamp-whole-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let ports = given.gateway_ports.clone().unwrap_or_else(|| "none".to_owned());
        let given = Given { data_dir: Some(folder.clone()), gateway_ports: Some(ports), ..given };
        std::fs::create_dir_all(&folder).expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let mut config = given.complete().expect("settings");
        config.listen = address;
        let whole = Composition::open(&config).await.unwrap_or_else(|error| panic!("{}", error.report()));
        let router = api::router_with(&whole.engine, &config, whole.parts.clone());
        let mut serving = JoinSet::new();
        serving.spawn(api::serve(listener, router, std::future::pending()));
        let (stop, stopped) = oneshot::channel();
        let engine = tokio::spawn(whole.run(async move { drop(stopped.await) }));
        Self { address, folder, config, stop: Some(stop), engine: Some(engine), _api: serving }
    }

    pub async fn ask(&self, ask: Ask) -> Reply {
        ask.send(self.address).await.unwrap_or_else(|error| panic!("{error}: {ask:?}"))
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        drop(self.stop.take());
        let (config, engine) = (self.config.clone(), self.engine.take());
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                if let Some(engine) = engine {
                    let _ = tokio::time::timeout(super::DEADLINE, engine).await;
                }
                let _ = compose::stop(&config).await;
            });
        });
        let _ = ended.join();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
