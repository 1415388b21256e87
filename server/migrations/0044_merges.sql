-- People who became one, as their target tells it. The target's own record is the truth, and has what
-- is needed to take a merge back; this is what lists are made from.
create table merges (
    id text not null,
    people text not null,
    run_id text,
    state text not null constraint merges_state_check
        check (state in ('decided', 'applied', 'refused', 'taken_back')),
    survivor text,
    -- None when the policy decided.
    decided_by text,
    decided_at bigint not null,
    members text not null,
    removed text not null,
    moved text not null,
    refusal_code text,
    refusal_reason text,
    constraint merges_pk primary key (id)
);

create index merges_people_idx on merges (people, decided_at);

create table merge_members (
    merge_id text not null,
    record_id text not null,
    constraint merge_members_pk primary key (merge_id, record_id),
    constraint merge_members_merge_fk foreign key (merge_id) references merges (id)
);

create index merge_members_record_idx on merge_members (record_id);
