"""Makes the same rows as a PostgreSQL, a MariaDB and a SQLite database, and as files."""

import csv
import os
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import tables
from measure import mariadb_client, psql, psql_command, checked


def database(url, name):
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


class Sources:
    """Generated once a run; the files only once where a folder keeps them."""

    def __init__(self, folder, wide_rows, postgres, mariadb, prefix):
        self.folder, self.wide_rows, self.prefix = Path(folder), wide_rows, prefix
        self.admin, self.mariadb_admin = postgres, mariadb
        self.postgres = database(postgres, f"{prefix}_legacy")
        self.mariadb = database(mariadb, f"{prefix}_legacy")
        self.sqlite = self.folder / f"legacy-{wide_rows}.db"
        self.csv = self.folder / f"csv-{wide_rows}"
        self.made = set()

    def need(self, engine):
        if engine not in self.made:
            print(f"  making the source: {engine}", flush=True)
            getattr(self, f"make_{engine}")()
            self.made.add(engine)

    def make_postgres(self):
        psql(self.admin, f"create database {self.prefix}_legacy")
        for table in tables.TABLES:
            psql(
                self.postgres,
                tables.create(table, "postgres"),
                f"insert into {table} {tables.select(table, self.wide_rows)}",
                tables.primary_key(table),
            )
        psql(self.postgres, *tables.keys())
        # As a database that has been in use for years: no hint bits left to be set by the first reader.
        psql(self.postgres, "vacuum analyze")

    def file(self, table, kind):
        """The table as a file of PostgreSQL's text form, or as one with a header and commas."""
        if kind == "csv":
            self.csv.mkdir(exist_ok=True)
            path, form = self.csv / f"{table}.csv", "format csv, header"
        else:
            path, form = self.folder / f"{table}-{self.wide_rows}.copy", "format text"
        if not path.exists():
            self.need("postgres")
            part = path.with_suffix(".part")
            copy = f"\\copy (select * from {table} order by id) to '{part}' ({form})"
            checked(["bash", "-c", f"{psql_command(self.postgres)} -c \"$0\"", copy])
            part.rename(path)
        return path

    def make_csv(self):
        for table in tables.TABLES:
            self.file(table, "csv")

    def make_mariadb(self):
        mariadb_client(self.mariadb_admin, f"create database {self.prefix}_legacy")
        for table in tables.TABLES:
            path = self.file(table, "copy")
            columns = [
                f"@{name}" if kind == "tinyint(1)" else name
                for name, _, kind, _, _ in tables.TABLES[table]
            ]
            truths = [f"{name[1:]} = ({name} = 't')" for name in columns if name[0] == "@"]
            mariadb_client(
                self.mariadb,
                f"set foreign_key_checks = 0; {tables.create(table, 'mariadb')} engine=InnoDB; "
                f"{tables.primary_key(table)}; "
                f"load data local infile '{path}' into table {table} ({', '.join(columns)})"
                f"{' set ' + ', '.join(truths) if truths else ''}",
            )
        mariadb_client(self.mariadb, "; ".join(tables.keys()) + "; analyze table record, observation")

    def spoil_mariadb(self):
        """Dates of zeros in one row of a hundred. Not to be used for anything else afterwards."""
        mariadb_client(
            self.mariadb,
            "set sql_mode = ''; update record set born = '0000-00-00' where id % 100 = 7; "
            "update observation set taken_at = '0000-00-00' where id % 100 = 7",
        )
        self.made.discard("mariadb")

    def make_sqlite(self):
        if self.sqlite.exists():
            return
        part = self.sqlite.with_suffix(".part")
        part.unlink(missing_ok=True)
        legacy = sqlite3.connect(part)
        legacy.execute("pragma journal_mode = off")
        legacy.execute("pragma synchronous = off")
        for table, columns in tables.TABLES.items():
            create = tables.create(table, "sqlite").replace("id bigint not null", "id integer primary key", 1)
            legacy.execute(create)
            with open(self.file(table, "csv"), newline="", encoding="utf8") as lines:
                rows = csv.reader(lines)
                next(rows)
                turn = [is_true if kind == "tinyint(1)" else or_null for _, _, kind, _, _ in columns]
                legacy.executemany(
                    f"insert into {table} values ({', '.join('?' * len(columns))})",
                    ([t(v) for t, v in zip(turn, row)] for row in rows),
                )
        for _, name, columns, unique in tables.INDEXES:
            of = next(i[0] for i in tables.INDEXES if i[1] == name)
            legacy.execute(
                f"create {'unique ' if unique else ''}index {name} on {of} ({', '.join(columns)})"
            )
        legacy.commit()
        legacy.close()
        os.rename(part, self.sqlite)

    def drop(self):
        psql(self.admin, f"drop database if exists {self.prefix}_legacy with (force)")
        mariadb_client(self.mariadb_admin, f"drop database if exists {self.prefix}_legacy")


def is_true(text):
    return None if text == "" else int(text == "t")


def or_null(text):
    return None if text == "" else text
