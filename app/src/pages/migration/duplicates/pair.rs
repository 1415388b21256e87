//! Two records side by side: what differs is marked, and what survives can be chosen.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use shared::duplicate::{Attribute, RecordId};
use shared::matching::{Difference, MatchDetail, Piece};

use super::waterfall::Waterfall;
use crate::components::{Badge, TableFrame};
use crate::stores::Tone;

/// What somebody chose of the two, attribute by attribute.
pub(super) type Choices = RwSignal<BTreeMap<Attribute, RecordId>>;

#[component]
pub(super) fn Pair(
    detail: MatchDetail,
    choices: Choices,
    /// Whether something can still be chosen.
    can_choose: bool,
) -> impl IntoView {
    let contradictions: BTreeSet<Attribute> =
        detail.golden.iter().flat_map(|golden| golden.contradictions.iter().copied()).collect();
    let ids = (
        detail.left.as_ref().map(|it| it.id.clone()),
        detail.right.as_ref().map(|it| it.id.clone()),
    );
    let golden = detail.golden.clone();
    let vetoes = detail.item.vetoes.clone();
    view! {
        {(!vetoes.is_empty())
            .then(|| {
                view! {
                    <p class="actions">
                        {vetoes
                            .iter()
                            .map(|veto| {
                                view! { <Badge tone=Tone::Warning text=veto.label().to_owned()/> }
                            })
                            .collect_view()}
                    </p>
                }
            })}
        {match ids {
            (Some(left), Some(right)) if left != right => {
                view! {
                    <SideBySide
                        differences=detail.differences.clone()
                        ids=(left, right)
                        survives=golden.map(|golden| {
                            golden
                                .values
                                .into_iter()
                                .filter_map(|(attribute, values)| {
                                    Some((attribute, values.into_iter().next()?.from))
                                })
                                .collect()
                        }).unwrap_or_default()
                        contradictions
                        choices
                        can_choose
                    />
                }
                    .into_any()
            }
            (None, None) => {
                view! {
                    <p class="quiet-text">
                        {if detail.explanation.is_some() {
                            "Their values are shown to those who may review, with a reason."
                        } else {
                            "The records are not there as two rows any more."
                        }}
                    </p>
                }
                    .into_any()
            }
            _ => {
                view! { <p>"One of the two is not there any more: they may be one by now."</p> }
                    .into_any()
            }
        }}
        {detail.explanation.map(|explanation| view! { <Waterfall explanation/> })}
    }
}

#[component]
fn SideBySide(
    differences: Vec<Difference>,
    ids: (RecordId, RecordId),
    survives: BTreeMap<Attribute, RecordId>,
    contradictions: BTreeSet<Attribute>,
    choices: Choices,
    can_choose: bool,
) -> impl IntoView {
    let (left, right) = ids;
    view! {
        <TableFrame label="The two records">
            <table class="table pair">
                <thead>
                    <tr>
                        <th scope="col">"Field"</th>
                        <th scope="col">"Record " {left.0.clone()}</th>
                        <th scope="col">"Record " {right.0.clone()}</th>
                        <th scope="col">"Survives"</th>
                    </tr>
                </thead>
                <tbody>
                    {differences
                        .into_iter()
                        .map(|difference| {
                            let attribute = difference.attribute;
                            let survivor = survives.get(&attribute).cloned();
                            let differs = difference.left != difference.right;
                            let is_contradiction = contradictions.contains(&attribute);
                            let choice = (differs && can_choose)
                                .then(|| {
                                    view! {
                                        <ChoiceOf
                                            attribute
                                            from=vec![
                                                (left.clone(), "left".to_owned()),
                                                (right.clone(), "right".to_owned()),
                                            ]
                                            survivor=survivor.clone()
                                            choices
                                        />
                                    }
                                });
                            view! {
                                <tr class:differs=differs>
                                    <th scope="row">
                                        {attribute.label()}
                                        {is_contradiction
                                            .then(|| {
                                                view! {
                                                    " "
                                                    <Badge
                                                        tone=Tone::Warning
                                                        text="contradiction".to_owned()
                                                    />
                                                }
                                            })}
                                    </th>
                                    <td>
                                        <Value pieces=difference.left/>
                                    </td>
                                    <td>
                                        <Value pieces=difference.right/>
                                    </td>
                                    <td>{choice}</td>
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

/// A value in which what the other side lacks is marked.
#[component]
fn Value(pieces: Vec<Piece>) -> impl IntoView {
    if pieces.is_empty() {
        return view! { <span class="quiet-text">"not known"</span> }.into_any();
    }
    pieces
        .into_iter()
        .map(|piece| {
            if piece.is_common {
                view! { <span>{piece.text}</span> }.into_any()
            } else {
                view! { <mark>{piece.text}</mark> }.into_any()
            }
        })
        .collect_view()
        .into_any()
}

/// Of which record the value of an attribute survives.
#[component]
pub(super) fn ChoiceOf(
    attribute: Attribute,
    /// The records, and what each is called here.
    from: Vec<(RecordId, String)>,
    /// Of which record the plan's rules take it.
    #[prop(optional_no_strip)]
    survivor: Option<RecordId>,
    choices: Choices,
) -> impl IntoView {
    let name = format!("survives-{attribute}");
    let options = from
        .into_iter()
        .map(|(id, label)| {
            let is_default = survivor.as_ref() == Some(&id);
            let is_chosen = {
                let id = id.clone();
                move || {
                    choices.with(|choices| match choices.get(&attribute) {
                        Some(chosen) => *chosen == id,
                        None => is_default,
                    })
                }
            };
            let choose = move |_| {
                choices.update(|choices| {
                    choices.insert(attribute, id.clone());
                });
            };
            view! {
                <label class="checkbox">
                    <input
                        type="radio"
                        name=name.clone()
                        prop:checked=is_chosen
                        on:change=choose
                    />
                    {label}
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="choice-of-one">
            <legend class="visually-hidden">{format!("{} that survives", attribute.label())}</legend>
            {options}
        </fieldset>
    }
}

/// `7.25` is `+7.3`.
pub(super) fn bits(weight: f64) -> String {
    let rounded = (weight * 10.0).round() / 10.0;
    // Not minus nothing.
    let rounded = if rounded == 0.0 { 0.0 } else { rounded };
    format!("{rounded:+.1}")
}

#[cfg(test)]
mod tests {
    use super::bits;

    #[test]
    fn bits_have_a_sign_and_one_digit() {
        assert_eq!([7.25, -3.0, -0.01].map(bits), ["+7.3", "-3.0", "+0.0"]);
    }
}
