"""Copies the same rows with every program, and prints what each took as a ratio to the budgets."""

import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

import measure
import tables
import tools
from sources import Sources, database

SECTIONS = ["mysql", "postgres", "sqlite", "csv", "bad", "memory"]
MIB = 1 << 20


class Bench:
    def __init__(self, scratch):
        self.scratch = Path(scratch)
        self.rows = int(os.environ.get("ROWS", "1000000"))
        self.repeat = int(os.environ.get("REPEAT", "1"))
        self.admin = os.environ["TRANSFUSE_TEST_POSTGRES"]
        self.prefix = f"bench_{os.getpid()}"
        mariadb = os.environ["TRANSFUSE_TEST_MARIADB"]
        kept = os.environ.get("KEEP")
        if kept:
            Path(kept).mkdir(parents=True, exist_ok=True)
        self.sources = Sources(kept or scratch, self.rows, self.admin, mariadb, self.prefix)
        self.servers = measure.Servers(self.admin, mariadb)
        self.sling = find_sling()
        self.peaks = {}

    def measure(self, title, command_for, against=None, before=(), budget=None):
        """Runs a command into a fresh database, and prints a line. The quickest of the repetitions
        counts."""
        best = None
        for _ in range(self.repeat):
            target = database(self.admin, f"{self.prefix}_new")
            measure.psql(self.admin, f"drop database if exists {self.prefix}_new with (force)")
            measure.psql(self.admin, f"create database {self.prefix}_new")
            if before:
                measure.psql(target, *before)
            (self.scratch / "outcome.json").unlink(missing_ok=True)
            command = command_for(target)
            measure.psql(self.admin, "checkpoint")
            cost = measure.run(self.servers, command, self.scratch / "log")
            self.check(title, target)
            if best is None or cost.seconds < best.seconds:
                best = cost
        self.print(title, best, against, budget)
        return best

    def check(self, title, target):
        """A program that lost rows on its way has no speed."""
        outcome = self.scratch / "outcome.json"
        told = json.loads(outcome.read_text()) if outcome.exists() else None
        if told and not told["books_close"]:
            sys.exit(f"{title}: the books do not close")
        for table in tables.TABLES:
            if told and all(t["target"] != f"public.{table}" for t in told["tables"]):
                continue
            kept = 0
            if told:
                kept = next(t for t in told["tables"] if t["target"] == f"public.{table}")["quarantined"]
            if measure.psql(target, f"select to_regclass('{table}') is null").strip() == "t":
                log = (self.scratch / "log").read_text(errors="replace")
                sys.exit(f"{title}: {table} is not there\n{log[-4000:]}")
            there = int(measure.psql(target, f"select count(*) from {table}"))
            if there + kept != tables.rows(table, self.rows):
                sys.exit(f"{title}: {table} has {there} rows and {kept} in quarantine")

    def print(self, title, cost, against, budget):
        line = (
            f"  {title:<34} {cost.seconds:8.2f} s {cost.cpu:8.2f} cpu s "
            f"({cost.own_cpu:6.2f} own) {cost.peak / MIB:7.1f} MiB"
        )
        for name, other in (against or {}).items():
            line += f"  {cost.seconds / other.seconds:5.2f} x {name} ({cost.cpu / other.cpu:.2f} cpu)"
        print(line, flush=True)
        for text, holds in budget(cost) if budget else []:
            print(f"    {'holds' if holds else 'MISSED'}: {text}", flush=True)

    def transfuse(self, source, workers, **options):
        plan = tables.plan(source, "", **options)
        return lambda target: tools.transfuse(self, plan, target, workers)

    # The sections.

    def mysql(self):
        self.sources.need("mariadb")
        limit = self.measure("COPY from files, then keys", lambda t: tools.copy_files(self, t))
        peers = {
            "pgloader": self.measure("pgloader", lambda t: tools.pgloader(self, "mariadb", t, 2)),
            "sling": self.measure("sling", lambda t: tools.sling(self, "mariadb", t, 2)),
        }
        fastest = min(peers, key=lambda name: peers[name].seconds)

        def budget(cost):
            yield at_least(3, peers[fastest], cost, f"{fastest}, the faster peer")
            yield within(1.3, limit, cost, "COPY from files")

        self.workers("MySQL", self.sources.mariadb, {"COPY": limit} | peers, budget)

    def postgres(self):
        self.sources.need("postgres")
        limit = self.measure("psql COPY | COPY, then keys", lambda t: tools.copy_to_copy(self, t))
        dump = self.measure("pg_dump | pg_restore", lambda t: tools.pg_dump(self, t))

        def budget(cost):
            yield at_least(1, dump, cost, "pg_dump | pg_restore")
            yield within(1.15, limit, cost, "COPY | COPY")

        against = {"COPY | COPY": limit, "pg_dump": dump}
        self.workers("PostgreSQL", self.sources.postgres, against, budget)

    def sqlite(self):
        self.sources.need("sqlite")
        peer = self.measure("pgloader", lambda t: tools.pgloader(self, "sqlite", t, 2))
        url = f"sqlite:{self.sources.sqlite}"
        self.workers("SQLite", url, {"pgloader": peer}, lambda c: [at_least(5, peer, c, "pgloader")])

    def csv(self):
        self.sources.need("csv")
        shape = [*map(tools.create, tables.TABLES), *tools.all_keys()[:-1]]
        peer = self.measure("pgloader", lambda t: tools.pgloader(self, "csv", t, 2), before=shape)
        url = f"csv:{self.sources.csv}"
        self.workers("CSV", url, {"pgloader": peer}, lambda c: [at_least(5, peer, c, "pgloader")])

    def bad(self):
        """One row in a hundred cannot go in: what only the target finds, and what is found before."""
        refused = {
            "record": {"record_check": "id % 100 <> 7"},
            "observation": {"observation_check": "id % 100 <> 7"},
        }
        for name, engine in [("PostgreSQL", "postgres"), ("MySQL", "mariadb")]:
            self.sources.need(engine)
            url = getattr(self.sources, engine)
            clean = self.measure(f"{name}, every row good", self.transfuse(url, 2))

            def budget(cost, clean=clean):
                yield within(2, clean, cost, "the same rows, every one good")

            title = f"{name}, 1 % refused by the target"
            self.measure(title, self.transfuse(url, 2, checks=refused), {"clean": clean}, budget=budget)
        self.sources.spoil_mariadb()
        title = "MySQL, 1 % with dates of zeros"
        self.measure(title, self.transfuse(self.sources.mariadb, 2), {"clean": clean}, budget=budget)

    def memory(self):
        for title, peak in self.peaks.items():
            holds = "holds" if peak <= 128 * MIB else "MISSED"
            print(f"  {title:<34} {peak / MIB:7.1f} MiB\n    {holds}: at most 128 MiB", flush=True)

    def workers(self, name, source, against, budget):
        for workers in (1, 2, 4):
            title = f"transfuse, {name}, {workers} workers"
            # What is promised is promised for the workers that a plan has by itself.
            cost = self.measure(
                title, self.transfuse(source, workers), against, budget=budget if workers == 2 else None
            )
            self.peaks[title] = cost.peak


def at_least(times, other, cost, name):
    ratio = other.seconds / cost.seconds
    return f"{ratio:.2f} times as fast as {name}; the budget is {times}", ratio >= times


def within(times, other, cost, name):
    ratio = cost.seconds / other.seconds
    return f"{ratio:.2f} x {name}; the budget is {times} x", ratio <= times


def find_sling():
    found = os.environ.get("SLING") or shutil.which("sling")
    if found:
        return found
    try:
        import sling_linux_amd64
    except ImportError:
        sys.exit("sling is missing: pip install sling-linux-amd64, or set SLING to its path")
    return Path(sling_linux_amd64.__file__).parent / "bin" / "sling-linux-amd64"


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    model = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    load = os.getloadavg()
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, load {load[0]:.1f} when it began"


def main():
    sections = sys.argv[1:] or SECTIONS
    if unknown := set(sections) - set(SECTIONS):
        sys.exit(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    for program in ["psql", "pg_dump", "pgloader", "mariadb"]:
        if not shutil.which(program):
            sys.exit(f"{program} is missing: install it")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(scratch)
        print(f"{machine()}; {bench.rows:,} wide rows, {bench.rows * 4:,} narrow ones")
        try:
            for section in sections:
                print(section, flush=True)
                getattr(bench, section)()
        finally:
            bench.sources.drop()
            measure.psql(bench.admin, f"drop database if exists {bench.prefix}_new with (force)")


main()
