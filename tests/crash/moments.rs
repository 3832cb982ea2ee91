//! The server is killed so long after it was asked for something, whether it has answered or not.

use crate::{
    canary,
    haproxy_support::{assert_share, free_port},
    load::versions,
    process::{GATEWAY, NEW, OLD, Vamp, kill},
    server_support::{
        eventually,
        http::{Ask, delete, put},
    },
    until_consistent,
};
use std::time::Duration;
use tokio::time::sleep;

/// From before the request is read until everything is done.
const MOMENTS: [u64; 8] = [0, 2, 5, 12, 30, 80, 200, 500];

const BOTH: &[(&str, u64)] = &[("sava:1.0", 3), ("sava:1.1", 2)];
const ONE: &[(&str, u64)] = &[("sava:1.0", 3)];

/// Asks, and kills the server `delay` milliseconds later; whether it had accepted by then.
async fn killed(vamp: &mut Vamp, ask: Ask, delay: u64) -> bool {
    let accepted = {
        let (asking, moment) = (vamp.try_ask(ask), sleep(Duration::from_millis(delay)));
        tokio::pin!(asking, moment);
        tokio::select! {
            reply = &mut asking => {
                moment.await;
                reply.is_some_and(|reply| reply.status == 202)
            }
            () = &mut moment => false,
        }
    };
    vamp.kill();
    accepted
}

/// Holds a new server to what is stored: exactly that runs.
async fn runs(vamp: &Vamp, wanted: &[(&str, u64)]) {
    vamp.until_settled(wanted).await;
    until_consistent(vamp).await;
    assert_eq!(vamp.instances().len() as u64, wanted.iter().map(|(_, count)| count).sum::<u64>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_deployment_is_there_as_a_whole_or_can_be_asked_for_again() {
    for delay in MOMENTS {
        let mut vamp = Vamp::new(&format!("first-{delay}"), free_port);
        vamp.start().await;
        let ask = put("/deployments/sava", vamp.blueprint(OLD));
        let accepted = killed(&mut vamp, ask, delay).await;
        vamp.start().await;
        if vamp.services().await.is_none() {
            assert!(!accepted, "accepted and lost after {delay} ms");
            assert_eq!(vamp.instances(), Vec::new());
            vamp.deploy(OLD).await;
        }
        runs(&vamp, ONE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_version_is_there_as_a_whole_or_not_at_all() {
    for delay in MOMENTS {
        let mut vamp = Vamp::new(&format!("second-{delay}"), free_port);
        vamp.start().await;
        vamp.deploy(OLD).await;
        let ask = put("/deployments/sava", vamp.blueprint(NEW));
        let accepted = killed(&mut vamp, ask, delay).await;
        vamp.start().await;
        let stored = vamp.service("sava:1.1").await.is_some();
        assert!(stored || !accepted, "accepted and lost after {delay} ms");
        runs(&vamp, if stored { BOTH } else { ONE }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_goes_on_where_it_was_or_was_never_asked_for() {
    for delay in MOMENTS {
        let mut vamp = canary(&format!("removal-{delay}"), "0%").await;
        let ask = delete("/deployments/sava").body(vamp.blueprint(NEW));
        let accepted = killed(&mut vamp, ask, delay).await;
        vamp.start().await;
        let leaves = vamp.service("sava:1.1").await.is_none_or(|service| {
            service.pointer("/status/intention").is_some_and(|intention| intention == "Undeployment")
        });
        assert!(leaves || !accepted, "accepted and lost after {delay} ms");
        runs(&vamp, if leaves { ONE } else { BOTH }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_while_it_takes_over_leaves_the_same_to_the_next() {
    let mut vamp = canary("takeover", "10%").await;
    let before = (vamp.instances(), vamp.haproxy().0);
    vamp.kill();
    for delay in [1, 5, 10, 15, 20, 30, 40, 60, 90, 150] {
        vamp.spawn();
        sleep(Duration::from_millis(delay)).await;
        vamp.kill();
    }
    vamp.start().await;
    runs(&vamp, BOTH).await;
    assert_eq!((vamp.instances(), vamp.haproxy().0), before, "nobody was started again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_outlives_the_end_of_everything_at_once() {
    let mut vamp = canary("everything", "10%").await;
    for percent in [30, 80] {
        let body = vamp.weighed(&format!("{}%", 100 - percent), &format!("{percent}%")).await;
        vamp.ask(put(GATEWAY, body)).await.expect(202);
        vamp.kill();
        // As when the machine loses its power.
        kill(&vamp.left());
        eventually("nothing is left", async || vamp.left().is_empty()).await;
        vamp.start().await;
        runs(&vamp, BOTH).await;
        vamp.ask(put("/deployments/sava?wait=60", vamp.blueprint(NEW))).await.expect(202);
        assert_share(&versions(vamp.gateway, 1_000).await, "1.1", percent * 10_000);
    }
}
