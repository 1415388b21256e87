-- What nobody may do alone: asked for by one person, answered by another, used once.
create table approvals (
    id text not null,
    kind text not null,
    act text not null,
    act_hash text not null,
    state text not null,
    reason text not null,
    requested_by text not null,
    requested_by_name text not null,
    requested_at bigint not null,
    expires_at bigint not null,
    answered_by text,
    answered_by_name text,
    answered_at bigint,
    answer text,
    used_at bigint,
    constraint approvals_pk primary key (id),
    constraint approvals_state_check check (
        state in ('requested', 'approved', 'refused', 'withdrawn', 'expired', 'used')
    ),
    -- Held by the database as well: nobody answers what they asked for.
    constraint approvals_second_person_check check (
        state not in ('approved', 'refused', 'used') or answered_by <> requested_by
    )
);

create index approvals_requested_idx on approvals (requested_at, id);
create index approvals_state_idx on approvals (state);
