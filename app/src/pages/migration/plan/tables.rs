//! What becomes of each table and column.

use leptos::prelude::*;
use shared::plan::{ColumnMapping, Plan, TableMapping};

use super::rules::{in_words, orphans_in_words};
use super::trial::Trial;
use crate::components::{Badge, Fact, Facts, Icon, Shape, TableFrame, TextField};
use crate::format;
use crate::stores::{PlanDraft, Tone};

#[component]
pub(super) fn Tables(draft: PlanDraft, plan: Plan) -> impl IntoView {
    let wanted = RwSignal::new(String::new());
    let tables = StoredValue::new(plan.tables);
    let found = Memo::new(move |_| {
        let wanted = wanted.get().trim().to_lowercase();
        tables.with_value(|tables| {
            (0..tables.len()).filter(|index| mentions(&tables[*index], &wanted)).collect::<Vec<_>>()
        })
    });
    view! {
        <div class="search">
            <TextField
                name="table-search"
                label="Search tables and columns"
                kind="search"
                value=wanted
            />
            <p class="quiet-text" role="status">
                {move || format::counted(found.read().len() as u64, "table", "tables")}
            </p>
        </div>
        <div class="mappings">
            <For each=move || found.get() key=|index| *index let:index>
                {tables
                    .with_value(|tables| tables.get(index).cloned())
                    .map(|table| view! { <Mapping draft index table/> })}
            </For>
        </div>
    }
}

fn mentions(table: &TableMapping, wanted: &str) -> bool {
    let names = [table.source.to_string(), table.target.to_string()];
    let columns = table
        .columns
        .iter()
        .flat_map(|column| std::iter::once(&column.target).chain(column.source.as_ref()));
    names.iter().chain(columns).any(|name| name.to_lowercase().contains(wanted))
}

#[component]
fn Mapping(draft: PlanDraft, index: usize, table: TableMapping) -> impl IntoView {
    // What is folded is not made: a plan has a thousand columns and more.
    let is_open = RwSignal::new(false);
    let summary = format!(
        "{}{}",
        format::counted(table.columns.len() as u64, "column", "columns"),
        if table.create.is_some() { ", created" } else { "" },
    );
    let names = (table.source.to_string(), table.target.to_string());
    let left_behind = table.left_behind.len();
    let is_filtered = table.filter.is_some();
    let table = StoredValue::new(table);
    view! {
        <details
            class="card mapping"
            on:toggle=move |_| is_open.update(|is_open| *is_open = !*is_open)
        >
            <summary>
                <span class="mapping-names">
                    <code>{names.0}</code>
                    <Icon shape=Shape::ArrowRight/>
                    <span class="visually-hidden">" to "</span>
                    <code>{names.1}</code>
                </span>
                <span class="quiet-text">{summary}</span>
                {is_filtered
                    .then(|| view! { <Badge tone=Tone::Info text="filtered".to_owned()/> })}
                {(left_behind > 0)
                    .then(|| {
                        let text = format!("{left_behind} left behind");
                        view! { <Badge tone=Tone::Warning text/> }
                    })}
            </summary>
            <Show when=move || is_open.get()>
                <MappingBody table=table.get_value()/>
                <Trial draft index/>
            </Show>
        </details>
    }
}

#[component]
fn MappingBody(table: TableMapping) -> impl IntoView {
    let label = format!("Columns of {}", table.target);
    let mut notes = Vec::new();
    if !table.key.is_empty() {
        notes.push(("Key", table.key.join(", ")));
    }
    if let Some(query) = &table.query {
        notes.push(("Read by", query.sql.clone()));
    }
    if let Some(filter) = &table.filter {
        notes.push(("Only rows where", filter.clone()));
    }
    notes.extend(
        table
            .left_behind
            .iter()
            .map(|(column, reason)| ("Left behind", format!("{column}: {reason}"))),
    );
    if let Some(shape) = &table.create {
        if !shape.primary_key.is_empty() {
            notes.push(("Primary key", shape.primary_key.join(", ")));
        }
        notes.extend(shape.foreign_keys.iter().map(|key| {
            let orphans = table.orphans.get(&key.name).cloned().unwrap_or_default();
            let text = format!(
                "{} → {}; {}",
                key.columns.join(", "),
                key.references,
                orphans_in_words(&orphans)
            );
            ("References", text)
        }));
        notes.extend(shape.indexes.iter().map(|index| {
            let unique = if index.unique { ", unique" } else { "" };
            ("Index", format!("{}{unique}", index.columns.join(", ")))
        }));
    }
    view! {
        <TableFrame label>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Column"</th>
                        <th scope="col">"Type"</th>
                        <th scope="col">"From"</th>
                        <th scope="col">"Rules"</th>
                    </tr>
                </thead>
                <tbody>
                    {table
                        .columns
                        .into_iter()
                        .map(|column| view! { <ColumnRow column/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
        <Facts>
            {notes
                .into_iter()
                .map(|(name, text)| view! { <Fact name>{text}</Fact> })
                .collect_view()}
        </Facts>
    }
}

#[component]
fn ColumnRow(column: ColumnMapping) -> impl IntoView {
    let nullable = if column.nullable { "" } else { ", not null" };
    let mut rules: Vec<String> = column.transform.iter().map(in_words).collect();
    if let Some(raw) = &column.keep_raw_in {
        rules.push(format!("as read in {raw}"));
    }
    if let Some(default) = &column.default {
        rules.push(format!("default {default}"));
    }
    if column.identity {
        rules.push("identity".to_owned());
    }
    view! {
        <tr>
            <th scope="row">
                <code>{column.target}</code>
            </th>
            <td>
                <code>{column.data_type.to_string()}</code>
                {nullable}
            </td>
            <td>{column.source.map(|source| view! { <code>{source}</code> })}</td>
            <td>
                {if rules.is_empty() { "as it is".to_owned() } else { rules.join("; ") }}
                {column
                    .signed
                    .map(|signed| {
                        view! {
                            <p class="quiet-text">
                                {format!("Loss signed by {}: {}", signed.by, signed.reason)}
                            </p>
                        }
                    })}
            </td>
        </tr>
    }
}
