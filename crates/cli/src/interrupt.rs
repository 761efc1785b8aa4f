//! Ctrl-C, and SIGTERM where there is such a thing.

/// Waits until a person, or the system, wants the program to end.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                result = tokio::signal::ctrl_c() => if result.is_ok() { return },
            }
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // No signals here: the program ends by other means only.
        std::future::pending::<()>().await;
    }
}
