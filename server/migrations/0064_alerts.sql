-- Rules that watch, what they found, and who is told.
create table alert_rules (
    id text not null,
    name text not null,
    condition text not null,
    severity text not null,
    quiet_seconds bigint not null,
    enabled bigint not null,
    created_at bigint not null,
    constraint alert_rules_pk primary key (id),
    constraint alert_rules_severity_check check (severity in ('info', 'warning', 'blocking'))
);

create table alerts (
    id text not null,
    rule_id text not null,
    -- What is wrong with what: one alert for each, however often it is found.
    cause text not null,
    -- The rule and the cause while the alert is open, and nothing once it is cleared.
    open_key text,
    run_id text,
    state text not null,
    severity text not null,
    message text not null,
    raised_at bigint not null,
    times bigint not null,
    last_raised_at bigint not null,
    acknowledged_by text,
    acknowledged_at bigint,
    cleared_at bigint,
    constraint alerts_pk primary key (id),
    -- Two servers that find the same thing raise it once.
    constraint alerts_open_key unique (open_key),
    constraint alerts_state_check check (state in ('raised', 'acknowledged', 'cleared'))
);

create index alerts_raised_idx on alerts (raised_at, id);
create index alerts_cause_idx on alerts (rule_id, cause, last_raised_at);
create index alerts_run_idx on alerts (run_id);

create table notification_targets (
    id text not null,
    name text not null,
    channel text not null,
    from_severity text not null,
    enabled bigint not null,
    created_at bigint not null,
    sealed_secret text,
    last_at bigint,
    last_delivered bigint,
    last_problem text,
    constraint notification_targets_pk primary key (id)
);

-- Messages that are to be sent. A row goes when it was delivered, or given up.
create table notifications (
    id text not null,
    alert_id text not null,
    target_id text not null,
    attempts bigint not null,
    -- Not before, and not by somebody else until then.
    due_at bigint not null,
    constraint notifications_pk primary key (id),
    constraint notifications_target_fk
        foreign key (target_id) references notification_targets (id) on delete cascade
);

create index notifications_due_idx on notifications (due_at);

-- What every installation begins with.
insert into alert_rules (id, name, condition, severity, quiet_seconds, enabled, created_at) values
    ('run-failed', 'A run failed', '{"when":"run_failed"}', 'blocking', 3600, 1, 0),
    ('books-open', 'Books do not close', '{"when":"books_do_not_close"}', 'blocking', 3600, 1, 0),
    ('run-stalled', 'A run stands still', '{"when":"no_progress","seconds":600}', 'warning', 3600, 1, 0),
    ('quarantine-high', 'Much in quarantine', '{"when":"quarantine_percent","above":5.0}', 'warning', 3600, 1, 0),
    ('verification-stale', 'Not verified', '{"when":"verification_stale","hours":24}', 'warning', 86400, 1, 0),
    ('sign-in-failures', 'Many failed sign-ins', '{"when":"sign_in_failures","above":20}', 'warning', 3600, 1, 0),
    ('audit-broken', 'The audit trail is broken', '{"when":"audit_broken"}', 'blocking', 3600, 1, 0),
    ('run-completed', 'A run completed', '{"when":"run_completed"}', 'info', 0, 0, 0);
