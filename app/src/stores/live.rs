//! What changes while the portal is open, and whether it is told of it.

use leptos::prelude::*;
use shared::event::{Change, Counts, PortalEvent, Topic};

use super::Link;

#[derive(Clone, Copy)]
pub(crate) struct Live {
    link: RwSignal<Link>,
    counts: RwSignal<Counts>,
    /// The last change of each topic.
    last: RwSignal<Vec<(Topic, u64)>>,
    /// The last change after which everything had to be read anew.
    reset: RwSignal<u64>,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            link: RwSignal::new(Link::Connecting),
            counts: RwSignal::new(Counts::default()),
            last: RwSignal::new(Vec::new()),
            reset: RwSignal::new(0),
        }
    }

    /// The channel that the portal provides.
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    pub(crate) fn link_is(self, link: Link) {
        self.link.set(link);
    }

    /// Something happened. What is for nobody's eyes in particular is given back as it came.
    pub(crate) fn hear(self, event: PortalEvent) -> Option<Change> {
        match event {
            PortalEvent::Change(change) => {
                self.last.update(|last| {
                    last.retain(|(topic, _)| *topic != change.topic);
                    last.push((change.topic, change.number));
                });
                Some(change)
            }
            PortalEvent::Counts(counts) => {
                self.counts.set(counts);
                None
            }
            PortalEvent::Reset(reset) => {
                self.reset.set(reset.number);
                None
            }
            // Who looks at a run follows that one.
            PortalEvent::Run(_) => None,
        }
    }

    /// What is shown is what was known last.
    pub(crate) fn is_stale(self) -> bool {
        self.link.get() == Link::Stale
    }

    /// How much of each kind waits for somebody.
    pub(crate) fn counts(self) -> Counts {
        self.counts.get()
    }

    /// Another number whenever things of a topic are no longer what they were.
    pub(crate) fn version(self, topic: Topic) -> u64 {
        let last = self.last.with(|last| last.iter().find(|(it, _)| *it == topic).map(|it| it.1));
        last.unwrap_or_default().max(self.reset.get())
    }
}

#[cfg(test)]
mod tests {
    use shared::audit::Action;
    use shared::event::Reset;

    use super::*;

    fn change(number: u64, topic: Topic) -> PortalEvent {
        PortalEvent::Change(Change {
            number,
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            topic,
            action: Action::RunStarted,
            object: "r1".to_owned(),
            notice: None,
        })
    }

    #[test]
    fn a_change_of_one_topic_leaves_the_others_alone() {
        Owner::new().with(|| {
            let live = Live::new();
            live.hear(change(7, Topic::Run));
            live.hear(change(8, Topic::Run));
            assert_eq!((live.version(Topic::Run), live.version(Topic::Alert)), (8, 0));
        });
    }

    #[test]
    fn after_a_reset_everything_is_read_anew() {
        Owner::new().with(|| {
            let live = Live::new();
            live.hear(change(7, Topic::Run));
            live.hear(PortalEvent::Reset(Reset { number: 9 }));
            assert_eq!((live.version(Topic::Run), live.version(Topic::Alert)), (9, 9));
        });
    }

    #[test]
    fn only_a_channel_that_broke_is_stale() {
        Owner::new().with(|| {
            let live = Live::new();
            assert!(!live.is_stale());
            live.link_is(Link::Stale);
            assert!(live.is_stale());
            live.link_is(Link::Live);
            assert!(!live.is_stale());
        });
    }
}
