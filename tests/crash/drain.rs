use crate::{
    canary,
    process::{OLD, Vamp, is_there},
    server_support::{eventually, http::delete},
    until_consistent,
};
use std::{net::Ipv4Addr, time::Instant};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// A response that is under way: who gives it, and how many bytes of it came until when.
struct Slow {
    instance: String,
    rest: tokio::task::JoinHandle<(usize, Instant)>,
}

impl Slow {
    /// Asks for one of so many bytes, one a second, and waits for its head.
    async fn open(port: u16, seconds: usize) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("connects");
        let mut stream = BufReader::new(stream);
        let request = format!("GET /slow?seconds={seconds} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("asks");
        let mut instance = None;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.expect("a head");
            match line.trim_end().split_once(": ") {
                Some(("x-instance", name)) => instance = Some(name.to_owned()),
                None if line == "\r\n" => break,
                _ => assert!(!line.is_empty(), "the head is cut"),
            }
        }
        let rest = tokio::spawn(async move {
            let mut body = Vec::new();
            let read = stream.read_to_end(&mut body).await;
            (read.map_or(0, |_| body.len()), Instant::now())
        });
        Self { instance: instance.expect("its name"), rest }
    }
}

async fn drain_since(vamp: &Vamp) -> Option<String> {
    let service = vamp.service("sava:1.0").await?;
    service.pointer("/drain/since").and_then(|since| since.as_str()).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_the_middle_of_a_drain_leaves_the_open_response_alone_and_its_successor_ends_the_drain() {
    const SECONDS: usize = 8;
    let mut vamp = canary("drain", "0%").await;
    let old: Vec<(String, i32)> = {
        let service = vamp.service("sava:1.0").await.expect("it runs");
        let names = service["instances"].as_array().expect("a list").clone();
        let is_old = |id: &String| names.iter().any(|one| one["name"] == id.as_str());
        vamp.instances().into_iter().filter(|(id, _)| is_old(id)).collect()
    };
    assert_eq!(old.len(), 3);
    let slow = Slow::open(vamp.gateway, SECONDS).await;
    assert!(old.iter().any(|(id, _)| *id == slow.instance), "{} is of the old version: {old:?}", slow.instance);
    vamp.weigh("0%", "100%").await;
    vamp.ask(delete("/deployments/sava").body(vamp.blueprint(OLD))).await.expect(202);
    eventually("the reason names the connection", async || {
        let service = vamp.service("sava:1.0").await.expect("it is busy");
        service.pointer("/status/phase/notification").is_some_and(|reason| reason.to_string().contains("open"))
    })
    .await;
    let since = drain_since(&vamp).await.expect("a drain");

    vamp.kill();
    vamp.start().await;
    assert_eq!(drain_since(&vamp).await, Some(since.clone()), "the drain goes on, and does not begin again");
    let gone = async {
        let mut stopped = None;
        eventually("the old version is gone", async || {
            if let Some(now) = drain_since(&vamp).await {
                assert_eq!(now, since);
            }
            if stopped.is_none() && old.iter().any(|(_, pid)| !is_there(*pid)) {
                stopped = Some(Instant::now());
            }
            vamp.service("sava:1.0").await.is_none()
        })
        .await;
        stopped.expect("they were seen to stop")
    };
    let (answered, stopped) = tokio::join!(slow.rest, gone);
    let (length, ended) = answered.expect("a client");
    assert_eq!(length, SECONDS, "all of it came");
    assert!(stopped > ended, "the first instance stopped {:?} before the response ended", ended - stopped);
    until_consistent(&vamp).await;
    vamp.until_settled(&[("sava:1.1", 2)]).await;
    assert_eq!(vamp.instances().len(), 2);
}
