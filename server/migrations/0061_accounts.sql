-- Who may no longer sign in, who comes from an identity provider, and second factors.
alter table users add column disabled_at bigint;
-- `issuer subject` of the tokens that name this user.
alter table users add column external_subject text;

create unique index users_external_subject_key on users (external_subject);

-- When somebody last did something in a session; without it, when it began.
alter table sessions add column active_at bigint;
-- What the browser said of itself, cut short.
alter table sessions add column device text;

-- Links by which somebody sets a password, once. Only hashes: whoever reads this table cannot use
-- one.
create table password_links (
    hash text not null,
    user_id text not null,
    created_at bigint not null,
    created_by text not null,
    expires_at bigint not null,
    used_at bigint,
    constraint password_links_pk primary key (hash),
    constraint password_links_user_fk foreign key (user_id) references users (id) on delete cascade
);

create index password_links_user_idx on password_links (user_id);

-- Secrets of authenticators, sealed with the installation's key.
create table second_factors (
    user_id text not null,
    sealed_secret text not null,
    -- When a code first proved that the authenticator has it; until then it asks for nothing.
    confirmed_at bigint,
    -- The last half minute of which a code was taken: none counts twice.
    last_step bigint not null,
    constraint second_factors_pk primary key (user_id),
    constraint second_factors_user_fk foreign key (user_id) references users (id) on delete cascade
);

create table recovery_codes (
    user_id text not null,
    hash text not null,
    used_at bigint,
    constraint recovery_codes_pk primary key (user_id, hash),
    constraint recovery_codes_user_fk foreign key (user_id) references users (id) on delete cascade
);
