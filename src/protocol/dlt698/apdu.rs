//! Messages: what asks for attributes, and what answers.

use super::data::{self, Data};
use super::reader::Reader;

const GET_REQUEST: u8 = 5;
const GET_RESPONSE: u8 = 133;
const ERROR_RESPONSE: u8 = 238;
const NORMAL: u8 = 1;
const NORMAL_LIST: u8 = 2;
/// Further attributes a list may have; beyond it somebody is playing.
const MAX_LIST: usize = 256;

/// One attribute's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// Object, attribute, element.
    pub oad: u32,
    /// The value, or the code of the refusal (DAR).
    pub what: Result<Data, u8>,
}

/// The answer to a question for attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Service number and priority, as sent.
    pub piid: u8,
    /// Results, in the order asked.
    pub results: Vec<Got>,
    /// Asked for as a list.
    pub list: bool,
}

/// The question for these attributes.
pub(super) fn get_request(piid: u8, oads: &[u32]) -> Vec<u8> {
    let mut bytes = match oads {
        [_] => vec![GET_REQUEST, NORMAL, piid],
        // Short by construction: see `ask`.
        _ => vec![GET_REQUEST, NORMAL_LIST, piid, oads.len() as u8],
    };
    bytes.extend(oads.iter().flat_map(|oad| oad.to_be_bytes()));
    // No time tag.
    bytes.push(0);
    bytes
}

/// Reads a `GetResponseNormal` or `GetResponseNormalList`.
pub fn get_response(message: &[u8]) -> Option<Response> {
    let mut r = Reader::new(message);
    let [GET_RESPONSE, kind, piid] = r.array()? else { return None };
    let count = match kind {
        NORMAL => 1,
        NORMAL_LIST => r.count(6)?,
        _ => return None,
    };
    if count > MAX_LIST {
        return None;
    }
    let results = (0..count).map(|_| result(&mut r)).collect::<Option<_>>()?;
    Some(Response { piid, results, list: kind == NORMAL_LIST })
}

/// An attribute and its value or refusal.
pub(super) fn result(r: &mut Reader<'_>) -> Option<Got> {
    let oad = r.u32()?;
    let what = match r.u8()? {
        0 => Err(r.u8()?),
        1 => Ok(data::read(r)?),
        _ => return None,
    };
    Some(Got { oad, what })
}

/// The reason in an `ErrorResponse`, with its service number.
pub(super) fn error_response(message: &[u8]) -> Option<(u8, u8)> {
    match message {
        [ERROR_RESPONSE, piid, reason, ..] => Some((*piid, *reason)),
        _ => None,
    }
}

/// What an error response says.
pub fn error_name(reason: u8) -> &'static str {
    match reason {
        1 => "apdu_not_understood",
        2 => "service_not_supported",
        _ => "other",
    }
}

/// What a refusal (DAR) says.
pub fn dar_name(code: u8) -> &'static str {
    match code {
        0 => "success",
        1 => "hardware_failure",
        2 => "temporary_failure",
        3 => "read_write_denied",
        4 => "object_undefined",
        5 => "class_inconsistent",
        6 => "object_unavailable",
        7 => "type_unmatched",
        8 => "out_of_range",
        9 => "block_unavailable",
        10 => "segmented_get_cancelled",
        11 => "no_segmented_get",
        12 => "block_write_cancelled",
        13 => "no_block_write",
        14 => "block_number_invalid",
        15 => "password_or_authorization",
        16 => "speed_unchangeable",
        17 => "too_many_year_zones",
        18 => "too_many_day_periods",
        19 => "too_many_tariffs",
        20 => "security_mismatch",
        21 => "recharge_repeated",
        22 => "esam_verification_failed",
        23 => "security_authentication_failed",
        24 => "customer_number_mismatch",
        25 => "purchase_count_wrong",
        26 => "hoarding_limit",
        27 => "address_wrong",
        28 => "symmetric_decryption_failed",
        29 => "asymmetric_decryption_failed",
        30 => "signature_wrong",
        31 => "meter_suspended",
        32 => "time_tag_invalid",
        33 => "request_timed_out",
        34 => "esam_p1p2_wrong",
        35 => "esam_length_wrong",
        _ => "other",
    }
}

/// The name of a message by its first byte and, where it has one, its second.
pub fn name(message: &[u8]) -> Option<&'static str> {
    let (tag, kind) = (*message.first()?, message.get(1).copied().unwrap_or_default());
    Some(match (tag, kind) {
        (1, _) => "LinkRequest",
        (129, _) => "LinkResponse",
        (2, _) => "ConnectRequest",
        (130, _) => "ConnectResponse",
        (3, _) => "ReleaseRequest",
        (131, _) => "ReleaseResponse",
        (132, _) => "ReleaseNotification",
        (5, 1) => "GetRequestNormal",
        (5, 2) => "GetRequestNormalList",
        (5, 3) => "GetRequestRecord",
        (5, 4) => "GetRequestRecordList",
        (5, 5) => "GetRequestNext",
        (5, 6) => "GetRequestMD5",
        (133, 1) => "GetResponseNormal",
        (133, 2) => "GetResponseNormalList",
        (133, 3) => "GetResponseRecord",
        (133, 4) => "GetResponseRecordList",
        (133, 5) => "GetResponseNext",
        (133, 6) => "GetResponseMD5",
        (6, 1) => "SetRequestNormal",
        (6, 2) => "SetRequestNormalList",
        (6, 3) => "SetThenGetRequestNormalList",
        (134, 1) => "SetResponseNormal",
        (134, 2) => "SetResponseNormalList",
        (134, 3) => "SetThenGetResponseNormalList",
        (7, 1) => "ActionRequestNormal",
        (7, 2) => "ActionRequestNormalList",
        (7, 3) => "ActionThenGetRequestNormalList",
        (135, 1) => "ActionResponseNormal",
        (135, 2) => "ActionResponseNormalList",
        (135, 3) => "ActionThenGetResponseNormalList",
        (136, 1) => "ReportNotificationList",
        (136, 2) => "ReportNotificationRecordList",
        (136, 3) => "ReportNotificationTransData",
        (8, _) => "ReportResponse",
        (9, _) => "ProxyRequest",
        (137, _) => "ProxyResponse",
        (16, _) => "SecurityRequest",
        (144, _) => "SecurityResponse",
        (ERROR_RESPONSE, _) => "ErrorResponse",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_values_and_refusals_apart() {
        let message = [0x85, 2, 9, 2, 0, 0x10, 2, 0, 1, 6, 0, 0, 0, 7, 0, 0x20, 2, 0, 0, 6, 0, 0];
        let response = get_response(&message).unwrap();
        assert_eq!((response.piid, response.list), (9, true));
        let values: Vec<_> = response.results.iter().map(|got| got.what.clone()).collect();
        assert_eq!(values, [Ok(Data::Number("double_long_unsigned", 7)), Err(6)]);
        assert_eq!(get_response(&message[..15]), None);
        assert_eq!(get_response(&[0x85, 2, 9, 200, 0]), None, "no room for 200");
    }

    #[test]
    fn questions_are_what_the_vectors_show() {
        assert_eq!(get_request(0x25, &[0x4001_0200]), [5, 1, 0x25, 0x40, 1, 2, 0, 0]);
        let list = get_request(1, &[0x0010_0200, 0x2000_0200]);
        assert_eq!(list, [5, 2, 1, 2, 0, 0x10, 2, 0, 0x20, 0, 2, 0, 0]);
    }
}
