//! What people have run into who left one of the engines, by a name that stays: the manual's page of
//! traps explains each, and a draft says which of them it found.

/// A trap that a draft finds, and deals with or points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::map) enum Trap {
    /// A date with a zero month or day.
    ZeroDate,
    /// 0x00 in a text.
    ZeroByte,
    /// Texts in a column for numbers.
    NoNumber,
    /// Decimals in a column for whole numbers.
    Fractions,
    /// An empty text in a column for something else.
    EmptyText,
    /// A column that the source computes.
    Generated,
    /// A column of the primary key that may be null.
    NullInKey,
    /// An index that is not over columns alone, or larger than the target takes.
    IndexLeft,
    /// A foreign key that the target cannot hold.
    ForeignKeyLeft,
    /// A default that means nothing to the target.
    DefaultLeft,
    /// A column for which the target has no place.
    LeftBehind,
    /// A local time that becomes a point in time, or the other way round.
    Zone,
    /// A number that is filled up with zeros when it is shown.
    Zerofill,
    /// A shape on a map.
    Geometry,
    /// Several labels in one value.
    Set,
    /// Bytes of which nothing says in which character set they are.
    Encoding,
    /// Columns that a file's header does not name, or names twice.
    Header,
    /// Lines with more or fewer fields than the header.
    Ragged,
    /// A table so large that only a part of it was looked at.
    Sampled,
}

impl Trap {
    #[cfg(test)]
    pub(super) const ALL: [Self; 19] = [
        Self::ZeroDate,
        Self::ZeroByte,
        Self::NoNumber,
        Self::Fractions,
        Self::EmptyText,
        Self::Generated,
        Self::NullInKey,
        Self::IndexLeft,
        Self::ForeignKeyLeft,
        Self::DefaultLeft,
        Self::LeftBehind,
        Self::Zone,
        Self::Zerofill,
        Self::Geometry,
        Self::Set,
        Self::Encoding,
        Self::Header,
        Self::Ragged,
        Self::Sampled,
    ];

    pub(in crate::map) const fn key(self) -> &'static str {
        match self {
            Self::ZeroDate => "zero_date",
            Self::ZeroByte => "zero_byte",
            Self::NoNumber => "no_number",
            Self::Fractions => "fractions",
            Self::EmptyText => "empty_text",
            Self::Generated => "generated",
            Self::NullInKey => "null_in_key",
            Self::IndexLeft => "index_left",
            Self::ForeignKeyLeft => "foreign_key_left",
            Self::DefaultLeft => "default_left",
            Self::LeftBehind => "left_behind",
            Self::Zone => "zone",
            Self::Zerofill => "zerofill",
            Self::Geometry => "geometry",
            Self::Set => "set",
            Self::Encoding => "encoding",
            Self::Header => "header",
            Self::Ragged => "ragged",
            Self::Sampled => "sampled",
        }
    }

    /// What a draft says, with the name under which the manual has more.
    pub(in crate::map) fn note(self, text: impl Into<String>) -> String {
        format!("{} [{}]", text.into(), self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::Trap;

    #[test]
    fn the_manual_explains_every_trap_that_a_draft_names() {
        let manual = include_str!("../../../../../docs/migration/traps.md");
        for trap in Trap::ALL {
            let name = format!("`[{}]`", trap.key());
            assert!(manual.contains(&name), "{name}");
        }
    }
}
