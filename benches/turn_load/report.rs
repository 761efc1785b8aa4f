//! The table.

use std::fmt;

use super::process::Cost;

/// What one server took.
pub(crate) struct Row {
    name: &'static str,
    empty: u64,
    idle: u64,
    pub(crate) interleaved: Vec<Cost>,
    pub(crate) bursts: Vec<Cost>,
}

impl Row {
    pub(crate) fn new(name: &'static str, empty: u64, idle: u64) -> Self {
        Self {
            name,
            empty,
            idle,
            interleaved: Vec::new(),
            bursts: Vec::new(),
        }
    }

    fn costs(&self) -> impl Iterator<Item = &Cost> {
        self.interleaved.iter().chain(&self.bursts)
    }
}

#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:8} {:>36} {:>36} {:>18} {:>10}",
            "relayed packets per CPU-second",
            "interleaved 160 B / 1200 B",
            "one flow's bursts 160 B / 1200 B",
            "idle allocation",
            "empty"
        )?;
        for row in &self.0 {
            let pair = |costs: &[Cost]| {
                let costs: Vec<_> = costs
                    .iter()
                    .map(|cost| format!("{:.0}", rate(cost)))
                    .collect();
                costs.join(" / ")
            };
            let lost: u64 = row.costs().map(|cost| cost.lost).sum();
            writeln!(
                f,
                "{:30} {:>36} {:>36} {:>15} B {:>7} kB   {} lost; {}",
                row.name,
                pair(&row.interleaved),
                pair(&row.bursts),
                row.idle,
                row.empty / 1024,
                lost,
                row.costs()
                    .map(|cost| format!(
                        "{} in {:.2} s, {:.2} s CPU",
                        cost.packets,
                        cost.wall.as_secs_f64(),
                        cost.cpu.as_secs_f64()
                    ))
                    .collect::<Vec<_>>()
                    .join("; "),
            )?;
        }
        Ok(())
    }
}

fn rate(cost: &Cost) -> f64 {
    cost.packets as f64 / cost.cpu.as_secs_f64().max(0.01)
}
