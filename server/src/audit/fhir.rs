//! An entry of the trail as a FHIR R4 `AuditEvent`, for the repositories of hospitals.

use chrono::SecondsFormat;
use serde_json::{Value, json};
use shared::audit::{Action, Entry, Outcome};

/// The resource. `observer` is the installation that wrote the entry.
pub fn audit_event(entry: &Entry, observer: &str) -> Value {
    let kind = kind_of(entry.action);
    let mut agent = json!({
        "who": {
            "identifier": { "system": "urn:transfuse:actor", "value": entry.actor },
            "display": entry.actor_name,
        },
        "name": entry.actor_name,
        "requestor": true,
    });
    if let Some(role) = entry.role {
        agent["role"] = json!([{
            "coding": [{ "system": "urn:transfuse:role", "code": role.as_str(),
                         "display": role.label() }],
        }]);
    }
    if let Some(address) = &entry.address {
        // 2: an IP address.
        agent["network"] = json!({ "address": address, "type": "2" });
    }
    let mut object = json!({
        "what": { "identifier": { "system": "urn:transfuse:object", "value": entry.subject } },
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type",
            "code": "2",
            "display": "System Object",
        },
        "detail": [
            { "type": "number", "valueString": entry.number.to_string() },
            { "type": "hash", "valueString": entry.hash },
        ],
    });
    if let Some(detail) = &entry.detail {
        object["description"] = json!(detail);
    }
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": format!("transfuse-{}", entry.number),
        "type": { "system": kind.system, "code": kind.code, "display": kind.display },
        "subtype": [{
            "system": "urn:transfuse:audit-action",
            "code": entry.action.as_str(),
            "display": entry.action.label(),
        }],
        "action": kind.action,
        "recorded": entry.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "outcome": match entry.outcome {
            Outcome::Success => "0",
            Outcome::Refused => "4",
            Outcome::Failed => "8",
        },
        "agent": [agent],
        "source": {
            "observer": {
                "identifier": { "system": "urn:transfuse:installation", "value": observer },
                "display": "Transfuse",
            },
            "type": [{
                "system": "http://terminology.hl7.org/CodeSystem/security-source-type",
                "code": "4",
                "display": "Application Server",
            }],
        },
        "entity": [object],
    });
    if let Some(reason) = &entry.reason {
        event["purposeOfEvent"] = json!([{ "text": reason }]);
    }
    event
}

struct Kind {
    system: &'static str,
    code: &'static str,
    display: &'static str,
    /// Create, read, update, delete or execute.
    action: &'static str,
}

/// What the standard calls it: DICOM's vocabulary of audit events.
const fn kind_of(action: Action) -> Kind {
    let (code, display, action) = match action {
        Action::SignedIn
        | Action::SignInFailed
        | Action::SignInLocked
        | Action::SignedOut
        | Action::SessionRevoked
        | Action::SessionsRevoked => ("110114", "User Authentication", "E"),
        Action::UserAdded => ("110113", "Security Alert", "C"),
        Action::UserChanged
        | Action::PasswordReset
        | Action::PasswordChanged
        | Action::PasswordLinkMade
        | Action::SecondFactorEnabled
        | Action::SecondFactorRemoved
        | Action::SettingsChanged => ("110113", "Security Alert", "U"),
        Action::RowUnmasked | Action::PeopleUnmasked | Action::KeyUnmasked => {
            ("110110", "Patient Record", "R")
        }
        Action::PeopleMerged
        | Action::MergeTakenBack
        | Action::RepairCompleted
        | Action::RepairTakenBack => ("110110", "Patient Record", "U"),
        Action::AuditExported => ("110101", "Audit Log Used", "R"),
        Action::ConnectionCreated | Action::PlanSaved => ("110100", "Application Activity", "C"),
        Action::ConnectionChanged => ("110100", "Application Activity", "U"),
        Action::ConnectionDeleted
        | Action::AlertRuleDeleted
        | Action::NotificationTargetDeleted => ("110100", "Application Activity", "D"),
        _ => ("110100", "Application Activity", "E"),
    };
    Kind { system: "http://dicom.nema.org/resources/ontology/DCM", code, display, action }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::at;
    use shared::user::UserRole;

    #[test]
    fn every_action_with_and_without_its_options_is_an_audit_event_of_r4() {
        for action in Action::ALL {
            for outcome in Outcome::ALL {
                check(&audit_event(&entry(*action, *outcome), "here"));
            }
            let bare = Entry {
                role: None,
                address: None,
                detail: None,
                reason: None,
                ..entry(*action, Outcome::Success)
            };
            check(&audit_event(&bare, "here"));
        }
    }

    #[test]
    fn the_event_says_who_did_what_to_what_from_where_and_why() {
        let event = audit_event(&entry(Action::RowUnmasked, Outcome::Success), "here");

        assert_eq!(event["agent"][0]["who"]["identifier"]["value"], "u1");
        assert_eq!(event["agent"][0]["network"]["address"], "192.0.2.1");
        assert_eq!(event["subtype"][0]["code"], "row_unmasked");
        assert_eq!(event["entity"][0]["what"]["identifier"]["value"], "row-7");
        assert_eq!(event["purposeOfEvent"][0]["text"], "the ward asked");
        assert_eq!((&event["outcome"], &event["action"]), (&"0".into(), &"R".into()));
    }

    fn entry(action: Action, outcome: Outcome) -> Entry {
        Entry {
            number: 7,
            at: at(0),
            actor: "u1".to_owned(),
            actor_name: "ada@clinic.example".to_owned(),
            role: Some(UserRole::Admin),
            address: Some("192.0.2.1".to_owned()),
            action,
            subject: "row-7".to_owned(),
            detail: Some("one of 3".to_owned()),
            outcome,
            reason: Some("the ward asked".to_owned()),
            hash: "ab".repeat(32),
        }
    }

    /// How often an element comes: the specification's cardinality.
    #[derive(Clone, Copy, PartialEq)]
    enum Times {
        Once,
        Maybe,
        Many,
    }
    use Times::{Many, Maybe, Once};

    /// Name, how often, and of which type.
    type Elements = &'static [(&'static str, Times, &'static str)];

    /// <https://hl7.org/fhir/R4/auditevent.html>: the elements of the resource and of its parts
    /// that we may write, as the specification lists them. What is not listed is not allowed.
    const AUDIT_EVENT: Elements = &[
        ("resourceType", Once, "string"),
        ("id", Maybe, "id"),
        ("type", Once, "Coding"),
        ("subtype", Many, "Coding"),
        ("action", Maybe, "C|R|U|D|E"),
        ("period", Maybe, "Period"),
        ("recorded", Once, "instant"),
        ("outcome", Maybe, "0|4|8|12"),
        ("outcomeDesc", Maybe, "string"),
        ("purposeOfEvent", Many, "CodeableConcept"),
        ("agent", Many, "agent"),
        ("source", Once, "source"),
        ("entity", Many, "entity"),
    ];
    const PARTS: &[(&str, Elements)] = &[
        (
            "Coding",
            &[
                ("system", Maybe, "uri"),
                ("version", Maybe, "string"),
                ("code", Maybe, "code"),
                ("display", Maybe, "string"),
                ("userSelected", Maybe, "boolean"),
            ],
        ),
        ("CodeableConcept", &[("coding", Many, "Coding"), ("text", Maybe, "string")]),
        (
            "Reference",
            &[
                ("reference", Maybe, "string"),
                ("type", Maybe, "uri"),
                ("identifier", Maybe, "Identifier"),
                ("display", Maybe, "string"),
            ],
        ),
        (
            "Identifier",
            &[
                ("use", Maybe, "code"),
                ("type", Maybe, "CodeableConcept"),
                ("system", Maybe, "uri"),
                ("value", Maybe, "string"),
            ],
        ),
        (
            "agent",
            &[
                ("type", Maybe, "CodeableConcept"),
                ("role", Many, "CodeableConcept"),
                ("who", Maybe, "Reference"),
                ("altId", Maybe, "string"),
                ("name", Maybe, "string"),
                ("requestor", Once, "boolean"),
                ("location", Maybe, "Reference"),
                ("policy", Many, "uri"),
                ("media", Maybe, "Coding"),
                ("network", Maybe, "network"),
                ("purposeOfUse", Many, "CodeableConcept"),
            ],
        ),
        ("network", &[("address", Maybe, "string"), ("type", Maybe, "1|2|3|4|5")]),
        (
            "source",
            &[("site", Maybe, "string"), ("observer", Once, "Reference"), ("type", Many, "Coding")],
        ),
        (
            "entity",
            &[
                ("what", Maybe, "Reference"),
                ("type", Maybe, "Coding"),
                ("role", Maybe, "Coding"),
                ("lifecycle", Maybe, "Coding"),
                ("securityLabel", Many, "Coding"),
                ("name", Maybe, "string"),
                ("description", Maybe, "string"),
                ("query", Maybe, "base64Binary"),
                ("detail", Many, "detail"),
            ],
        ),
        (
            "detail",
            &[
                ("type", Once, "string"),
                ("valueString", Maybe, "string"),
                ("valueBase64Binary", Maybe, "base64Binary"),
            ],
        ),
    ];

    #[track_caller]
    fn check(event: &Value) {
        assert_eq!(event["resourceType"], "AuditEvent");
        assert!(event["agent"].as_array().is_some_and(|agents| !agents.is_empty()), "{event}");
        check_part(event, AUDIT_EVENT);
        for entity in event["entity"].as_array().into_iter().flatten() {
            // sev-1: either a name or a query, not both.
            assert!(entity["name"].is_null() || entity["query"].is_null(), "{entity}");
        }
    }

    #[track_caller]
    fn check_part(part: &Value, elements: Elements) {
        let part = part.as_object().expect("an object");
        assert!(!part.is_empty(), "an element is never empty");
        for name in part.keys() {
            assert!(elements.iter().any(|(known, ..)| known == name), "{name} is no element");
        }
        for (name, times, kind) in elements {
            match (part.get(*name), times) {
                (None, Once) => panic!("{name} is missing"),
                (None, Maybe | Many) => {}
                (Some(value), Once | Maybe) => check_value(value, kind),
                (Some(value), Many) => {
                    let values = value.as_array().expect("a list");
                    assert!(!values.is_empty(), "{name} is empty");
                    for value in values {
                        check_value(value, kind);
                    }
                }
            }
        }
    }

    #[track_caller]
    fn check_value(value: &Value, kind: &str) {
        if let Some((_, elements)) = PARTS.iter().find(|(name, _)| *name == kind) {
            return check_part(value, elements);
        }
        if kind == "boolean" {
            assert!(value.is_boolean(), "{value}");
            return;
        }
        let text = value.as_str().unwrap_or_else(|| panic!("{value} is no {kind}"));
        assert!(!text.is_empty(), "{kind}");
        match kind {
            "id" => assert!(
                text.len() <= 64
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')),
                "{text}"
            ),
            "instant" => {
                chrono::DateTime::parse_from_rfc3339(text).expect("a moment with a zone");
            }
            "uri" | "code" => assert!(!text.contains(char::is_whitespace), "{text}"),
            "string" | "base64Binary" => {}
            codes => assert!(codes.split('|').any(|code| code == text), "{text} is not in {codes}"),
        }
    }
}
