//! What an administrator sets for everybody.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::approval::ActKind;
use shared::problem::FieldProblem;
use shared::settings::{
    ApprovalSettings, AssistantSettings, FilePolicy, HostSettings, NotificationSettings,
    QuietHours, SearchSettings, ServerPolicy, SessionSettings, Settings, SettingsState,
};

use super::sections::{Approvals, Assistant, Hosts, Notifications, Searches, Sessions};
use crate::api::{self, ApiError};
use crate::components::{Loaded, Moment, Refusal};
use crate::stores::Notices;

#[component]
pub(super) fn Installation() -> impl IntoView {
    let settings = LocalResource::new(api::settings::find);
    let changed = Callback::new(move |()| settings.refetch());
    view! {
        <section class="card settings" aria-labelledby="installation">
            <h2 id="installation">"This installation"</h2>
            <Loaded resource=settings lines=8 let:state>
                <SettingsForm state changed/>
            </Loaded>
        </section>
    }
}

#[component]
fn SettingsForm(state: SettingsState, changed: Callback<()>) -> impl IntoView {
    let notices = Notices::expect();
    let SettingsState { settings, version, changed_at, changed_by, assistant_key_set, fixed } =
        state;
    let entry = Entry::of(&settings);
    let problems = RwSignal::new(Vec::<FieldProblem>::new());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let settings = match entry.settings() {
            Ok(settings) => settings,
            Err(found) => return problems.set(found),
        };
        problems.set(settings.problems());
        refusal.set(None);
        if problems.with_untracked(|problems| !problems.is_empty()) {
            return;
        }
        is_busy.set(true);
        spawn_local(async move {
            match api::settings::change(version, &settings).await {
                Ok(_) => {
                    notices.good("The settings are in force.");
                    changed.run(());
                }
                Err(error) => {
                    problems.set(error.fields().to_vec());
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let said = Problems(problems);
    let hosts_fixed = fixed.iter().any(|part| part == "hosts");
    view! {
        {changed_at
            .map(|time| {
                view! {
                    <p class="quiet-text">
                        "Changed "
                        <Moment time/>
                        {changed_by.map(|by| format!(" by {by}"))}
                    </p>
                }
            })}
        <form class="form" on:submit=submit novalidate>
            <Sessions entry said/>
            <Approvals entry said/>
            <Notifications entry said/>
            <Searches entry said/>
            <Hosts entry said is_fixed=hosts_fixed/>
            <Assistant entry said has_key=assistant_key_set changed/>
            <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    "Save the settings"
                </button>
            </div>
        </form>
    }
}

/// What is wrong with which field.
#[derive(Clone, Copy)]
pub(super) struct Problems(RwSignal<Vec<FieldProblem>>);

impl Problems {
    pub(super) fn about(self, field: &'static str) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.0.with(|problems| {
                problems
                    .iter()
                    .find(|problem| problem.field == field)
                    .map(|problem| problem.message.clone())
            })
        })
    }
}

/// What stands in the form.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) idle_minutes: RwSignal<String>,
    pub(super) longest_hours: RwSignal<String>,
    pub(super) second_person: RwSignal<Vec<ActKind>>,
    pub(super) expire_minutes: RwSignal<String>,
    pub(super) has_quiet_hours: RwSignal<bool>,
    pub(super) quiet_from: RwSignal<String>,
    pub(super) quiet_to: RwSignal<String>,
    pub(super) quiet_zone: RwSignal<String>,
    pub(super) servers: RwSignal<String>,
    pub(super) listed: RwSignal<String>,
    pub(super) files: RwSignal<String>,
    pub(super) folders: RwSignal<String>,
    pub(super) assistant_enabled: RwSignal<bool>,
    pub(super) assistant_endpoint: RwSignal<String>,
    pub(super) assistant_model: RwSignal<String>,
    pub(super) searches: StoredValue<SearchesEntry>,
}

/// Which old searches are kept.
#[derive(Clone, Copy)]
pub(super) struct SearchesEntry {
    pub(super) keep: RwSignal<String>,
    pub(super) keep_days: RwSignal<String>,
}

impl Entry {
    fn of(settings: &Settings) -> Self {
        let Settings { sessions, approvals, hosts, notifications, assistant, searches } = settings;
        let quiet = notifications.quiet_hours.as_ref();
        let time = |time: chrono::NaiveTime| time.format(TIME).to_string();
        let text = RwSignal::new;
        Self {
            idle_minutes: text(sessions.idle_minutes.to_string()),
            longest_hours: text(sessions.longest_hours.to_string()),
            second_person: RwSignal::new(approvals.second_person.clone()),
            expire_minutes: text(approvals.expire_minutes.to_string()),
            has_quiet_hours: RwSignal::new(quiet.is_some()),
            quiet_from: text(quiet.map_or_else(|| "22:00".to_owned(), |it| time(it.from))),
            quiet_to: text(quiet.map_or_else(|| "06:00".to_owned(), |it| time(it.to))),
            quiet_zone: text(quiet.map_or_else(|| "UTC".to_owned(), |it| it.zone.clone())),
            servers: text(server_policy_name(hosts.servers).to_owned()),
            listed: text(hosts.listed.join("\n")),
            files: text(file_policy_name(hosts.files).to_owned()),
            folders: text(hosts.folders.join("\n")),
            assistant_enabled: RwSignal::new(assistant.enabled),
            assistant_endpoint: text(assistant.endpoint.clone().unwrap_or_default()),
            assistant_model: text(assistant.model.clone().unwrap_or_default()),
            searches: StoredValue::new(SearchesEntry {
                keep: text(searches.keep.to_string()),
                keep_days: text(
                    searches.keep_days.map(|days| days.to_string()).unwrap_or_default(),
                ),
            }),
        }
    }

    /// The settings, or the fields in which there is no number or no time.
    fn settings(self) -> Result<Settings, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let mut number = |text: RwSignal<String>, field: &str| {
            let number = text.read_untracked().trim().parse::<u32>();
            number.unwrap_or_else(|_| {
                problems.push(wrong(field, "Write a number."));
                0
            })
        };
        let idle_minutes = number(self.idle_minutes, "sessions.idle_minutes");
        let longest_hours = number(self.longest_hours, "sessions.longest_hours");
        let expire_minutes = number(self.expire_minutes, "approvals.expire_minutes");
        let searches = self.searches.get_value();
        let keep = number(searches.keep, "searches.keep");
        let keep_days = (!searches.keep_days.read_untracked().trim().is_empty())
            .then(|| number(searches.keep_days, "searches.keep_days"));
        let quiet_hours = self.quiet_hours();
        problems.extend(quiet_hours.as_ref().err().cloned());
        if !problems.is_empty() {
            return Err(problems);
        }
        let given = |text: RwSignal<String>| {
            Some(text.read_untracked().trim().to_owned()).filter(|text| !text.is_empty())
        };
        Ok(Settings {
            sessions: SessionSettings { idle_minutes, longest_hours },
            approvals: ApprovalSettings {
                second_person: self.second_person.get_untracked(),
                expire_minutes,
            },
            hosts: HostSettings {
                servers: server_policy_of(&self.servers.read_untracked()),
                listed: lines(&self.listed.read_untracked()),
                files: file_policy_of(&self.files.read_untracked()),
                folders: lines(&self.folders.read_untracked()),
            },
            notifications: NotificationSettings { quiet_hours: quiet_hours.unwrap_or_default() },
            assistant: AssistantSettings {
                enabled: self.assistant_enabled.get_untracked(),
                endpoint: given(self.assistant_endpoint),
                model: given(self.assistant_model),
            },
            searches: SearchSettings { keep, keep_days },
        })
    }

    fn quiet_hours(self) -> Result<Option<QuietHours>, FieldProblem> {
        if !self.has_quiet_hours.get_untracked() {
            return Ok(None);
        }
        let time = |text: RwSignal<String>, field: &str| {
            let text = text.read_untracked();
            chrono::NaiveTime::parse_from_str(text.trim(), TIME)
                .map_err(|_| wrong(field, "Write a time of day as 22:00."))
        };
        Ok(Some(QuietHours {
            from: time(self.quiet_from, "notifications.quiet_hours.from")?,
            to: time(self.quiet_to, "notifications.quiet_hours.to")?,
            zone: self.quiet_zone.read_untracked().trim().to_owned(),
        }))
    }
}

const TIME: &str = "%H:%M";

fn wrong(field: &str, message: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), message: message.to_owned() }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

pub(super) const SERVER_POLICIES: [(ServerPolicy, &str, &str); 3] = [
    (ServerPolicy::Any, "any", "Any, but not where no database is"),
    (ServerPolicy::Public, "public", "Only addresses of the public internet"),
    (ServerPolicy::Listed, "listed", "Only those in the list"),
];

pub(super) const FILE_POLICIES: [(FilePolicy, &str, &str); 3] = [
    (FilePolicy::Any, "any", "Any that the server may use"),
    (FilePolicy::Listed, "listed", "Only in the listed folders"),
    (FilePolicy::None, "none", "None"),
];

fn server_policy_name(policy: ServerPolicy) -> &'static str {
    SERVER_POLICIES.iter().find(|(it, ..)| *it == policy).map_or("any", |(_, name, _)| name)
}

fn server_policy_of(name: &str) -> ServerPolicy {
    SERVER_POLICIES.iter().find(|(_, it, _)| *it == name).map(|(it, ..)| *it).unwrap_or_default()
}

fn file_policy_name(policy: FilePolicy) -> &'static str {
    FILE_POLICIES.iter().find(|(it, ..)| *it == policy).map_or("any", |(_, name, _)| name)
}

fn file_policy_of(name: &str) -> FilePolicy {
    FILE_POLICIES.iter().find(|(_, it, _)| *it == name).map(|(it, ..)| *it).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let time = |text: &str| text.parse().unwrap();
        let mut settings = Settings::default();
        settings.approvals.second_person = vec![ActKind::RollBack];
        settings.hosts.servers = ServerPolicy::Listed;
        settings.hosts.listed = vec!["db.clinic.example".to_owned(), "10.1.0.0/16".to_owned()];
        settings.hosts.files = FilePolicy::None;
        settings.notifications.quiet_hours = Some(QuietHours {
            from: time("22:00:00"),
            to: time("06:30:00"),
            zone: "Europe/Berlin".to_owned(),
        });
        settings.assistant.model = Some("small".to_owned());
        settings.searches = SearchSettings { keep: 5, keep_days: Some(90) };
        settings
    }

    #[test]
    fn settings_survive_the_form() {
        Owner::new().with(|| {
            for settings in [settings(), Settings::default()] {
                assert_eq!(Entry::of(&settings).settings(), Ok(settings));
            }
        });
    }

    #[test]
    fn what_is_no_number_and_no_time_is_said_at_its_field() {
        Owner::new().with(|| {
            let entry = Entry::of(&settings());
            entry.idle_minutes.set("soon".to_owned());
            entry.quiet_to.set("dawn".to_owned());
            let found = entry.settings().unwrap_err();
            let fields: Vec<_> = found.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(fields, ["sessions.idle_minutes", "notifications.quiet_hours.to"]);
        });
    }
}
