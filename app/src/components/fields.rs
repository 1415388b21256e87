//! Fields of forms: a label, an input, what is wrong with it.

use leptos::{ev, prelude::*};

use super::{Icon, Shape};

/// A line of text.
#[component]
pub fn TextField(
    /// Its name in the form; no other field of the page has it.
    name: &'static str,
    #[prop(into)] label: String,
    value: RwSignal<String>,
    /// What is wrong with it, once that is worth saying.
    #[prop(optional, into)]
    problem: Signal<Option<String>>,
    #[prop(optional)] hint: Option<&'static str>,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// Called when the field is left.
    #[prop(optional, into)]
    left: Option<Callback<()>>,
) -> impl IntoView {
    view! {
        <Field name label hint problem>
            <input
                class="input"
                id=name
                name=name
                type=kind
                autocomplete=autocomplete
                autocapitalize="off"
                spellcheck="false"
                placeholder=placeholder
                aria-describedby=described_by(name, hint)
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                disabled=disabled
                prop:value=value
                on:input=move |event| value.set(event_target_value(&event))
                on:blur=move |_| {
                    if let Some(left) = left {
                        left.run(());
                    }
                }
            />
        </Field>
    }
}

/// A password, which its owner may look at.
#[component]
pub fn PasswordField(
    name: &'static str,
    #[prop(into)] label: String,
    value: RwSignal<String>,
    #[prop(optional, into)] problem: Signal<Option<String>>,
    #[prop(optional)] placeholder: &'static str,
    #[prop(default = "current-password")] autocomplete: &'static str,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let is_shown = RwSignal::new(false);
    view! {
        <Field name label problem>
            <div class="input-with-button">
                <input
                    class="input"
                    id=name
                    name=name
                    type=move || if is_shown.get() { "text" } else { "password" }
                    autocomplete=autocomplete
                    placeholder=placeholder
                    aria-describedby=described_by(name, None)
                    aria-invalid=move || problem.with(Option::is_some).then_some("true")
                    disabled=disabled
                    prop:value=value
                    on:input=move |event| value.set(event_target_value(&event))
                />
                <button
                    type="button"
                    class="button icon-only quiet"
                    aria-pressed=move || is_shown.get().to_string()
                    disabled=disabled
                    on:click=move |_| is_shown.update(|is_shown| *is_shown = !*is_shown)
                >
                    {move || {
                        let shape = if is_shown.get() { Shape::EyeOff } else { Shape::Eye };
                        view! { <Icon shape/> }
                    }}
                    <span class="visually-hidden">"Show the password"</span>
                </button>
            </div>
        </Field>
    }
}

/// A line of text for which there are likely answers.
#[component]
pub fn SuggestField(
    name: &'static str,
    #[prop(into)] label: String,
    value: RwSignal<String>,
    /// Likely answers; any other is taken too.
    #[prop(into)]
    suggestions: Signal<Vec<String>>,
    #[prop(optional, into)] problem: Signal<Option<String>>,
    #[prop(optional)] hint: Option<&'static str>,
) -> impl IntoView {
    let list = format!("{name}-suggestions");
    view! {
        <Field name label hint problem>
            <input
                class="input"
                id=name
                name=name
                type="text"
                list=list.clone()
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                aria-describedby=described_by(name, hint)
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                prop:value=value
                on:input=move |event| value.set(event_target_value(&event))
            />
            <datalist id=list>
                {move || {
                    suggestions
                        .get()
                        .into_iter()
                        .map(|text| view! { <option value=text></option> })
                        .collect_view()
                }}
            </datalist>
        </Field>
    }
}

/// Several lines of text.
#[component]
pub fn TextAreaField(
    name: &'static str,
    #[prop(into)] label: String,
    value: RwSignal<String>,
    #[prop(default = 4)] rows: u32,
    #[prop(optional, into)] problem: Signal<Option<String>>,
    #[prop(optional)] hint: Option<&'static str>,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    view! {
        <Field name label hint problem>
            <textarea
                class="input text-area"
                id=name
                name=name
                rows=rows.to_string()
                spellcheck="false"
                autocapitalize="off"
                placeholder=placeholder
                aria-describedby=described_by(name, hint)
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                disabled=disabled
                prop:value=value
                on:input=move |event| value.set(event_target_value(&event))
            ></textarea>
        </Field>
    }
}

#[component]
pub fn CheckboxField(
    name: &'static str,
    #[prop(into)] label: String,
    value: RwSignal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    view! {
        <label class="checkbox" for=name>
            <input
                id=name
                name=name
                type="checkbox"
                disabled=disabled
                prop:checked=value
                on:change=move |event| value.set(event_target_checked(&event))
            />
            {label}
        </label>
    }
}

/// One of the choices of a [`SelectField`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// One of a few.
#[component]
pub fn SelectField(
    name: &'static str,
    #[prop(into)] label: String,
    value: RwSignal<String>,
    /// The first is what an empty value stands for.
    #[prop(into)]
    choices: Signal<Vec<Choice>>,
    #[prop(optional, into)] problem: Signal<Option<String>>,
    #[prop(optional)] hint: Option<&'static str>,
) -> impl IntoView {
    let on_change = move |event: ev::Event| value.set(event_target_value(&event));
    view! {
        <Field name label hint problem>
            <select
                class="input select"
                id=name
                name=name
                aria-describedby=described_by(name, hint)
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                on:change=on_change
            >
                {move || {
                    choices
                        .get()
                        .into_iter()
                        .map(|Choice { value: choice, label }| {
                            let is_chosen = {
                                let choice = choice.clone();
                                move || value.with(|value| *value == choice)
                            };
                            view! {
                                <option value=choice selected=is_chosen>
                                    {label}
                                </option>
                            }
                        })
                        .collect_view()
                }}
            </select>
        </Field>
    }
}

#[component]
fn Field(
    name: &'static str,
    label: String,
    #[prop(optional_no_strip)] hint: Option<&'static str>,
    problem: Signal<Option<String>>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            {children()}
            {hint
                .map(|hint| {
                    view! {
                        <p class="field-hint" id=format!("{name}-hint")>
                            {hint}
                        </p>
                    }
                })}
            <p class="field-problem" id=format!("{name}-problem") aria-live="polite">
                {problem}
            </p>
        </div>
    }
}

fn described_by(name: &str, hint: Option<&'static str>) -> String {
    match hint {
        Some(_) => format!("{name}-problem {name}-hint"),
        None => format!("{name}-problem"),
    }
}
