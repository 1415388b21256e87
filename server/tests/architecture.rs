//! The shape of the program: who may name whom, and what has to go together. Reads the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use server::api::openapi;
use shared::route;

/// Modules of the server, and which others each may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("causes", &[]),
    ("egress", &[]),
    ("store", &[]),
    ("settings", &["store"]),
    ("auth", &["settings", "store"]),
    ("audit", &["auth", "store"]),
    ("jobs", &["egress", "audit", "auth", "settings", "store", "causes"]),
    ("manuals", &[]),
    ("assistant", &["manuals", "egress", "auth", "settings", "store"]),
    (
        "api",
        &[
            "telemetry",
            "egress",
            "assistant",
            "manuals",
            "jobs",
            "audit",
            "auth",
            "settings",
            "store",
            "causes",
        ],
    ),
    ("portal", &["auth"]),
    ("telemetry", &[]),
    ("config", &["jobs", "auth", "store"]),
    (
        "startup",
        &[
            "egress",
            "api",
            "jobs",
            "audit",
            "auth",
            "settings",
            "store",
            "portal",
            "telemetry",
            "config",
        ],
    ),
    ("demo", &["api", "jobs", "audit", "auth", "store", "config"]),
    (
        "cli",
        &[
            "demo",
            "startup",
            "portal",
            "telemetry",
            "config",
            "api",
            "jobs",
            "audit",
            "auth",
            "settings",
            "store",
            "causes",
        ],
    ),
];

#[test]
fn a_layer_of_the_server_names_only_what_lies_beneath_it() {
    let declared: BTreeSet<String> = modules_of(&server("src")).into_iter().collect();
    let placed: BTreeSet<_> = LAYERS.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert_eq!(declared, placed, "a module has no place in the table");
    for (module, may) in LAYERS {
        for other in declared.iter().filter(|other| *other != module) {
            if !may.contains(&other.as_str()) {
                check_does_not_name(&server("src"), module, other);
            }
        }
    }
}

/// The steps stand in `lib.rs` in the order in which data moves, after what all are made of.
#[test]
fn a_step_of_the_engine_names_only_what_comes_before_it() {
    let steps = modules_of(&server("engine/src"));
    let flow = ["connect", "assess", "map", "extract", "transform", "load", "run"];
    let places: Vec<_> = flow.map(|step| steps.iter().position(|other| other == step)).into();
    assert!(places.is_sorted() && places[0].is_some(), "{steps:?}");
    for (place, step) in steps.iter().enumerate() {
        for later in &steps[place + 1..] {
            check_does_not_name(&server("engine/src"), step, later);
        }
    }
}

#[test]
fn the_database_of_the_sample_knows_nothing_of_the_steps() {
    for step in modules_of(&server("engine/src")) {
        if !["sample", "error", "ident", "connect"].contains(&step.as_str()) {
            check_does_not_name(&server("engine/src"), "sample", &step);
        }
    }
}

#[test]
fn the_engine_and_the_deduplication_do_not_know_each_other_nor_the_server() {
    for (crate_name, forbidden) in
        [("engine", ["dedup", "server", "actix-web"]), ("dedup", ["engine", "server", "sqlx"])]
    {
        let manifest = read(&server(crate_name).join("Cargo.toml"));
        let dependencies = manifest.split("[dev-dependencies]").next().expect("a manifest");
        for name in forbidden {
            let names = dependencies
                .lines()
                .any(|line| line.split(['.', ' ', '=']).next().is_some_and(|first| first == name));
            assert!(!names, "{crate_name} depends on {name}");
        }
    }
}

#[test]
fn only_the_clock_asks_the_machine_for_time_and_ids() {
    for path in sources(&server("src")).into_iter().chain(sources(&server("engine/src"))) {
        let text = code(&path);
        let is_clock = path.ends_with("engine/src/clock.rs");
        for call in ["Utc::now()", "Local::now()", "Uuid::new_v4()", "SystemTime::now()"] {
            assert!(is_clock || !text.contains(call), "{} calls {call}", path.display());
        }
    }
}

#[test]
fn nothing_is_printed_but_by_the_command_lines_writer() {
    for path in sources(&server("src")).into_iter().chain(sources(&server("engine/src"))) {
        let text = code(&path);
        for macro_name in ["println!(", "print!(", "dbg!("] {
            assert!(!text.contains(macro_name), "{} uses {macro_name}", path.display());
        }
        let writes = ["io::stdout()", "io::stderr()"].iter().any(|stream| text.contains(stream));
        let may =
            ["cli/output.rs", "cli/audit.rs", "cli/migrate.rs", "cli/verify.rs", "telemetry.rs"];
        let is_writer = may.iter().any(|file| path.ends_with(file));
        assert!(!writes || is_writer, "{} writes to the terminal", path.display());
    }
}

#[test]
fn tables_of_the_control_store_are_named_in_the_store_only() {
    let migrations = sources_with(&server("migrations"), "sql");
    let tables: Vec<String> = migrations
        .iter()
        .flat_map(|path| {
            let text = read(path);
            let names = text.lines().filter_map(|line| line.strip_prefix("create table "));
            names.map(|rest| rest.trim_end_matches(" (").to_owned()).collect::<Vec<_>>()
        })
        .collect();
    assert!(tables.len() > 8, "{tables:?}");
    for path in sources(&server("src")) {
        if path.starts_with(server("src/store")) {
            continue;
        }
        let text = code(&path);
        for table in &tables {
            for verb in ["from ", "into ", "update ", "join "] {
                let names = text.contains(&format!("{verb}{table} "));
                assert!(!names, "{} names the table {table}", path.display());
            }
        }
    }
}

#[test]
fn the_audit_trail_is_only_ever_added_to() {
    for path in sources(&server("src")) {
        let text = code(&path);
        for verb in ["update audit_entries", "delete from audit_entries"] {
            assert!(!text.contains(verb), "{}: {verb}", path.display());
        }
    }
}

#[test]
fn every_file_of_the_store_has_tests_and_those_of_tables_run_on_both_engines() {
    for path in sources(&server("src/store")) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name == "testing.rs" {
            continue;
        }
        let text = read(&path);
        assert!(text.contains("#[cfg(test)]"), "{name} has no tests");
        if text.contains("sqlx::query(") {
            assert!(text.contains("on_both("), "{name} is not tested on both engines");
        }
    }
}

#[test]
fn sql_of_the_store_is_in_lower_case_and_names_its_columns() {
    for path in sources(&server("src/store")) {
        let text = code(&path);
        for word in ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "select *"] {
            assert!(!text.contains(word), "{} has `{word}`", path.display());
        }
    }
}

#[test]
fn every_path_of_the_api_is_in_its_document_and_the_other_way_round() {
    let document = openapi::description();
    let described: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = route::ALL.iter().copied().collect();
    assert_eq!(described, known);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let document = serde_json::to_value(openapi::description()).expect("JSON");
    let mut names = BTreeSet::new();
    for operation in document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|path| path.as_object().expect("operations").values())
    {
        let name = operation["operationId"].as_str().expect("a name");
        assert!(names.insert(name), "{name} is used twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
}

/// The document keeps one description under each name, and says nothing of the other.
#[test]
fn a_name_in_the_document_stands_for_one_type() {
    let mut seen = BTreeSet::new();
    for path in [sources(&server("../shared/src")), sources(&server("src"))].concat() {
        for described in code(&path).split("ToSchema").skip(1) {
            let name = ["schema(as = ", " for ", "struct ", "enum "]
                .into_iter()
                .find_map(|word| after(described, word))
                .expect("the name of a type");
            // A macro's types have the names that it is given.
            if name.is_empty() {
                continue;
            }
            assert!(seen.insert(name.to_owned()), "{name}, the second time in {}", path.display());
        }
    }
    assert!(seen.len() > 100);
}

/// The word after another one, in what stands before the type's fields.
fn after<'a>(described: &'a str, word: &str) -> Option<&'a str> {
    let head = described.split_once('{').map_or(described, |(head, _)| head);
    let rest = head.split_once(word)?.1;
    rest.split(|letter: char| !letter.is_alphanumeric()).next()
}

#[test]
fn every_path_of_the_api_is_routed_and_every_handler_is_described() {
    let table = read(&server("src/api/mod.rs"));
    let routes = read(&server("../shared/src/route.rs"));
    let constants = routes.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("pub const ")?.split_once(": &str = \"/api")?;
        Some(name.to_owned())
    });
    let mut count = 0;
    for constant in constants.filter(|constant| constant != "BASE") {
        assert!(table.contains(&format!("at(route::{constant})")), "{constant} is not routed");
        count += 1;
    }
    assert_eq!(count, route::ALL.len(), "shared::route::ALL is not complete");
    assert!(!table.contains("at(\"") && !table.contains("resource(\""), "a path of its own");

    let handlers = [".get(", ".post(", ".put(", ".delete("]
        .iter()
        .map(|method| table.matches(method).count())
        .sum::<usize>();
    let described = openapi_operations();
    assert_eq!(handlers, described, "handlers in the table, operations in the document");
}

/// Whoever may call a handler stands in its signature. These are open to all.
#[test]
fn every_handler_says_who_may_call_it() {
    const OPEN: &[&str] = &[
        "session::sign_in",
        "password_links::reset",
        "session::refresh",
        "session::sign_out",
        "events::follow",
        "portal_events::follow",
        // Takes a token of the deployment's, or an administrator's.
        "metrics::render",
        "error_codes::list",
        "health::summary",
        "health::live",
        "health::ready",
        "openapi::document",
        "docs::page",
    ];
    let mut open = Vec::new();
    for path in sources(&server("src/api")) {
        let resource = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = code(&path);
        for part in text.split("#[utoipa::path(").skip(1) {
            let (_, rest) = part.split_once("async fn ").expect("a handler");
            let (name, rest) = rest.split_once('(').expect("a signature");
            let signature = rest.split("->").next().expect("a signature");
            if !signature.contains("Authorized<") {
                open.push(format!("{resource}::{name}"));
            }
        }
    }
    open.sort();
    let mut expected: Vec<_> = OPEN.iter().map(|name| (*name).to_owned()).collect();
    expected.sort();
    assert_eq!(open, expected);
}

#[test]
fn every_command_has_its_file_and_its_tests() {
    let commands = read(&server("src/cli/mod.rs"));
    for command in [
        "serve",
        "plan",
        "assess",
        "migrate",
        "report",
        "quarantine",
        "match_people",
        "rollback",
        "evaluate",
        "backup",
        "restore",
        "generate",
        "user",
        "audit",
    ] {
        assert!(commands.contains(&format!("mod {command};")), "{command}");
        assert!(server("tests/cli").join(format!("{command}.rs")).exists(), "{command}");
    }
}

#[track_caller]
fn check_does_not_name(folder: &Path, module: &str, other: &str) {
    let file = folder.join(format!("{module}.rs"));
    let paths = if file.exists() { vec![file] } else { sources(&folder.join(module)) };
    assert!(!paths.is_empty(), "there is no module {module}");
    for path in paths {
        let text = code(&path);
        let names = [format!("crate::{other}::"), format!("crate::{other};")]
            .iter()
            .any(|name| text.contains(name.as_str()))
            || grouped(&text).iter().any(|named| named == other);
        assert!(!names, "{}: `{module}` must not name `{other}`", path.display());
    }
}

/// Modules named in `use crate::{a, b::c}`.
fn grouped(text: &str) -> Vec<String> {
    let groups = text.split("use crate::{").skip(1);
    groups
        .flat_map(|rest| {
            let group = rest.split("};").next().unwrap_or_default();
            group
                .split([',', '{'])
                .map(|part| part.trim().split("::").next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn openapi_operations() -> usize {
    let document = serde_json::to_value(openapi::description()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    paths.values().map(|path| path.as_object().expect("operations").len()).sum()
}

/// The modules of a crate in the order of its `lib.rs`.
fn modules_of(folder: &Path) -> Vec<String> {
    let text = read(&folder.join("lib.rs"));
    let names = text.lines().filter_map(|line| {
        let name = line.trim_start_matches("pub ").strip_prefix("mod ")?;
        Some(name.trim_end_matches(';').to_owned())
    });
    names.collect()
}

/// A file without its comments and without the tests at its end.
fn code(path: &Path) -> String {
    let text = read(path);
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    sources_with(folder, "rs")
}

fn sources_with(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "tests.rs") {
                // A module of tests, and no part of the program.
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn server(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
