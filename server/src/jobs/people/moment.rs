use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// When a record was changed, in one of the forms in which databases write it.
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    for form in ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"] {
        if let Ok(moment) = DateTime::parse_from_str(text, form) {
            return Some(moment.to_utc());
        }
    }
    for form in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(text, form) {
            return Some(DateTime::<Utc>::from_naive_utc_and_offset(moment, Utc));
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(DateTime::<Utc>::from_naive_utc_and_offset(day.and_time(NaiveTime::MIN), Utc))
}
