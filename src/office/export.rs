//! Writes an audit set (`docs/audit.md`): what the ledger holds, as files that prove themselves.
//!
//! Everything in one read transaction, so that the set is of one moment; a page of rows at a time,
//! in the order of their keys, so that a year needs no memory and one ledger gives one set. What is
//! signed is copied byte for byte; only `ledger.csv` and the handhelds' keys are the office's word.

use super::Office;
use super::db::{Row, query};
use super::error::OfficeError;
use super::ledger::{self, Conn};
use super::online::ONLINE;
use crate::units::{DeviceId, Money};
use meterkit_tokens::cbor::{Value, encode};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Tokens, receipts and the like in one file.
const DOCUMENTS: i64 = 1_000;
/// Packs in one file: up to 128 KB each.
const PACKS: i64 = 100;

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportReport {
    /// Journal packs.
    pub packs: usize,
    /// Tokens, leaves for swaps, grants, overrides, statuses.
    pub documents: usize,
    /// Receipts.
    pub receipts: usize,
    /// Recharges from the office.
    pub online: usize,
    /// Files.
    pub files: usize,
}

impl Office {
    /// Writes an audit set into a folder that is not there yet, or is empty.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] when there is something in the folder; [`OfficeError::File`]; the
    /// database failed. What was written until then stays and is no whole set.
    pub async fn export_audit(&self, dir: &Path) -> Result<ExportReport, OfficeError> {
        let mut writer = Writer::new(dir)?;
        let (roots, keysets) = {
            let keys = self.keys();
            (keys.roots().to_vec(), keys.keysets())
        };
        writer.numbered("roots", "rk", &roots)?;
        writer.numbered("keysets", "ks", &keysets)?;
        let mut tx = self.ledger.snapshot().await?;
        let lives = lives(&mut tx).await?;
        writer.devices(&lives)?;
        for life in &lives {
            writer.packs(&mut tx, life).await?;
        }
        writer.receipts(&mut tx).await?;
        writer.documents(&mut tx).await?;
        writer.ledger(&mut tx).await?;
        writer.online(&mut tx).await?;
        tx.rollback().await?;
        Ok(writer.report)
    }
}

/// One life of a handheld's journal.
struct Life {
    device: DeviceId,
    epoch: u32,
    key: Vec<u8>,
}

impl Life {
    fn name(&self) -> String {
        format!("{}-{}", self.device, self.epoch)
    }
}

async fn lives(conn: &mut Conn) -> Result<Vec<Life>, OfficeError> {
    let sql = "SELECT device, epoch, public_key FROM device_key ORDER BY device, epoch";
    let rows = query(sql).fetch_all(conn).await?;
    let life = |row: &Row| {
        let (device, epoch) = (ledger::parsed(row, "device")?, ledger::small(row, "epoch")?);
        Ok(Life { device, epoch, key: row.try_get("public_key")? })
    };
    rows.iter().map(life).collect()
}

struct Writer {
    dir: PathBuf,
    report: ExportReport,
}

impl Writer {
    fn new(dir: &Path) -> Result<Self, OfficeError> {
        let failed = |error| OfficeError::File(dir.display().to_string(), error);
        fs::create_dir_all(dir).map_err(failed)?;
        if fs::read_dir(dir).map_err(failed)?.next().is_some() {
            return Err(OfficeError::Usage(format!("{} is not empty", dir.display())));
        }
        Ok(Self { dir: dir.to_owned(), report: ExportReport::default() })
    }

    /// Makes a file, and the folder it stands in.
    fn create(&mut self, name: &str) -> Result<BufWriter<File>, OfficeError> {
        let path = self.dir.join(name);
        let failed = |error| OfficeError::File(path.display().to_string(), error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        self.report.files += 1;
        Ok(BufWriter::new(File::create_new(&path).map_err(failed)?))
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), OfficeError> {
        let mut file = self.create(name)?;
        let written = file.write_all(bytes).and_then(|()| file.flush());
        written.map_err(|error| OfficeError::File(name.to_owned(), error))
    }

    /// Documents that stand alone, numbered from 1.
    fn numbered(
        &mut self,
        folder: &str,
        ending: &str,
        documents: &[Vec<u8>],
    ) -> Result<(), OfficeError> {
        for (number, bytes) in (1..).zip(documents) {
            self.file(&format!("{folder}/{number:04}.{ending}"), bytes)?;
        }
        Ok(())
    }

    /// A page of rows as one file: a list of their documents. `false` when there was none.
    fn page(
        &mut self,
        name: &str,
        rows: &[Row],
        column: &'static str,
    ) -> Result<bool, OfficeError> {
        if rows.is_empty() {
            return Ok(false);
        }
        let documents: Result<Vec<Value>, sqlx::Error> =
            rows.iter().map(|row| row.try_get(column).map(Value::Bytes)).collect();
        self.file(name, &encode(&Value::Array(documents?)))?;
        Ok(true)
    }

    fn devices(&mut self, lives: &[Life]) -> Result<(), OfficeError> {
        for life in lives {
            let hex: String = life.key.iter().map(|byte| format!("{byte:02x}")).collect();
            self.file(&format!("devices/{}.key", life.name()), hex.as_bytes())?;
        }
        Ok(())
    }

    /// The packs as they came, forks included: which of two is the journal is for the auditor.
    async fn packs(&mut self, conn: &mut Conn, life: &Life) -> Result<(), OfficeError> {
        let sql = "SELECT document FROM pack WHERE device = $1 AND epoch = $2
                   ORDER BY first, last, hash LIMIT $3 OFFSET $4";
        for number in 0.. {
            let rows = query(sql)
                .bind(life.device.as_str())
                .bind(i64::from(life.epoch))
                .bind(PACKS)
                .bind(PACKS * number)
                .fetch_all(&mut *conn)
                .await?;
            let name = format!("journals/{}/{:04}.mkp", life.name(), number + 1);
            if !self.page(&name, &rows, "document")? {
                break;
            }
            self.report.packs += rows.len();
        }
        Ok(())
    }

    async fn receipts(&mut self, conn: &mut Conn) -> Result<(), OfficeError> {
        let sql = "SELECT DISTINCT device FROM receipt ORDER BY device";
        for row in query(sql).fetch_all(&mut *conn).await? {
            let device: DeviceId = ledger::parsed(&row, "device")?;
            let sql = "SELECT bytes FROM receipt WHERE device = $1
                       ORDER BY number LIMIT $2 OFFSET $3";
            for number in 0.. {
                let rows = query(sql)
                    .bind(device.as_str())
                    .bind(DOCUMENTS)
                    .bind(DOCUMENTS * number)
                    .fetch_all(&mut *conn)
                    .await?;
                let name = format!("receipts/{device}/{:04}.rc", number + 1);
                if !self.page(&name, &rows, "bytes")? {
                    break;
                }
                self.report.receipts += rows.len();
            }
        }
        Ok(())
    }

    async fn documents(&mut self, conn: &mut Conn) -> Result<(), OfficeError> {
        let tables = [
            (
                "tokens/tokens",
                "SELECT bytes FROM token WHERE seq IS NOT NULL ORDER BY id LIMIT $1 OFFSET $2",
            ),
            ("tokens/swaps", "SELECT bytes FROM swap ORDER BY id LIMIT $1 OFFSET $2"),
            ("tokens/grants", "SELECT bytes FROM grant_doc ORDER BY id LIMIT $1 OFFSET $2"),
            ("tokens/overrides", "SELECT bytes FROM override_doc ORDER BY id LIMIT $1 OFFSET $2"),
            (
                "status/status",
                "SELECT bytes FROM status_doc ORDER BY device, version LIMIT $1 OFFSET $2",
            ),
        ];
        for (name, sql) in tables {
            let ending = if name.starts_with("status") { "st" } else { "tokens" };
            for number in 0.. {
                let query = query(sql).bind(DOCUMENTS).bind(DOCUMENTS * number);
                let rows = query.fetch_all(&mut *conn).await?;
                let name = format!("{name}-{:04}.{ending}", number + 1);
                if !self.page(&name, &rows, "bytes")? {
                    break;
                }
                self.report.documents += rows.len();
            }
        }
        Ok(())
    }

    /// The recharges the office made over its own line: tokens of which no document was ever
    /// signed, so that this list is all there is of them.
    async fn online(&mut self, conn: &mut Conn) -> Result<(), OfficeError> {
        let sql = "SELECT id, issued, meter, account, count_before, amount, unit, state FROM token
                   WHERE device = $1 ORDER BY issued, id LIMIT $2 OFFSET $3";
        let failed = |error| OfficeError::File("online.csv".to_owned(), error);
        let mut file = None;
        for number in 0.. {
            let rows = query(sql).bind(ONLINE).bind(DOCUMENTS).bind(DOCUMENTS * number);
            let rows = rows.fetch_all(&mut *conn).await?;
            if rows.is_empty() {
                break;
            }
            let file = match &mut file {
                Some(file) => file,
                none => {
                    let mut new = self.create("online.csv")?;
                    let names = "sale,time,meter,account,count_before,amount,unit,state";
                    writeln!(new, "{names}").map_err(failed)?;
                    none.insert(new)
                }
            };
            for row in &rows {
                let text = |name| row.try_get::<String, _>(name);
                let whole = |name| row.try_get::<i64, _>(name);
                let (sale, meter, account) = (text("id")?, text("meter")?, text("account")?);
                let (at, count, amount) =
                    (whole("issued")?, whole("count_before")?, Money(whole("amount")?));
                let (unit, state) = (text("unit")?, text("state")?);
                writeln!(file, "{sale},{at},{meter},{account},{count},{amount},{unit},{state}")
                    .map_err(failed)?;
            }
            self.report.online += rows.len();
        }
        file.map_or(Ok(()), |mut file| file.flush().map_err(failed))
    }

    /// The office's own word on every token, and on every leg of a swap.
    async fn ledger(&mut self, conn: &mut Conn) -> Result<(), OfficeError> {
        let mut file = self.create("ledger.csv")?;
        let failed = |error| OfficeError::File("ledger.csv".to_owned(), error);
        writeln!(file, "token,state,amount,unit,decided,act,swap").map_err(failed)?;
        let sql = "SELECT token.id, token.state, token.amount, token.unit, token.act, token.swap,
                          decision.booked
                   FROM token LEFT JOIN decision ON decision.token = token.id
                   ORDER BY token.id LIMIT $1 OFFSET $2";
        for number in 0.. {
            let query = query(sql).bind(DOCUMENTS).bind(DOCUMENTS * number);
            let rows = query.fetch_all(&mut *conn).await?;
            for row in &rows {
                let id: String = row.try_get("id")?;
                let (state, unit): (String, String) = (row.try_get("state")?, row.try_get("unit")?);
                let amount = Money(row.try_get("amount")?);
                let decided = match row.try_get::<Option<i64>, _>("booked")? {
                    None => "",
                    Some(0) => "not-booked",
                    Some(_) => "booked",
                };
                let act: String = row.try_get("act")?;
                let swap = row.try_get::<Option<String>, _>("swap")?.unwrap_or_default();
                writeln!(file, "{id},{state},{amount},{unit},{decided},{act},{swap}")
                    .map_err(failed)?;
            }
            if rows.is_empty() {
                break;
            }
        }
        file.flush().map_err(failed)
    }
}
