//! Requests without credentials, as many as possible.

use std::io;
use std::time::Duration;

pub(crate) fn measure(_time: Duration) -> io::Result<()> {
    Ok(())
}
