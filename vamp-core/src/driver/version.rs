//! Versions, cursors and pages: how every store says "this very value" and "since then".

use serde::{Deserialize, Serialize};

/// One state of one key. Opaque; compared for equality only.
///
/// V1: a version never repeats for a key, not even after delete and re-create.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version(pub Box<[u8]>);

/// "Everything up to here is seen."
///
/// W1: waiting on a cursor is cancel-safe. W2: it may end without a change, and never loses a change that follows the
/// list or observe that gave the cursor. W3: a cursor that is empty, expired or of another incarnation returns at once,
/// with [`What::All`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub Box<[u8]>);

/// Which keys changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Unknown which: read everything again.
    All,
    /// These.
    Keys(Vec<String>),
}

/// The answer to a wait: a new cursor, and what changed before it.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Wait on this one next.
    pub cursor: Cursor,
    /// What changed since the former cursor.
    pub what: What,
}

/// A part of a sorted list: what comes after a name.
#[derive(Clone, Debug)]
pub struct Page {
    /// Names up to and including this one are left out; `None` begins at the first.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl Page {
    /// Everything, in one page.
    pub const ALL: Self = Self { after: None, limit: usize::MAX };
}
