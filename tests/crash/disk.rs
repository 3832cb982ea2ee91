//! A disk that is full.

use crate::{
    haproxy_support::{assert_share, free_port},
    load::{Load, versions},
    process::{GATEWAY, NEW, OLD, Vamp},
    server_support::http::{get, put},
    until_consistent,
};
use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A small file system, until it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None` where this user must not mount one.
    fn mount(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).expect("a folder");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success()).then(|| Self(path.to_owned()))
    }

    /// Takes all that is left; the file goes with what this returns.
    fn fill(&self) -> Filler {
        let path = self.0.join("filler");
        let mut file = File::create(&path).expect("a file");
        for block in [1 << 16, 1 << 12, 1 << 9, 1] {
            while file.write_all(&vec![0; block]).is_ok() {}
        }
        Filler(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = fs::remove_dir_all(self.0.parent().expect("a folder of the test"));
    }
}

struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A canary on a server whose files have no room after `fill`, and room again after `free`.
async fn goes_on<T>(vamp: &mut Vamp, fill: impl Fn(&Vamp) -> T, free: impl Fn(T)) {
    vamp.start().await;
    vamp.deploy(OLD).await;
    vamp.deploy(NEW).await;
    vamp.weigh("90%", "10%").await;
    let load = Load::start(vamp.gateway, 2, 2);
    load.answers(100).await;
    let (gateway, instances) = (vamp.ask(get(GATEWAY)).await.expect(200).json(), vamp.instances());

    let filled = fill(vamp);
    let mut refused = Vec::new();
    for number in 0..20 {
        let name = format!("/breeds/large{number}");
        let text = "x".repeat(500_000);
        let body = format!("name: large{number}\nmetadata: {{text: {text}}}\ndeployable: {{definition: x}}\n");
        let reply = vamp.ask(put(&name, body)).await;
        let status = reply.status;
        if status == 507 {
            assert!(reply.text("/message").contains("no space left"), "{reply:?}");
            refused.push(name);
        } else {
            // What the store's own file still had room for.
            assert!((200..300).contains(&status), "{reply:?}");
            vamp.ask(get(&name)).await.expect(200);
        }
    }
    assert!(!refused.is_empty(), "there is no room");
    for name in &refused {
        vamp.ask(get(name)).await.refused(404);
    }
    load.answers(200).await;
    assert_eq!(vamp.ask(get(GATEWAY)).await.expect(200).json()["routes"], gateway["routes"]);
    assert_eq!(vamp.instances(), instances);
    assert_share(&versions(vamp.gateway, 1_000).await, "1.1", 100_000);

    free(filled);
    vamp.weigh("50%", "50%").await;
    assert_share(&versions(vamp.gateway, 1_000).await, "1.1", 500_000);
    vamp.until_settled(&[("sava:1.0", 3), ("sava:1.1", 2)]).await;
    until_consistent(vamp).await;
    assert_eq!(vamp.instances(), instances);
    assert_eq!(load.stop().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_what_is_new_loses_nothing_and_when_there_is_room_the_server_goes_on_under_load() {
    let vamp = Vamp::new("disk", free_port);
    let Some(disk) = Disk::mount(&vamp.data(), "24m") else {
        println!("SKIPPED: a full disk (a small one is mounted as root); a limit stands for it in the next test");
        return;
    };
    // What is declared last goes first: the server before its disk.
    let (disk, mut vamp) = (disk, vamp);
    goes_on(&mut vamp, |_| disk.fill(), drop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_on_files_refuses_what_is_new_loses_nothing_and_when_it_is_lifted_the_server_goes_on_under_load() {
    let mut vamp = Vamp::new("limit", free_port);
    let limit = |server: u32, soft: &str| {
        let arguments = [format!("--pid={server}"), format!("--fsize={soft}:")];
        let status = Command::new("prlimit").args(arguments).status().expect("prlimit is part of util-linux");
        assert!(status.success());
    };
    let fill = |vamp: &Vamp| {
        let length = fs::metadata(vamp.data().join("store.redb")).expect("a store").len();
        limit(vamp.server_pid(), &length.to_string());
        vamp.server_pid()
    };
    goes_on(&mut vamp, fill, |server| limit(server, "unlimited")).await;
}
