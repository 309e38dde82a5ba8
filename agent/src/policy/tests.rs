//! Rules against assignments and addresses.
