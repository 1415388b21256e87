//! How two records agree, field by field, in eight bytes.

use shared::duplicate::{Agreement, Field};

/// One agreement per field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(u64);

impl Pattern {
    pub fn get(self, field: Field) -> Agreement {
        Agreement::ALL[self.code(field)]
    }

    /// The agreement's place in [`Agreement::ALL`].
    pub const fn code(self, field: Field) -> usize {
        (self.0 >> (4 * field as u32) & 15) as usize
    }

    #[must_use]
    pub const fn with(self, field: Field, agreement: Agreement) -> Self {
        let at = 4 * field as u32;
        Self(self.0 & !(15 << at) | (agreement as u64) << at)
    }

    /// Eight bytes, for storing and sending.
    pub const fn bits(self) -> u64 {
        self.0
    }

    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// The agreements that a field can have, the most alike first. Missing is none of them.
pub const fn levels(field: Field) -> &'static [Agreement] {
    use Agreement::{
        Close, Different, Exact, Initial, Loose, Near, Nickname, OneEdit, Part, SmallPart, Swapped,
        TwoEdits,
    };
    match field {
        Field::GivenName => {
            &[Exact, Nickname, Near, Close, Swapped, Part, Initial, Loose, Different]
        }
        Field::MiddleName => &[Exact, Near, Initial, Different],
        Field::Surname => &[Exact, Near, Part, Close, Initial, Loose, Different],
        Field::Suffix | Field::Sex | Field::State => &[Exact, Different],
        Field::BirthDate => &[Exact, Swapped, OneEdit, Part, TwoEdits, SmallPart, Different],
        Field::Identifier => &[Exact, OneEdit, TwoEdits, Different],
        Field::OtherIdentifier | Field::Phone | Field::Postcode => &[Exact, OneEdit, Different],
        Field::Email => &[Exact, OneEdit, Part, Different],
        Field::Address => &[Exact, Near, Swapped, Close, Part, Different],
        Field::Unit | Field::City => &[Exact, Near, Different],
        Field::Area => &[Exact, Part, SmallPart, Different],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_keeps_every_agreement() {
        for field in Field::ALL {
            for agreement in Agreement::ALL {
                let pattern = Field::ALL.into_iter().fold(Pattern::default(), |all, other| {
                    all.with(other, if other == field { agreement } else { Agreement::Different })
                });
                assert_eq!(pattern.get(field), agreement);
                assert_eq!(Pattern::from_bits(pattern.bits()), pattern);
            }
        }
    }

    #[test]
    fn a_pattern_that_was_not_filled_says_nothing() {
        assert!(
            Field::ALL.into_iter().all(|field| Pattern::default().get(field) == Agreement::Missing)
        );
    }
}
