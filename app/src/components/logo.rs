use leptos::prelude::*;

/// Two streams that become one, on a field of 32 by 32; as in `favicon.svg`.
const SIGN: &str = concat!(
    "<rect width='32' height='32' rx='8' fill='#007cbb'/>",
    "<g fill='none' stroke-width='3' stroke-linecap='round'>",
    "<path d='M7 23h3c6 0 5-7 11-7' stroke='#9be1ff'/>",
    "<path d='M7 9h3c6 0 5 7 11 7h4' stroke='#fff'/></g>",
);

/// The brand.
#[component]
pub fn Logo(
    /// Whether the name stands beside the sign.
    #[prop(default = true)]
    named: bool,
) -> impl IntoView {
    view! {
        <span class="logo">
            <svg class="logo-sign" viewBox="0 0 32 32" aria-hidden="true" inner_html=SIGN></svg>
            <span class="logo-name" class:visually-hidden=!named>
                "Transfuse"
            </span>
        </span>
    }
}
