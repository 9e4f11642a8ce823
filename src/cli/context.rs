//! What most commands need before they start: paths, configuration, language, clock, line settings.

use super::Common;
use super::output::{Output, language};
use crate::config::{self, File, Paths};
use crate::jobs::views::Failure;
use crate::jobs::{Clock, SystemClock};
use crate::report::Code;
use crate::transport::{LineSettings, Parity};

/// A command's surroundings.
pub struct Context {
    /// Where the files are.
    pub paths: Paths,
    /// What the configuration says.
    pub file: File,
    /// The meters' time zone.
    pub clock: SystemClock,
    /// How the command prints, in the language found.
    pub out: Output,
}

impl Context {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `Config` with the place and the fault.
    pub fn load(common: &Common, out: &Output) -> Result<Self, Failure> {
        let paths = match &common.home {
            Some(home) => Paths::under(home),
            None => Paths::of_user().map_err(config_failure)?,
        };
        let file = config::load(&paths.config).map_err(config_failure)?;
        let clock = SystemClock::new(file.timezone.as_deref())
            .map_err(|detail| Failure { code: Code::Config, detail })?;
        let lang = language(common.lang.as_deref(), file.lang.as_deref());
        Ok(Self { paths, file, clock, out: out.speaking(lang) })
    }

    /// The line to use: flag, then configuration.
    pub fn port(&self, common: &Common) -> Option<String> {
        common.port.clone().or_else(|| self.file.port.clone())
    }

    /// Who works: flag or environment, then configuration, then the login name.
    pub fn operator(&self, common: &Common) -> String {
        let login = || std::env::var("USER").ok();
        let named = common.operator.clone().or_else(|| self.file.operator.clone());
        named.or_else(login).unwrap_or_else(|| "unnamed".to_owned())
    }

    /// Speed and parity asked for, `None` where the profile's own serve.
    ///
    /// # Errors
    /// `Config` for a parity that is none.
    pub fn line_settings(&self, common: &Common, own: LineSettings) -> Result<LineSettings, Failure> {
        let mut settings = own;
        if let Some(baud) = common.baud.or(self.file.baud) {
            settings.baud = baud;
        }
        if let Some(parity) = common.parity.as_deref().or(self.file.parity.as_deref()) {
            settings.parity = match parity {
                "even" => Parity::Even,
                "odd" => Parity::Odd,
                "none" => Parity::None,
                other => {
                    let detail = format!("parity = {other:?}; one of: even, odd, none");
                    return Err(Failure { code: Code::Config, detail });
                }
            };
        }
        Ok(settings)
    }

    /// Longest life of a token this handheld uses, seconds.
    pub fn token_life_s(&self) -> i64 {
        self.file.token_life_h.map_or(crate::jobs::check::MAX_LIFE_S, |h| i64::from(h) * 3600)
    }

    /// The clock, as the jobs take it.
    pub fn clock(&self) -> &dyn Clock {
        &self.clock
    }
}

fn config_failure(error: config::ConfigError) -> Failure {
    Failure { code: Code::Config, detail: error.to_string() }
}
