//! Recovery codes: one-time ways in for when every PIN is forgotten or locked.

use super::boot::{Boot, SystemBoot};
use super::error::VaultError;
use super::slots::{Kind, MAX_RECOVERY, Opener, Slot};
use super::{Vault, door, ids};
use crate::store::seal::StoreKey;
use crate::units::read_recovery;
use secrecy::SecretString;

impl Vault {
    /// Adds one-time recovery codes.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`], [`VaultError::Full`], [`VaultError::Busy`], those of the disk.
    pub fn add_recovery(&self, key: &StoreKey, codes: &[[u8; 16]]) -> Result<(), VaultError> {
        self.own(key)?;
        let _lock = self.lock()?;
        let mut slots = self.slots()?;
        // Their count first, as for a PIN.
        let ids = ids(&slots);
        self.tries()?.clear(&door(&ids, self.recovery_door()?, false), &SystemBoot)?;
        for code in codes {
            let id = self.secret.blind(&self.head.id, "recovery", code)?;
            slots.put(Slot::make(&self.head, &self.secret, id, &mut Opener::Code(code), key)?);
        }
        if slots.count(Kind::Recovery) > MAX_RECOVERY {
            return Err(VaultError::Full(MAX_RECOVERY));
        }
        self.save(&slots)
    }

    /// Recovery codes that were not used yet.
    ///
    /// # Errors
    /// As [`Vault::has`].
    pub fn recovery_left(&self) -> Result<usize, VaultError> {
        Ok(self.slots()?.count(Kind::Recovery))
    }

    /// Uses a recovery code up, and gives the store's key for it. Wrong codes wait like wrong
    /// PINs, but never lock: this is the way out.
    ///
    /// # Errors
    /// [`VaultError::BadCode`] without counting, [`VaultError::WrongCode`], [`VaultError::Wait`],
    /// [`VaultError::NoRecovery`], [`VaultError::Busy`]; those of the disk, and then the code may
    /// still be good.
    pub fn recover(&self, code: &SecretString, boot: &dyn Boot) -> Result<StoreKey, VaultError> {
        let code = read_recovery(code).ok_or(VaultError::BadCode)?;
        let _lock = self.lock()?;
        let mut slots = self.slots()?;
        if slots.count(Kind::Recovery) == 0 {
            return Err(VaultError::NoRecovery);
        }
        let (tries, ids) = (self.tries()?, ids(&slots));
        let door = door(&ids, self.recovery_door()?, false);
        tries.begin(&door, boot)?;
        let id = self.secret.blind(&self.head.id, "recovery", &code[..])?;
        let key = match slots.find(Kind::Recovery, &id) {
            Some(slot) => slot.open(&self.head, &self.secret, &mut Opener::Code(&code))?,
            None => None,
        };
        let Some(key) = key else {
            let wait_s = tries.standing(&door, boot)?.wait_s;
            return Err(VaultError::WrongCode { wait_s });
        };
        // Gone from the disk before it is of use to anybody.
        slots.remove(Kind::Recovery, &id);
        self.save(&slots)?;
        // The code is spent by now: a count that cannot be cleared must not take the key away too.
        let _ = tries.clear(&door, boot);
        Ok(key)
    }

    /// All recovery codes count together.
    fn recovery_door(&self) -> Result<[u8; 16], VaultError> {
        self.secret.blind(&self.head.id, "recovery door", b"")
    }
}
