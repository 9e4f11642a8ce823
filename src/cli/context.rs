//! What most commands need before they start: paths, configuration, language, clock, line settings,
//! and who works.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use super::Common;
use super::output::{Output, language};
use crate::config::{self, File, Paths};
use crate::jobs::opener::Opener;
use crate::jobs::proven::Accepted;
use crate::jobs::session::{self, LogIn, Session};
use crate::jobs::views::Failure;
use crate::jobs::{Cancel, Clock, Desk, Line, SystemClock, failure, lines, open, trace};
use crate::profile::{Profile, Profiles};
use crate::report::Code;
use crate::store::vault::SecretPlace;
use crate::store::{LogOut, Opened, Stamp, Store};
use crate::transport::{HeadRow, LineSettings, Link, LinkError, Parity};
use crate::units::{BusPlace, OperatorId, UnixSeconds};

/// Longest file a PIN or code is taken from, bytes.
const MAX_SECRET_FILE: u64 = 4096;

/// An open store and who works with it. Dropping it logs out.
pub struct Work {
    /// The store.
    pub store: Store,
    /// Who works.
    pub session: Session,
    /// What opening found.
    pub opened: Opened,
}

impl Drop for Work {
    fn drop(&mut self) {
        let stamp = stamp(&self.session);
        // A journal that takes no entry has said so already.
        let _ = session::log_out(&self.store, &self.session, LogOut::Ended, &stamp);
    }
}

/// The mark of a journal entry made now, without a line.
fn stamp(session: &Session) -> Stamp {
    Stamp {
        at: SystemClock::utc(),
        boot_ms: SystemClock::uptime_ms(),
        operator: session.operator().to_string(),
    }
}

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
    /// The models whose unproven rows may be written by: the configuration's.
    pub accepted: Accepted,
    /// Opens lines, and remembers them.
    pub opener: Arc<Opener>,
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
        let accepted = Accepted::new(&file.unproven_writes, &[]);
        let opener = Arc::new(Opener::new(&paths.config, heads(&paths.config, &file)?));
        if let Some(port) = &common.port {
            opener.choose(port);
        }
        Ok(Self { paths, file, clock, out: out.speaking(lang), accepted, opener })
    }

    /// The line to use: flag, then configuration.
    pub fn port(&self, common: &Common) -> Option<String> {
        common.port.clone().or_else(|| self.file.port.clone())
    }

    /// Who usually works here: flag or environment, then configuration.
    pub fn usual_operator(&self, common: &Common) -> Option<String> {
        common.operator.clone().or_else(|| self.file.operator.clone())
    }

    /// Who wants to work: as above, else asked for.
    ///
    /// # Errors
    /// [`Code::Usage`] when nobody was named, or with a name that is none.
    pub fn operator_id(&self, common: &Common) -> Result<OperatorId, Failure> {
        let named =
            self.usual_operator(common).or_else(|| self.out.ask(self.out.lang.ask_operator()));
        let named = named.ok_or_else(|| failure::fail(Code::LoggedOut, "--operator"))?;
        named.trim().parse().map_err(|error| failure::fail(Code::Usage, format!("{error}")))
    }

    /// Where the device's secret is, by the configuration.
    pub fn place(&self) -> SecretPlace {
        SecretPlace::from(self.file.device_secret.as_deref().unwrap_or("auto"))
    }

    /// A secret: the first line of a file, or typed unseen.
    ///
    /// # Errors
    /// [`Code::File`]; [`Code::LoggedOut`] when nobody can be asked.
    pub fn secret(&self, file: Option<&Path>, question: &str) -> Result<SecretString, Failure> {
        match file {
            Some(file) => first_line(file),
            None if self.out.interactive => rpassword::prompt_password(format!("{question} "))
                .map(SecretString::from)
                .map_err(|error| failure::fail(Code::File, format!("terminal: {error}"))),
            None => Err(failure::fail(Code::LoggedOut, "--pin-file")),
        }
    }

    /// A new PIN: the first line of a file, or typed twice alike.
    ///
    /// # Errors
    /// As [`Context::secret`]; [`Code::PinWeak`] when the two differ.
    pub fn new_pin(&self, file: Option<&Path>) -> Result<SecretString, Failure> {
        use secrecy::ExposeSecret;
        let first = self.secret(file, self.out.lang.ask_new_pin())?;
        if file.is_none() {
            let again = self.secret(None, self.out.lang.ask_pin_again())?;
            if first.expose_secret() != again.expose_secret() {
                return Err(failure::fail(Code::PinWeak, self.out.lang.pins_differ()));
            }
        }
        Ok(first)
    }

    /// Logs in: asks for the PIN, opens the store.
    ///
    /// # Errors
    /// Codes of the log-in and of the store.
    pub fn log_in(&self, common: &Common) -> Result<Work, Failure> {
        if !Store::exists(&self.paths.store) {
            return Err(failure::fail(Code::NotEnrolled, self.paths.store.display().to_string()));
        }
        let who = self.operator_id(common)?;
        let question = self.out.lang.ask_pin(who.as_str());
        let pin = self.secret(common.pin_file.as_deref(), &question)?;
        let (store, opened, session) = session::log_in(&LogIn {
            dir: &self.paths.store,
            place: &self.place(),
            operator: &who,
            pin: &pin,
            clock: &self.clock,
        })?;
        Ok(Work { store, session, opened })
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

    /// The mark of a journal entry made now, without a line.
    pub fn stamp(&self, session: &Session) -> Stamp {
        stamp(session)
    }

    /// The profiles there are: the built-in ones and the operator's own. What is wrong with one of
    /// those is said once; it is left out.
    pub fn profiles(&self) -> Profiles {
        let (profiles, faults) = open::profiles(&open::profile_folder(&self.paths.store));
        for fault in faults.iter().filter(|fault| fault.what.is_fault()) {
            self.out.say(&fault.to_string());
        }
        profiles
    }

    /// Opens a line; on record in `trace`, where that was asked for.
    ///
    /// # Errors
    /// The line's.
    pub fn open(
        &self,
        trace: Option<&Path>,
        profile: &str,
        (port, settings): (Option<&str>, &LineSettings),
        cancel: &Cancel,
    ) -> Result<Box<dyn Link>, Failure> {
        let link = self.opener.open(port, settings, cancel)?;
        let Some(file) = trace else { return Ok(link) };
        let endpoint = port.unwrap_or_default();
        trace::record(link, file, &trace::About { profile, settings, endpoint })
    }

    /// A flag that Ctrl-C sets.
    ///
    /// # Errors
    /// [`Code::Internal`] when signals cannot be caught.
    pub fn cancel(&self) -> Result<Cancel, Failure> {
        let cancel = Cancel::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, cancel.clone())
                .map_err(|error| failure::fail(Code::Internal, error.to_string()))?;
        }
        Ok(cancel)
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
        self.on_line_of(common, profile, (&BusPlace::default(), None), errand)
    }

    /// The same on the line of a meter at this place, with the meter's own password if there is
    /// one: the port asked for on the command line, else the area list's, else the usual one.
    ///
    /// # Errors
    /// The line's and the errand's.
    pub fn on_line_of<T>(
        &self,
        common: &Common,
        profile: &Profile,
        (place, secret): (&BusPlace, Option<&SecretString>),
        errand: impl FnOnce(&mut Line<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let settings = self.line_settings(common, open::settings(profile))?;
        let port = lines::port(place, self.file.port.as_deref(), common.port.as_deref());
        let cancel = self.cancel()?;
        let place = (port.as_deref(), &settings);
        let mut link = self.open(common.trace.as_deref(), &profile.id, place, &cancel)?;
        let mut progress = |stage, done, of| self.out.stage(stage, done, of);
        let result = errand(&mut Line {
            link: link.as_mut(),
            profile,
            clock: &self.clock,
            cancel: &cancel,
            wire: &mut |_| {},
            progress: &mut progress,
            doubtful: false,
            secret,
        });
        if result.is_ok() {
            self.opener.answered(port.as_deref(), &profile.id, &settings);
        }
        result
    }

    /// The handheld's side of an errand.
    pub fn desk<'a>(&'a self, work: &'a Work) -> Desk<'a> {
        let Work { store, session, .. } = work;
        Desk { store, session, max_life_s: self.token_life_s(), accepted: &self.accepted }
    }

    /// Longest life of a token this handheld uses, seconds.
    pub fn token_life_s(&self) -> i64 {
        self.file.token_life_h.map_or(crate::jobs::check::MAX_LIFE_S, |h| i64::from(h) * 3600)
    }

    /// Most KB a day over the line to the office.
    pub fn sync_budget_kb(&self) -> Option<u32> {
        self.file.sync_budget_kb
    }

    /// A moment as a person reads it, in the meters' time zone.
    pub fn moment(&self, at: UnixSeconds) -> String {
        civil(UnixSeconds(at.0.saturating_add(self.clock.offset_s(at))))
    }
}

/// The first line of a file, or of standard input for `-`.
fn first_line(file: &Path) -> Result<SecretString, Failure> {
    use std::io::{BufRead, BufReader, Read};
    let unread =
        |error: std::io::Error| failure::fail(Code::File, format!("{}: {error}", file.display()));
    let source: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(file).map_err(unread)?),
    };
    let mut line = zeroize::Zeroizing::new(String::new());
    BufReader::new(source.take(MAX_SECRET_FILE)).read_line(&mut line).map_err(unread)?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n'])))
}

/// A civil time, given as seconds since 1970 in its own zone, as `2026-11-21 08:30:00`.
pub fn civil(local: UnixSeconds) -> String {
    let time = jiff::Timestamp::from_second(local.0).map(|t| t.to_zoned(jiff::tz::TimeZone::UTC));
    time.map_or_else(|_| local.0.to_string(), |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// The user's own kinds of Bluetooth heads.
fn heads(path: &Path, file: &File) -> Result<Vec<HeadRow>, Failure> {
    let row = |(at, text): (usize, &String)| {
        HeadRow::parse(text).map_err(|error| {
            let why = match error {
                LinkError::Address(why) => why,
                other => other.to_string(),
            };
            let detail = format!("{}: ble_heads, row {}: {why}", path.display(), at + 1);
            failure::fail(Code::Config, detail)
        })
    };
    file.ble_heads.iter().enumerate().map(row).collect()
}

fn config_failure(error: config::ConfigError) -> Failure {
    Failure { code: Code::Config, detail: error.to_string() }
}
