//! Makes changes in a control store as servers do, for a benchmark of what hears of them.
//!
//! `changes DATA RATE SECONDS` writes so many entries a second into the audit trail of the
//! installation in the folder `DATA`. Every hundredth tells of a run's completion and is shown to
//! people; the others say that a plan was saved. Prints for each of the former its run's name and
//! when it was committed, in milliseconds since 1970. The trail is then one of invented deeds: this
//! is for a folder that is thrown away.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use engine::clock::{Clock, SystemClock};
use server::audit::{self, Actor};
use server::config::Installation;
use server::store;
use shared::audit::Action;
use tokio::time::{MissedTickBehavior, interval};

/// So often a transaction is committed.
const BETWEEN: Duration = Duration::from_millis(20);

/// One change of so many is shown to people.
const SHOWN: u64 = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, rate, seconds] = arguments.as_slice() else {
        return Err("changes DATA RATE SECONDS".into());
    };
    let (rate, seconds): (u64, u64) = (rate.parse()?, seconds.parse()?);
    let store = Installation::new(PathBuf::from(data), None).open_store().await?;
    let mut out = io::stdout().lock();
    let mut ticks = interval(BETWEEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let ticks_a_second = 1000 / BETWEEN.as_millis().try_into().unwrap_or(1000);
    let mut made = 0;
    for tick in 1..=seconds * ticks_a_second {
        ticks.tick().await;
        let mut shown = Vec::new();
        let mut tx = store.begin().await?;
        while made < rate * tick / ticks_a_second {
            made += 1;
            let now = SystemClock.now();
            if made % SHOWN == 0 {
                let run = format!("bench-{made}");
                let action = Action::RunCompleted;
                audit::record(&mut tx, now, Actor::system(), action, &run, None).await?;
                shown.push(run);
            } else {
                let action = Action::PlanSaved;
                audit::record(&mut tx, now, Actor::system(), action, "bench", None).await?;
            }
        }
        store::commit(tx).await?;
        let committed = SystemClock.now().timestamp_millis();
        for run in shown {
            writeln!(out, "{run} {committed}")?;
        }
    }
    writeln!(out, "made {made}")?;
    Ok(())
}
