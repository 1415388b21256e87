use std::fmt::Write;

use leptos::prelude::*;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 48.0;

/// How a number went of late. The number itself stands beside it in words.
#[component]
pub fn Sparkline(
    /// Oldest first.
    #[prop(into)]
    values: Signal<Vec<f64>>,
) -> impl IntoView {
    let line = Memo::new(move |_| values.with(|values| path(values)));
    let area = move || {
        let line = line.get();
        if line.is_empty() {
            return line;
        }
        format!("{line} L{WIDTH} {HEIGHT} L0 {HEIGHT} Z")
    };
    view! {
        <svg
            class="sparkline"
            viewBox=format!("0 0 {WIDTH} {HEIGHT}")
            preserveAspectRatio="none"
            aria-hidden="true"
        >
            <path class="sparkline-area" d=area></path>
            <path class="sparkline-line" d=line></path>
        </svg>
    }
}

/// From the oldest value at the left edge to the newest at the right.
#[expect(clippy::cast_precision_loss, reason = "a few dozen values")]
fn path(values: &[f64]) -> String {
    if values.len() < 2 {
        return String::new();
    }
    let highest = values.iter().copied().fold(1.0, f64::max);
    let mut path = String::new();
    for (index, value) in values.iter().enumerate() {
        let x = WIDTH * index as f64 / (values.len() - 1) as f64;
        // Two units of margin keep the line's own width inside.
        let y = 2.0 + (HEIGHT - 4.0) * (1.0 - value.max(0.0) / highest);
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{command}{x:.1} {y:.1}");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn the_highest_value_reaches_the_top_and_the_newest_the_right() {
        assert_eq!(path(&[0.0, 10.0, 5.0]), "M0.0 46.0L120.0 2.0L240.0 24.0");
    }

    #[test]
    fn one_value_is_no_line() {
        assert_eq!(path(&[1.0]), "");
    }
}
