-- Searches for people who are there twice. A search keeps the model that decided, so that a pair can
-- be explained, and so that the next search weighs as this one did. Models hold chances and hashes,
-- no values.
create table matchings (
    id text not null,
    plan_id text,
    plan_name text not null,
    -- Which people: the database, without a secret, and the table. Decisions are about them too.
    people text not null,
    side text not null constraint matchings_side_check check (side in ('source', 'target')),
    state text not null
        constraint matchings_state_check check (state in ('running', 'completed', 'failed')),
    -- The installation that works on it, so that what a crash left can be found.
    owner text not null,
    started_by text not null,
    started_at bigint not null,
    ended_at bigint,
    failure_code text,
    failure_message text,
    counts text not null,
    -- The policy it went by, the model, and the model as people look at it.
    policy text not null,
    model text,
    fingerprint text,
    summary text,
    constraint matchings_pk primary key (id),
    constraint matchings_plan_fk foreign key (plan_id) references plans (id)
);

create index matchings_plan_idx on matchings (plan_id, started_at);
create index matchings_people_idx on matchings (people, started_at);
