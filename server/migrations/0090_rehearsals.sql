-- Rehearsals that somebody asked the server for, and what they found: counts, codes and masks.
create table rehearsals (
    id text not null,
    plan_id text not null,
    plan_version bigint not null,
    state text not null,
    started_by text not null,
    started_at bigint not null,
    ended_at bigint,
    -- What it found, as JSON.
    report text,
    failure_code text,
    failure_message text,
    -- The installation that carries it out.
    owner text not null,
    constraint rehearsals_pk primary key (id),
    constraint rehearsals_plan_version_fk
        foreign key (plan_id, plan_version) references plan_versions (plan_id, version),
    constraint rehearsals_state_check check (state in ('running', 'completed', 'failed'))
);

create index rehearsals_started_idx on rehearsals (started_at, id);
create index rehearsals_plan_idx on rehearsals (plan_id, started_at);
