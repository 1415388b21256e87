"""How each program is told to copy the two tables, as quick as its documentation knows."""

import json
import os
import shlex
from urllib.parse import urlsplit

import tables
from measure import mariadb_command, psql_command

TRANSFUSE = os.environ["TRANSFUSE"]


def transfuse(bench, plan, target, workers):
    path = bench.scratch / "plan.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(plan | {"target": target}))
    return (
        f"{TRANSFUSE} migrate {path} --workers {workers} --data {bench.scratch}/data "
        f"--json {bench.scratch}/outcome.json"
    )


def copy_files(bench, target):
    """The limit of a file: psql feeds the server, keys and indexes come afterwards."""
    steps = [psql_command(target) + statements(map(create, tables.TABLES))]
    for table in tables.TABLES:
        file = bench.sources.file(table, "copy")
        steps.append(f"{psql_command(target)} -c 'copy {table} from stdin' < {file}")
    return "; ".join([*steps, psql_command(target) + statements(all_keys())])


def copy_to_copy(bench, target):
    """The limit between two servers: bytes from one psql to another, keys and indexes afterwards."""
    steps = [psql_command(target) + statements(map(create, tables.TABLES))]
    for table in tables.TABLES:
        steps.append(
            f"{psql_command(bench.sources.postgres)} -c 'copy {table} to stdout (format binary)' | "
            f"{psql_command(target)} -c 'copy {table} from stdin (format binary)'"
        )
    return "; ".join([*steps, psql_command(target) + statements(all_keys())])


def pg_dump(bench, target):
    # Without the compression that is its default: there is no file to be kept small.
    return (
        f"pg_dump --format=custom --compress=0 {shlex.quote(bench.sources.postgres)} | "
        f"pg_restore --no-owner --dbname={shlex.quote(target)}"
    )


def pgloader(bench, source, target, workers):
    """At its default settings it exhausts its heap on this load."""
    script = bench.scratch / "pgloader.load"
    if source == "mariadb":
        parts = urlsplit(bench.sources.mariadb)
        name = parts.path.lstrip("/")
        script.write_text(
            f"LOAD DATABASE FROM {bench.sources.mariadb} INTO {pgloader_url(target)}\n"
            f"WITH include drop, create tables, create indexes, reset sequences, foreign keys,\n"
            f"prefetch rows = 10000, workers = {workers}, concurrency = 1\n"
            f"ALTER SCHEMA '{name}' RENAME TO 'public';\n"
        )
    elif source == "sqlite":
        script.write_text(
            f"LOAD DATABASE FROM sqlite://{bench.sources.sqlite} INTO {pgloader_url(target)}\n"
            "WITH include drop, create tables, create indexes, reset sequences,\n"
            f"prefetch rows = 10000, workers = {workers}, concurrency = 1;\n"
        )
    else:
        loads = []
        for table in tables.TABLES:
            columns = ", ".join(f"{name} [null if blanks]" for name in tables.names(table))
            loads.append(
                f"LOAD CSV FROM '{bench.sources.csv / table}.csv' ({columns})\n"
                f"INTO {pgloader_url(target)} TARGET TABLE {table} ({', '.join(tables.names(table))})\n"
                f"WITH skip header = 1, fields optionally enclosed by '\"', fields escaped by double-quote,\n"
                f"fields terminated by ',', drop indexes, prefetch rows = 10000, workers = {workers};\n"
            )
        script.write_text("\n".join(loads))
    return f"pgloader --root-dir {bench.scratch}/pgloader --no-ssl-cert-verification {script}"


def sling(bench, source, target, workers):
    """Without keys and indexes, which it does not make."""
    script = bench.scratch / "sling.yaml"
    parts = urlsplit(bench.sources.mariadb)
    url = bench.sources.mariadb if source == "mariadb" else f"sqlite://{bench.sources.sqlite}"
    schema = parts.path.lstrip("/") if source == "mariadb" else "main"
    streams = {f"{schema}.{table}": {"object": f"public.{table}"} for table in tables.TABLES}
    script.write_text(
        json.dumps(
            {
                "source": "BENCH_SOURCE",
                "target": "BENCH_TARGET",
                "defaults": {"mode": "full-refresh"},
                "streams": streams,
            }
        )
    )
    return (
        f"BENCH_SOURCE={shlex.quote(url)} BENCH_TARGET={shlex.quote(target + '?sslmode=disable')} "
        f"SLING_THREADS={workers} SLING_DISABLE_TELEMETRY=true {bench.sling} run -r {script}"
    )


def create(table):
    return tables.create(table, "postgres")


def all_keys():
    return [*map(tables.primary_key, tables.TABLES), *tables.keys()]


def statements(texts):
    return "".join(f" -c {shlex.quote(text)}" for text in texts)


def pgloader_url(url):
    return url.replace("postgres://", "postgresql://")
