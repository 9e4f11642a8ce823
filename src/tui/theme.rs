//! Colours by meaning. No other file names a colour.
//!
//! State is always a word and a sign first; the palettes only repeat it. No palette sets a
//! background: terminals are light or dark and we do not know which. The colours follow the
//! sources: green normal, yellow alarm, red arrears and fault.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// Ordinary text.
    Plain,
    /// The title row.
    Title,
    /// A heading or the figure that matters most.
    Strong,
    /// Normal, accepted.
    Good,
    /// An alarm, something to look at.
    Alarm,
    /// Arrears, a fault, a refusal.
    Fault,
    /// Less important: ages, explanations, what is disabled.
    Faint,
    /// The name of a key.
    Key,
}

impl Meaning {
    /// Every meaning, for the tests.
    pub const ALL: [Meaning; 8] = [
        Self::Plain,
        Self::Title,
        Self::Strong,
        Self::Good,
        Self::Alarm,
        Self::Fault,
        Self::Faint,
        Self::Key,
    ];
}

/// How many colours the terminal is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Palette {
    /// No colour at all: reverse, bold, underline.
    Mono,
    /// The sixteen colours of every terminal.
    #[default]
    Sixteen,
    /// The 256-colour cube, with shades readable on light and dark.
    Many,
}

impl Palette {
    /// Every palette, in the order the settings offer them.
    pub const ALL: [Palette; 3] = [Self::Mono, Self::Sixteen, Self::Many];

    /// Chooses from what the environment says (`NO_COLOR`, `TERM`).
    pub fn choose(no_color: bool, term: &str) -> Self {
        if no_color || term == "dumb" || term.starts_with("vt") {
            Self::Mono
        } else if term.contains("256color") {
            Self::Many
        } else {
            Self::Sixteen
        }
    }

    /// The one of a name: `mono`, `16` or `256`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "mono" => Some(Self::Mono),
            "16" => Some(Self::Sixteen),
            "256" => Some(Self::Many),
            _ => None,
        }
    }

    /// The next one, round and round.
    pub fn next(self) -> Self {
        match self {
            Self::Mono => Self::Sixteen,
            Self::Sixteen => Self::Many,
            Self::Many => Self::Mono,
        }
    }

    /// The style for a meaning.
    pub fn style(self, meaning: Meaning) -> Style {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        match meaning {
            Meaning::Plain => plain,
            Meaning::Title | Meaning::Key => plain.add_modifier(Modifier::REVERSED),
            Meaning::Strong => bold,
            Meaning::Faint => plain.add_modifier(Modifier::DIM),
            Meaning::Good => self.colour(plain, Color::Green, 34),
            Meaning::Alarm => self.colour(bold, Color::Yellow, 172),
            Meaning::Fault => {
                let fault = self.colour(bold, Color::Red, 160);
                if self == Self::Mono { fault.add_modifier(Modifier::UNDERLINED) } else { fault }
            }
        }
    }

    /// The style of the selected row, laid over the styles of its pieces.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn colour(self, style: Style, sixteen: Color, index: u8) -> Style {
        match self {
            Self::Mono => style,
            Self::Sixteen => style.fg(sixteen),
            Self::Many => style.fg(Color::Indexed(index)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_palette_sets_a_background_and_mono_sets_no_colour() {
        for palette in Palette::ALL {
            for meaning in Meaning::ALL {
                let style = palette.style(meaning);
                assert_eq!(style.bg, None, "{palette:?} {meaning:?}");
                assert!(palette != Palette::Mono || style.fg.is_none(), "{meaning:?}");
            }
        }
    }

    #[test]
    fn faults_stand_out_without_colour() {
        let mono = Palette::Mono;
        assert_ne!(mono.style(Meaning::Fault), mono.style(Meaning::Alarm));
        assert_ne!(mono.style(Meaning::Alarm), mono.style(Meaning::Good));
    }

    #[test]
    fn the_environment_chooses() {
        assert_eq!(Palette::choose(true, "xterm-256color"), Palette::Mono);
        assert_eq!(Palette::choose(false, "xterm-256color"), Palette::Many);
        assert_eq!(Palette::choose(false, "linux"), Palette::Sixteen);
        assert_eq!(Palette::choose(false, "vt220"), Palette::Mono);
    }
}
