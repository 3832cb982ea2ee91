//! What a list of cases becomes: tests, or the names of those that fail.

use std::time::Duration;

/// Waits for what should come soon.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it comes within 20 seconds")
}

/// One test per case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($seam:ident; $open:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let mut fixture = $open;
                $crate::conformance::$seam::$case(&mut fixture).await;
            }
        )+
    };
}

/// Pushes the names of the cases that fail to `$failed`: a suite is tested on stores that break a clause on purpose.
#[cfg(test)]
macro_rules! conformance_failures {
    ($failed:ident; $seam:ident; $open:expr; $($case:ident),+ $(,)?) => {
        $(
            let mut fixture = $open;
            let case = async move { $crate::conformance::$seam::$case(&mut fixture).await };
            if tokio::spawn(case).await.is_err() {
                $failed.push(stringify!($case));
            }
        )+
    };
}

#[cfg(test)]
pub(super) use conformance_failures;
