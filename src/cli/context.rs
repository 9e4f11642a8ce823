//! What most commands need before they start: paths, configuration, language, clock, line settings.

use super::Common;
use super::output::{Output, language};
use crate::config::{self, File, Paths};
use crate::jobs::views::Failure;
use crate::jobs::{Cancel, Clock, Desk, Line, SystemClock, failure, open};
use crate::profile::Profile;
use crate::report::Code;
use crate::store::{Stamp, Store};
use crate::transport::{LineSettings, Parity};
use crate::units::UnixSeconds;

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
    pub fn line_settings(
        &self,
        common: &Common,
        own: LineSettings,
    ) -> Result<LineSettings, Failure> {
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

    /// Opens the store.
    ///
    /// # Errors
    /// Codes of the store area.
    pub fn store(&self) -> Result<Store, Failure> {
        open::store(&self.paths.store).map(|(store, _)| store)
    }

    /// The mark of a journal entry made now, without a line.
    pub fn stamp(&self, common: &Common) -> Stamp {
        Stamp {
            at: SystemClock::utc(),
            boot_ms: SystemClock::uptime_ms(),
            operator: self.operator(common),
        }
    }

    /// Opens the line and does an errand on it. Ctrl-C stops the waiting in good order.
    ///
    /// # Errors
    /// The line's and the errand's.
    pub fn on_line<T>(
        &self,
        common: &Common,
        profile: &Profile,
        errand: impl FnOnce(&mut Line<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let settings = self.line_settings(common, open::settings(profile))?;
        let mut link = open::line(self.port(common).as_deref(), &settings)?;
        let cancel = Cancel::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, cancel.clone())
                .map_err(|error| failure::fail(Code::Internal, error.to_string()))?;
        }
        let mut progress = |stage, done, of| self.out.stage(stage, done, of);
        errand(&mut Line {
            link: link.as_mut(),
            profile,
            clock: &self.clock,
            cancel: &cancel,
            wire: &mut |_| {},
            progress: &mut progress,
            doubtful: false,
        })
    }

    /// The handheld's side of an errand.
    pub fn desk<'a>(&self, store: &'a Store, operator: &'a str) -> Desk<'a> {
        Desk { store, operator, max_life_s: self.token_life_s() }
    }

    /// Longest life of a token this handheld uses, seconds.
    pub fn token_life_s(&self) -> i64 {
        self.file.token_life_h.map_or(crate::jobs::check::MAX_LIFE_S, |h| i64::from(h) * 3600)
    }

    /// A moment as a person reads it, in the meters' time zone.
    pub fn moment(&self, at: UnixSeconds) -> String {
        civil(UnixSeconds(at.0.saturating_add(self.clock.offset_s(at))))
    }
}

/// A civil time, given as seconds since 1970 in its own zone, as `2026-11-21 08:30:00`.
pub fn civil(local: UnixSeconds) -> String {
    let time = jiff::Timestamp::from_second(local.0).map(|t| t.to_zoned(jiff::tz::TimeZone::UTC));
    time.map_or_else(|_| local.0.to_string(), |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn config_failure(error: config::ConfigError) -> Failure {
    Failure { code: Code::Config, detail: error.to_string() }
}
