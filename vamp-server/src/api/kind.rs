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
    /// Reads one, whose name the text says.
    fn read(source: &str) -> Result<Self, Violations>;

    /// Reads one of this name, which the text may leave out.
    fn read_named(source: &str, name: &str) -> Result<Self, Violations>;

    /// Shows one.
    fn show(&self) -> Value;
}

macro_rules! stored {
    ($($type:ty => $function:ident, $named:ident);+ $(;)?) => {$(
        impl Stored for $type {
            fn read(source: &str) -> Result<Self, Violations> {
                read::$function(source)
            }

            fn read_named(source: &str, name: &str) -> Result<Self, Violations> {
                read::$named(source, name)
            }

            fn show(&self) -> Value {
                write::$function(self)
            }
        }
    )+};
}

stored! {
    Blueprint => blueprint, blueprint_named;
    Breed => breed, breed_named;
    Named<Condition> => condition, condition_named;
    Named<Scale> => scale, scale_named;
}
