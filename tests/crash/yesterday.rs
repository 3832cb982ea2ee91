use crate::{
    haproxy_support::free_port,
    load::versions,
    process::{NEW, OLD, Vamp, copy},
    server_support::eventually,
    until_consistent,
};
use std::{collections::BTreeMap, fs, path::Path};

/// Deploys 1.0, keeps a copy of what `keep` says, deploys 1.1 with half of the traffic, and puts the copy back.
async fn yesterday(name: &str, keep: impl Fn(&Path, &Path), put_back: impl Fn(&Path, &Path)) -> Vamp {
    let mut vamp = Vamp::new(name, free_port);
    vamp.start().await;
    vamp.deploy(OLD).await;
    vamp.kill();
    let copy = vamp.folder.join("copy");
    keep(&vamp.data(), &copy);
    vamp.start().await;
    vamp.deploy(NEW).await;
    vamp.weigh("50%", "50%").await;
    vamp.kill();
    assert_eq!(vamp.instances().len(), 5);
    put_back(&copy, &vamp.data());
    vamp.start().await;
    vamp
}

async fn is_as_it_was(vamp: &Vamp) {
    vamp.until_settled(&[("sava:1.0", 3)]).await;
    until_consistent(vamp).await;
    assert_eq!(vamp.instances().len(), 3);
    eventually("only the old version answers", async || {
        versions(vamp.gateway, 100).await == BTreeMap::from([("1.0".to_owned(), 100)])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_and_is_not_in_the_store_of_yesterday_is_removed() {
    let file = "store.redb";
    let keep = |data: &Path, copy: &Path| {
        fs::create_dir_all(copy).expect("a folder");
        fs::copy(data.join(file), copy.join(file)).expect("copied");
    };
    let put_back = |copy: &Path, data: &Path| {
        fs::copy(copy.join(file), data.join(file)).expect("copied");
    };
    is_as_it_was(&yesterday("store", keep, put_back).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_and_is_not_in_the_folder_of_yesterday_is_removed() {
    let keep = |data: &Path, kept: &Path| copy(data, kept);
    let put_back = |kept: &Path, data: &Path| {
        for part in ["store.redb", "instances", "haproxy"] {
            let part = data.join(part);
            if part.is_dir() {
                empty(&part);
            }
        }
        copy(kept, data);
    };
    is_as_it_was(&yesterday("folder", keep, put_back).await).await;
}

/// Removes what a copy would not bring back: all files, but no socket, which a running HAProxy needs.
fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            empty(&entry.path());
        } else if kind.is_file() {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
}
