//! What is served and counted, on disk: a restart of ours keeps weights and slots.

use super::{
    escape,
    failure::Failure,
    folder::Folder,
    plan::{Live, Plan},
};
use std::collections::BTreeMap;
use vamp_core::driver::ProxyStatus;

const COUNTERS: &str = "counters.json";

/// The file of a gateway.
fn name(gateway: &str) -> String {
    format!("state/{}.json", escape::section(gateway))
}

/// Keeps what a gateway serves; `None` = it is no longer served.
pub(super) async fn keep(folder: &Folder, gateway: &str, live: Option<&Live>) -> Result<(), Failure> {
    match live {
        Some(live) => folder.write(&name(gateway), &text(live)?).await,
        None => folder.remove(&name(gateway)).await,
    }
}

/// Keeps the values that a gateway serves. After a crash of the machine they may be lost: HAProxy is gone then, too, and
/// who stored the values durably sends them again.
pub(super) async fn keep_values(folder: &Folder, live: &Live) -> Result<(), Failure> {
    folder.write_derived(&name(&live.gateway), &text(live)?).await
}

fn text(live: &Live) -> Result<String, Failure> {
    serde_json::to_string_pretty(live).map_err(|error| Failure::internal(error.to_string()))
}

/// Puts the file of a gateway aside, as far as that can be done, and says so.
pub(super) async fn set_aside(folder: &Folder, gateway: &str, reason: &str) {
    aside(folder, &name(gateway), "refused", reason).await;
}

async fn aside(folder: &Folder, file: &str, why: &str, reason: &str) {
    match folder.set_aside(file, why).await {
        Ok(kept) => {
            tracing::error!(file, kept, reason, "a gateway's state is set aside: it is not served until told again");
        }
        Err(failure) => {
            tracing::error!(file, reason, %failure, "a gateway's state is left out and cannot be set aside");
        }
    }
}

/// Everything that was served. What cannot be read is set aside: the engine sends the gateway again, and refusing to
/// start would serve nobody.
pub(super) async fn load(folder: &Folder) -> Result<BTreeMap<String, Live>, Failure> {
    let mut found = BTreeMap::new();
    for file in folder.list("state").await? {
        let file = format!("state/{file}");
        if file.ends_with(".new") {
            folder.remove(&file).await?;
        }
        if !file.ends_with(".json") {
            continue;
        }
        match folder.read(&file).await.and_then(|text| text.map(|text| read(&file, &text)).transpose()) {
            Ok(None) => {}
            Ok(Some(live)) => drop(found.insert(live.gateway.clone(), live)),
            Err(failure) => aside(folder, &file, "damaged", &failure.reason).await,
        }
    }
    Ok(found)
}

fn read(file: &str, text: &str) -> Result<Live, Failure> {
    let live: Live = serde_json::from_str(text).map_err(|error| Failure::invalid(error.to_string()))?;
    if name(&live.gateway) != file {
        return Err(Failure::invalid(format!("it belongs to gateway `{}`", live.gateway)));
    }
    Plan::of(&live).map(|_| live)
}

/// Keeps the counters.
pub(super) async fn save_counters(folder: &Folder, counters: &ProxyStatus) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(counters).map_err(|error| Failure::internal(error.to_string()))?;
    folder.write_derived(COUNTERS, &text).await
}

/// The counters, from zero when there are none.
pub(super) async fn load_counters(folder: &Folder) -> ProxyStatus {
    let text = folder.read(COUNTERS).await.ok().flatten();
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}
