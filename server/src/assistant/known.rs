//! What is known of a question's answer. Pure: the state is given.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use shared::assistant::{Passage, Source};
use shared::error_code::ErrorCode;
use shared::run::{Books, Progress, Run, RunState};

use super::state::State;
use crate::manuals;

/// Parts of manuals that are shown.
const PARTS: usize = 3;

/// A part that says less than this is not about the question.
const LEAST: u32 = 8;

pub(super) fn passages(question: &str, state: &State) -> Vec<Passage> {
    let words: BTreeSet<_> = manuals::words_of(question).collect();
    let has = |any: &[&str]| any.iter().any(|word| words.contains(*word));
    let mut passages = Vec::new();

    let mut codes = codes_in(question);
    let run = run_in(question, state);
    let is_about_runs = run.is_some()
        || has(&["run", "runs", "running", "progress", "stopped", "stop", "failed", "fail"])
            && has(&["why", "how", "what", "did", "does", "is", "where", "when", "far", "status"]);
    if let Some(run) = run.or_else(|| is_about_runs.then(|| state.runs.first()).flatten()) {
        passages.push(of_run(run));
        codes.extend(run.failure.as_ref().map(|failure| failure.code));
    }
    codes.dedup();
    passages.extend(codes.into_iter().map(of_code));
    if has(&["next", "todo", "waits", "needs", "start", "begin"]) {
        passages.extend(steps(state));
    }
    let parts = manuals::about(question, PARTS).into_iter().filter(|part| part.score >= LEAST);
    passages.extend(parts.map(|part| Passage {
        source: Source::Manual,
        title: match part.part.title.as_str() {
            "" => part.book.summary.title.clone(),
            title => format!("{}: {title}", part.book.summary.title),
        },
        text: part.excerpt(),
        address: part.address(),
    }));
    passages
}

/// The codes that a question names, in whatever case.
fn codes_in(question: &str) -> Vec<ErrorCode> {
    question
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter_map(|word| ErrorCode::from_name(&word.to_ascii_uppercase()))
        .collect()
}

/// The run that a question names by its id, its beginning, or its place: `run 2` is the second.
fn run_in<'a>(question: &str, state: &'a State) -> Option<&'a Run> {
    let words: Vec<_> = question
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase())
        .collect();
    let by_id = words.iter().filter(|word| word.len() >= 6).find_map(|word| {
        state.runs.iter().find(|run| run.id.as_str().to_ascii_lowercase().starts_with(word))
    });
    by_id.or_else(|| {
        let place = words.iter().position(|word| word == "run")? + 1;
        let number = words.get(place)?.parse::<usize>().ok()?;
        // The first run has the number 1, and is the last of the list.
        state.runs.iter().rev().nth(number.checked_sub(1)?)
    })
}

fn of_run(run: &Run) -> Passage {
    let books = run.progress.as_ref().map(Progress::books).unwrap_or_default();
    let mut text = format!(
        "The run of {}, version {}, is {}.",
        run.plan_name,
        run.plan_version,
        run.state.label().to_lowercase()
    );
    if let Some(failure) = &run.failure {
        let explanation = failure.code.explanation();
        // Writing to a String does not fail.
        let _ = write!(
            text,
            " It stopped with {}: {}. {} {}",
            failure.code, explanation.title, explanation.hint, explanation.action
        );
    }
    text.push_str(&books_in_words(books));
    text.push_str(match run.state {
        RunState::Paused | RunState::Failed => " It can be resumed where it stopped.",
        RunState::Completed if books.quarantined > 0 => {
            " What stayed in quarantine can be fixed and replayed."
        }
        _ => "",
    });
    let is_waiting_rows = run.state == RunState::Completed && books.quarantined > 0;
    let page = if is_waiting_rows { "/quarantine" } else { "" };
    Passage {
        source: Source::Run,
        title: format!("Run {} of {}", run.id, run.plan_name),
        text,
        address: format!("/portal/migration/runs/{}{page}", run.id),
    }
}

fn books_in_words(books: Books) -> String {
    if books.read == 0 {
        return String::new();
    }
    format!(
        " Of {} rows, {} are loaded, {} merged, {} filtered and {} in quarantine.",
        books.read, books.loaded, books.merged, books.filtered, books.quarantined
    )
}

fn of_code(code: ErrorCode) -> Passage {
    let explanation = code.explanation();
    Passage {
        source: Source::Code,
        title: format!("{code}: {}", explanation.title),
        text: format!("{} {} {}", explanation.cause, explanation.hint, explanation.action),
        address: format!("/portal/library/error-handling#{}", code.as_str().to_lowercase()),
    }
}

/// What waits for somebody, most urgent first.
fn steps(state: &State) -> Vec<Passage> {
    let step = |title: &str, text: String, page: &str| Passage {
        source: Source::Step,
        title: title.to_owned(),
        text,
        address: format!("/portal/migration{page}"),
    };
    let mut steps = Vec::new();
    if let Some(run) =
        state.runs.first().filter(|run| matches!(run.state, RunState::Failed | RunState::Paused))
    {
        let text = format!("The last run of {} stopped and can go on.", run.plan_name);
        steps.push(step("Resume the run", text, &format!("/runs/{}", run.id)));
    }
    if state.alerts_open > 0 {
        let text = format!("{} that nobody has seen yet.", counted(state.alerts_open, "alert"));
        steps.push(step("Look at the alerts", text, "/alerts"));
    }
    if state.approvals_waiting > 0 {
        let text =
            format!("{} an answer.", counted(state.approvals_waiting, "request waiting for"));
        steps.push(step("Answer who asked", text, "/approvals"));
    }
    for name in &state.failing {
        let text = format!("The last test of {name} failed.");
        steps.push(step("Repair the connection", text, "/connections"));
    }
    match (state.has_source && state.has_target, state.has_plan, state.runs.first()) {
        (false, ..) => {
            let text = "A migration needs a source and a target.".to_owned();
            steps.push(step("Add connections", text, "/connections"));
        }
        (true, false, _) => {
            let text = "A draft reads both databases and proposes a complete plan.".to_owned();
            steps.push(step("Draft a plan", text, "/plans"));
        }
        (true, true, None) => {
            let text = "A rehearsal tells what a run would do, and nothing of it stays.".to_owned();
            steps.push(step("Start a run", text, "/runs"));
        }
        (true, true, Some(run)) if run.state == RunState::Completed => {
            steps.push(of_run(run));
        }
        _ => {}
    }
    steps
}

fn counted(number: u64, what: &str) -> String {
    let (noun, rest) = what.split_once(' ').unwrap_or((what, ""));
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending} {rest}").trim_end().to_owned()
}

/// The question with those of its words that the manuals, the catalogue or the runs have too.
/// A name that somebody typed into it is not among them.
pub(super) fn without_foreign_words(question: &str, state: &State) -> String {
    static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let books = manuals::all().iter().flat_map(|book| &book.parts);
        let texts = books.flat_map(|part| manuals::words_of(&part.text));
        let codes = ErrorCode::ALL.iter().map(|code| code.as_str().to_lowercase());
        // A number may be anything.
        texts.chain(codes).filter(|word| !word.chars().all(|c| c.is_ascii_digit())).collect()
    });
    let of_runs: BTreeSet<_> = state
        .runs
        .iter()
        .flat_map(|run| [run.id.as_str().to_lowercase(), run.plan_name.to_lowercase()])
        .collect();
    manuals::words_of(question)
        .map(
            |word| {
                if WORDS.contains(&word) || of_runs.contains(&word) {
                    word
                } else {
                    "…".to_owned()
                }
            },
        )
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use shared::run::Failure;

    use super::*;

    fn run(id: &str, state: RunState, failure: Option<ErrorCode>) -> Run {
        Run {
            id: id.parse().unwrap(),
            plan_id: "p1".parse().unwrap(),
            plan_name: "clinic".to_owned(),
            plan_version: 1,
            state,
            started_by: "Ada".to_owned(),
            created_at: chrono::DateTime::UNIX_EPOCH,
            started_at: None,
            ended_at: None,
            failure: failure.map(|code| Failure { code, message: "copying".to_owned() }),
            progress: None,
        }
    }

    fn state() -> State {
        State {
            has_source: true,
            has_target: true,
            has_plan: true,
            runs: vec![
                run("run-second", RunState::Completed, None),
                run("run-first", RunState::Failed, Some(ErrorCode::Conn001)),
            ],
            ..State::default()
        }
    }

    fn addresses(question: &str, state: &State) -> Vec<String> {
        passages(question, state).into_iter().map(|passage| passage.address).collect()
    }

    #[test]
    fn a_code_is_explained_in_whatever_case_it_is_written() {
        for question in ["What does DATA-003 mean?", "data-003?"] {
            let found = passages(question, &State::default());
            assert_eq!(found[0].source, Source::Code, "{question}");
            assert_eq!(found[0].address, "/portal/library/error-handling#data-003");
        }
    }

    #[test]
    fn a_run_is_found_by_its_place_and_by_its_id() {
        for question in ["why did run 1 stop", "Why did run-first stop?"] {
            let found = addresses(question, &state());
            assert_eq!(found[0], "/portal/migration/runs/run-first", "{question}");
            assert_eq!(found[1], "/portal/library/error-handling#conn-001", "{question}");
        }
        assert!(addresses("why did run 9 stop", &state())[0].ends_with("run-second"));
    }

    #[test]
    fn what_comes_next_depends_on_what_is_there() {
        let question = "What should I do next?";
        let bare = addresses(question, &State::default());
        assert_eq!(bare[0], "/portal/migration/connections");
        let mut waiting = state();
        waiting.approvals_waiting = 2;
        let found = passages(question, &waiting);
        assert_eq!(found[0].text, "2 requests waiting for an answer.");
    }

    #[test]
    fn a_question_about_a_word_of_the_manuals_leads_there() {
        let found = passages("How do I waive quarantined rows?", &State::default());
        assert!(found.iter().any(|it| it.address.starts_with("/portal/library/quarantine")));
        assert!(passages("zeppelin", &State::default()).is_empty());
    }

    #[test]
    fn a_name_that_somebody_typed_goes_to_nobody() {
        let asked = without_foreign_words(
            "Why is Quillonia Zabriskie, 4711, in quarantine of run-first with DATA-003?",
            &state(),
        );
        for trace in ["quillonia", "zabriskie", "4711"] {
            assert!(!asked.contains(trace), "{asked}");
        }
        for word in ["quarantine", "run-first", "data-003"] {
            assert!(asked.contains(word), "{asked}");
        }
    }
}
