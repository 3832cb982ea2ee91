//! What the tests start as an instance: this very test binary, in a role.

use std::{collections::BTreeMap, path::Path, process::Command, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use vamp_core::driver::{ContainerDriver, Template, Workload};
use vamp_drivers::container::process::{ProcessConfig, ProcessDriver};

const ROLE: &str = "VAMP_TEST_ROLE";
const FOLDER: &str = "VAMP_TEST_FOLDER";

fn command() -> Vec<String> {
    let binary = std::env::current_exe().expect("the test knows its own file");
    let words = ["--ignored", "--exact", "role::play", "--nocapture"].map(str::to_owned);
    [vec![binary.to_string_lossy().into_owned()], words.to_vec()].concat()
}

fn template(role: &str, folder: &Path) -> Template {
    let mut template = Template::default();
    template.command = command();
    template.ports = BTreeMap::from([("web".to_owned(), None)]);
    let folder = folder.to_string_lossy().into_owned();
    template.environment = BTreeMap::from([(ROLE.to_owned(), role.to_owned()), (FOLDER.to_owned(), folder)]);
    template
}

/// An HTTP service. It listens once there is no file `late` in the folder, and answers 503 while there is one `ill`.
pub(crate) fn service(folder: &Path) -> Template {
    template("service", folder)
}

/// The same, deaf to the polite signal.
pub(crate) fn stubborn(folder: &Path) -> Template {
    template("stubborn", folder)
}

/// A shell script without ports.
pub(crate) fn script(text: &str) -> Template {
    let mut template = Template::default();
    template.command = ["/bin/sh", "-c", text].map(str::to_owned).to_vec();
    template
}

/// A server in another process: it applies the workload to the driver on the folder, prints `applied`, and goes on
/// until it is killed.
pub(crate) fn server(folder: &Path, workload: &Workload) -> Command {
    let words = command();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env(ROLE, "server").env(FOLDER, folder);
    command.env("VAMP_TEST_WORKLOAD", serde_json::to_string(workload).expect("a workload is JSON"));
    command
}

#[tokio::test]
#[ignore = "what the other tests start"]
async fn play() {
    let role = std::env::var(ROLE).expect("a role");
    let folder = std::env::var(FOLDER).expect("a folder");
    match role.as_str() {
        "service" => serve(Path::new(&folder)).await,
        "stubborn" => {
            let _deaf = signal(SignalKind::terminate()).expect("a handler");
            serve(Path::new(&folder)).await;
        }
        "server" => lead(Path::new(&folder)).await,
        other => panic!("no role {other}"),
    }
}

async fn serve(folder: &Path) {
    while folder.join("late").exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let port: u16 = std::env::var(Template::port_variable("web")).expect("a port").parse().expect("a number");
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let status = if folder.join("ill").exists() { "503 Ill" } else { "200 Well" };
        let mut request = [0; 1024];
        // A connection that only knocks sends nothing.
        if stream.read(&mut request).await.is_ok_and(|count| count > 0) {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    }
}

async fn lead(folder: &Path) {
    let driver = ProcessDriver::open(ProcessConfig::new(folder)).await.expect("a driver");
    let workload = std::env::var("VAMP_TEST_WORKLOAD").expect("a workload");
    driver.apply(&serde_json::from_str(&workload).expect("a workload is JSON")).await.expect("applied");
    println!("applied");
    std::future::pending::<()>().await;
}
