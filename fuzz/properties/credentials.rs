//! What must hold of any text that stands where credentials are kept, and of any bytes that say they are a certificate.

use trust::certificate::Holder;
use trust::credentials::Credentials;

/// Panics unless the text is refused, or is credentials whose holder can be told.
pub fn holds(bytes: &[u8]) {
    // As a certificate itself: DER is read before anything is known of who sends it.
    let _refused_or_read = Holder::of(&bytes.to_vec().into());
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(credentials) = Credentials::read(text) {
        assert!(!credentials.authorities().is_empty());
        assert!(!credentials.holder().to_string().is_empty());
    }
}
