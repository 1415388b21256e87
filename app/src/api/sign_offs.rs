//! People drawn from runs, looked at side by side, judged, and signed for.

use shared::id::{RunId, SignOffId};
use shared::page::{Cursor, Page};
use shared::quarantine::RevealRequest;
use shared::route;
use shared::sign_off::{
    Judgement, NewJudgement, NewSignOff, RevealedPerson, SampledPerson, SignOff,
};

use super::{ApiError, get, page_of_run, post, send};

/// One page of the sign-offs, latest first; those of one run where it is named.
pub(crate) async fn list(
    run: Option<&RunId>,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<SignOff>, ApiError> {
    send(get(&page_of_run(route::SIGN_OFFS, run, after, limit))).await
}

/// Draws people of a run.
pub(crate) async fn start(new: &NewSignOff) -> Result<SignOff, ApiError> {
    send(post(route::SIGN_OFFS).json(new)?).await
}

pub(crate) async fn find(id: &SignOffId) -> Result<SignOff, ApiError> {
    send(get(&route::of_sign_off(route::SIGN_OFF, id))).await
}

/// Who was drawn, without a value.
pub(crate) async fn people(id: &SignOffId) -> Result<Vec<SampledPerson>, ApiError> {
    send(get(&route::of_sign_off(route::SIGN_OFF_PEOPLE, id))).await
}

/// Somebody's rows on both sides. That somebody looked, and why, is written down.
pub(crate) async fn reveal(
    id: &SignOffId,
    number: u32,
    reason: &str,
) -> Result<RevealedPerson, ApiError> {
    let request = RevealRequest { reason: reason.to_owned() };
    let path = route::of_sampled_person(route::SIGN_OFF_REVEAL, id, number);
    send(post(&path).json(&request)?).await
}

pub(crate) async fn judge(
    id: &SignOffId,
    number: u32,
    judgement: Judgement,
    reason: &str,
) -> Result<SampledPerson, ApiError> {
    let said = NewJudgement { judgement, reason: reason.to_owned() };
    let path = route::of_sampled_person(route::SIGN_OFF_JUDGEMENT, id, number);
    send(post(&path).json(&said)?).await
}

/// Signs for everything that was judged.
pub(crate) async fn sign(id: &SignOffId) -> Result<SignOff, ApiError> {
    send(post(&route::of_sign_off(route::SIGN_OFF_SIGNATURE, id))).await
}
