//! The checks of an assessment. Findings, the manual's list and the command line are made from
//! this catalogue; a check's key never changes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::assessment::Severity;

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The way to both databases.
    Connection,
    Source,
    Target,
    /// The plan's rules, and the rows that they are for.
    Data,
    /// Who answers for it, and what they need.
    Governance,
}

impl Group {
    pub const ALL: [Self; 5] =
        [Self::Connection, Self::Source, Self::Target, Self::Data, Self::Governance];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Source => "source",
            Self::Target => "target",
            Self::Data => "data",
            Self::Governance => "governance",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connection => "Connection",
            Self::Source => "Source",
            Self::Target => "Target",
            Self::Data => "Data",
            Self::Governance => "Governance",
        }
    }
}

macro_rules! checks {
    ($( $variant:ident = $key:literal, $group:ident, $severity:ident {
        title: $title:literal, why: $why:literal, action: $action:literal $(,)?
    } )+) => {
        /// One check, by its key.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        pub enum Check {
            $( #[serde(rename = $key)] $variant, )+
        }

        impl Check {
            /// All of them, in the order in which they are made.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            pub const fn description(self) -> Description {
                match self {
                    $( Self::$variant => Description {
                        check: self,
                        group: Group::$group,
                        severity: Severity::$severity,
                        title: $title, why: $why, action: $action,
                    }, )+
                }
            }

            /// The key by which people and scripts name it.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $key, )+ }
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for Check {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::openapi::one_of(Self::ALL.iter().map(|check| check.as_str()))
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for Check {}
    };
}

/// What the catalogue says about a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Description {
    pub check: Check,
    pub group: Group,
    /// The most that one of its findings weighs.
    pub severity: Severity,
    /// What has to be so, as a short phrase.
    pub title: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What mends it.
    pub action: &'static str,
}

impl Check {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|check| check.as_str() == name)
    }

    pub const fn group(self) -> Group {
        self.description().group
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which checks are made: those whose key or group is named, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CheckSelection {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

impl CheckSelection {
    pub fn has(&self, check: Check) -> bool {
        self.groups.is_empty() && self.checks.is_empty()
            || self.checks.contains(&check)
            || self.groups.contains(&check.group())
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Passed,
    /// It found something; the findings say what.
    Found,
    /// It does not apply to these databases or this plan.
    NotApplicable,
    /// It could not be made; the note says why.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckResult {
    pub check: Check,
    pub group: Group,
    pub state: CheckState,
    /// What was looked at, or why nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl CheckResult {
    /// Whether it came to an answer.
    pub fn was_made(&self) -> bool {
        matches!(self.state, CheckState::Passed | CheckState::Found)
    }
}

checks! {
    SourceReachable = "source-reachable", Connection, Blocking {
        title: "The source answers and lets us in",
        why: "Nothing can be read otherwise.",
        action: "Correct the source's URL, start the server, or open the way to it.",
    }
    TargetReachable = "target-reachable", Connection, Blocking {
        title: "The target answers and lets us in",
        why: "Nothing can be written otherwise.",
        action: "Correct the target's URL, start the server, or open the way to it.",
    }
    ServerVersion = "server-version", Connection, Warning {
        title: "Both servers are of a version that is known to work",
        why: "Older servers lack functions that cutting tables and verifying them use, and get no security fixes.",
        action: "Move a copy of the database to a newer server first, or accept slower cuts and verification by reading.",
    }
    ChannelEncrypted = "channel-encrypted", Connection, Warning {
        title: "What travels over a network is encrypted",
        why: "Patients' data would otherwise be readable on the way.",
        action: "Add sslmode=verify-full (PostgreSQL) or ssl-mode=VERIFY_IDENTITY (MySQL) to the URL, and the certificate if it is the server's own.",
    }
    ClockSkew = "clock-skew", Connection, Warning {
        title: "The clocks agree",
        why: "Times in the ledger and the audit trail are taken here and compared with times of the servers.",
        action: "Set the clock of this machine or of the server by NTP.",
    }
    PoolerMode = "pooler-mode", Connection, Blocking {
        title: "The connection is one session from beginning to end",
        why: "A pooler in transaction mode gives every transaction another session: locks, snapshots, settings and COPY do not survive it.",
        action: "Use the direct connection (db.<project>.supabase.co:5432) or the pooler's session mode (port 5432).",
    }
    AddressFamily = "address-family", Connection, Warning {
        title: "The server's addresses can be reached from here",
        why: "Supabase's direct connection has an address of IPv6 only, and many networks have none.",
        action: "Use the session pooler (port 5432 of the pooler's host), which has IPv4, or order the IPv4 add-on.",
    }
    SessionLimits = "session-limits", Connection, Warning {
        title: "No time limit of the server ends long statements or transactions",
        why: "Copying, indexing and snapshots take longer than limits that are meant for an application.",
        action: "Lift the limit for the role: alter role … set transaction_timeout = 0. statement_timeout and idle_in_transaction_session_timeout are lifted by Transfuse for its own sessions.",
    }
    ConnectionHeadroom = "connection-headroom", Connection, Blocking {
        title: "There are connections enough",
        why: "Every worker needs one on each side, and others must still get in.",
        action: "Lower options.workers in the plan, raise max_connections or the role's limit, or end sessions that idle.",
    }
    Speed = "speed", Connection, Info {
        title: "How fast both sides are",
        why: "What is promised of time rests on it.",
        action: "Nothing; a far-away target is faster from a machine in its region.",
    }
    SourceRights = "source-rights", Source, Blocking {
        title: "Every table of the plan may be read",
        why: "A table that may not be read stops the run.",
        action: "Grant SELECT on the table, and USAGE on its schema, to the user of the source.",
    }
    SourceRowSecurity = "source-row-security", Source, Blocking {
        title: "No row of the source is hidden by row-level security",
        why: "Rows that the user does not see would be missing without a trace.",
        action: "Read as the owner or as a role with BYPASSRLS.",
    }
    TableKey = "table-key", Source, Warning {
        title: "Every table has a key",
        why: "Without one, a table is read by place or as a whole, its rows cannot be told apart, and a changed row cannot be located.",
        action: "Name a unique combination of columns as `key` in the plan, or accept it.",
    }
    SourceSnapshot = "source-snapshot", Source, Warning {
        title: "All tables are read as they were at one instant",
        why: "Tables of engines without transactions (MyISAM, Aria, MEMORY) change while they are read.",
        action: "Convert them to InnoDB, or stop the application while the run reads.",
    }
    LongTransactions = "long-transactions", Source, Warning {
        title: "No transaction has been open for hours",
        why: "It keeps old row versions, holds locks, and a replication slot cannot start before it ends.",
        action: "End the session, or let it finish first.",
    }
    FileIntegrity = "file-integrity", Source, Blocking {
        title: "The SQLite file is whole",
        why: "Rows on a damaged page cannot be read.",
        action: "Recover the file with `sqlite3 old.db .recover` into a new one, or take a backup of it.",
    }
    StoredTypes = "stored-types", Source, Warning {
        title: "SQLite columns hold what they declare",
        why: "SQLite stores whatever it is given: words in number columns, numbers in date columns.",
        action: "Look at the rows; give the column a rule (empty_to_null, parse_date, map) or another type in the plan.",
    }
    Mojibake = "mojibake", Source, Warning {
        title: "Texts were stored in the character set that they claim",
        why: "Texts that were written as UTF-8 and read as Latin-1 come over as they are: Ã¼ in the place of ü.",
        action: "Repair them in a copy of the source (convert the column to binary, then to the right character set), or accept them.",
    }
    CsvEncoding = "csv-encoding", Source, Warning {
        title: "Every file declares how it is encoded",
        why: "An encoding that is guessed may be wrong for letters that are rare.",
        action: "Name it: csv:FOLDER?encoding=iso-8859-1.",
    }
    CsvHeader = "csv-header", Source, Warning {
        title: "Every column of a file has a name of its own",
        why: "Names that are missing or there twice are made up, by the column's place.",
        action: "Mend the header, or use the names that the plan shows.",
    }
    SourceQuiet = "source-quiet", Source, Warning {
        title: "Nobody writes to the source",
        why: "What is written after the run's snapshot is not in the target.",
        action: "Freeze the application for the run, or carry later changes over with a sync.",
    }
    ChangeLog = "change-log", Source, Info {
        title: "Changes can be carried over after the copy",
        why: "A sync reads the server's change log, which has to be on and to hold whole rows.",
        action: "PostgreSQL: wal_level = logical, free replication slots. MySQL: log_bin, binlog_format = ROW, binlog_row_image = FULL. Tables need a key.",
    }
    TargetWritable = "target-writable", Target, Blocking {
        title: "The target can be written to",
        why: "A standby, or a project whose disk is full, is read-only.",
        action: "Name the primary; on Supabase, make room or enlarge the disk, then lift read-only.",
    }
    TargetRights = "target-rights", Target, Blocking {
        title: "The user may make and fill what the plan needs",
        why: "A right that is missing stops the run halfway.",
        action: "Grant CREATE on the database and the schemas, and SELECT, INSERT, UPDATE and DELETE on tables that are there.",
    }
    TargetEncoding = "target-encoding", Target, Blocking {
        title: "The target holds every character",
        why: "A database that is not UTF-8 refuses characters, or holds bytes that nobody checks.",
        action: "Create the database anew with encoding UTF8.",
    }
    TargetExtensions = "target-extensions", Target, Blocking {
        title: "The extensions that the plan uses are there",
        why: "Types and functions of an extension do not exist without it.",
        action: "Run: create extension …; on Supabase, enable it under Database, Extensions.",
    }
    TargetRowSecurity = "target-row-security", Target, Blocking {
        title: "Policies of the target do not stand in the way",
        why: "Rows that a policy hides cannot be counted, compared or undone.",
        action: "Load as the owner of the tables or as a role with BYPASSRLS.",
    }
    ApiExposure = "api-exposure", Target, Warning {
        title: "New tables are not open to everybody",
        why: "On Supabase a table in `public` without row-level security can be read with the public API key.",
        action: "Enable row-level security on the table in target_sql.after, with the policies that are needed.",
    }
    LoadTriggers = "load-triggers", Target, Warning {
        title: "No trigger fires on what is loaded",
        why: "A trigger changes rows on their way, writes others, sends things out, and makes a load slow.",
        action: "Disable it for the load, or be sure that it is meant for migrated rows.",
    }
    RowsThere = "rows-there", Target, Blocking {
        title: "Rows that are there are expected",
        why: "The plan says nothing of them, and the run would refuse to mix.",
        action: "Set `existing` of the table in the plan (keep, replace, …), or empty the table.",
    }
    DiskSpace = "disk-space", Target, Warning {
        title: "There is room for the data, its indexes and the log",
        why: "A disk that fills stops the run, and on Supabase makes the project read-only.",
        action: "Make room: data and indexes by 1.3, and the log of the load.",
    }
    SequencesBehind = "sequences-behind", Target, Warning {
        title: "Sequences are ahead of the values that are there",
        why: "The next row that the application inserts would be refused as a duplicate.",
        action: "select setval(…) as the finding says.",
    }
    PlanFits = "plan-fits", Data, Blocking {
        title: "The plan fits both databases",
        why: "A table, column or rule that does not exist or cannot work stops the run at its beginning.",
        action: "Correct the plan; `transfuse plan check` says the same.",
    }
    SchemaComplete = "schema-complete", Data, Warning {
        title: "What the source has, the target has or gets",
        why: "Keys, checks, indexes, views, triggers and comments are easily forgotten.",
        action: "Run the statement beside the finding, or leave it behind on purpose.",
    }
    QuarantineForecast = "quarantine-forecast", Data, Warning {
        title: "Every row passes the rules and casts",
        why: "Rows that do not pass are kept in quarantine and have to be worked.",
        action: "Repair them in the source, give the column a rule, or work the quarantine after the run.",
    }
    Escalation = "escalation", Data, Blocking {
        title: "Bad rows stay below the limits of the plan",
        why: "The run would stop at the limit.",
        action: "Repair rows or rules first, or raise options.escalation.",
    }
    LossyRules = "lossy-rules", Data, Info {
        title: "Rules that lose information are signed",
        why: "What they take away cannot be told from the target.",
        action: "Read who signed and why; keep the raw value with keep_raw_in where in doubt.",
    }
    SecretsInPlan = "secrets-in-plan", Governance, Warning {
        title: "The plan has no password in it",
        why: "A plan is kept, mailed and reviewed.",
        action: "Write ${NAME} in the password's place, or name a connection.",
    }
    SecondPerson = "second-person", Governance, Warning {
        title: "A second person approves",
        why: "Nobody should be able to move or undo clinical data alone.",
        action: "Switch on approval by a second person in the settings.",
    }
    Notifications = "notifications", Governance, Warning {
        title: "Somebody is told when it fails",
        why: "A run that stops at night is found in the morning.",
        action: "Add a notification target.",
    }
    RecentBackup = "recent-backup", Governance, Warning {
        title: "The target was backed up",
        why: "What was there before can then be brought back whatever happens.",
        action: "Run `transfuse backup`, or make sure of the provider's backup.",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_is_there_once_and_reads_back() {
        let keys: BTreeSet<_> = Check::ALL.iter().map(|check| check.as_str()).collect();
        assert_eq!(keys.len(), Check::ALL.len());
        for check in Check::ALL {
            assert_eq!(Check::from_name(check.as_str()), Some(*check));
            assert_eq!(serde_json::to_value(check).unwrap(), check.as_str());
        }
    }

    #[test]
    fn checks_stand_in_the_order_of_their_groups_and_say_what_to_do() {
        assert!(Check::ALL.is_sorted_by_key(|check| check.group()));
        for check in Check::ALL {
            let it = check.description();
            assert!(![it.title, it.why, it.action].contains(&""), "{check}");
        }
    }

    #[test]
    fn nothing_named_means_all() {
        let all = CheckSelection::default();
        let some = CheckSelection { groups: vec![Group::Target], checks: vec![Check::Speed] };

        assert!(Check::ALL.iter().all(|check| all.has(*check)));
        assert!(some.has(Check::Speed) && some.has(Check::RowsThere));
        assert!(!some.has(Check::PlanFits));
    }
}
