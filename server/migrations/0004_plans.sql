-- Plans, and every version of each: a run is tied to the very document that it ran.
create table plans (
    id text not null,
    -- The latest one.
    version bigint not null,
    created_at bigint not null,
    constraint plans_pk primary key (id)
);

create index plans_created_idx on plans (created_at, id);

create table plan_versions (
    plan_id text not null,
    version bigint not null,
    name text not null,
    hash text not null,
    table_count bigint not null,
    document text not null,
    saved_at bigint not null,
    saved_by text not null,
    constraint plan_versions_pk primary key (plan_id, version),
    constraint plan_versions_plan_fk foreign key (plan_id) references plans (id)
);
