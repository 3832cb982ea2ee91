//! What keeps a server, or a gateway, from starting is named, and nothing is left behind.

use crate::{
    haproxy_support::{Client, free_port},
    process::{OLD, Vamp},
    server_support::{
        eventually,
        http::{get, put},
    },
};
use std::{fs, net::TcpListener};

/// What the program says when it refuses to start with these arguments, and its exit status.
#[track_caller]
fn refused(vamp: &Vamp, arguments: &[&str]) -> (String, Option<i32>) {
    let output = vamp.command("server").args(arguments).output().expect("it runs");
    assert_eq!(vamp.left(), Vec::<i32>::new(), "nothing is left behind");
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

#[test]
fn a_listener_for_others_without_a_token_does_not_start() {
    let vamp = Vamp::new("public", free_port);
    let (words, status) = refused(&vamp, &["--listen", "0.0.0.0:0"]);
    assert!(words.contains("--token-file"), "{words}");
    assert_eq!(status, Some(2));
    assert!(!vamp.data().exists());
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let vamp = Vamp::new("port", free_port);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    let (words, status) = refused(&vamp, &["--listen", &address]);
    assert!(words.contains(&address) && words.contains("--listen"), "{words}");
    assert_eq!(status, Some(1));
}

#[test]
fn a_missing_or_unsuitable_haproxy_is_named_with_what_to_do() {
    let vamp = Vamp::new("haproxy-missing", free_port);
    let address = format!("127.0.0.1:{}", free_port());
    let (words, status) = refused(&vamp, &["--listen", &address, "--haproxy", "no-such-haproxy"]);
    assert!(words.contains("no-such-haproxy") && words.contains("install HAProxy"), "{words}");
    assert_eq!(status, Some(1));
    let (words, status) = refused(&vamp, &["--listen", &address, "--haproxy", "/bin/true"]);
    assert!(words.contains("/bin/true"), "{words}");
    assert_eq!(status, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_folder_is_refused_and_the_first_goes_on() {
    let mut vamp = Vamp::new("second-server", free_port);
    vamp.start().await;
    vamp.deploy(OLD).await;
    let before = vamp.instances();
    let output = vamp.command("server").args(["--listen", &format!("127.0.0.1:{}", free_port())]).output();
    let output = output.expect("it runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("in use") && words.contains("a data folder of its own"), "{words}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(vamp.instances(), before);
    vamp.ask(get("/deployments/sava")).await.expect(200);
    // And it is still the first that `vamp down` ends.
    assert_eq!(vamp.down(), Ok(()));
    assert_eq!(vamp.left(), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_port_another_program_has_is_refused_with_the_reason_and_the_others_are_served() {
    let mut vamp = Vamp::new("gateway-port", free_port);
    vamp.start().await;
    vamp.deploy(OLD).await;
    let taken = TcpListener::bind(("127.0.0.1", free_port())).expect("a free port");
    let port = taken.local_addr().expect("its address").port();
    let gateway = format!("name: other\nport: {port}/http\nroutes: {{'[127.0.0.1:9]': {{}}}}\n");
    let reply = vamp.ask(put("/gateways/other?wait=60", &gateway)).await.refused(409);
    assert!(reply.text("/message").contains(&port.to_string()), "{reply:?}");
    let answer = Client::fresh(vamp.gateway).get().await.expect("it is served");
    assert_eq!(answer.status, 200);
    drop(taken);
    eventually("it is served once it can be", async || {
        vamp.ask(put("/gateways/other?wait=5", &gateway)).await.status == 202
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_cannot_start_says_why_and_the_last_good_state_stays() {
    let mut vamp = Vamp::new("bad-service", free_port);
    vamp.start().await;
    vamp.deploy(OLD).await;
    let absent = OLD.replace("sava:1.0", "sava:2.0").replace("definition: sava", "definition: no-such-program");
    let reply = vamp.ask(put("/deployments/sava?wait=3", vamp.blueprint(&absent))).await.refused(504);
    let message = reply.text("/message");
    assert!(message.contains("no-such-program") && message.contains("0 of 3 instances"), "{message}");
    assert_eq!(Client::fresh(vamp.gateway).get().await.expect("it is served").header("x-version"), Some("1.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_needed_and_never_written_anywhere() {
    let mut vamp = Vamp::new("token", free_port);
    let file = vamp.folder.join("token");
    fs::write(&file, "s3cret-token\n").expect("written");
    vamp.token_file = Some(file.clone());
    vamp.start().await;
    vamp.ask(get("/info")).await.refused(401);
    vamp.ask(get("/info").header("authorization", "Bearer wrong-token")).await.refused(401);
    vamp.ask(get("/info").header("authorization", "Bearer s3cret-token")).await.expect(200);
    fs::remove_file(file).expect("it was there");
    let told = vamp.ask(get("/info").header("authorization", "Bearer s3cret-token")).await;
    assert!(!told.body.contains("s3cret"));
    assert_eq!(vamp.down(), Ok(()));
    let found = std::process::Command::new("grep").args(["-rl", "s3cret"]).arg(&vamp.folder).output().expect("greps");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "the secret is in a file");
}
