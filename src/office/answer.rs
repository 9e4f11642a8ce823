//! Taking requests apart and signing answers.
//!
//! Every well-formed request gets a signed answer that repeats its nonce; a refusal is an answer.
//! Only what is no request at all, or a failing database, is an error.

use super::Office;
use super::apply::{Applied, hash_at, keep_fork, quarantine_fork};
use super::backup::rewound;
use super::checkpoint::Held;
use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn, DeviceRow, transact};
use crate::sync::wire::{
    self, Answer, Ask, Hello, Keys, KeysAsk, MAX_RECEIPTS, MAX_ROOTS, Need, Position, Refusal,
    Reply, Request, WireError, path,
};
use crate::units::{DeviceId, UnixSeconds};
use meterkit_tokens::{DocType, Keyring, PublicKey, verify};

/// Most bytes of receipts repeated in one NEED; they must fit an answer.
const RECEIPT_BYTES: usize = 64 * 1024;

impl Office {
    /// Answers one request: `path` as in [`wire::path`], `body` as [`wire::join`] made it. KEYS is
    /// answered without a signature: what it gives proves itself.
    ///
    /// # Errors
    /// [`OfficeError::Wire`] for what is no request; the database failed.
    pub async fn answer(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, OfficeError> {
        if path == path::KEYS {
            return Ok(self.public_keys(KeysAsk::read(body)?).encode());
        }
        let (device, nonce, asked, document) = self.read_request(path, body).await?;
        let reply = match asked {
            Ok(ask) => self.reply(&device, ask, &document).await?,
            Err(refusal) => Reply::Refused(refusal),
        };
        if let Reply::Refused(refusal) = &reply {
            self.metrics.rejected(refusal.name());
        }
        self.sign(Answer { device, nonce, at: self.now(), reply })
    }

    /// Takes a request apart and checks who asks: the handheld, the nonce, the question or why it
    /// is refused, and the signed document.
    ///
    /// # Errors
    /// [`OfficeError::Wire`] for what is no request; the database failed.
    pub(super) async fn read_request(
        &self,
        path: &str,
        body: &[u8],
    ) -> Result<(DeviceId, [u8; 16], Result<Ask, Refusal>, Vec<u8>), OfficeError> {
        let (device, nonce, document, key) = if path == path::ENROL {
            let [device, nonce, document, key] = wire::split(body)?;
            (device, nonce, document, Some(key))
        } else {
            let [device, nonce, document] = wire::split(body)?;
            (device, nonce, document, None)
        };
        let shape = |what: &str| WireError::Shape(what.to_owned());
        let device = std::str::from_utf8(&device).ok().and_then(|name| name.parse().ok());
        let device: DeviceId = device.ok_or_else(|| shape("device name"))?;
        let nonce: [u8; 16] = nonce.try_into().map_err(|_| shape("nonce"))?;
        let asked = self.checked(path, &device, &nonce, &document, key).await?;
        Ok((device, nonce, asked, document))
    }

    /// Signs an answer and puts its body behind it.
    pub(super) fn sign(&self, answer: Answer) -> Result<Vec<u8>, OfficeError> {
        let (payload, body) = answer.parts();
        let signed = self.keys().answer(DocType::Answer, payload, answer.at.0)?;
        Ok(wire::join(&[&signed, &body]))
    }

    /// Roots after the one somebody holds, and the keyset.
    pub(super) fn public_keys(&self, ask: KeysAsk) -> Keys {
        let keys = self.keys();
        let have = usize::try_from(ask.root).unwrap_or(usize::MAX);
        let roots = keys.roots().iter().skip(have).take(MAX_ROOTS).cloned().collect();
        Keys { roots, keyset: keys.document().to_vec() }
    }

    /// Checks who asks and what.
    async fn checked(
        &self,
        path: &str,
        device: &DeviceId,
        nonce: &[u8; 16],
        document: &[u8],
        key: Option<Vec<u8>>,
    ) -> Result<Result<Ask, Refusal>, OfficeError> {
        let key = match key {
            Some(key) => Some(key),
            None => {
                let mut conn = self.ledger.read().await?;
                ledger::device(&mut conn, device).await?.and_then(|row| row.key)
            }
        };
        let Some(key) = key else { return Ok(Err(Refusal::UnknownDevice)) };
        let Some(key) = <[u8; 32]>::try_from(key).ok().and_then(|k| PublicKey::from_bytes(k).ok())
        else {
            return Ok(Err(Refusal::Signature));
        };
        let kind = if path == path::PACK { DocType::Pack } else { DocType::Request };
        let verified = verify(document, kind, &self.tenant(), &Keyring::device(key), None);
        let Ok(verified) = verified else {
            return Ok(Err(Refusal::Signature));
        };
        let request = match Request::read(verified.payload) {
            Ok(request) => request,
            Err(WireError::Version(_)) => return Ok(Err(Refusal::Version)),
            Err(_) => return Ok(Err(Refusal::Malformed)),
        };
        let same = request.device == *device && request.nonce == *nonce;
        let own_key = match &request.ask {
            Ask::Enrol { key: said, .. } => *said == key.bytes(),
            _ => true,
        };
        if !same || !own_key || request.ask.path() != path {
            return Ok(Err(Refusal::Malformed));
        }
        Ok(Ok(request.ask))
    }

    async fn reply(
        &self,
        device: &DeviceId,
        ask: Ask,
        document: &[u8],
    ) -> Result<Reply, OfficeError> {
        match ask {
            Ask::Enrol { secret, key } => self.take_key(device, &secret, &key).await,
            Ask::Hello(hello) => {
                transact!(self.ledger, |tx| self.hello(&mut tx, device, &hello).await)
            }
            Ask::Pack(pack) => Ok(match self.take_pack(device, &pack, document).await? {
                Applied::Receipt(document) => Reply::Receipt(document),
                Applied::Need(acked) => Reply::Need(Need { acked, receipts: vec![], status: None }),
                Applied::Refused(refusal) => Reply::Refused(refusal),
            }),
            Ask::Pull(pull) => self.pull(device, &pull).await,
            Ask::Page { version, page } => self.page(device, version, page).await,
            Ask::Bye { receipt } => {
                transact!(self.ledger, |tx| self.bye(&mut tx, device, receipt).await)
            }
            Ask::File { digest, offset } => self.file(device, (&digest, offset)).await,
            // Its answer is no HTTP body; `media` gives it.
            Ask::Visit(_) => Ok(Reply::Refused(Refusal::Malformed)),
        }
    }

    async fn hello(
        &self,
        conn: &mut Conn,
        device: &DeviceId,
        hello: &Hello,
    ) -> Result<Reply, OfficeError> {
        let row = match standing(conn, device).await? {
            Ok(row) => row,
            Err(refusal) => return Ok(Reply::Refused(refusal)),
        };
        let head = &hello.head;
        if head.epoch != row.epoch {
            return Ok(Reply::Refused(Refusal::Epoch));
        }
        if fork_in_head(conn, &row, head, "its HELLO", self.now()).await? {
            return Ok(Reply::Refused(Refusal::Quarantined));
        }
        if head.seq < row.head_seq {
            return Ok(Reply::Refused(Refusal::RolledBack));
        }
        if self.checkpoint_forks(conn, hello.checkpoint.as_deref()).await? {
            return Ok(Reply::Refused(Refusal::Quarantined));
        }
        let need = rewound::asked(conn, &row, hello, self.now()).await?;
        query("UPDATE device SET last_seen = $2 WHERE device = $1")
            .bind(device.as_str())
            .bind(self.now().0)
            .execute(&mut *conn)
            .await?;
        if let Some(need) = need {
            return Ok(Reply::Need(need));
        }
        let receipts = newest_receipts(conn, &row, hello.receipt, MAX_RECEIPTS).await?;
        let acked = Position { epoch: row.epoch, seq: row.head_seq, hash: row.head_hash };
        let status = Some(self.status_in(conn, &row).await?);
        Ok(Reply::Need(Need { acked, receipts, status }))
    }

    async fn bye(
        &self,
        conn: &mut Conn,
        device: &DeviceId,
        receipt: u64,
    ) -> Result<Reply, OfficeError> {
        let row = match standing(conn, device).await? {
            Ok(row) => row,
            Err(refusal) => return Ok(Reply::Refused(refusal)),
        };
        self.note_receipt(conn, device, receipt).await?;
        let status = match rewound::heard(conn, &row, self.now()).await? {
            true => Some(self.status_in(conn, &row).await?),
            false => None,
        };
        Ok(Reply::Bye { status })
    }

    /// Takes in the checkpoint that came along; gives whether it shows two journals. One that is
    /// none, or not its handheld's, is nothing, and stops nothing.
    pub(super) async fn checkpoint_forks(
        &self,
        conn: &mut Conn,
        document: Option<&[u8]>,
    ) -> Result<bool, OfficeError> {
        let Some(document) = document else { return Ok(false) };
        match self.checkpoint_in(conn, document).await {
            Ok(row) => Ok(row.held == Held::Fork),
            Err(OfficeError::Token(_) | OfficeError::Wire(_) | OfficeError::Usage(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The handheld has stored this receipt.
    pub(super) async fn note_receipt(
        &self,
        conn: &mut Conn,
        device: &DeviceId,
        receipt: u64,
    ) -> Result<(), OfficeError> {
        let sql = "UPDATE device SET bye_receipt = $2, last_seen = $3
                   WHERE device = $1 AND bye_receipt < $2 AND receipts >= $2";
        let query = query(sql).bind(device.as_str()).bind(ledger::number(receipt));
        query.bind(self.now().0).execute(conn).await?;
        Ok(())
    }
}

/// Whether a head the handheld signed is not in the journal it sent us before: there are two
/// journals, and both are kept. An old request played again cannot do this, its head is in the
/// journal.
pub(super) async fn fork_in_head(
    conn: &mut Conn,
    row: &DeviceRow,
    head: &Position,
    shown_by: &str,
    now: UnixSeconds,
) -> Result<bool, OfficeError> {
    if head.seq > row.head_seq || head.seq == 0 {
        return Ok(false);
    }
    let device = &row.device;
    if hash_at(conn, device, row.epoch, head.seq).await? == Some(head.hash) {
        return Ok(false);
    }
    keep_fork(conn, device, (head.epoch, head.seq, head.hash), &[], now).await?;
    quarantine_fork(conn, device, head.epoch, head.seq, shown_by, now).await?;
    Ok(true)
}

/// A handheld that may be served.
pub(super) async fn standing(
    conn: &mut Conn,
    device: &DeviceId,
) -> Result<Result<DeviceRow, Refusal>, OfficeError> {
    Ok(standing_of(ledger::device(conn, device).await?))
}

/// Whether a handheld may be served.
pub(super) fn standing_of(row: Option<DeviceRow>) -> Result<DeviceRow, Refusal> {
    match row {
        None => Err(Refusal::UnknownDevice),
        Some(row) if row.status == "quarantined" => Err(Refusal::Quarantined),
        Some(row) if row.key.is_none() => Err(Refusal::UnknownDevice),
        Some(row) => Ok(row),
    }
}

/// The newest receipts of this life after `number`, oldest first.
pub(super) async fn newest_receipts(
    conn: &mut Conn,
    row: &DeviceRow,
    number: u64,
    most: usize,
) -> Result<Vec<Vec<u8>>, OfficeError> {
    let sql = "SELECT bytes FROM receipt WHERE device = $1 AND number > $2 AND epoch = $3
               ORDER BY number DESC LIMIT $4";
    let rows = query(sql)
        .bind(row.device.as_str())
        .bind(ledger::number(number))
        .bind(i64::from(row.epoch))
        .bind(ledger::number(most as u64))
        .fetch_all(conn)
        .await?;
    let (mut receipts, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let receipt: Vec<u8> = row.try_get("bytes")?;
        bytes += receipt.len();
        // In an answer they lie together; in a parcel each lies in one of its own.
        if most <= MAX_RECEIPTS && bytes > RECEIPT_BYTES {
            break;
        }
        receipts.push(receipt);
    }
    receipts.reverse();
    Ok(receipts)
}
