//! What somebody sees who is not signed in.

use leptos::prelude::*;
use leptos_meta::Title;
use shared::route;

use crate::components::shell::ThemeToggle;
use crate::components::{Icon, Logo, Shape};
use crate::routes;

#[component]
pub fn Landing() -> impl IntoView {
    view! {
        <Title text=""/>
        <div class="landing">
            <Header/>
            <main id="main">
                <Hero/>
                <Features/>
                <Way/>
            </main>
            <Footer/>
        </div>
    }
}

#[component]
fn Header() -> impl IntoView {
    let anchors = [("#features", "Features"), ("#about", "About"), ("#contact", "Contact")];
    view! {
        <header class="landing-header">
            <div class="landing-width">
                <Logo/>
                <nav aria-label="Page">
                    {anchors
                        .into_iter()
                        .map(|(anchor, name)| {
                            view! {
                                <a class="landing-anchor" href=anchor>
                                    {name}
                                </a>
                            }
                        })
                        .collect_view()}
                    <ThemeToggle/>
                    <a class="button primary pill" href=routes::SIGN_IN>
                        "Login"
                    </a>
                </nav>
            </div>
        </header>
    }
}

#[component]
fn Hero() -> impl IntoView {
    view! {
        <section class="hero">
            <div class="landing-width">
                <h1>"Every row accounted for"</h1>
                <p class="hero-claim">"Legacy clinical databases, moved to PostgreSQL"</p>
                <p>
                    "Transfuse copies a legacy database into a modern one, shows every rule that \
                    it applies, keeps every row that it could not carry over, and goes on where \
                    it stopped."
                </p>
                <div class="actions">
                    <a class="button light pill" href=routes::SIGN_IN>
                        "Get Started"
                        <Icon shape=Shape::ArrowRight/>
                    </a>
                    <a class="button ghost pill" href="#features">
                        "Learn More"
                    </a>
                </div>
            </div>
        </section>
    }
}

#[component]
fn Features() -> impl IntoView {
    view! {
        <section class="landing-section" id="features">
            <div class="landing-width">
                <h2>"A migration you can sign for"</h2>
                <ul class="feature-grid">
                    {FEATURES
                        .into_iter()
                        .map(|(icon, title, text)| {
                            view! {
                                <li class="card feature">
                                    <span class="feature-icon">
                                        <Icon shape=icon/>
                                    </span>
                                    <h3>{title}</h3>
                                    <p>{text}</p>
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
            </div>
        </section>
    }
}

#[component]
fn Way() -> impl IntoView {
    view! {
        <section class="landing-section tinted" id="about">
            <div class="landing-width">
                <h2>"How a migration goes"</h2>
                <ol class="way">
                    {WAY
                        .into_iter()
                        .map(|(title, text)| {
                            view! {
                                <li>
                                    <h3>{title}</h3>
                                    <p>{text}</p>
                                </li>
                            }
                        })
                        .collect_view()}
                </ol>
            </div>
        </section>
    }
}

#[component]
fn Footer() -> impl IntoView {
    view! {
        <footer class="landing-footer" id="contact">
            <div class="landing-width footer-columns">
                <div>
                    <Logo/>
                    <p>"Moves clinical data, and can show where every row went."</p>
                </div>
                <div>
                    <h2>"Contact"</h2>
                    <p>
                        "This installation is run by your own organisation. Its administrators \
                        make accounts and answer questions."
                    </p>
                </div>
                <div>
                    <h2>"For developers"</h2>
                    <ul>
                        <li>
                            <a href=route::DOCS rel="external">
                                "API reference"
                            </a>
                        </li>
                        <li>
                            <a href=route::OPENAPI rel="external">
                                "OpenAPI document"
                            </a>
                        </li>
                    </ul>
                </div>
                <div>
                    <h2>"Licence"</h2>
                    <p>"Free software under the Apache License 2.0."</p>
                </div>
            </div>
        </footer>
    }
}

const FEATURES: [(Shape, &str, &str); 6] = [
    (
        Shape::Shield,
        "The source stays untouched",
        "It is opened read-only and read in one snapshot: the legacy system can go on working.",
    ),
    (
        Shape::Books,
        "Books that close",
        "Per table, the rows read are the rows loaded, merged, filtered and quarantined. \
         Otherwise the run is not green.",
    ),
    (
        Shape::Inbox,
        "A bad row is kept, not lost",
        "What cannot be carried over goes to the quarantine, whole and sealed, with the reason \
         and what mends it.",
    ),
    (
        Shape::Refresh,
        "Stop and resume at any time",
        "Rows and ledger commit together. After a crash the same command goes on where the last \
         commit was.",
    ),
    (
        Shape::Plan,
        "One plan that people can read",
        "Every table, column, rule and code table stands in one versioned document, for review \
         and for the record.",
    ),
    (
        Shape::Gauge,
        "Live progress",
        "Rows a second, the time that is left and the books of every table, as they happen.",
    ),
];

const WAY: [(&str, &str); 4] = [
    ("Connect", "Name the legacy database and the new one, and have both tested step by step."),
    ("Map", "Have a complete plan drafted from both catalogs; read it, change it, save it."),
    ("Copy", "Start the run and watch it. Pause it when you must."),
    ("Check", "See the books close, and look at what stayed behind and why."),
];
