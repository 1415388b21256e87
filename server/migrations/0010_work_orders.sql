-- Runs under way that workers of other processes may take part in, each for as long as one process
-- conducts it.
create table work_orders (
    -- The queue of the run's chunks: another one for every time that the run is taken up.
    queue text not null,
    run_id text not null,
    -- Plan, URLs and the state of the source that all read, sealed with the installation's key.
    sealed_order text not null,
    -- Counts up while somebody conducts the run. Machines' clocks need not agree.
    beats bigint not null,
    constraint work_orders_pk primary key (queue)
);
