//! The `vamp` program: what it says when it cannot start, and its life on one data folder.
#![cfg(all(feature = "http", feature = "embedded", feature = "haproxy", feature = "process"))]
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod command_support;

use command_support::{DEADLINE, Folder, told};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
};

fn status_of_info(server: SocketAddr) -> String {
    let mut stream = TcpStream::connect(server).expect("connects");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    write!(stream, "GET /api/v1/info HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n").expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_stands_in_the_way_of_a_start_is_named_with_what_to_do() {
    let folder = Folder::new("refused");
    let holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = holder.local_addr().expect("its address").to_string();
    let config = folder.0.join("vamp.yml");
    fs::write(&config, "lisen: 127.0.0.1:8080\n").expect("a file");
    let config = config.to_string_lossy();
    let table = [
        (1, vec!["server", "--listen", &taken], "--listen"),
        (1, vec!["server", "--listen", "127.0.0.1:0", "--haproxy", "/nowhere/haproxy"], "apt-get install haproxy"),
        (2, vec!["server", "--listen", "0.0.0.0:0"], "--token-file"),
        (2, vec!["server", "--listen", "8080"], "--listen"),
        (2, vec!["server", "--namespace", "a/b"], "namespace"),
        (2, vec!["server", "--config", &config], "line 1: lisen"),
        (2, vec!["server", "--unknown"], "--unknown"),
    ];
    for (code, arguments, hint) in table {
        let output = folder.on_data(arguments[0]).args(&arguments[1..]).output().expect("runs");
        let (found, said) = told(&output);
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
}

#[test]
fn a_server_answers_on_the_port_it_was_given_and_down_ends_it_and_its_haproxy() {
    let folder = Folder::new("life");
    let (mut server, listen) = folder.start();
    assert_ne!(listen.port(), 0);
    assert_eq!(status_of_info(listen), "HTTP/1.1 200 OK");

    let (code, said) = told(&folder.server("127.0.0.1:0").output().expect("runs"));
    assert_eq!(code, Some(1), "two servers on one folder: {said}");
    assert!(said.contains("in use"), "{said}");
    assert_eq!(status_of_info(listen), "HTTP/1.1 200 OK", "the first goes on");

    let (code, said) = told(&folder.on_data("down").output().expect("runs"));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(server.wait().expect("it ended").code(), Some(0));
    assert!(TcpStream::connect(listen).is_err(), "nobody listens any more");
    assert!(!fs::read_to_string(folder.0.join("log")).expect("the log").contains('\u{1b}'), "a file gets no colours");
}
