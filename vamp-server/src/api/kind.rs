//! How each kind of artifact that is only stored is read and shown.

use super::native::Conditions;
use serde_json::Value;
use vamp_core::{
    Violations,
    condition::Condition,
    model::{Blueprint, Breed, Named, Scale, read, write},
};

/// An artifact that is stored and does nothing by itself.
pub(super) trait Stored: Conditions {
    /// Reads one.
    fn read(source: &str) -> Result<Self, Violations>;

    /// Shows one.
    fn show(&self) -> Value;
}

macro_rules! stored {
    ($($type:ty => $function:ident),+ $(,)?) => {$(
        impl Stored for $type {
            fn read(source: &str) -> Result<Self, Violations> {
                read::$function(source)
            }

            fn show(&self) -> Value {
                write::$function(self)
            }
        }
    )+};
}

stored! {
    Blueprint => blueprint,
    Breed => breed,
    Named<Condition> => condition,
    Named<Scale> => scale,
}
