//! A meter's own password: typed unseen or from a file, never an argument, for those can be seen
//! in the list of processes and stay in a shell's history.

use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::context::Context;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::profile::{Profile, Protocol};
use crate::report::Code;

/// Longest password an association takes here, bytes.
const LONGEST: usize = 64;

/// Where the password comes from; without either none is sent.
#[derive(Debug, Clone, Default, Args)]
pub struct MeterPassword {
    /// Ask for the meter's own password (DLMS, low level security) and send it.
    #[arg(long)]
    meter_password: bool,
    /// Take the meter's password from the first line of this file ('-' for standard input).
    #[arg(
        long,
        value_name = "FILE",
        env = "METERKIT_METER_PASSWORD_FILE",
        conflicts_with = "meter_password"
    )]
    meter_password_file: Option<PathBuf>,
}

impl MeterPassword {
    /// The password for these meters, asked for once; `None` where none was given or none of them
    /// takes one.
    ///
    /// # Errors
    /// [`Code::Usage`] for one that was asked to be typed and that no meter here takes, or that is
    /// empty or too long; [`Code::File`].
    pub fn of<'a>(
        &self,
        context: &Context,
        profiles: impl IntoIterator<Item = &'a Profile>,
    ) -> Result<Option<SecretString>, Failure> {
        if !self.meter_password && self.meter_password_file.is_none() {
            return Ok(None);
        }
        if !profiles.into_iter().any(|profile| profile.protocol == Protocol::Dlms) {
            return match self.meter_password {
                true => Err(fail(Code::Usage, "--meter-password: dlms-hdlc")),
                // A file may be named for good, in the environment.
                false => Ok(None),
            };
        }
        let file = self.meter_password_file.as_deref();
        let secret = context.secret(file, context.out.lang.ask_meter_password())?;
        if !(1..=LONGEST).contains(&secret.expose_secret().len()) {
            return Err(fail(Code::Usage, format!("--meter-password: 1..{LONGEST}")));
        }
        Ok(Some(secret))
    }
}
