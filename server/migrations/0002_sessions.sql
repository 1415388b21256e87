-- One row for each sign-in on one device. It ends when it is revoked or expires.
create table sessions (
    id text not null,
    user_id text not null,
    address text not null,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint,
    constraint sessions_pk primary key (id),
    constraint sessions_user_fk foreign key (user_id) references users (id) on delete cascade
);

create index sessions_user_idx on sessions (user_id);

-- Every refresh token that a session ever had, so that one that comes back is recognised.
-- Only hashes: whoever reads this table cannot sign in with it.
create table refresh_tokens (
    hash text not null,
    session_id text not null,
    issued_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    constraint refresh_tokens_pk primary key (hash),
    constraint refresh_tokens_session_fk
        foreign key (session_id) references sessions (id) on delete cascade
);

create index refresh_tokens_session_idx on refresh_tokens (session_id);

-- Failed sign-ins, to slow down whoever guesses. The account is a hash of what was typed: people
-- type their password into the wrong field.
create table sign_in_failures (
    id text not null,
    account_hash text not null,
    address text not null,
    failed_at bigint not null,
    constraint sign_in_failures_pk primary key (id)
);

create index sign_in_failures_time_idx on sign_in_failures (failed_at);
