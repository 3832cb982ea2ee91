//! What a text imports from what is stored.

use super::{Engine, Failure};
use crate::model::{Artifacts, expand, import};
use std::borrow::Cow;

impl Engine {
    /// The text with what its artifacts `import` in place: the same text when they import nothing.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] for an import that leads nowhere, [`Failure::Driver`].
    pub async fn imported<'s>(&self, source: &'s str) -> Result<Cow<'s, str>, Failure> {
        if !source.contains("import") {
            return Ok(Cow::Borrowed(source));
        }
        let mut stored = Artifacts::default();
        for import in import::imports(source)? {
            if let Some((found, _)) = self.find_any(import.kind, &import.name).await? {
                stored.insert(self.expanded(|stored| expand::artifact(&found, stored)).await?);
            }
        }
        Ok(import::applied(source, &stored)?)
    }
}
