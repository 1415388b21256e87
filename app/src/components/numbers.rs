use leptos::prelude::*;

/// The heads of columns of numbers.
#[component]
pub fn NumberHeads<const N: usize>(names: [&'static str; N]) -> impl IntoView {
    names
        .map(|name| {
            view! {
                <th scope="col" class="number">
                    {name}
                </th>
            }
        })
        .collect_view()
}

/// What stands beneath them in one row.
#[component]
pub fn NumberCells<const N: usize>(numbers: [String; N]) -> impl IntoView {
    numbers.map(|number| view! { <td class="number">{number}</td> }).collect_view()
}
