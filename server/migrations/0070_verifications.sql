-- Comparisons of the two sides of runs. What differs is written down in the target, located by key;
-- here is who asked for what, how far it came, and what it came to by table.
create table verifications (
    id text not null,
    run_id text not null,
    mode text not null,
    -- What is asked of a sample, as JSON.
    sample text not null,
    state text not null,
    started_by text not null,
    started_at bigint not null,
    ended_at bigint,
    -- Its id in the target: another one where it could not go on with what was there.
    ledger_id text not null,
    -- The last picture taken, and what was found, as JSON.
    progress text,
    findings text,
    failure_code text,
    failure_message text,
    -- The installation that works on it, and when it last said so.
    owner text,
    heartbeat_at bigint,
    constraint verifications_pk primary key (id),
    constraint verifications_run_fk foreign key (run_id) references runs (id),
    constraint verifications_mode_check check (mode in ('full', 'sample', 'since_last')),
    constraint verifications_state_check
        check (state in ('running', 'paused', 'equal', 'different', 'failed'))
);

create index verifications_started_idx on verifications (started_at, id);
create index verifications_run_idx on verifications (run_id, started_at);
-- One at a time: two would read the same rows twice.
create unique index verifications_running_idx on verifications (run_id) where state = 'running';
