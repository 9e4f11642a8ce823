//! The demo's site: an office with its meters and one handheld, enrolled and supplied with tokens.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use super::papers;
use crate::config::Paths;
use crate::jobs::enrol::{self, Enrol};
use crate::jobs::failure::fail;
use crate::jobs::session::{self, LogIn, Session};
use crate::jobs::views::Failure;
use crate::jobs::{Cancel, SystemClock, sync};
use crate::office::local::Local;
use crate::office::{LedgerReport, NewMeter, NewOperator, Offer, Office, OfficeError, Order};
use crate::report::Code;
use crate::sim::serve::SharedFleet;
use crate::sim::{Civil, Fleet};
use crate::store::Store;
use crate::store::vault::{Cost, SecretPlace};
use crate::units::{DeviceId, MeterNo, OperatorId, Role, TokenId};

/// The meters.
const STREET: &str = include_str!("../../../fixtures/meters/street.toml");
/// Who lives there.
const PEOPLE: &str = include_str!("../../../fixtures/meters/street.csv");
/// Whose site it is.
const TENANT: &str = "demo";
/// How often an exchange is begun before "later" is taken for the office's answer.
const SYNCS: u32 = 4;
/// The handheld's name.
const DEVICE: &str = "hh-demo";
/// Who works with it: maintenance, first; then an auditor, a supervisor and an installer, who can
/// be activated.
pub const OPERATOR: &str = "1001";
const PEOPLE_AT_WORK: [(&str, &str, Role); 4] = [
    (OPERATOR, "Li Na", Role::Field),
    ("1002", "Wang Fang", Role::Auditor),
    ("1003", "Zhao Gang", Role::Supervisor),
    ("1004", "Chen Wei", Role::Installer),
];
/// The PIN of whoever works with it: the demo guards nothing.
pub const PIN: &str = "73915846";
/// How long the tokens are good, days.
pub(super) const DAYS: i64 = 3;
/// 2000-01-01T00:00:00Z, where the meters' calendar begins, in seconds since 1970.
pub(super) const YEAR_2000: i64 = 946_684_800;
/// What the waiting customers paid, hundredths: round sums and odd ones.
const PAID: [i64; 6] = [5_000, 10_000, 2_050, 20_000, 3_333, 1_200];

/// The running site.
pub struct Site {
    office: Local,
    address: String,
    fleet: SharedFleet,
    store: PathBuf,
    place: SecretPlace,
    clock: SystemClock,
    codes: Vec<(OperatorId, String)>,
}

pub(super) fn office_failed(error: OfficeError) -> Failure {
    fail(Code::Internal, format!("office: {error}"))
}

impl Site {
    /// Builds it below the given paths; the network is up.
    ///
    /// # Errors
    /// Whatever kept the office, the store or the first sync from coming up.
    pub fn build(paths: &Paths) -> Result<Self, Failure> {
        let home = paths.store.parent().map(Path::to_owned).unwrap_or_default();
        let folder = home.join("office");
        std::fs::create_dir_all(&folder).map_err(|e| fail(Code::File, e.to_string()))?;
        let mut office = Local::start(|| async { Office::throwaway(&folder, TENANT).await })
            .map_err(office_failed)?;
        let listen = |e: std::io::Error| fail(Code::Internal, format!("office: {e}"));
        let address = office.serve("127.0.0.1:0").map_err(listen)?.to_string();
        let fleet = street()?;
        let mut site = Self {
            office,
            address,
            fleet: Arc::new(Mutex::new(fleet)),
            store: paths.store.clone(),
            // Beside the store, which goes with the demo: no TPM is to remember it.
            place: SecretPlace::File(home.join("device-secret")),
            clock: SystemClock::new(None).map_err(|detail| fail(Code::Config, detail))?,
            codes: Vec::new(),
        };
        site.register()?;
        let (store, session) = site.enrol()?;
        site.issue_to_everyone(0)?;
        papers::sign(&site, &Self::device()?)?;
        site.sync(&store)?;
        drop((store, session));
        Ok(site)
    }

    /// Where the device's secret is.
    pub fn place(&self) -> SecretPlace {
        self.place.clone()
    }

    /// Who may log in with what, for the log-in screen.
    pub fn hint(&self) -> String {
        let codes = self.codes.iter().map(|(who, code)| format!(", {who}: {code}"));
        format!("{OPERATOR}: {PIN}{}", codes.collect::<String>())
    }

    /// Logs the operator in, as at the beginning of the day.
    ///
    /// # Errors
    /// The vault's and the store's.
    pub fn log_in(&self) -> Result<(Store, Session), Failure> {
        let operator = operator(OPERATOR)?;
        let (store, _, session) = session::log_in(&LogIn {
            dir: &self.store,
            place: &self.place,
            operator: &operator,
            pin: &SecretString::from(PIN),
            clock: &self.clock,
        })?;
        Ok((store, session))
    }

    /// The meters, ghost truth included.
    pub fn fleet(&self) -> SharedFleet {
        Arc::clone(&self.fleet)
    }

    /// Brings the office's network up or takes it down.
    pub fn network(&mut self, up: bool) {
        if up {
            // A port that is gone keeps the network down, which is what the screens then say.
            if let Err(error) = self.office.serve(&self.address) {
                tracing::warn!(%error, "the office's port is gone");
            }
        } else {
            self.office.stop();
        }
    }

    fn register(&self) -> Result<(), Failure> {
        let people: Vec<NewMeter> = PEOPLE
            .lines()
            .map(NewMeter::from_csv)
            .collect::<Result<_, _>>()
            .map_err(office_failed)?;
        self.office.wait(self.office.office().add_meters(&people)).map_err(office_failed)
    }

    fn device() -> Result<DeviceId, Failure> {
        DEVICE.parse().map_err(|e| fail(Code::Internal, format!("{e}")))
    }

    /// Grants, enrolment file, enrolment: what a person does with two programs, in one.
    fn enrol(&mut self) -> Result<(Store, Session), Failure> {
        let office = self.office.office().clone();
        let mut offer = Offer::new(&Self::device()?, &format!("http://{}", self.address));
        for (id, name, role) in PEOPLE_AT_WORK {
            let id = operator(id)?;
            let new = NewOperator::new(id.clone(), name, role);
            self.office.wait(office.add_operator(&new)).map_err(office_failed)?;
            offer.operators.push(id);
        }
        let offered = self.office.wait(office.offer(&offer)).map_err(office_failed)?;
        let file = enrol::read(&offered.file)?;
        let first = operator(OPERATOR)?;
        let grants = offered.grants.iter().filter(|grant| grant.operator != first);
        self.codes =
            grants.map(|one| (one.operator.clone(), one.code.expose_secret().to_owned())).collect();
        enrol::enrol(&Enrol {
            dir: &self.store,
            place: &self.place,
            cost: Cost::FIELD,
            file: &file,
            operator: &first,
            pin: &SecretString::from(PIN),
            clock: &self.clock,
        })
    }

    /// The office.
    pub(super) fn office(&self) -> &Office {
        self.office.office()
    }

    /// Waits for it.
    pub(super) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.office.wait(what)
    }

    /// Issues one token to every meter with an account, but for those the office has other papers
    /// for; `round` varies the amounts.
    pub fn issue_to_everyone(&self, round: usize) -> Result<Vec<TokenId>, Failure> {
        let device = Self::device()?;
        let meters = PEOPLE.lines().filter_map(|line| line.split(',').next()?.parse().ok());
        let meters = meters.filter(|meter| !papers::none_for(*meter));
        meters.enumerate().map(|(at, meter)| self.issue(meter, &device, at + round)).collect()
    }

    fn issue(&self, meter: MeterNo, device: &DeviceId, at: usize) -> Result<TokenId, Failure> {
        let amount = PAID[at % PAID.len()];
        let order = Order { meter, amount, device: device.clone(), days: DAYS };
        let issued = self.office.wait(self.office.office().issue(&order));
        issued.map(|issued| issued.id).map_err(office_failed)
    }

    /// Exchanges with the office. On a machine that is busy with other things it may take too long
    /// over a request and say so: whoever means to sync begins again.
    ///
    /// # Errors
    /// The office's codes.
    pub fn sync(&self, store: &Store) -> Result<(), Failure> {
        let cancel = Cancel::default();
        let exchange = || {
            sync::exchange(store, OPERATOR, sync::Link::default(), &cancel, &mut |_, _, _| {})
                .map(drop)
        };
        for _ in 1..SYNCS {
            match exchange() {
                Err(failure) if sync::may_answer_later(&failure) => {}
                ended => return ended,
            }
        }
        exchange()
    }

    /// The office's ledger in figures.
    ///
    /// # Errors
    /// The database failed.
    pub fn report(&self) -> Result<LedgerReport, Failure> {
        self.office.wait(self.office.office().report()).map_err(office_failed)
    }

    /// Looks at the meters themselves.
    pub fn with_fleet<T>(&self, look: impl FnOnce(&mut Fleet) -> T) -> T {
        look(&mut self.fleet.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The street, its clocks set to now.
fn street() -> Result<Fleet, Failure> {
    let clock = SystemClock::new(None).map_err(|detail| fail(Code::Config, detail))?;
    let now = SystemClock::utc();
    let local = now.0 + crate::jobs::Clock::offset_s(&clock, now);
    Fleet::from_toml_at(
        &format!("{STREET}{}", papers::SPARE),
        Civil::from_seconds(local - YEAR_2000),
    )
    .map_err(|error| fail(Code::Internal, format!("street: {error}")))
}

fn operator(id: &str) -> Result<OperatorId, Failure> {
    id.parse().map_err(|error| fail(Code::Internal, format!("{error}")))
}
