//! Light or dark.

use leptos::prelude::*;

/// What somebody chose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ThemeChoice {
    Light,
    Dark,
    /// As the machine is set.
    #[default]
    System,
}

impl ThemeChoice {
    pub(crate) const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::System];

    /// As it is kept.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::System => "system",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == name)
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Light => "Light",
            Self::Dark => "Dark",
            Self::System => "System",
        }
    }
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub(crate) const fn of_system(prefers_dark: bool) -> Self {
        if prefers_dark { Self::Dark } else { Self::Light }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Theme {
    choice: RwSignal<ThemeChoice>,
    system: RwSignal<Scheme>,
}

impl Theme {
    pub(crate) fn new(choice: ThemeChoice, system: Scheme) -> Self {
        Self { choice: RwSignal::new(choice), system: RwSignal::new(system) }
    }

    pub(crate) fn expect() -> Self {
        expect_context()
    }

    pub(crate) fn choose(self, choice: ThemeChoice) {
        self.choice.set(choice);
    }

    /// From what is shown to the other.
    pub(crate) fn toggle(self) {
        self.choice.set(match self.scheme() {
            Scheme::Light => ThemeChoice::Dark,
            Scheme::Dark => ThemeChoice::Light,
        });
    }

    /// The machine was set otherwise.
    pub(crate) fn system_changed(self, system: Scheme) {
        self.system.set(system);
    }

    pub(crate) fn choice(self) -> ThemeChoice {
        self.choice.get()
    }

    pub(crate) fn scheme(self) -> Scheme {
        match self.choice.get() {
            ThemeChoice::Light => Scheme::Light,
            ThemeChoice::Dark => Scheme::Dark,
            ThemeChoice::System => self.system.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_decides_only_for_who_lets_it() {
        Owner::new().with(|| {
            let theme = Theme::new(ThemeChoice::System, Scheme::Light);
            theme.system_changed(Scheme::Dark);
            assert_eq!(theme.scheme(), Scheme::Dark);
            theme.choose(ThemeChoice::Light);
            assert_eq!(theme.scheme(), Scheme::Light);
        });
    }

    #[test]
    fn toggling_shows_the_other_scheme() {
        Owner::new().with(|| {
            let theme = Theme::new(ThemeChoice::System, Scheme::Dark);
            theme.toggle();
            assert_eq!((theme.choice(), theme.scheme()), (ThemeChoice::Light, Scheme::Light));
            theme.toggle();
            assert_eq!(theme.scheme(), Scheme::Dark);
        });
    }

    #[test]
    fn a_choice_is_found_by_the_name_under_which_it_is_kept() {
        for choice in ThemeChoice::ALL {
            assert_eq!(ThemeChoice::from_name(choice.as_str()), Some(choice));
        }
        assert_eq!(ThemeChoice::from_name("sepia"), None);
    }
}
