"""Finds duplicates with Splink on DuckDB, as a careful user of it would.

splink_match.py docs|tuned people.csv FOLDER [MEMORY_LIMIT]

`docs` compares each column by itself with Splink's own comparisons, as its demonstrations do;
`tuned` is what somebody writes who knows that a family shares its contacts: one comparison for the
whole name, one for all contacts together, levels for dates of birth as they are mistyped. Both get
placeholders taken out first, and the caps on sampling that keep training short. What is found is
written to FOLDER/pairs.csv and FOLDER/clusters.csv.
"""

import sys
import time

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

STYLE, PEOPLE, FOLDER = sys.argv[1:4]
PAIRS = 1e6
THRESHOLD = 0.95

started = time.time()
# One connection for all, with as many threads as the machine has.
connection = duckdb.connect()
if len(sys.argv) > 4:
    connection.execute(f"set memory_limit = '{sys.argv[4]}'")
connection.execute(f"set temp_directory = '{FOLDER}/duckdb'")


def step(name):
    print(f"{time.time() - started:7.1f} s  {name}", file=sys.stderr)


connection.execute(
    f"""
    create table people as
    select id as unique_id,
        lower(first_name) as first_name,
        lower(last_name) as last_name,
        lower(first_name) || ' ' || lower(last_name) as full_name,
        lower(left(middle_name, 1)) as middle_initial,
        lower(suffix) as suffix,
        case when dob = '1900-01-01' then null else dob end as dob,
        sex,
        case when ssn = '999-99-9999' then null else ssn end as ssn,
        case when phone = '555-555-5555' then null else phone end as phone,
        lower(email) as email,
        lower(address) as address,
        lower(city) as city,
        zip
    from read_csv('{PEOPLE}', all_varchar = true, header = true)
    """
)
step("read")


def documented():
    return [
        cl.NameComparison("first_name"),
        cl.NameComparison("last_name"),
        cl.ExactMatch("middle_initial"),
        cl.DateOfBirthComparison("dob", input_is_string=True),
        cl.ExactMatch("sex"),
        cl.DamerauLevenshteinAtThresholds("ssn", [1, 2]),
        cl.DamerauLevenshteinAtThresholds("phone", [1]),
        cl.EmailComparison("email"),
        cl.JaroWinklerAtThresholds("address", [0.9]),
        cl.ExactMatch("zip").configure(term_frequency_adjustments=True),
    ]


def tuned():
    name = cl.CustomComparison(
        output_column_name="name",
        comparison_levels=[
            cll.Or(cll.NullLevel("first_name"), cll.NullLevel("last_name")),
            cll.ExactMatchLevel("full_name").configure(tf_adjustment_column="full_name"),
            cll.ColumnsReversedLevel("first_name", "last_name", symmetrical=True),
            cll.And(cll.JaroWinklerLevel("first_name", 0.9), cll.JaroWinklerLevel("last_name", 0.9)),
            cll.And(
                cll.CustomLevel("left(first_name_l, 1) = left(first_name_r, 1)"),
                cll.ExactMatchLevel("last_name"),
            ),
            cll.ExactMatchLevel("first_name").configure(tf_adjustment_column="first_name"),
            cll.ExactMatchLevel("last_name").configure(tf_adjustment_column="last_name"),
            cll.ElseLevel(),
        ],
    )
    born = cl.CustomComparison(
        output_column_name="dob",
        comparison_levels=[
            cll.NullLevel("dob"),
            cll.ExactMatchLevel("dob"),
            cll.CustomLevel(
                "left(dob_l, 4) = left(dob_r, 4) and substr(dob_l, 6, 2) = substr(dob_r, 9, 2)"
                " and substr(dob_l, 9, 2) = substr(dob_r, 6, 2)"
            ),
            cll.DamerauLevenshteinLevel("dob", 1),
            cll.CustomLevel("substr(dob_l, 6) = substr(dob_r, 6)"),
            cll.CustomLevel("left(dob_l, 7) = left(dob_r, 7)"),
            cll.CustomLevel("left(dob_l, 4) = left(dob_r, 4)"),
            cll.ElseLevel(),
        ],
    )
    # A family has one address, and often one phone: that is one agreement, not three.
    agree = " + ".join(
        f"coalesce(({column}_l = {column}_r)::int, 0)"
        for column in ["phone", "email", "address", "zip"]
    )
    contacts = cl.CustomComparison(
        output_column_name="contacts",
        comparison_levels=[
            cll.CustomLevel(
                "coalesce(phone_l = phone_r, email_l = email_r, address_l = address_r) is null"
            ).configure(is_null_level=True),
            cll.CustomLevel(f"{agree} >= 4"),
            cll.CustomLevel(f"{agree} = 3"),
            cll.CustomLevel(f"{agree} = 2"),
            cll.CustomLevel("email_l = email_r"),
            cll.CustomLevel("phone_l = phone_r"),
            cll.CustomLevel("address_l = address_r"),
            cll.ExactMatchLevel("zip").configure(tf_adjustment_column="zip"),
            cll.ElseLevel(),
        ],
    )
    return [
        name,
        born,
        contacts,
        cl.ExactMatch("middle_initial"),
        cl.ExactMatch("suffix"),
        cl.ExactMatch("sex"),
        cl.DamerauLevenshteinAtThresholds("ssn", [1, 2]),
    ]


settings = SettingsCreator(
    link_type="dedupe_only",
    comparisons=documented() if STYLE == "docs" else tuned(),
    blocking_rules_to_generate_predictions=[
        block_on("ssn"),
        block_on("email"),
        block_on("phone", "first_name"),
        block_on("phone", "dob"),
        block_on("last_name", "dob"),
        block_on("first_name", "dob"),
        block_on("first_name", "last_name", "zip"),
        block_on("dob", "zip"),
        block_on("address", "first_name"),
    ],
    retain_intermediate_calculation_columns=False,
    retain_matching_columns=False,
)
api = DuckDBAPI(connection)
linker = Linker(api.register("people"), settings)
linker.training.estimate_probability_two_random_records_match(
    [
        block_on("first_name", "last_name", "dob"),
        block_on("ssn", "dob"),
        block_on("email", "first_name"),
    ],
    recall=0.8,
)
step("rate")
linker.training.estimate_u_using_random_sampling(max_pairs=PAIRS)
step("u")
for rule in [block_on("dob"), block_on("first_name", "last_name")]:
    linker.training.estimate_parameters_using_expectation_maximisation(rule, max_pairs=PAIRS)
    step("m")
found = linker.inference.predict(threshold_match_weight=-10)
step("pairs")
clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
    found, threshold_match_probability=THRESHOLD
)
step("clusters")
connection.execute(
    f"""
    copy (
        select unique_id_l as left_id, unique_id_r as right_id, match_weight as weight,
            match_probability as probability
        from {found.physical_name}
    ) to '{FOLDER}/pairs.csv' (header)
    """
)
connection.execute(
    f"""
    copy (select cluster_id, unique_id as record_id from {clusters.physical_name})
    to '{FOLDER}/clusters.csv' (header)
    """
)
step("written")
