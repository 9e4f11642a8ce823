//! What numbers in answers are called: results, errors, diagnostics.
//!
//! Names of IEC 62056-5-3 with a hyphen for every blank, so that they stay as they are.

use crate::protocol::exchange::Refusal;

/// Data-Access-Result: why there is no value.
pub fn data_access(code: u8) -> &'static str {
    match code {
        0 => "success",
        1 => "hardware-fault",
        2 => "temporary-failure",
        3 => "read-write-denied",
        4 => "object-undefined",
        9 => "object-class-inconsistent",
        11 => "object-unavailable",
        12 => "type-unmatched",
        13 => "scope-of-access-violated",
        14 => "data-block-unavailable",
        15 => "long-get-aborted",
        16 => "no-long-get-in-progress",
        17 => "long-set-aborted",
        18 => "no-long-set-in-progress",
        19 => "data-block-number-invalid",
        250 => "other-reason",
        _ => "unknown-result",
    }
}

/// Action-Result: why a method was not run.
pub fn action(code: u8) -> &'static str {
    match code {
        15 => "long-action-aborted",
        16 => "no-long-action-in-progress",
        0..=4 | 9 | 11..=14 | 250 => data_access(code),
        _ => "unknown-result",
    }
}

/// state-error of an ExceptionResponse.
pub fn state_error(code: u8) -> &'static str {
    match code {
        1 => "service-not-allowed",
        2 => "service-unknown",
        _ => "unknown-state-error",
    }
}

/// service-error of an ExceptionResponse.
pub fn service_error(code: u8) -> &'static str {
    match code {
        1 => "operation-not-possible",
        2 => "service-not-supported",
        3 => "other-reason",
        4 => "pdu-too-long",
        5 => "deciphering-error",
        6 => "invocation-counter-error",
        _ => "unknown-service-error",
    }
}

/// Result of an association request.
pub fn association_result(code: u8) -> &'static str {
    match code {
        0 => "accepted",
        1 => "rejected-permanent",
        2 => "rejected-transient",
        _ => "unknown-result",
    }
}

/// Why the meter's application (source 1) or its association service (source 2) refuses.
pub fn diagnostic(source: u8, code: u8) -> &'static str {
    match (source, code) {
        (_, 0) => "null",
        (_, 1) => "no-reason-given",
        (2, 2) => "no-common-acse-version",
        (1, 2) => "application-context-name-not-supported",
        (1, 3) => "calling-ap-title-not-recognized",
        (1, 4) => "calling-ap-invocation-identifier-not-recognized",
        (1, 5) => "calling-ae-qualifier-not-recognized",
        (1, 6) => "calling-ae-invocation-identifier-not-recognized",
        (1, 7) => "called-ap-title-not-recognized",
        (1, 8) => "called-ap-invocation-identifier-not-recognized",
        (1, 9) => "called-ae-qualifier-not-recognized",
        (1, 10) => "called-ae-invocation-identifier-not-recognized",
        (1, 11) => "authentication-mechanism-name-not-recognised",
        (1, 12) => "authentication-mechanism-name-required",
        (1, 13) => "authentication-failure",
        (1, 14) => "authentication-required",
        _ => "unknown-diagnostic",
    }
}

/// Last arc of an application context name.
pub fn context(code: u8) -> &'static str {
    match code {
        1 => "LN",
        2 => "SN",
        3 => "LN-ciphered",
        4 => "SN-ciphered",
        _ => "unknown",
    }
}

/// Last arc of an authentication mechanism name.
pub fn mechanism(code: u8) -> &'static str {
    match code {
        0 => "none",
        1 => "lls",
        2 => "hls",
        3 => "hls-md5",
        4 => "hls-sha1",
        5 => "hls-gmac",
        6 => "hls-sha256",
        7 => "hls-ecdsa",
        _ => "unknown",
    }
}

/// Messages that are known by name only: ciphered, short-name or pushed ones.
pub fn tag(tag: u8) -> Option<&'static str> {
    Some(match tag {
        0x01 => "InitiateRequest",
        0x05 => "ReadRequest",
        0x06 => "WriteRequest",
        0x08 => "InitiateResponse",
        0x0C => "ReadResponse",
        0x0D => "WriteResponse",
        0x21 => "GloInitiateRequest",
        0x28 => "GloInitiateResponse",
        0xC2 => "EventNotificationRequest",
        0xC8 => "GloGetRequest",
        0xC9 => "GloSetRequest",
        0xCA => "GloEventNotificationRequest",
        0xCB => "GloActionRequest",
        0xCC => "GloGetResponse",
        0xCD => "GloSetResponse",
        0xCF => "GloActionResponse",
        0xD0 => "DedGetRequest",
        0xD1 => "DedSetRequest",
        0xD3 => "DedActionRequest",
        0xD4 => "DedGetResponse",
        0xD5 => "DedSetResponse",
        0xD7 => "DedActionResponse",
        0xD9 => "AccessRequest",
        0xDA => "AccessResponse",
        0xDB => "GeneralGloCiphering",
        0xDC => "GeneralDedCiphering",
        0xDD => "GeneralCiphering",
        0xDF => "GeneralSigning",
        0xE0 => "GeneralBlockTransfer",
        _ => return None,
    })
}

/// A meter's "no" with its name.
pub fn refusal(code: u8, name: fn(u8) -> &'static str) -> Refusal {
    Refusal { code: u16::from(code), name: name(code) }
}

/// An ExceptionResponse as a refusal: state-error in the high byte, service-error in the low one.
pub fn exception(state: u8, service: u8) -> Refusal {
    Refusal { code: u16::from_be_bytes([state, service]), name: service_error(service) }
}
