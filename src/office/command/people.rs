//! Commands about people and limits.

use super::args::{LimitsAct, OperatorAct, OverrideArgs};
use super::{Shown, show};
use crate::office::keys::write_private;
use crate::office::{NewOverride, Office, OfficeError};

pub(super) async fn operator(office: &Office, act: OperatorAct) -> Result<Shown, OfficeError> {
    match act {
        OperatorAct::Add(args) => {
            office.add_operator(&args.operator()).await?;
            Ok(show::operators(&office.operators().await?))
        }
        OperatorAct::Grant { operator, device } => {
            Ok(show::granted(&office.grant(&operator, &device).await?))
        }
        OperatorAct::List => Ok(show::operators(&office.operators().await?)),
        OperatorAct::Revoke { operator } => {
            let documents = office.revoke_operator(&operator).await?;
            Ok(show::operator_gone(&operator, documents))
        }
    }
}

pub(super) async fn over_ride(office: &Office, args: OverrideArgs) -> Result<Shown, OfficeError> {
    let OverrideArgs { device, operator, meter, verb, hours, by, reason, out } = args;
    let new = NewOverride { device, operator, meter, verb, hours, by, reason };
    let given = office.over_ride(&new).await?;
    if let Some(out) = &out {
        write_private(out, &given.bytes)?;
    }
    Ok(show::overridden(&given))
}

pub(super) async fn limits(office: &Office, act: LimitsAct) -> Result<Shown, OfficeError> {
    let policy = match act {
        LimitsAct::Show { device } => office.policy(device.as_ref()).await?,
        LimitsAct::Set(args) => office.set_policy(args.device.as_ref(), &args.change()).await?,
    };
    Ok(show::limits(&policy))
}
