//! The tables of the quarantine, among those that the engine keeps in the target.

use shared::connection::Engine;

use super::ledger::table;

/// Makes them where they are missing.
pub(super) fn create_statements(engine: Engine) -> Vec<String> {
    let bytes = if engine == Engine::Postgres { "bytea" } else { "blob" };
    let prefix = if engine == Engine::Postgres { "" } else { "_transfuse_" };
    let own = |name: &str| table(engine, name);
    vec![
        format!(
            "create table if not exists {} (
                id text primary key,
                run_id text not null,
                table_index integer not null,
                ordinal integer not null,
                source text not null,
                target text not null,
                code text not null,
                column_name text,
                reason text not null,
                state text not null,
                -- Whether the row is kept as the source had it or, an orphan, as the target had.
                form text not null,
                -- The step that has the version to replay; 0 for the original.
                version bigint not null,
                -- How many steps there are, and the last of them that was not undone; 0 for none.
                steps bigint not null,
                top bigint not null,
                sealed {bytes} not null,
                quarantined_at text not null
            )",
            own("quarantine")
        ),
        format!(
            "create index if not exists {}quarantine_by_run on {} (run_id, id)",
            prefix,
            own("quarantine")
        ),
        // What somebody did with rows in quarantine, all at once. The rule may hold values.
        format!(
            "create table if not exists {} (
                id text primary key,
                run_id text not null,
                kind text not null,
                actor text not null,
                acted_at text not null,
                what text not null,
                note text,
                rule {bytes},
                row_count bigint not null,
                undoes text,
                undone_by text,
                -- What it brought into tables: their places in the plan and in the ledger.
                ordinals text
            )",
            own("quarantine_actions")
        ),
        // What an action did with each row: where it stood before and where after. Steps are only
        // ever added, and the number keeps two people from working on one row at once. A fix has
        // the version that it made, a replay the row as it went into the target.
        format!(
            "create table if not exists {} (
                row_id text not null,
                number bigint not null,
                action_id text not null,
                state_before text not null,
                version_before bigint not null,
                top_before bigint not null,
                code_before text not null,
                column_before text,
                reason_before text not null,
                state text not null,
                version bigint not null,
                top bigint not null,
                code text not null,
                column_name text,
                reason text not null,
                sealed {bytes},
                primary key (row_id, number)
            )",
            own("quarantine_steps")
        ),
        format!(
            "create index if not exists {}quarantine_steps_by_action on {} (action_id, row_id)",
            prefix,
            own("quarantine_steps")
        ),
        // What a run was to do, so that a row can be carried over later without the source.
        format!(
            "create table if not exists {} (
                run_id text primary key,
                plan text not null,
                reads text not null
            )",
            own("blueprints")
        ),
    ]
}
