//! The catalogue of errors. Answers, pages and the manual's list are generated from it.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! catalogue {
    ($( $(#[$doc:meta])* $variant:ident = $code:literal {
        title: $title:literal, cause: $cause:literal, hint: $hint:literal, action: $action:literal $(,)?
    } )+) => {
        /// One kind of error, by the code that people look up.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        pub enum ErrorCode {
            $( $(#[$doc])* #[serde(rename = $code)] $variant, )+
        }

        impl ErrorCode {
            /// All of them, in the catalogue's order.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// What the catalogue says about it.
            pub const fn explanation(self) -> Explanation {
                match self {
                    $( Self::$variant => Explanation {
                        code: self,
                        title: $title, cause: $cause, hint: $hint, action: $action,
                    }, )+
                }
            }

            /// The code as people write it: `DATA-003`.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $code, )+ }
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for ErrorCode {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::openapi::one_of(Self::ALL.iter().map(|code| code.as_str()))
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for ErrorCode {}
    };
}

/// What the catalogue says about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    pub code: ErrorCode,
    /// What happened, as a short phrase.
    pub title: &'static str,
    /// Why it happens.
    pub cause: &'static str,
    /// What to look at first.
    pub hint: &'static str,
    /// What mends it.
    pub action: &'static str,
}

impl ErrorCode {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    pub const fn hint(self) -> &'static str {
        self.explanation().hint
    }

    /// The manual's page about it, as a path of the portal.
    pub fn docs(self) -> String {
        format!("/portal/library/error-handling#{}", self.as_str().to_ascii_lowercase())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

catalogue! {
    Conn001 = "CONN-001" {
        title: "The server cannot be reached",
        cause: "No server answers at this host and port, or a firewall drops the packets.",
        hint: "Check host and port, and whether the server is running and reachable from here.",
        action: "Correct the connection's URL or open the way to the server, then try again.",
    }
    Conn002 = "CONN-002" {
        title: "The server refused the sign-in",
        cause: "User name or password are wrong, or the server does not let this user in from here.",
        hint: "Check user and password; a password with special characters must be percent-encoded in a URL.",
        action: "Correct the connection's URL, or let the user in on the server.",
    }
    Conn003 = "CONN-003" {
        title: "The database does not exist",
        cause: "The server is there, but has no database of this name.",
        hint: "Check the name at the end of the URL; names are case-sensitive on most servers.",
        action: "Correct the name or create the database.",
    }
    Conn004 = "CONN-004" {
        title: "A right is missing",
        cause: "The user may sign in but not do what the run needs.",
        hint: "A source needs SELECT on its tables. A target needs CREATE on the database and the schema, and INSERT and SELECT on its tables.",
        action: "Grant the right named in the message, or use another user.",
    }
    Conn005 = "CONN-005" {
        title: "The connection was lost",
        cause: "The server restarted, ended the session, or the network broke.",
        hint: "Nothing is lost: what was committed is in the ledger.",
        action: "Start the same run again; it continues after the last committed chunk.",
    }
    Conn006 = "CONN-006" {
        title: "The URL cannot be understood",
        cause: "It is not one of postgres://, mysql://, sqlite:PATH or csv:DIR, or a part of it is malformed.",
        hint: "Write postgres://user:password@host:5432/database, mysql://…, sqlite:file.db or csv:folder.",
        action: "Correct the URL.",
    }
    Conn007 = "CONN-007" {
        title: "No secure channel could be made",
        cause: "The server does not offer TLS, or its certificate is not trusted.",
        hint: "Look at the connection's sslmode and at the server's certificate.",
        action: "Trust the certificate or correct sslmode.",
    }
    Conn008 = "CONN-008" {
        title: "A file cannot be read",
        cause: "The file or folder is not there, is not readable, or is not what it should be.",
        hint: "Check the path; it is taken from the folder in which the program was started.",
        action: "Correct the path or the file's rights.",
    }
    Data001 = "DATA-001" {
        title: "A value does not fit its column's type",
        cause: "The source holds something that cannot be read as the target's type, such as a word in a number's place.",
        hint: "Look at the column's type in the plan and at the rows in quarantine.",
        action: "Repair the rows and replay them, or change the column's type or rules in the plan.",
    }
    Data002 = "DATA-002" {
        title: "A number or date is out of range",
        cause: "The target's type cannot hold a value as large, as small, or as early or late.",
        hint: "A wider type (bigint, numeric, timestamp) holds it.",
        action: "Widen the type in the plan, or repair the rows and replay them.",
    }
    Data003 = "DATA-003" {
        title: "A text is too long",
        cause: "The text has more characters than its column takes.",
        hint: "Text without a length takes any.",
        action: "Widen the column in the plan, or sign a rule that cuts the text.",
    }
    Data004 = "DATA-004" {
        title: "A value is missing",
        cause: "The column takes no null, and the source has none to give.",
        hint: "Look whether a rule turned the value into null.",
        action: "Give the column a default, let it be null, or repair the rows and replay them.",
    }
    Data005 = "DATA-005" {
        title: "A text contains 0x00",
        cause: "PostgreSQL cannot hold the byte 0x00 in a text; other databases can.",
        hint: "The rule replace_nul writes a visible sign in its place.",
        action: "Add the rule replace_nul to the column, or make it bytea.",
    }
    Data006 = "DATA-006" {
        title: "A date of zeros",
        cause: "MySQL allows 0000-00-00 and dates with a zero month or day; they name no day.",
        hint: "The rule zero_date_to_null, signed, turns them into null.",
        action: "Sign the rule for the column, or repair the rows and replay them.",
    }
    Data007 = "DATA-007" {
        title: "A text is not in its character set",
        cause: "The bytes of the text are not valid UTF-8, nor valid in the character set declared for them.",
        hint: "The text was probably written with another character set than the one declared.",
        action: "Declare the right character set, or carry the column over as bytea.",
    }
    Data008 = "DATA-008" {
        title: "The parent row is missing",
        cause: "The row refers to a row that is not in the target: it never was in the source, or it is in quarantine itself.",
        hint: "Replay the parent first. The plan can also keep such rows without the reference.",
        action: "Replay the parent and then the row, or set `orphans` for the foreign key in the plan.",
    }
    Data009 = "DATA-009" {
        title: "The key is taken",
        cause: "Another row with the same key or unique value is in the target.",
        hint: "Two source rows may have become equal under a rule, or the target was not empty.",
        action: "Repair the row and replay it, or drop the unique index from the plan.",
    }
    Data010 = "DATA-010" {
        title: "A condition of the table is not met",
        cause: "A check constraint of the target refuses the row.",
        hint: "The reason names the constraint.",
        action: "Repair the row and replay it, or change the constraint in the plan.",
    }
    Data011 = "DATA-011" {
        title: "A code is not in its table",
        cause: "A map or code table of the plan has no entry for the value.",
        hint: "Ask the people of the legacy system what the code means.",
        action: "Add the code to the table in the plan, or set what happens otherwise.",
    }
    Data012 = "DATA-012" {
        title: "Malformed JSON",
        cause: "The text is not JSON, and the rule could not repair it.",
        hint: "With `repair: true` the rule json mends the usual damages.",
        action: "Repair the row and replay it, or carry the column over as text.",
    }
    Data013 = "DATA-013" {
        title: "A line with the wrong number of fields",
        cause: "The line of the file has more or fewer fields than its header.",
        hint: "An unquoted separator or line break inside a field is the usual cause.",
        action: "Repair the line and replay it.",
    }
    Data014 = "DATA-014" {
        title: "Digits would be lost",
        cause: "The number has more decimals than the target's column keeps.",
        hint: "Numeric without a scale keeps every digit.",
        action: "Widen the scale in the plan, or sign a rule that rounds.",
    }
    Data015 = "DATA-015" {
        title: "The target refused the row",
        cause: "A trigger, a policy or a type of the target refuses the row.",
        hint: "The reason names what the target said, without values.",
        action: "Repair the row and replay it, or change what refuses it.",
    }
    Data020 = "DATA-020" {
        title: "Another row with this key is there already",
        cause: "The plan leaves rows of the target as they are (`existing: skip`), and the one with this key says something else.",
        hint: "Compare the two; the one in the target was not touched.",
        action: "Waive the row, or repair it and replay it; with `existing: update` the plan writes over what is there.",
    }
    Data021 = "DATA-021" {
        title: "An expression has no result for the row",
        cause: "An expression of the plan divides by zero, counts with null, compares what cannot be compared, or needs more than 28 digits.",
        hint: "The column is named. Numbers are exact: what would have to be rounded is refused, save in a division.",
        action: "Have the expression ask for the case (`value == null ? … : …`), or repair the value, and replay the row.",
    }
    Map001 = "MAP-001" {
        title: "The plan contradicts itself",
        cause: "Two parts of the plan do not go together, or something is missing in it.",
        hint: "The message names the place in the document.",
        action: "Correct the plan; `transfuse plan check` lists everything that is wrong.",
    }
    Map002 = "MAP-002" {
        title: "The plan names something that is not there",
        cause: "A table or column of the plan is not in the database: a misspelling, or the database changed.",
        hint: "The message names the closest one that is there.",
        action: "Correct the name in the plan, or draft the plan again.",
    }
    Map003 = "MAP-003" {
        title: "A loss that nobody signed for",
        cause: "A rule of the plan can lose information, and the column carries no signature.",
        hint: "Sign the column with a name and a reason, or keep the raw value beside it.",
        action: "Add `signed: {by, reason}` or `keep_raw_in` to the column.",
    }
    Map004 = "MAP-004" {
        title: "The plan cannot be read",
        cause: "The file is missing, is no YAML or JSON, or has a key that no plan has.",
        hint: "The message names line and column.",
        action: "Correct the file.",
    }
    Map005 = "MAP-005" {
        title: "A column is forgotten",
        cause: "The source has a column that the plan neither maps nor leaves behind.",
        hint: "Nothing is dropped in silence: say what becomes of it.",
        action: "Map the column, or name it under `left_behind` with a reason.",
    }
    Map006 = "MAP-006" {
        title: "A rule does not fit its column",
        cause: "The rule cannot work on the column's type, or the engine cannot do it.",
        hint: "The message says which rule and why.",
        action: "Take another rule or another type.",
    }
    Map007 = "MAP-007" {
        title: "The template does not fit",
        cause: "There is no template of this name, or the source lacks the tables that it maps.",
        hint: "Without a template, the draft maps tables by their names and types.",
        action: "Draft without the template, or name another source.",
    }
    Load001 = "LOAD-001" {
        title: "The target table has rows already",
        cause: "The plan loads into a table that is not empty, and they are not this run's rows.",
        hint: "Nothing was written.",
        action: "Say in the plan what becomes of them (`existing: append`, `update` or `skip`), empty the table, or continue the run that began it.",
    }
    Load002 = "LOAD-002" {
        title: "The target refused a batch",
        cause: "The target failed for a reason that is not one row's.",
        hint: "Look at the target's log at the time of the message.",
        action: "Mend the cause and start the same run again; it continues.",
    }
    Load003 = "LOAD-003" {
        title: "The target's disk is full",
        cause: "The target could not extend a file.",
        hint: "What was committed stays, and the rest is untouched.",
        action: "Make room and start the same run again; it continues.",
    }
    Load004 = "LOAD-004" {
        title: "An index or a key could not be made",
        cause: "The target refused the statement that makes it.",
        hint: "The message names the index or key.",
        action: "Correct it in the plan or mend the rows it is about, then start the same run again.",
    }
    Load005 = "LOAD-005" {
        title: "The books do not close",
        cause: "The rows read are not the rows loaded, merged, filtered and quarantined.",
        hint: "The source may have changed while it was read without a snapshot.",
        action: "Do not use the target. Look at the table named and run again into an empty target.",
    }
    Load006 = "LOAD-006" {
        title: "Too many bad rows",
        cause: "More rows went to quarantine than the plan allows.",
        hint: "One cause usually explains most of them: look at the quarantine by code and column.",
        action: "Mend the cause or raise the limit, then start the same run again; it continues.",
    }
    Load007 = "LOAD-007" {
        title: "Another run is under way in this target",
        cause: "The target holds an unfinished run of another plan or plan version over the same tables.",
        hint: "A resumed run must be of the very same plan.",
        action: "Finish that run, roll it back, or start with --fresh.",
    }
    Load008 = "LOAD-008" {
        title: "The source changed under the run",
        cause: "Rows that the run has still to read are no longer what it planned for.",
        hint: "The message names the table.",
        action: "Keep the legacy system from writing, or start with --fresh.",
    }
    Load009 = "LOAD-009" {
        title: "Somebody else is working on this run",
        cause: "Another process holds the run's lock in the target.",
        hint: "Look for another transfuse that runs the same plan.",
        action: "Wait for it or stop it.",
    }
    Load010 = "LOAD-010" {
        title: "The database is in use already",
        cause: "It has a table by the name of one that was to be made in an empty database.",
        hint: "The message names the table; nothing was written.",
        action: "Name an empty database.",
    }
    Load020 = "LOAD-020" {
        title: "Others depend on what would be undone",
        cause: "Rows that somebody else wrote refer to rows of the run, or somebody made something that stands on what the run made.",
        hint: "The message names the constraint or the object, and how many rows it is about. Nothing was changed.",
        action: "Take away what refers to the rows, or undo the tables named as well, and start the same command again.",
    }
    Load021 = "LOAD-021" {
        title: "A change that could not be undone",
        cause: "The plan's own statements (`target_sql`) change something that was there before, in a way that cannot be read back.",
        hint: "The message names what they change. They were taken back; nothing was changed.",
        action: "Take it out of the plan's statements, or say under `target_sql.undo` how it is undone.",
    }
    Load022 = "LOAD-022" {
        title: "The run is being undone",
        cause: "Undoing this run began and did not come to its end.",
        hint: "Undoing goes on where it stopped.",
        action: "Start `transfuse rollback` for the run again, then run the plan anew.",
    }
    Load023 = "LOAD-023" {
        title: "There is nothing of this run to undo",
        cause: "The target knows no run with this id, or no table or chunk of this name in it, or it is undone already.",
        hint: "The target's own list is in transfuse.runs and transfuse.tables.",
        action: "Check the id, the table and the number of the chunk, and that it is the right target.",
    }
    Load024 = "LOAD-024" {
        title: "The run's rows cannot be told apart",
        cause: "The run wrote into this target under another key of the installation, or its table has no key by which a single chunk's rows are found.",
        hint: "The message names the table.",
        action: "Use the data folder with which the run was made, or undo the whole run instead of a part of it.",
    }
    Load025 = "LOAD-025" {
        title: "Rows of the run stay",
        cause: "Somebody changed rows of the run since, or something needs what the run made.",
        hint: "Everything else is undone. The list says which tables are left with how many rows, and why.",
        action: "Look at the rows. `--discard-changes` undoes them as well; what somebody wrote into them is then lost.",
    }
    Load030 = "LOAD-030" {
        title: "People were not merged",
        cause: "A row of them is missing, or the target, or the plan, does not let theirs become one.",
        hint: "The message names the table. Nothing was changed.",
        action: "Look at the people under Duplicates, mend what is in the way, and merge them again.",
    }
    Load031 = "LOAD-031" {
        title: "A merge cannot be taken back",
        cause: "A later merge stands on it, or the target has changed so that a row cannot come back.",
        hint: "The message names what is in the way. Nothing was changed.",
        action: "Take back the later merge first, or mend what is in the way, and take it back again.",
    }
    Load041 = "LOAD-041" {
        title: "Two transactions stood in each other's way",
        cause: "A deadlock, a serialization failure, or a lock that somebody else held for too long.",
        hint: "The chunk was rolled back and tried again for as long as the plan's patience lasts.",
        action: "Find out who else works on the table, then start the same run again; it continues.",
    }
    Load042 = "LOAD-042" {
        title: "A statement took too long",
        cause: "A time limit of the server, or its administrator, ended the statement.",
        hint: "Look for a statement_timeout of the role, the database or a trigger, and for somebody who cancels.",
        action: "Raise the limit or make `chunk_rows` smaller in a new plan version, then start the run again.",
    }
    Load043 = "LOAD-043" {
        title: "Another process took the run over",
        cause: "This process was silent for so long that another one continued the run; what it still tried to commit was refused.",
        hint: "Nothing is lost or twice: the run goes on elsewhere.",
        action: "Look at the run; there is nothing to mend here.",
    }
    Load044 = "LOAD-044" {
        title: "The source's state could not be joined",
        cause: "A worker could not see the source as the run saw it when it began, and took no part.",
        hint: "On MySQL the source must not have been written to since; a file must be the very same one.",
        action: "Let the run go on without this worker, or start the worker before the run.",
    }
    Load045 = "LOAD-045" {
        title: "The source is strained",
        cause: "The source took longer to answer than the plan's `governor.stop_ms` allows, again and again, with as little asked of it as the run can.",
        hint: "What the run had under way is rolled back; nothing of it is lost or twice.",
        action: "Find out what else keeps the source busy, then start the same run again; it continues.",
    }
    Load050 = "LOAD-050" {
        title: "The run is not in this target",
        cause: "The target knows no such run or action, or the run was rolled back.",
        hint: "Check the id, and whether the plan or URL names the target of that run.",
        action: "Name the target in which the run wrote.",
    }
    Load051 = "LOAD-051" {
        title: "Somebody worked on these rows since",
        cause: "The rows are no longer as they were when this began: another action came first.",
        hint: "Only the last thing that was done with a row can be undone.",
        action: "Look at the actions of the run, undo the later ones first, or start again.",
    }
    Load052 = "LOAD-052" {
        title: "Other rows refer to these",
        cause: "Rows of the target refer to rows that were to be taken out of it.",
        hint: "Children that were replayed later have to go before their parents.",
        action: "Undo what brought the children first, or leave these rows where they are.",
    }
    Ver001 = "VER-001" {
        title: "Source and target differ",
        cause: "Rows are missing in the target, are there without being in the source, or hold other values; or a reference leads nowhere, or a sequence is behind.",
        hint: "Every mismatch is listed with its table, its columns and a digest of its key.",
        action: "Look at the list, then repair what is to be repaired with `transfuse verify repair`, which shows first what it would do.",
    }
    Ver002 = "VER-002" {
        title: "The target lacks a table of the plan",
        cause: "The plan was never run against this target, or the table was dropped since.",
        hint: "Check that the plan names the target that it was run against.",
        action: "Run the plan, or correct the target's URL.",
    }
    Ver003 = "VER-003" {
        title: "There is nothing to repair",
        cause: "No verification of this plan version found a mismatch, or all of them are repaired.",
        hint: "A changed plan is another version, and a mismatch belongs to the version that was compared.",
        action: "Run `transfuse verify` for the plan first.",
    }
    Ver004 = "VER-004" {
        title: "This verification cannot be repaired from",
        cause: "It was a sample, or it has not come to its end.",
        hint: "Only a verification that compared whole tables knows where each row lies.",
        action: "Run `transfuse verify` in full, then repair what it finds.",
    }
    Ver005 = "VER-005" {
        title: "The row cannot be told from others",
        cause: "Its table has no key in the target, or a part of the key has no value.",
        hint: "Such rows can be counted and compared, and not found one by one.",
        action: "Give the table a primary key, or mend the row by hand.",
    }
    Ver006 = "VER-006" {
        title: "The assessment found what keeps a run from beginning",
        cause: "At least one check has a finding that blocks: a right, a version, a table or a limit that a run would stop at.",
        hint: "Each finding says what it is about and what mends it.",
        action: "Mend what blocks, then assess again.",
    }
    Ver007 = "VER-007" {
        title: "The evidence cannot be trusted",
        cause: "A file of the pack was changed, removed or slipped in since it was signed, or another installation signed it.",
        hint: "The message names the file, or the key.",
        action: "Take another copy of the pack, or make it again with `transfuse report`: the same run gives the same hash.",
    }
    Ver008 = "VER-008" {
        title: "A blocking clinical check failed",
        cause: "More rows of the target violate a check of the plan than its threshold allows, or the check could not be made.",
        hint: "Each check tells how many of how many rows violate it, and whether it was so in the source already.",
        action: "Mend the rows in the source or by a rule, or change the threshold in the plan and judge again with `transfuse verify checks --kept`.",
    }
    Ver009 = "VER-009" {
        title: "Nothing was counted yet",
        cause: "No check of this plan was made in this target.",
        hint: "A plan that decides otherwise what is written is another one.",
        action: "Run `transfuse verify checks` without --kept.",
    }
    Match001 = "MATCH-001" {
        title: "The table cannot be matched",
        cause: "No column of it is a record's id, or none says anything by which two people could be compared, or it is not clear which table is meant.",
        hint: "Columns are recognised by their names; a policy names those that are not.",
        action: "Name the columns under `columns` in the policy, or the table with --table.",
    }
    Match002 = "MATCH-002" {
        title: "The ids of the records do not tell them apart",
        cause: "A record has no id, or two records have the same one.",
        hint: "The message names the records by their place in the table; the header is not counted.",
        action: "Mend the ids, or name another column as `record_id` in the policy.",
    }
    Match003 = "MATCH-003" {
        title: "The policy cannot be read",
        cause: "The file is missing, is no YAML, has a key or a word that no policy has, or contradicts itself.",
        hint: "The cause names the place; docs/migration/matching.md explains every key.",
        action: "Correct the policy.",
    }
    Match004 = "MATCH-004" {
        title: "The policy names a column that is not there",
        cause: "The table has no column of this name: a misspelling, or another table was meant.",
        hint: "Names are taken as they stand in the table's header, case included.",
        action: "Correct the name under `columns` in the policy.",
    }
    Match005 = "MATCH-005" {
        title: "The saved model cannot be used",
        cause: "The file is no model, or was written by another version, or is incomplete.",
        hint: "A model belongs to the version of the program that its `format` says.",
        action: "Name another file with --model; where there is none yet, a model is learned and saved.",
    }
    Match006 = "MATCH-006" {
        title: "The file lacks a column",
        cause: "A file of decisions, of pairs, of clusters or of the truth does not have the columns that it must have.",
        hint: "The message names the column.",
        action: "Correct the header of the file.",
    }
    Sys001 = "SYS-001" {
        title: "Something unexpected happened",
        cause: "A fault in Transfuse or in what it stands on.",
        hint: "The log has the cause.",
        action: "Start the same command again; if it happens again, report it with the log.",
    }
    Sys002 = "SYS-002" {
        title: "The port is in use",
        cause: "Another program listens on this address.",
        hint: "Another transfuse may still be running.",
        action: "Stop it, or choose another port with --listen.",
    }
    Sys003 = "SYS-003" {
        title: "The data folder cannot be used",
        cause: "The folder cannot be made, read or written, or another process holds it.",
        hint: "The message names the path.",
        action: "Mend its rights, or name another folder with --data.",
    }
    Sys004 = "SYS-004" {
        title: "Stopped",
        cause: "Somebody stopped the run.",
        hint: "What was committed is in the ledger.",
        action: "Start the same run again; it continues.",
    }
    Sys005 = "SYS-005" {
        title: "A setting is wrong",
        cause: "A setting has a value that cannot be used.",
        hint: "The message names the setting.",
        action: "Correct it.",
    }
    Sys006 = "SYS-006" {
        title: "The run was interrupted",
        cause: "Transfuse ended while the run was under way: a crash, a power cut, a kill.",
        hint: "Nothing is lost: what was committed is in the ledger.",
        action: "Resume the run; it continues after the last committed chunk.",
    }
    Sys020 = "SYS-020" {
        title: "The backup cannot be trusted",
        cause: "A file of it is missing or was changed, or it was made with the key of another installation.",
        hint: "The message names the file. Nothing was restored.",
        action: "Take another copy of the backup, or the data folder whose key it was made with.",
    }
    Sys021 = "SYS-021" {
        title: "The backup does not fit",
        cause: "The database that it is to go into is of another kind, or has tables of another shape.",
        hint: "The message says what differs. Nothing was restored.",
        action: "Restore into an empty database, or into the one from which the backup was taken.",
    }
    Sys007 = "SYS-007" {
        title: "The control store cannot be used",
        cause: "The database of users, plans and runs cannot be opened, or refused a statement.",
        hint: "By default it is the file control.db in the data folder; --store names another.",
        action: "Mend its rights or make room, or correct the URL of --store.",
    }
    Sys008 = "SYS-008" {
        title: "The audit trail is broken",
        cause: "An entry of the trail was changed, removed or slipped in.",
        hint: "Compare with an earlier export: it tells what the entry was.",
        action: "Keep the control store as it is and tell whoever answers for security.",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ErrorCode;

    #[test]
    fn a_code_is_written_once_and_reads_back() {
        let names: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_name(code.as_str()), Some(*code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn every_code_says_what_to_do() {
        for code in ErrorCode::ALL {
            let explanation = code.explanation();
            for text in [explanation.title, explanation.cause, explanation.hint, explanation.action]
            {
                assert!(!text.is_empty() && !text.contains("TODO"), "{code}");
            }
        }
    }
}
