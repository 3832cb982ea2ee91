//! What the structure of a gateway offers: its port, its backends, and the slots in them.

use super::guard;
use std::net::SocketAddr;

/// How an empty slot is written, after its name.
pub(super) const EMPTY: &str = "127.0.0.1:1 disabled";

/// A structure, read back from its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Where it listens.
    pub(super) bind: Option<SocketAddr>,
    /// The backends in order: what follows `<section>.` in their names (`r0`, `r1.r0`), and their number of slots.
    pub(super) backends: Vec<(String, usize)>,
    /// Whether it has rules of its own on the shared port.
    pub(super) guarded: bool,
}

impl Outline {
    /// Reads the text of a structure.
    pub(super) fn read(structure: &str) -> Self {
        let mut outline = Self::default();
        for line in structure.lines() {
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("bind"), Some(address)) => outline.bind = address.parse().ok(),
                (Some("backend"), Some(name)) => {
                    let path = name.split_once('.').map_or("", |(_, path)| path);
                    outline.backends.push((path.to_owned(), 0));
                }
                (Some("server"), Some(_)) => {
                    if let Some((_, slots)) = outline.backends.last_mut() {
                        *slots += 1;
                    }
                }
                (Some(guard::MARK), _) => outline.guarded = true,
                _ => {}
            }
        }
        outline
    }

    /// How many route slots the decision at `prefix` (empty, or `r1.`) has.
    pub(super) fn routes(&self, prefix: &str) -> usize {
        let index = |path: &str| {
            let rest = path.strip_prefix(prefix)?.strip_prefix('r')?;
            rest.split('.').next()?.parse::<usize>().ok()
        };
        self.backends.iter().filter_map(|(path, _)| index(path)).max().map_or(0, |last| last + 1)
    }

    /// How many servers each backend has.
    pub(super) fn servers(&self) -> usize {
        self.backends.iter().map(|(_, slots)| *slots).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_counts_routes_per_decision_and_slots() {
        let text = "frontend a from x\n  bind 127.0.0.1:80\nbackend a.r0 from b\n  server s0 127.0.0.1:1 disabled\n\
                    backend a.r1.r3 from b\n  server s0 x\n  server s1 x\n";
        let outline = Outline::read(text);
        assert_eq!(outline.bind, Some("127.0.0.1:80".parse().unwrap()));
        assert_eq!((outline.routes(""), outline.routes("r1."), outline.routes("r0."), outline.servers()), (2, 4, 0, 2));
    }
}
