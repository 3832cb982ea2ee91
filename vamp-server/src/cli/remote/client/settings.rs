//! What somebody wrote down about the server they use: `~/.vamp`, or `~/.vamp/client.yml` where that is a folder.

use serde::Deserialize;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// The settings of a client; flags and environment win over them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// The server's address.
    pub(super) host: Option<String>,
    pub(super) namespace: Option<String>,
    /// Relative to the folder of the settings.
    pub(super) token_file: Option<PathBuf>,
}

impl Settings {
    /// Those of whoever runs the program; without a file there are none.
    pub(super) fn of_user() -> Result<Self, String> {
        let Some(home) = env::var_os("HOME").filter(|home| !home.is_empty()) else { return Ok(Self::default()) };
        let file = PathBuf::from(home).join(".vamp");
        // A server that was started at home keeps its data there.
        if file.is_dir() { Self::read(&file.join("client.yml")) } else { Self::read(&file) }
    }

    fn read(file: &Path) -> Result<Self, String> {
        let refuse = |why: &dyn std::fmt::Display| {
            format!(
                "{}: {why}\nhint: it may say `host`, `namespace` and `token_file`, as in `host: vamp.example`",
                file.display()
            )
        };
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(refuse(&error)),
        };
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        let mut settings: Self = serde_saphyr::from_str(&text).map_err(|error| refuse(&error))?;
        settings.token_file = settings.token_file.map(|token| file.parent().unwrap_or(file).join(token));
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_where_the_server_is_and_refuses_what_it_does_not_know() {
        let folder = env::temp_dir().join(format!("vamp-settings-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join(".vamp");
        let read = |text: &str| {
            fs::write(&file, text).expect("written");
            Settings::read(&file)
        };
        let settings = read("host: vamp.example\ntoken_file: token\n").expect("settings");
        assert_eq!((settings.host.as_deref(), settings.namespace.as_deref()), (Some("vamp.example"), None));
        assert_eq!(settings.token_file, Some(folder.join("token")));
        assert_eq!(read("# nothing yet\n"), Ok(Settings::default()));
        for wrong in ["hots: a\n", "host: [a]\n", "- a\n"] {
            let refused = read(wrong).expect_err(wrong);
            assert!(refused.contains("hint: it may say `host`"), "{refused}");
        }
        assert_eq!(Settings::read(&folder.join("none")), Ok(Settings::default()));
        fs::remove_dir_all(folder).expect("removed");
    }
}
