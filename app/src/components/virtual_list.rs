use std::ops::Range;

use leptos::{html, prelude::*};

/// Rows beyond the edges that are kept ready, so that fast scrolling shows no gaps.
const SPARE: usize = 8;

/// A long list of which only the rows in sight exist.
#[component]
pub fn VirtualList<V, F>(
    #[prop(into)] label: String,
    /// How many rows there are by now.
    #[prop(into)]
    count: Signal<usize>,
    /// How many rows there will be, once all are loaded.
    #[prop(into)]
    total: Signal<usize>,
    /// The height of every row, in pixels.
    row_height: u32,
    /// Called when the end of what is there comes into sight.
    #[prop(into)]
    want_more: Callback<()>,
    /// Shows a row.
    children: F,
) -> impl IntoView
where
    V: IntoView + 'static,
    F: Fn(usize) -> V + Clone + Send + Sync + 'static,
{
    let frame = NodeRef::<html::Div>::new();
    // In sight at first; corrected as soon as the frame is there.
    let sight = RwSignal::new(Sight { top: 0, height: 600 });
    let look = move || {
        if let Some(frame) = frame.get_untracked() {
            sight.set(Sight {
                top: frame.scroll_top().max(0).unsigned_abs(),
                height: frame.client_height().max(0).unsigned_abs(),
            });
        }
    };
    Effect::new(move || {
        frame.track();
        look();
    });
    let resized = window_event_listener(leptos::ev::resize, move |_| look());
    on_cleanup(move || resized.remove());

    let rows = Memo::new(move |_| sight.get().rows(row_height, count.get()));
    Effect::new(move || {
        let rows = rows.get();
        if rows.end >= count.get() && count.get() < total.get() {
            want_more.run(());
        }
    });
    let height = move || format!("{}px", count.get() as u64 * u64::from(row_height));
    view! {
        <div
            class="virtual-list"
            node_ref=frame
            role="region"
            aria-label=label
            tabindex="0"
            on:scroll=move |_| look()
        >
            <ul class="virtual-list-rows" style:height=height>
                <For each=move || rows.get() key=|index| *index let:index>
                    <li
                        style:height=format!("{row_height}px")
                        style:top=format!("{}px", index as u64 * u64::from(row_height))
                        aria-setsize=move || total.get().to_string()
                        aria-posinset=(index + 1).to_string()
                    >
                        {children(index)}
                    </li>
                </For>
            </ul>
        </div>
    }
}

/// The part of the list that is in sight, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sight {
    top: u32,
    height: u32,
}

impl Sight {
    fn rows(self, row_height: u32, count: usize) -> Range<usize> {
        let first = (self.top / row_height) as usize;
        let last = ((self.top + self.height) / row_height) as usize + 1;
        first.saturating_sub(SPARE).min(count)..(last + SPARE).min(count)
    }
}

#[cfg(test)]
mod tests {
    use super::Sight;

    #[test]
    fn the_rows_in_sight_have_a_few_spare_ones_around() {
        let sight = Sight { top: 6_400, height: 640 };
        assert_eq!(sight.rows(64, 10_000), 92..119);
    }

    #[test]
    fn no_row_is_shown_that_is_not_there() {
        assert_eq!(Sight { top: 0, height: 640 }.rows(64, 3), 0..3);
        assert_eq!(Sight { top: 99_999, height: 640 }.rows(64, 3), 3..3);
        assert_eq!(Sight { top: 0, height: 640 }.rows(64, 0), 0..0);
    }
}
