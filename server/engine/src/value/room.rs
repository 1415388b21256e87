//! How many bytes of rows may be held at once, by all who read and write at the same time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room is counted in so many bytes.
const UNIT: usize = 1 << 10;

/// Room for rows. Clones are handles to the same.
#[derive(Debug, Clone)]
pub struct Room {
    free: Arc<Semaphore>,
    all: u32,
}

/// A part of the room, until it is dropped.
#[derive(Debug)]
pub struct Held(OwnedSemaphorePermit);

impl Room {
    pub fn of(bytes: usize) -> Self {
        let all = units(bytes);
        Self { free: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits for room for so many bytes. Who needs more than there is gets all of it, and so is
    /// alone. In the order in which they ask, so that a large one is not waited past for ever.
    pub async fn take(&self, bytes: usize) -> Held {
        let wanted = units(bytes).min(self.all);
        let taken = Arc::clone(&self.free).acquire_many_owned(wanted).await;
        Held(taken.expect("nobody closes it"))
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> usize {
        (self.all as usize - self.free.available_permits()) * UNIT
    }
}

impl Held {
    /// Whether it is enough for so many bytes, or all that there is.
    pub fn is_enough_for(&self, bytes: usize, room: &Room) -> bool {
        self.0.num_permits() >= units(bytes).min(room.all) as usize
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).clamp(1, u32::MAX >> 1)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_taken_is_no_more_than_there_is_and_what_is_too_large_is_alone() {
        let room = Room::of(10 << 10);
        let first = room.take(6 << 10).await;
        assert!(room.take(5 << 10).now_or_never().is_none());
        let second = room.take(4 << 10).await;
        assert_eq!(room.taken(), 10 << 10);

        let large = room.take(99 << 10);
        tokio::pin!(large);
        assert!(large.as_mut().now_or_never().is_none());
        // Who comes later waits behind it.
        drop(first);
        assert!(room.take(1).now_or_never().is_none());
        drop(second);
        let large = large.await;

        assert!(large.is_enough_for(99 << 10, &room));
        assert!(room.take(1).now_or_never().is_none());
        drop(large);
        assert_eq!(room.taken(), 0);
    }
}
