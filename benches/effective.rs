//! How long a change of weights takes: until it is durable, and until the running HAProxy serves it.
//!
//! Starts the `vamp` beside this program on a folder of its own, with a gateway that has two external routes.

mod support;

use hdrhistogram::Histogram;
use hyper::Method;
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
    time::Instant,
};
use support::{Client, Outcome, Server, free_port};

const CHANGES: u32 = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    if !support::is_wanted() {
        return Ok(());
    }
    let server = Server::start()?;
    let mut client = server.connect().await?;
    let gateway = Gateway { port: free_port()?, routes: [backend()?, backend()?] };
    put(&mut client, &gateway, 0, "?wait=20").await?;
    println!("A change of weights through the API, {CHANGES} times:");
    for (what, query) in [("durable (PUT)", ""), ("served by HAProxy (PUT ?wait=5)", "?wait=5")] {
        let mut taken = Histogram::<u64>::new(3)?;
        for n in 1..=CHANGES {
            let started = Instant::now();
            put(&mut client, &gateway, n, query).await?;
            taken.record(u64::try_from(started.elapsed().as_micros())?)?;
        }
        let milliseconds = |quantile| taken.value_at_quantile(quantile) as f64 / 1_000.0;
        println!("  {what:<34} p50 {:>7.2} ms   p99 {:>7.2} ms", milliseconds(0.5), milliseconds(0.99));
    }
    Ok(())
}

/// A gateway with two routes, to be changed.
struct Gateway {
    port: u16,
    routes: [SocketAddr; 2],
}

impl Gateway {
    /// Other weights than those of `n - 1`.
    fn with_weights(&self, n: u32) -> String {
        let share = n % 100;
        let [one, other] = self.routes;
        format!(
            r#"{{"name":"bench","port":"{}/http","routes":{{"[{one}]":{{"weight":"{share}%"}},"[{other}]":{{"weight":"{}%"}}}}}}"#,
            self.port,
            100 - share
        )
    }
}

async fn put(client: &mut Client, gateway: &Gateway, n: u32, query: &str) -> Outcome<()> {
    client.send(Method::PUT, &format!("/api/v1/gateways/bench{query}"), gateway.with_weights(n)).await?;
    Ok(())
}

/// An address that takes connections, for the health checks.
fn backend() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || listener.incoming().for_each(drop));
    Ok(address)
}
