//! What the host is and how it fares.
