-- Pairs that would have joined two clusters of a search into one, and what kept them apart.
create table cluster_refusals (
    matching_id text not null,
    left_id text not null,
    right_id text not null,
    weight double precision not null,
    reason text not null constraint cluster_refusals_reason_check
        check (reason in ('decided', 'vetoed', 'weak_chain', 'too_large')),
    constraint cluster_refusals_pk primary key (matching_id, left_id, right_id),
    constraint cluster_refusals_matching_fk foreign key (matching_id) references matchings (id)
);

create index cluster_refusals_right_idx on cluster_refusals (matching_id, right_id);

-- The clusters whose weakest link is weakest, and the links of one.
create index clusters_cohesion_idx on clusters (matching_id, cohesion, key);
create index matches_left_idx on matches (matching_id, left_id);
