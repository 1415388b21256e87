//! What the codes of the legacy system mean.

use leptos::prelude::*;
use shared::plan::{CodeTable, Plan};

use super::rules::otherwise_in_words;
use crate::components::TableFrame;

#[component]
pub(super) fn Codes(plan: Plan) -> impl IntoView {
    if plan.code_tables.is_empty() && plan.enums.is_empty() {
        return view! { <p class="quiet-text">"The plan has no code tables."</p> }.into_any();
    }
    view! {
        <div class="card-grid">
            {plan
                .code_tables
                .into_iter()
                .map(|(name, table)| view! { <CodeTableCard name table/> })
                .collect_view()}
            {plan
                .enums
                .into_iter()
                .map(|(name, labels)| {
                    view! {
                        <section class="card">
                            <h3>
                                <code>{name}</code>
                            </h3>
                            <p class="quiet-text">"A type of the target: one of"</p>
                            <p>{labels.join(", ")}</p>
                        </section>
                    }
                })
                .collect_view()}
        </div>
    }
    .into_any()
}

#[component]
fn CodeTableCard(name: String, table: CodeTable) -> impl IntoView {
    let label = format!("Codes of {name}");
    view! {
        <section class="card">
            <h3>
                <code>{name}</code>
            </h3>
            {table.description.map(|text| view! { <p class="quiet-text">{text}</p> })}
            <TableFrame label>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Code"</th>
                            <th scope="col">"Means"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {table
                            .entries
                            .into_iter()
                            .map(|(code, meaning)| {
                                view! {
                                    <tr>
                                        <th scope="row">
                                            <code>{code}</code>
                                        </th>
                                        <td>{meaning}</td>
                                    </tr>
                                }
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </TableFrame>
            <p class="quiet-text">{otherwise_in_words(&table.otherwise)}</p>
        </section>
    }
}
