//! Certificates on gateways, through a running HAProxy: shown, changed at run time, refused, kept.
#![cfg(test)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "haproxy_tls/client.rs"]
mod client;
mod haproxy_support;

use client::{Certificates, Client, HOST, Made, connect, echo, shown};
use haproxy_support::{Folder, Haproxy, free_port, gateway, route, until};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    task::JoinSet,
};
use vamp_core::{
    driver::{Applied, Proxy as _},
    routing::{Gateway, Instance, Protocol, Tls},
};
use vamp_drivers::gateway::haproxy::HaproxyConfig;

/// HAProxy, and a folder of certificates.
struct Site {
    haproxy: Haproxy,
    certificates: Certificates,
    instance: Instance,
}

impl Site {
    async fn start(name: &str) -> Self {
        let folder = Folder::new(name);
        let certificates = Certificates::new(&folder);
        let config = config(&folder);
        Self { haproxy: Haproxy::start_with(folder, config).await, certificates, instance: echo().await }
    }

    fn write(&self, name: &str, text: &str) {
        // As those do who renew certificates: the file is there as a whole, or not.
        let draft = self.certificates.0.join(format!(".{name}"));
        fs::write(&draft, text).expect("written");
        fs::rename(draft, self.certificates.0.join(name)).expect("renamed");
    }

    fn gateway(&self, name: &str, port: u16, certificate: &str) -> Gateway {
        let mut gateway = gateway(name, port, vec![route("a", 1_000_000, vec![self.instance.clone()])]);
        gateway.settings.tls = Some(Tls { certificate: certificate.to_owned() });
        gateway
    }

    async fn reloads(&self) -> u64 {
        self.haproxy.proxy.status().await.expect("a status").reloads
    }

    /// Why the file of a gateway is not served.
    async fn unusable(&self, gateway: &str) -> Option<String> {
        self.haproxy.proxy.status().await.expect("a status").old_certificates.remove(gateway)
    }
}

fn config(folder: &Folder) -> HaproxyConfig {
    folder.config().with_certificates(Certificates::of(folder)).with_certificate_check(Duration::from_millis(20))
}

async fn get(port: u16, headers: &[(&str, &str)]) -> (u16, String) {
    Client::new(port, &Arc::default()).get(headers).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_ends_at_the_gateway_and_the_instance_is_told() {
    let (site, one) = (Site::start("tls-ends").await, Made::new());
    site.write("one.pem", &one.pem());
    let port = free_port();
    assert_eq!(site.haproxy.serve_one(&site.gateway("shop", port, "one.pem")).await, Applied::Reloaded);
    assert!(one.is(&shown(port).await));
    for said in [&[][..], &[("x-forwarded-proto", "http")]] {
        let (status, asked) = get(port, said).await;
        assert_eq!(status, 200);
        assert!(asked.contains("x-forwarded-proto: https\n") && asked.contains(&format!("host: {HOST}\n")), "{asked}");
        assert_eq!(asked.matches("x-forwarded-proto").count(), 1, "{asked}");
    }
    let both = connect(port, &["h2", "http/1.1"]).await.expect("a connection");
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    // Without TLS nobody answers.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_http_ends_tls_at_the_gateway_too() {
    let (site, one) = (Site::start("tls-tcp").await, Made::new());
    site.write("one.pem", &one.pem());
    let mut tcp = site.gateway("shop", free_port(), "one.pem");
    tcp.protocol = Protocol::Tcp;
    site.haproxy.serve_one(&tcp).await;
    let (status, asked) = get(tcp.port.get(), &[]).await;
    assert!(status == 200 && !asked.contains("x-forwarded"), "{status}: {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_change_under_load_without_a_reload_and_no_request_fails() {
    const KEEPING: usize = 4;
    let (site, made) = (Site::start("tls-under-load").await, [Made::new(), Made::new()]);
    for (name, made) in ["first.pem", "second.pem"].into_iter().zip(&made) {
        site.write(name, &made.pem());
    }
    let port = free_port();
    site.haproxy.serve_one(&site.gateway("shop", port, "first.pem")).await;
    let reloads = site.reloads().await;
    let (stop, kept, fresh) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::<AtomicUsize>::default());
    let mut clients = JoinSet::new();
    for number in 0..KEEPING + 2 {
        let keeps = number < KEEPING;
        let mut client = Client::new(port, if keeps { &kept } else { &fresh });
        let stop = Arc::clone(&stop);
        clients.spawn(async move {
            let mut answers = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let close = if keeps { &[][..] } else { &[("connection", "close")] };
                let (status, _) = client.get(close).await.unwrap_or_else(|error| panic!("{keeps}: {error}"));
                assert_eq!(status, 200);
                answers += 1;
            }
            answers
        });
    }
    for round in 0..20 {
        let other = &made[(round + 1) % 2];
        if round < 10 {
            // Another one is named.
            let name = ["second.pem", "first.pem"][round % 2];
            assert_eq!(site.haproxy.serve_one(&site.gateway("shop", port, name)).await, Applied::AtRunTime);
            assert!(other.is(&shown(port).await), "round {round}");
        } else {
            // The file holds another one.
            site.write("first.pem", &other.pem());
            until("the other certificate is shown", async || other.is(&shown(port).await)).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut answers = 0;
    while let Some(client) = clients.join_next().await {
        answers += client.expect("every request is answered");
    }
    assert!(answers > 500, "{answers} answers");
    assert!(fresh.load(Ordering::Relaxed) > 20);
    // HAProxy closes a connection only when it is told to, or idle.
    assert_eq!(kept.load(Ordering::Relaxed), KEEPING, "connections that were kept");
    assert_eq!(site.reloads().await, reloads);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_is_refused_with_a_reason_and_what_was_served_goes_on_after_a_restart_too() {
    let (mut site, one, two) = (Site::start("tls-bad").await, Made::new(), Made::new());
    site.write("shop.pem", &one.pem());
    let port = free_port();
    site.haproxy.serve_one(&site.gateway("shop", port, "shop.pem")).await;
    for (text, reason) in [
        ("nonsense", "no certificate"),
        (one.certificate.as_str(), "no private key"),
        (&[one.certificate.as_str(), &two.key].concat(), "inconsistencies between private key and certificate"),
        (&one.pem().replace("PRIVATE", "ENCRYPTED PRIVATE"), "encrypted"),
    ] {
        site.write("shop.pem", text);
        until(reason, async || site.unusable("shop").await.is_some_and(|told| told.contains(reason))).await;
        assert!(one.is(&shown(port).await), "{reason}");
        site.write("other.pem", text);
        let other = site.haproxy.serve(&[site.gateway("shop", port, "other.pem")]).await.remove("shop");
        let told = other.expect("an answer").expect_err(reason).report();
        assert!(told.contains(reason) && told.contains("other.pem"), "{told}");
        assert!(one.is(&shown(port).await), "{reason}");
    }
    // Others come and go, and what the gateway serves besides changes.
    site.write("two.pem", &two.pem());
    let mut shop = site.gateway("shop", port, "shop.pem");
    shop.decision.routes[0].name = "b".to_owned();
    let second = free_port();
    let answers = site.haproxy.serve(&[shop.clone(), site.gateway("second", second, "two.pem")]).await;
    assert!(answers.values().all(Result::is_ok), "{answers:?}");
    assert!(one.is(&shown(port).await) && two.is(&shown(second).await));
    // The same when somebody else looks after HAProxy, and when HAProxy has ended.
    for ends in [false, true] {
        let Haproxy { proxy, folder } = site.haproxy;
        if ends {
            proxy.stop().await.expect("stopped");
        }
        drop(proxy);
        let config = config(&folder);
        site.haproxy = Haproxy::start_with(folder, config).await;
        assert!(one.is(&shown(port).await) && two.is(&shown(second).await), "{ends}");
        until("told again", async || site.unusable("shop").await.is_some()).await;
    }
    // And once the file is good, it is served.
    site.write("shop.pem", &two.pem());
    until("the good one is shown", async || two.is(&shown(port).await)).await;
    until("nothing is wrong", async || site.unusable("shop").await.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_gateway_with_a_bad_certificate_is_left_out_and_no_other() {
    let (site, one, two) = (Site::start("tls-new").await, Made::new(), Made::new());
    site.write("good.pem", &one.pem());
    site.write("bad.pem", &[one.certificate.as_str(), &two.key].concat());
    let (good, bad) = (free_port(), free_port());
    let wanted = |name: &str| {
        let gateways = [site.gateway("good", good, "good.pem"), site.gateway("bad", bad, name)];
        async { site.haproxy.serve(&{ gateways }).await }
    };
    for (name, reason) in
        [("bad.pem", "inconsistencies between private key and certificate"), ("none.pem", "No such file")]
    {
        let mut answers = wanted(name).await;
        let told = answers.remove("bad").expect("an answer").expect_err(name).report();
        assert!(told.contains(reason), "{told}");
        assert!(answers.remove("good").expect("an answer").is_ok());
        assert!(one.is(&shown(good).await));
    }
    site.write("bad.pem", &two.pem());
    assert!(wanted("bad.pem").await.values().all(Result::is_ok));
    assert!(two.is(&shown(bad).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_lost_altogether_blocks_no_other_gateway() {
    let (mut site, one, two) = (Site::start("tls-lost").await, Made::new(), Made::new());
    site.write("lost.pem", &one.pem());
    site.write("good.pem", &two.pem());
    let (lost, good, new) = (free_port(), free_port(), free_port());
    let wanted = [site.gateway("lost", lost, "lost.pem"), site.gateway("good", good, "good.pem")];
    assert!(site.haproxy.serve(&wanted).await.values().all(Result::is_ok));
    for ends in [false, true] {
        site.write("lost.pem", "nonsense");
        let Haproxy { proxy, folder } = site.haproxy;
        if ends {
            proxy.stop().await.expect("stopped");
        }
        drop(proxy);
        fs::remove_file(folder.0.join("certs/lost.pem")).expect("removed");
        let config = config(&folder);
        site.haproxy = Haproxy::start_with(folder, config).await;
        assert!(two.is(&shown(good).await));
        let all = [wanted.as_slice(), &[site.gateway("new", new, "good.pem")]].concat();
        let mut answers = site.haproxy.serve(&all).await;
        assert!(answers.remove("lost").expect("an answer").expect_err("lost").report().contains("no certificate"));
        assert!(answers.values().all(Result::is_ok) && two.is(&shown(new).await), "{answers:?}");
        site.write("lost.pem", &one.pem());
        assert!(site.haproxy.serve(&wanted).await.values().all(Result::is_ok));
        assert!(one.is(&shown(lost).await));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_cut_off_between_its_two_steps_is_in_nobodys_way() {
    let (site, one, two) = (Site::start("tls-cut").await, Made::new(), Made::new());
    site.write("one.pem", &one.pem());
    site.write("two.pem", &two.pem());
    let (first, second) = (free_port(), free_port());
    let wanted = |name: &str| [site.gateway("first", first, "one.pem"), site.gateway("second", second, name)];
    assert!(site.haproxy.serve(&wanted("one.pem")).await.values().all(Result::is_ok));
    let ask = async |command: &str| {
        let mut master = UnixStream::connect(site.haproxy.folder.0.join("master.sock")).await.expect("a master");
        master.write_all(command.as_bytes()).await.expect("asked");
        master.shutdown().await.expect("asked");
        let mut answer = String::new();
        master.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    let processes = ask("show proc\n").await;
    let worker = processes.lines().find(|line| line.split_whitespace().nth(1) == Some("worker")).expect("a worker");
    let worker = worker.split_whitespace().next().expect("a process id");
    let begun = ask(&format!("@!{worker} set ssl cert certs/first.pem <<\n{}\n", two.pem())).await;
    assert!(begun.contains("Transaction created"), "{begun}");
    let answers = site.haproxy.serve(&wanted("two.pem")).await;
    assert!(matches!(answers["second"], Ok(Applied::AtRunTime)), "{answers:?}");
    assert!(one.is(&shown(first).await) && two.is(&shown(second).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_in_files_that_only_we_may_read_and_nowhere_else() {
    let (site, one) = (Site::start("tls-secret").await, Made::new());
    site.write("one.pem", &one.pem());
    let port = free_port();
    site.haproxy.serve_one(&site.gateway("shop", port, "one.pem")).await;
    let secret = one.key.lines().nth(1).expect("a line of the key");
    let folder = &site.haproxy.folder.0;
    let mut keeping = Vec::new();
    for part in [folder.clone(), folder.join("certs"), folder.join("maps"), folder.join("state")] {
        // A pipe would never end.
        let files = fs::read_dir(part).expect("a folder").map(|entry| entry.expect("an entry").path());
        for file in files.filter(|path| path.is_file()) {
            if fs::read(&file).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(secret)) {
                assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600, "{file:?}");
                keeping.push(file);
            }
        }
    }
    assert_eq!(keeping, [folder.join("certs/shop.pem")]);
    let target = site.haproxy.proxy.target().await.expect("a target");
    let written: Vec<String> =
        target.serving.values().map(|one| serde_json::to_string(one.as_ref()).unwrap()).collect();
    let shown = format!("{target:?}{:?}{}", site.haproxy.proxy, written.concat());
    assert!(shown.contains("one.pem") && !shown.contains(secret) && !shown.contains("PRIVATE"));
    site.haproxy.serve(&[]).await;
    assert!(!keeping[0].exists(), "the key of a gateway that is gone");
}
