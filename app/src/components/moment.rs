use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;

use crate::{browser, format};

/// How long ago something was; the exact time is its title.
#[component]
pub fn Moment(time: DateTime<Utc>) -> impl IntoView {
    view! {
        <time
            datetime=time.to_rfc3339_opts(SecondsFormat::Secs, true)
            title=format::date_and_time(time)
        >
            {format::ago(time, browser::now())}
        </time>
    }
}
