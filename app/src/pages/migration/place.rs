//! The places within the migration, and their addresses.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use shared::error_code::ErrorCode;
use shared::id::{
    AssessmentId, CheckingId, ClusterKey, MatchingId, PlanId, RehearsalId, RunId, SignOffId,
    VerificationId,
};
use shared::quarantine::{QuarantineFilter, QuarantineState};

use super::alerts::Alerts;
use super::approvals::Approvals;
use super::assessment::{AssessmentPage, Assessments};
use super::audit::Audit;
use super::checking::{CheckingPage, Checkings};
use super::connections::Connections;
use super::duplicates::{
    ClusterPage, Clusters, Duplicates, Merges, ModelPage, Review, ThresholdsPage,
};
use super::overview::Overview;
use super::plan::PlanPage;
use super::plans::Plans;
use super::quarantine::Quarantine;
use super::rehearsals::{RehearsalPage, Rehearsals};
use super::rollback::RollbackPage;
use super::run::RunPage;
use super::runs::Runs;
use super::sign_off::{SignOffPage, SignOffs};
use super::verification::{VerificationPage, Verifications};
use crate::api::with_query;
use crate::components::{Icon, Shape};
use crate::format;
use crate::pages::NotFoundHere;
use crate::routes;
use crate::stores::Live;

/// The parameters by which a quarantine is narrowed.
pub(super) const TABLE: &str = "table";
pub(super) const CODE: &str = "code";
pub(super) const COLUMN: &str = "column";
pub(super) const STATE: &str = "state";
/// The parameter that names the run to verify, to check, or to sign off.
pub(super) const RUN: &str = "run";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Connections,
    Plans,
    Plan(PlanId),
    Assessments,
    Assessment(AssessmentId),
    Runs,
    Run(RunId),
    Quarantine(RunId),
    Rollback(RunId),
    Verifications,
    Verification(VerificationId),
    Checkings,
    Checking(CheckingId),
    SignOffs,
    SignOff(SignOffId),
    Rehearsals,
    Rehearsal(RehearsalId),
    Approvals,
    Alerts,
    Audit,
    Duplicates,
    Review(MatchingId),
    Clusters(MatchingId),
    Cluster(MatchingId, ClusterKey),
    Thresholds(MatchingId),
    Model(MatchingId),
    Merges(MatchingId),
}

impl Place {
    /// The place at what follows the migration's own address.
    pub(super) fn at(rest: &str) -> Option<Self> {
        let mut parts = rest.split('/').filter(|part| !part.is_empty());
        let place = match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => Self::Overview,
            (Some("connections"), None, _) => Self::Connections,
            (Some("plans"), None, _) => Self::Plans,
            (Some("plans"), Some(id), None) => Self::Plan(PlanId::parse(id).ok()?),
            (Some("assessment"), None, _) => Self::Assessments,
            (Some("assessment"), Some(id), None) => Self::Assessment(AssessmentId::parse(id).ok()?),
            (Some("runs"), None, _) => Self::Runs,
            (Some("runs"), Some(id), None) => Self::Run(RunId::parse(id).ok()?),
            (Some("runs"), Some(id), Some("quarantine")) => {
                Self::Quarantine(RunId::parse(id).ok()?)
            }
            (Some("runs"), Some(id), Some("rollback")) => Self::Rollback(RunId::parse(id).ok()?),
            (Some("verification"), None, _) => Self::Verifications,
            (Some("verification"), Some(id), None) => {
                Self::Verification(VerificationId::parse(id).ok()?)
            }
            (Some("clinical-checks"), None, _) => Self::Checkings,
            (Some("clinical-checks"), Some(id), None) => {
                Self::Checking(CheckingId::parse(id).ok()?)
            }
            (Some("sign-off"), None, _) => Self::SignOffs,
            (Some("sign-off"), Some(id), None) => Self::SignOff(SignOffId::parse(id).ok()?),
            (Some("rehearsals"), None, _) => Self::Rehearsals,
            (Some("rehearsals"), Some(id), None) => Self::Rehearsal(RehearsalId::parse(id).ok()?),
            (Some("approvals"), None, _) => Self::Approvals,
            (Some("alerts"), None, _) => Self::Alerts,
            (Some("audit"), None, _) => Self::Audit,
            (Some("duplicates"), None, _) => Self::Duplicates,
            (Some("duplicates"), Some(id), page) => {
                let id = MatchingId::parse(id).ok()?;
                match page {
                    None => Self::Review(id),
                    Some("clusters") => match parts.next() {
                        None => Self::Clusters(id),
                        Some(key) => Self::Cluster(id, ClusterKey::parse(key).ok()?),
                    },
                    Some("thresholds") => Self::Thresholds(id),
                    Some("model") => Self::Model(id),
                    Some("merges") => Self::Merges(id),
                    Some(_) => return None,
                }
            }
            _ => return None,
        };
        parts.next().is_none().then_some(place)
    }

    pub(super) fn address(&self) -> String {
        let rest = match self {
            Self::Overview => String::new(),
            Self::Connections => "/connections".to_owned(),
            Self::Plans => "/plans".to_owned(),
            Self::Plan(id) => format!("/plans/{id}"),
            Self::Assessments => "/assessment".to_owned(),
            Self::Assessment(id) => format!("/assessment/{id}"),
            Self::Runs => "/runs".to_owned(),
            Self::Run(id) => format!("/runs/{id}"),
            Self::Quarantine(id) => format!("/runs/{id}/quarantine"),
            Self::Rollback(id) => format!("/runs/{id}/rollback"),
            Self::Verifications => "/verification".to_owned(),
            Self::Verification(id) => format!("/verification/{id}"),
            Self::Checkings => "/clinical-checks".to_owned(),
            Self::Checking(id) => format!("/clinical-checks/{id}"),
            Self::SignOffs => "/sign-off".to_owned(),
            Self::SignOff(id) => format!("/sign-off/{id}"),
            Self::Rehearsals => "/rehearsals".to_owned(),
            Self::Rehearsal(id) => format!("/rehearsals/{id}"),
            Self::Approvals => "/approvals".to_owned(),
            Self::Alerts => "/alerts".to_owned(),
            Self::Audit => "/audit".to_owned(),
            Self::Duplicates => "/duplicates".to_owned(),
            Self::Review(id) => format!("/duplicates/{id}"),
            Self::Clusters(id) => format!("/duplicates/{id}/clusters"),
            Self::Cluster(id, key) => format!("/duplicates/{id}/clusters/{key}"),
            Self::Thresholds(id) => format!("/duplicates/{id}/thresholds"),
            Self::Model(id) => format!("/duplicates/{id}/model"),
            Self::Merges(id) => format!("/duplicates/{id}/merges"),
        };
        format!("{}{rest}", routes::MIGRATION)
    }

    /// The tab under which the place stands.
    fn tab(&self) -> Self {
        match self {
            Self::Plan(_) => Self::Plans,
            Self::Assessment(_) => Self::Assessments,
            Self::Run(_)
            | Self::Quarantine(_)
            | Self::Rollback(_)
            | Self::Rehearsals
            | Self::Rehearsal(_) => Self::Runs,
            Self::Verification(_) => Self::Verifications,
            Self::Checking(_) => Self::Checkings,
            Self::SignOff(_) => Self::SignOffs,
            Self::Review(_)
            | Self::Clusters(_)
            | Self::Cluster(..)
            | Self::Thresholds(_)
            | Self::Model(_)
            | Self::Merges(_) => Self::Duplicates,
            place => place.clone(),
        }
    }
}

/// The address of a run's quarantine, narrowed to a table and a cause.
pub(super) fn quarantine_of(run: &RunId, table: Option<&str>, code: Option<ErrorCode>) -> String {
    let code = code.map(ErrorCode::as_str);
    with_query(&Place::Quarantine(run.clone()).address(), [(TABLE, table), (CODE, code)])
}

/// The address at which a run can be verified.
pub(super) fn verifications_of(run: &RunId) -> String {
    with_query(&Place::Verifications.address(), [(RUN, Some(run.as_str()))])
}

/// The address at which the clinical checks of a run can be made.
pub(super) fn checkings_of(run: &RunId) -> String {
    with_query(&Place::Checkings.address(), [(RUN, Some(run.as_str()))])
}

/// The address at which people of a run can be drawn.
pub(super) fn sign_offs_of(run: &RunId) -> String {
    with_query(&Place::SignOffs.address(), [(RUN, Some(run.as_str()))])
}

/// The address of a run's quarantine, narrowed in every way there is.
pub(super) fn quarantine_where(run: &RunId, filter: &QuarantineFilter) -> String {
    let table = filter.table.as_ref().map(ToString::to_string);
    with_query(
        &Place::Quarantine(run.clone()).address(),
        [
            (TABLE, table.as_deref()),
            (CODE, filter.code.map(ErrorCode::as_str)),
            (COLUMN, filter.column.as_deref()),
            (STATE, filter.state.map(QuarantineState::as_str)),
        ],
    )
}

const TABS: [(Place, &str, Shape); 12] = [
    (Place::Overview, "Overview", Shape::Gauge),
    (Place::Connections, "Connections", Shape::Plug),
    (Place::Plans, "Plans", Shape::Plan),
    (Place::Assessments, "Assessment", Shape::Shield),
    (Place::Runs, "Runs", Shape::Play),
    (Place::Verifications, "Verification", Shape::Check),
    (Place::Checkings, "Clinical checks", Shape::Gauge),
    (Place::SignOffs, "Sign-off", Shape::Eye),
    (Place::Duplicates, "Duplicates", Shape::User),
    (Place::Approvals, "Approvals", Shape::Approval),
    (Place::Alerts, "Alerts", Shape::Bell),
    (Place::Audit, "Audit", Shape::History),
];

/// The tabs, and the page of the place at which the visitor is.
#[component]
pub fn Pages() -> impl IntoView {
    let parameters = use_params_map();
    // A memo, so that a page stays when only its query changes.
    let place = Memo::new(move |_| {
        Place::at(parameters.read().get("place").unwrap_or_default().strip_prefix("migration")?)
    });
    view! {
        <nav class="tabs" aria-label="Data Migration">
            <ul>
                {TABS
                    .into_iter()
                    .map(|(tab, label, shape)| {
                        let address = tab.address();
                        let waiting = waiting_at(&tab);
                        let is_current = move || {
                            let here = place.with(|place| place.as_ref().map(Place::tab));
                            (here.as_ref() == Some(&tab)).then_some("page")
                        };
                        view! {
                            <li>
                                <a class="tab" href=address aria-current=is_current>
                                    <Icon shape/>
                                    {label}
                                    <Waiting number=waiting/>
                                </a>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </nav>
        {move || match place.get() {
            Some(Place::Overview) => view! { <Overview/> }.into_any(),
            Some(Place::Connections) => view! { <Connections/> }.into_any(),
            Some(Place::Plans) => view! { <Plans/> }.into_any(),
            Some(Place::Plan(id)) => view! { <PlanPage id/> }.into_any(),
            Some(Place::Assessments) => view! { <Assessments/> }.into_any(),
            Some(Place::Assessment(id)) => view! { <AssessmentPage id/> }.into_any(),
            Some(Place::Runs) => view! { <Runs/> }.into_any(),
            Some(Place::Run(id)) => view! { <RunPage id/> }.into_any(),
            Some(Place::Quarantine(id)) => view! { <Quarantine id/> }.into_any(),
            Some(Place::Rollback(id)) => view! { <RollbackPage id/> }.into_any(),
            Some(Place::Verifications) => view! { <Verifications/> }.into_any(),
            Some(Place::Verification(id)) => view! { <VerificationPage id/> }.into_any(),
            Some(Place::Checkings) => view! { <Checkings/> }.into_any(),
            Some(Place::Checking(id)) => view! { <CheckingPage id/> }.into_any(),
            Some(Place::SignOffs) => view! { <SignOffs/> }.into_any(),
            Some(Place::SignOff(id)) => view! { <SignOffPage id/> }.into_any(),
            Some(Place::Rehearsals) => view! { <Rehearsals/> }.into_any(),
            Some(Place::Rehearsal(id)) => view! { <RehearsalPage id/> }.into_any(),
            Some(Place::Approvals) => view! { <Approvals/> }.into_any(),
            Some(Place::Alerts) => view! { <Alerts/> }.into_any(),
            Some(Place::Audit) => view! { <Audit/> }.into_any(),
            Some(Place::Duplicates) => view! { <Duplicates/> }.into_any(),
            Some(Place::Review(id)) => view! { <Review id/> }.into_any(),
            Some(Place::Clusters(id)) => view! { <Clusters id/> }.into_any(),
            Some(Place::Cluster(id, key)) => view! { <ClusterPage id key/> }.into_any(),
            Some(Place::Thresholds(id)) => view! { <ThresholdsPage id/> }.into_any(),
            Some(Place::Model(id)) => view! { <ModelPage id/> }.into_any(),
            Some(Place::Merges(id)) => view! { <Merges id/> }.into_any(),
            None => view! { <NotFoundHere/> }.into_any(),
        }}
    }
}

/// How much of what a tab shows waits for somebody.
fn waiting_at(tab: &Place) -> Signal<u64> {
    let live = Live::expect();
    match tab {
        Place::Approvals => Signal::derive(move || live.counts().approvals_waiting),
        Place::Alerts => Signal::derive(move || live.counts().alerts_open),
        _ => Signal::stored(0),
    }
}

#[component]
fn Waiting(number: Signal<u64>) -> impl IntoView {
    view! {
        <Show when=move || { number.get() > 0 }>
            <span class="badge tone-warning">
                {move || format::count(number.get())} <span class="visually-hidden">" waiting"</span>
            </span>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_at_its_address() {
        let run = RunId::parse("r1").unwrap();
        let search = MatchingId::parse("m1").unwrap();
        for place in [
            Place::Overview,
            Place::Connections,
            Place::Plans,
            Place::Plan(PlanId::parse("p1").unwrap()),
            Place::Assessments,
            Place::Assessment(AssessmentId::parse("a1").unwrap()),
            Place::Runs,
            Place::Run(run.clone()),
            Place::Quarantine(run.clone()),
            Place::Rollback(run),
            Place::Verifications,
            Place::Verification(VerificationId::parse("v1").unwrap()),
            Place::Checkings,
            Place::Checking(CheckingId::parse("c1").unwrap()),
            Place::SignOffs,
            Place::SignOff(SignOffId::parse("s1").unwrap()),
            Place::Approvals,
            Place::Alerts,
            Place::Audit,
            Place::Duplicates,
            Place::Review(search.clone()),
            Place::Clusters(search.clone()),
            Place::Cluster(search.clone(), ClusterKey::parse("k1").unwrap()),
            Place::Thresholds(search.clone()),
            Place::Model(search.clone()),
            Place::Merges(search),
        ] {
            let address = place.address();
            let rest = address.strip_prefix(routes::MIGRATION).unwrap();
            assert_eq!(Place::at(rest), Some(place), "{address}");
        }
    }

    #[test]
    fn other_addresses_lead_nowhere() {
        for rest in [
            "nowhere",
            "plans/p1/x",
            "verification/v1/x",
            "runs/r1/quarantine/q1",
            "runs/a b",
            "duplicates/m1/x",
            "duplicates/m1/clusters/k1/x",
        ] {
            assert_eq!(Place::at(rest), None, "{rest}");
        }
    }

    #[test]
    fn a_quarantine_is_narrowed_by_its_address() {
        let run = RunId::parse("r1").unwrap();
        assert_eq!(
            quarantine_of(&run, Some("public.visits"), Some(ErrorCode::Data008)),
            "/portal/migration/runs/r1/quarantine?table=public.visits&code=DATA-008"
        );
        assert_eq!(quarantine_of(&run, None, None), "/portal/migration/runs/r1/quarantine");
    }
}
