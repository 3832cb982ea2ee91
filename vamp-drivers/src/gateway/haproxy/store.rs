//! What is served and counted, on disk: a restart of ours keeps weights and slots.

use super::{escape, failure::Failure, folder::Folder, plan::Live};
use std::collections::BTreeMap;
use vamp_core::driver::ProxyStatus;

const COUNTERS: &str = "counters.json";

/// The file of a gateway.
fn name(gateway: &str) -> String {
    format!("state/{}.json", escape::section(gateway))
}

/// Keeps what a gateway serves.
pub(super) async fn save(folder: &Folder, live: &Live) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(live).map_err(|error| Failure::internal(error.to_string()))?;
    folder.write(&name(&live.gateway), &text).await
}

/// Forgets a gateway.
pub(super) async fn forget(folder: &Folder, gateway: &str) -> Result<(), Failure> {
    folder.remove(&name(gateway)).await
}

/// Everything that was served.
pub(super) async fn load(folder: &Folder) -> Result<BTreeMap<String, Live>, Failure> {
    let mut found = BTreeMap::new();
    for file in folder.list("state").await? {
        if !file.ends_with(".json") {
            continue;
        }
        let Some(text) = folder.read(&format!("state/{file}")).await? else { continue };
        match serde_json::from_str::<Live>(&text) {
            Ok(live) if name(&live.gateway).ends_with(&file) => {
                found.insert(live.gateway.clone(), live);
            }
            // The engine sends the gateway again; refusing to start would serve nobody.
            _ => tracing::warn!(file, "a gateway's state cannot be read and is left out"),
        }
    }
    Ok(found)
}

/// Keeps the counters.
pub(super) async fn save_counters(folder: &Folder, counters: &ProxyStatus) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(counters).map_err(|error| Failure::internal(error.to_string()))?;
    folder.write_derived(COUNTERS, &text).await
}

/// The counters, from zero when there are none.
pub(super) async fn load_counters(folder: &Folder) -> Result<ProxyStatus, Failure> {
    let text = folder.read(COUNTERS).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}
