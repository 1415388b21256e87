"""The two tables that every benchmark copies, in the words of each engine."""

# Name, PostgreSQL's type, MariaDB's type, may be null, and the value of row `i` in PostgreSQL's SQL.
RECORD = [
    ("id", "bigint", "bigint", False, "i"),
    ("clinic_id", "integer", "int", False, "i % 211"),
    ("number", "varchar(20)", "varchar(20)", False, "'MRN' || lpad(i::text, 10, '0')"),
    ("family_name", "varchar(60)", "varchar(60)", False, "'Family' || (i * 7919 % 50000)"),
    ("given_name", "varchar(60)", "varchar(60)", True, "'Given' || (i * 104729 % 9000)"),
    ("middle_name", "varchar(60)", "varchar(60)", True, "case when i % 3 = 0 then 'Middle' || i % 500 end"),
    ("born", "date", "date", True, "date '1930-01-01' + (i * 31 % 34000)::int"),
    ("sex", "char(1)", "char(1)", True, "case i % 2 when 0 then 'f' else 'm' end"),
    ("registered_at", "timestamp", "datetime", False, "timestamp '2009-01-01' + i * interval '97 seconds'"),
    ("updated_at", "timestamp(6)", "datetime(6)", True, "timestamp '2019-01-01' + i * interval '1.000123 seconds'"),
    ("active", "boolean", "tinyint(1)", False, "i % 10 <> 0"),
    ("weight", "numeric(6,2)", "decimal(6,2)", True, "40 + i % 9000 / 100.0"),
    ("height", "numeric(5,1)", "decimal(5,1)", True, "case when i % 4 > 0 then 140 + i % 600 / 10.0 end"),
    ("score", "double precision", "double", True, "i / 7.0::float8"),
    ("balance", "numeric(12,2)", "decimal(12,2)", False, "i % 100000 / 3.0"),
    ("visits", "integer", "int", False, "i % 37"),
    ("flags", "smallint", "smallint", False, "i % 1024"),
    ("address", "varchar(120)", "varchar(120)", True, "(i % 999) || ' Long Meadow Street, Building ' || (i % 77)"),
    ("city", "varchar(60)", "varchar(60)", True, "'City of ' || chr(65 + (i % 26)::int) || 'ville'"),
    ("postcode", "varchar(10)", "varchar(10)", True, "lpad((i % 99999)::text, 5, '0')"),
    ("phone", "varchar(30)", "varchar(30)", True, "'+49 30 ' || lpad((i % 10000000)::text, 8, '0')"),
    ("email", "varchar(120)", "varchar(120)", True, "case when i % 5 > 0 then 'person' || i || '@clinic.example' end"),
    ("external_id", "varchar(36)", "varchar(36)", True, "md5(i::text)"),
    ("note", "text", "text", True, "repeat('Seen on the ward, no complaints. ', (i % 5)::int + 2) || 'é \" line' || E'\\n' || i"),
]
OBSERVATION = [
    ("id", "bigint", "bigint", False, "i"),
    ("record_id", "bigint", "bigint", False, "i % {records} + 1"),
    ("kind", "smallint", "smallint", False, "i % 40"),
    ("value", "numeric(10,3)", "decimal(10,3)", True, "i % 100000 / 7.0"),
    ("taken_at", "timestamp", "datetime", False, "timestamp '2010-01-01' + i * interval '31 seconds'"),
]
TABLES = {"record": RECORD, "observation": OBSERVATION}

INDEXES = [
    ("record", "record_number_key", ["number"], True),
    ("record", "record_name_idx", ["family_name", "given_name"], False),
    ("record", "record_clinic_idx", ["clinic_id"], False),
    ("observation", "observation_record_idx", ["record_id"], False),
]
FOREIGN_KEY = ("observation", "observation_record_fkey", "record_id", "record", "id")


def names(table):
    return [column[0] for column in TABLES[table]]


def create(table, engine):
    """The table without keys and indexes."""
    place = {"postgres": 1, "mariadb": 2, "sqlite": 2}[engine]
    columns = [f"{c[0]} {c[place]}{'' if c[3] else ' not null'}" for c in TABLES[table]]
    return f"create table {table} ({', '.join(columns)})"


def keys():
    """Everything that comes after the data, each a statement that every engine understands."""
    for table, name, columns, unique in INDEXES:
        yield f"create {'unique ' if unique else ''}index {name} on {table} ({', '.join(columns)})"
    table, name, column, parent, parent_column = FOREIGN_KEY
    yield (
        f"alter table {table} add constraint {name} foreign key ({column}) "
        f"references {parent} ({parent_column})"
    )


def primary_key(table):
    return f"alter table {table} add primary key (id)"


def rows(table, wide_rows):
    return wide_rows if table == "record" else wide_rows * 4


def select(table, wide_rows):
    """A statement of PostgreSQL that yields the table's rows."""
    columns = ", ".join(f"({c[4]})::{c[1]} as {c[0]}" for c in TABLES[table])
    count = rows(table, wide_rows)
    return f"select {columns} from generate_series(1::bigint, {count}) i".replace("{records}", str(wide_rows))


def plan(source, target, tables=("record", "observation"), checks=None, rules=None):
    """The plan that carries the tables over as they are, with keys and indexes."""
    return {
        "format": 1,
        "name": "bench",
        "source": source,
        "target": target,
        "tables": [mapping(table, source, checks or {}, rules or {}, tables) for table in tables],
    }


def mapping(table, source, checks, rules, tables):
    columns = [
        {"target": name, "source": name, "type": data_type, "nullable": nullable}
        | ({"transform": rules[name]} if name in rules else {})
        for name, data_type, _, nullable, _ in TABLES[table]
    ]
    indexes = [
        {"name": name, "columns": columns, "unique": unique}
        for of, name, columns, unique in INDEXES
        if of == table
    ]
    _, name, column, parent, parent_column = FOREIGN_KEY
    foreign_keys = [
        {
            "name": name,
            "columns": [column],
            "references": f"public.{parent}",
            "referenced_columns": [parent_column],
        }
    ]
    return {
        "source": f"public.{table}" if source.startswith("postgres") else table,
        # A file has no index that would prove a key.
        "key": [] if source.startswith("csv:") else ["id"],
        "target": f"public.{table}",
        "columns": columns,
        "create": {
            "primary_key": ["id"],
            "indexes": indexes,
            "foreign_keys": foreign_keys if table == FOREIGN_KEY[0] and parent in tables else [],
            "checks": checks.get(table, {}),
        },
    }
