//! Every figure is taken in a process of its own, so that none pays for what another left behind.

use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The receive and send buffers of the sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Buffers {
    /// What the system gives to whoever does not ask.
    #[default]
    Default,
    /// 4 MiB, as far as the system grants them.
    Tuned,
}

impl Buffers {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Tuned => "4 MiB",
        }
    }

    /// Those that this process was started for.
    pub(crate) fn of_this_process() -> Self {
        BUFFERS.get().copied().unwrap_or_default()
    }

    /// What to ask the system for, in bytes; `None`: nothing.
    pub(crate) fn bytes(self) -> Option<usize> {
        match self {
            Self::Default => None,
            Self::Tuned => Some(4 * 1024 * 1024),
        }
    }
}

static BUFFERS: OnceLock<Buffers> = OnceLock::new();

/// The figures that this program gives when it is called with these words.
pub(crate) fn run(words: &[String], buffers: Buffers) -> io::Result<Vec<f64>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", buffers.name()]).args(words);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    if !ends(&mut child)? {
        child.kill()?;
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = text.split_whitespace().map(str::parse).collect();
    match figures {
        Ok(figures) if output.status.success() => Ok(figures),
        _ => Err(io::Error::other(format!("{words:?}: {}", output.status))),
    }
}

/// Waits for it as long as any measure may take.
fn ends(child: &mut Child) -> io::Result<bool> {
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        sleep(Duration::from_millis(5));
    }
    Ok(false)
}

/// A stack that does not connect would wait for ever.
const DEADLINE: Duration = Duration::from_secs(120);

/// Where this process is a child: the words that it was given.
pub(crate) fn words(words: &[String]) -> Option<&[String]> {
    let [child, buffers, rest @ ..] = words else {
        return None;
    };
    if child != "--child" {
        return None;
    }
    let all = [Buffers::Default, Buffers::Tuned];
    let buffers = all.into_iter().find(|known| known.name() == buffers);
    BUFFERS.get_or_init(|| buffers.expect("a known size of buffers"));
    Some(rest)
}
