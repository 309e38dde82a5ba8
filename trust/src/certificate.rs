//! What a certificate says of its holder.

use std::fmt;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use crate::role::Role;

/// Longest name of a holder, bytes: an agent's name.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of a serial number. Its highest bit is never set (RFC 5280, 4.1.2.2: positive).
const SERIAL_BYTES: usize = 16;

/// The name of a certificate's holder: 1 to 64 of letters, digits, `.`, `_`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HolderName(String);

/// Not a name for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("take {0:?} as a name: it has 1 to 64 of letters, digits, '.', '_' and '-'")]
pub struct NameError(pub String);

/// The number of a certificate, which no other one of its authority has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial([u8; SERIAL_BYTES]);

/// Not the number of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("take {0:?} as a certificate's number: it has 32 hexadecimal digits")]
pub struct SerialError(pub String);

/// Whom a certificate names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub name: HolderName,
    /// What it may do.
    pub role: Role,
    /// The certificate's number.
    pub serial: Serial,
    /// From when on it is valid, seconds of Unix time.
    pub from_s: u64,
    /// Until when, seconds of Unix time.
    pub until_s: u64,
}

/// Not a certificate of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read a certificate: {0}")]
pub struct CertificateError(pub String);

impl HolderName {
    /// A name.
    ///
    /// # Errors
    /// When it breaks the rule.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed) {
            return Ok(Self(name));
        }
        Err(NameError(name.chars().take(NAME_BYTES_MAX).collect()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serial {
    /// A number that nobody has.
    pub(crate) fn random() -> Self {
        let mut bytes: [u8; SERIAL_BYTES] = rand::random();
        // Positive, and never shortened by leading zeros.
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Self(bytes)
    }

    /// As it stands in a certificate.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Holder {
    /// Reads what a certificate says. Whether it is true is for TLS to check.
    ///
    /// # Errors
    /// When it is none of ours: no certificate, or one without name and role.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let failed = |what: &str| CertificateError(what.to_owned());
        let (_, parsed) =
            x509_parser::parse_x509_certificate(certificate).map_err(|_| failed("it is none"))?;
        let subject = parsed.subject();
        let name = subject.iter_common_name().next().and_then(|name| name.as_str().ok());
        let name = name.ok_or_else(|| failed("it names nobody"))?;
        let role = subject.iter_organizational_unit().next().and_then(|role| role.as_str().ok());
        let role = role.and_then(Role::of_certificate).ok_or_else(|| failed("it names no role"))?;
        let serial = Serial::try_from(parsed.raw_serial()).map_err(|error| failed(&error.to_string()))?;
        let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
        let validity = parsed.validity();
        Ok(Self {
            name: HolderName::new(name).map_err(|error| failed(&error.to_string()))?,
            role,
            serial,
            from_s: seconds(validity.not_before),
            until_s: seconds(validity.not_after),
        })
    }
}

impl fmt::Display for HolderName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for HolderName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl TryFrom<String> for HolderName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl From<HolderName> for String {
    fn from(name: HolderName) -> Self {
        name.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        let failed = || SerialError(text.chars().take(64).collect());
        if text.len() != 2 * SERIAL_BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(failed());
        }
        let mut bytes = [0; SERIAL_BYTES];
        for (byte, digits) in bytes.iter_mut().zip((0..text.len()).step_by(2)) {
            *byte = u8::from_str_radix(&text[digits..digits + 2], 16).map_err(|_| failed())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<&[u8]> for Serial {
    type Error = SerialError;

    fn try_from(bytes: &[u8]) -> Result<Self, SerialError> {
        let wrong = |_| SerialError(format!("a number of {} bytes", bytes.len()));
        bytes.try_into().map(Self).map_err(wrong)
    }
}

impl TryFrom<String> for Serial {
    type Error = SerialError;

    fn try_from(text: String) -> Result<Self, SerialError> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.to_string()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} (certificate {})", self.role, self.name, self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_rule() {
        assert!(HolderName::new("db-1.rack_2").is_ok());
        for name in ["", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(HolderName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_serial_reads_back() {
        let serial = Serial::random();
        assert_eq!(serial.to_string().parse(), Ok(serial));
        for text in ["", "xyz", &"é".repeat(16), &"+1".repeat(16)] {
            assert!(text.parse::<Serial>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_certificate_of_ours_is_refused() {
        assert!(Holder::of(&CertificateDer::from(vec![1, 2, 3])).is_err());
        let foreign = rcgen::generate_simple_self_signed(["host".to_owned()]).unwrap();
        let refused = Holder::of(foreign.cert.der()).unwrap_err();
        assert!(refused.to_string().starts_with("read a certificate: it names"), "{refused}");
    }
}
