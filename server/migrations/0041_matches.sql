-- The pairs that a search found: matches, and those that somebody has to look at. Records are named
-- by their keys; no value of a person is here.
create table matches (
    id text not null,
    matching_id text not null,
    left_id text not null,
    right_id text not null,
    weight double precision not null,
    probability double precision not null,
    verdict text not null
        constraint matches_verdict_check check (verdict in ('match', 'review')),
    -- Names of vetoes with a space before and after each.
    vetoes text not null,
    -- How far the probability is from one half: the least is the most doubtful.
    certainty double precision not null,
    frequency bigint not null,
    constraint matches_pk primary key (id),
    constraint matches_matching_fk foreign key (matching_id) references matchings (id)
);

-- One for each order of the queue.
create index matches_doubt_idx on matches (matching_id, certainty, id);
create index matches_frequency_idx on matches (matching_id, frequency, id);
create index matches_weight_idx on matches (matching_id, weight, id);
