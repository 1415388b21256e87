//! Where readers put their rows: in batches of about so many bytes, as long as there is room.

use futures::executor::block_on;
use tokio::sync::mpsc::Sender;

use crate::value::{Batch, Room};

/// How much of the room a batch takes: it is turned into what is written, which is about as large,
/// while the next ones are read and wait. Three batches of a reader are under way at once, and what
/// one of them is turned into.
const LARGE: usize = 2;

/// Takes batches for whoever listens.
#[derive(Debug, Clone)]
pub struct Outlet {
    out: Sender<Batch>,
    batch_bytes: usize,
    room: Option<Room>,
}

impl Outlet {
    pub fn new(out: Sender<Batch>, batch_bytes: usize) -> Self {
        Self { out, batch_bytes, room: None }
    }

    /// One that waits for room before rows are read.
    #[must_use]
    pub fn within(self, room: Room) -> Self {
        Self { room: Some(room), ..self }
    }

    pub(super) fn is_full(&self, batch: &Batch) -> bool {
        batch.bytes() >= self.batch_bytes
    }

    /// Waits until there is room for a batch that is about to be filled, with rows like those of the
    /// batch before.
    pub(super) async fn open(&self, batch: &mut Batch, like: usize) {
        if let Some(room) = &self.room {
            batch.hold(room.take(self.needed(like)).await);
        }
    }

    /// Passes a batch on, and waits until there is room for the next one. None when nobody listens
    /// any more.
    pub(super) async fn pass(&self, batch: Batch) -> Option<Batch> {
        let (mut next, bytes) = (batch.following(), batch.bytes());
        if !self.send(batch).await {
            return None;
        }
        self.open(&mut next, bytes).await;
        Some(next)
    }

    /// Passes the last batch on. False when nobody listens any more.
    pub(super) async fn finish(&self, batch: Batch) -> bool {
        batch.is_empty() || self.send(batch).await
    }

    async fn send(&self, mut batch: Batch) -> bool {
        if let Some(room) = &self.room {
            let needed = self.needed(batch.bytes());
            if !batch.held().is_some_and(|held| held.is_enough_for(needed, room)) {
                // Its rows are larger than was foreseen. It lets go of what it has before it asks for
                // more: two who keep what they have while they wait would wait for each other.
                batch.let_go();
                batch.hold(room.take(needed).await);
            }
        }
        self.out.send(batch).await.is_ok()
    }

    /// The room that a batch needs; one of usual size has the share of its place.
    fn needed(&self, bytes: usize) -> usize {
        // A batch ends behind the row that fills it.
        let usual = self.batch_bytes.saturating_mul(4) / 3;
        if bytes <= usual { usual } else { bytes.saturating_mul(LARGE) }
    }

    /// The same for readers that may block.
    pub(super) fn open_blocking(&self, batch: &mut Batch, like: usize) {
        block_on(self.open(batch, like));
    }

    pub(super) fn pass_blocking(&self, batch: Batch) -> Option<Batch> {
        block_on(self.pass(batch))
    }

    pub(super) fn finish_blocking(&self, batch: Batch) -> bool {
        block_on(self.finish(batch))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;
    use crate::value::Value;

    const MIB: usize = 1 << 20;

    fn row(bytes: usize) -> Batch {
        let mut batch = Batch::new(1);
        batch.push(&Value::Bytes(vec![7; bytes].into()));
        batch
    }

    /// Four readers of rows of 20 MiB, for which there are 40.
    #[tokio::test(flavor = "multi_thread")]
    async fn rows_larger_than_a_batch_are_read_when_there_is_room_for_them() {
        let room = Room::of(40 * MIB);
        let mut readers = tokio::task::JoinSet::new();
        let (send, mut receive) = mpsc::channel::<Batch>(1);
        for _ in 0..4 {
            let outlet = Outlet::new(send.clone(), 2 * MIB).within(room.clone());
            readers.spawn(async move {
                let mut batch = Batch::new(1);
                outlet.open(&mut batch, 0).await;
                for _ in 0..3 {
                    batch.push(&Value::Bytes(vec![7; 20 * MIB].into()));
                    batch = outlet.pass(batch).await.expect("somebody listens");
                }
                assert!(outlet.finish(batch).await);
            });
        }
        drop(send);
        let mut rows = 0;
        while let Some(batch) = receive.recv().await {
            assert!(batch.held().is_some_and(|held| held.is_enough_for(40 * MIB, &room)));
            // Nobody else has one that was passed on: each needs all of the room.
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(receive.is_empty());
            assert!(room.taken() <= 40 * MIB);
            rows += batch.rows();
        }

        while let Some(ended) = readers.join_next().await {
            ended.expect("no panic");
        }
        assert_eq!((rows, room.taken()), (12, 0));
    }

    #[tokio::test]
    async fn usual_batches_have_their_place_whatever_others_do() {
        let room = Room::of(40 * MIB);
        let (send, mut receive) = mpsc::channel::<Batch>(1);
        let outlet = Outlet::new(send, 2 * MIB).within(room.clone());
        let mut batch = row(2 * MIB);
        outlet.open(&mut batch, 0).await;

        let next = outlet.pass(batch).await.expect("somebody listens");

        assert_eq!(room.taken(), 2 * ((2 * MIB * 4 / 3) >> 10 << 10));
        drop((next, receive.recv().await));
        assert_eq!(room.taken(), 0);
    }

    #[tokio::test]
    async fn without_a_room_nobody_waits() {
        let (send, mut receive) = mpsc::channel::<Batch>(1);
        let outlet = Outlet::new(send, 10);
        assert!(outlet.is_full(&row(10)));

        let next = outlet.pass(row(20 * MIB)).await.expect("somebody listens");

        assert!(next.held().is_none() && outlet.finish(next).await);
        drop(outlet);
        assert_eq!(receive.recv().await.map(|batch| batch.rows()), Some(1));
        assert!(receive.recv().await.is_none());
    }
}
