-- What people said of pairs of records. It stands above whatever a model computes, now and later, so
-- it belongs to the people it is about, not to a search. One that was withdrawn stays, as a fact.
create table match_decisions (
    id text not null,
    people text not null,
    left_id text not null,
    right_id text not null,
    verdict text not null
        constraint match_decisions_verdict_check check (verdict in ('match', 'review', 'no_match')),
    decided_by text not null,
    decided_at bigint not null,
    -- What the two weighed at the time, to try thresholds on.
    weight double precision,
    is_vetoed bigint not null,
    withdrawn_by text,
    withdrawn_at bigint,
    constraint match_decisions_pk primary key (id)
);

-- One word at a time of each pair. The smaller id stands first.
create unique index match_decisions_standing_key on match_decisions (people, left_id, right_id)
    where withdrawn_at is null;
