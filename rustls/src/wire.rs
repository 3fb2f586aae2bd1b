//! What is read off records in the clear, where the library does not tell it.

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const SERVER_HELLO: u8 = 2;
/// Type, version and length stand in front of a record.
const HEADER: usize = 5;

/// How far the record at the start of `data` reaches, if it is complete.
pub fn record_end(data: &[u8]) -> Option<usize> {
    let size = HEADER + usize::from(u16::from_be_bytes([*data.get(3)?, *data.get(4)?]));
    (data.len() >= size).then_some(size)
}

/// The server's random, from a ServerHello at the start of `records`; warnings may stand before it.
pub fn server_random(mut records: &[u8]) -> Option<[u8; 32]> {
    while records.first() == Some(&ALERT) {
        records = records.get(record_end(records)?..)?;
    }
    match records.get(..HEADER + 1)? {
        // Behind the record's header stand those of the message and the version.
        [HANDSHAKE, .., SERVER_HELLO] => records.get(HEADER + 6..HEADER + 38)?.try_into().ok(),
        _ => None,
    }
}

/// Whether EndOfEarlyData is among the encrypted records that a client sends.
///
/// It is the only message of four bytes (RFC 8446 section 4.5), so its record is the only one of 4 + 1 + 16.
pub fn has_end_of_early_data(mut records: &[u8]) -> bool {
    while let Some(size) = record_end(records) {
        if records[0] == APPLICATION_DATA && size == HEADER + 4 + 1 + 16 {
            return true;
        }
        records = &records[size..];
    }
    false
}

/// Fatal alerts in the clear, as they are before an end has received something encrypted.
pub const HANDSHAKE_FAILURE: [u8; 7] = fatal(40);
pub const INTERNAL_ERROR: [u8; 7] = fatal(80);

const fn fatal(description: u8) -> [u8; 7] {
    [ALERT, 3, 3, 0, 2, 2, description]
}

/// Make a certificate_required at the end of what was written a handshake_failure.
///
/// rustls sends the former also in TLS 1.2, which does not know it (RFC 5246 section 7.4.6), and there in the clear.
pub fn correct_alert(written: &mut [u8]) {
    if let Some(alert) = written.last_chunk_mut() {
        if *alert == fatal(116) {
            *alert = HANDSHAKE_FAILURE;
        }
    }
}
