//! The table: one line for each thing that is measured, one column for each server.

use std::fmt;
use std::time::Duration;

/// What is measured, in rounds.
pub(crate) struct Table {
    servers: Vec<&'static str>,
    lines: Vec<Line>,
}

struct Line {
    what: &'static str,
    unit: &'static str,
    /// Of each server, one value a round.
    values: Vec<Vec<f64>>,
    lost: Vec<u64>,
}

impl Table {
    pub(crate) fn new(servers: Vec<&'static str>) -> Self {
        let lines = Vec::new();
        Self { servers, lines }
    }

    /// Adds what one round found about one server.
    pub(crate) fn add(
        &mut self,
        server: usize,
        what: &'static str,
        unit: &'static str,
        value: f64,
        lost: u64,
    ) {
        let at = self.lines.iter().position(|line| line.what == what);
        let at = at.unwrap_or_else(|| {
            self.lines.push(Line {
                what,
                unit,
                values: vec![Vec::new(); self.servers.len()],
                lost: vec![0; self.servers.len()],
            });
            self.lines.len() - 1
        });
        self.lines[at].values[server].push(value);
        self.lines[at].lost[server] += lost;
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:44}", "median of the rounds")?;
        for server in &self.servers {
            write!(f, "{server:>14}")?;
        }
        writeln!(f)?;
        for line in &self.lines {
            write!(f, "{:44}", line.what)?;
            for values in &line.values {
                match median(values) {
                    Some(median) => write!(f, "{median:>10.0} {:3}", line.unit)?,
                    None => write!(f, "{:14}", "")?,
                }
            }
            if let [first, .., last] = &line.values[..] {
                let rounds = first.iter().zip(last).map(|(first, last)| last / first);
                let rounds: Vec<f64> = rounds.collect();
                let (least, most) = rounds
                    .iter()
                    .fold((f64::MAX, 0.0), |(least, most), &ratio| {
                        (ratio.min(least), ratio.max(most))
                    });
                write!(
                    f,
                    "   {:.2} times ({least:.2} to {most:.2})",
                    median(&rounds).unwrap_or(f64::NAN)
                )?;
            }
            for (server, lost) in self.servers.iter().zip(&line.lost) {
                if *lost > 0 {
                    write!(f, "; {server} lost {lost}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// The median and the 99th percentile, in microseconds.
pub(crate) fn delays(mut delays: Vec<Duration>) -> (f64, f64) {
    delays.sort_unstable();
    let at = |part: usize| {
        let delay = delays.get(delays.len() * part / 100);
        delay.map_or(f64::NAN, |delay| delay.as_secs_f64() * 1e6)
    };
    (at(50), at(99))
}

fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
