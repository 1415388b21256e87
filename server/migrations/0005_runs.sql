-- Executions of plan versions. What is written here about progress is a copy: the truth is the
-- ledger in the target.
create table runs (
    id text not null,
    plan_id text not null,
    plan_version bigint not null,
    state text not null,
    started_by text not null,
    created_at bigint not null,
    started_at bigint,
    ended_at bigint,
    failure_code text,
    failure_message text,
    -- The last picture taken, as JSON, and the number of the event that carried it.
    progress text,
    event_number bigint not null,
    -- The run's id in the target's ledger: another one where it continued a run that was there.
    ledger_run_id text not null,
    -- The installation that works on the run, and when it last said so.
    owner text,
    heartbeat_at bigint,
    constraint runs_pk primary key (id),
    constraint runs_plan_version_fk
        foreign key (plan_id, plan_version) references plan_versions (plan_id, version),
    constraint runs_state_check check (
        state in ('planned', 'running', 'paused', 'failed', 'completed', 'rolled_back')
    )
);

create index runs_created_idx on runs (created_at, id);
create index runs_state_idx on runs (state);
