-- What was found before anything moved: kept, so that a later assessment can be held against an
-- earlier one, and a run against what was foretold. Values are in none of it.
create table assessments (
    id text not null,
    -- None for one of the command line, whose plan is a file.
    plan_id text,
    plan_version bigint,
    plan_name text not null,
    -- The plan's fingerprint, as its runs have it.
    plan_hash text not null,
    -- The source as the plan names it, without a secret: its profiles are compared.
    source text not null,
    state text not null,
    -- The installation that works on it, so that what a crash left can be found.
    owner text not null,
    started_by text not null,
    started_at bigint not null,
    ended_at bigint,
    failure_code text,
    failure_message text,
    -- Documents: what was asked for, what it came to in numbers, all that was found, what the values
    -- look like, and what changed in them since the profile before.
    selection text not null,
    look text not null,
    counts text,
    found text,
    profile text,
    drift text,
    constraint assessments_pk primary key (id),
    constraint assessments_plan_fk foreign key (plan_id) references plans (id),
    constraint assessments_state_check
        check (state in ('running', 'completed', 'failed', 'stopped'))
);

create index assessments_started_idx on assessments (started_at, id);
create index assessments_plan_idx on assessments (plan_id, started_at);
create index assessments_hash_idx on assessments (plan_hash, ended_at);
create index assessments_source_idx on assessments (source, started_at);
