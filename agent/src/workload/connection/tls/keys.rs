//! The keys of `tls`, alike for every kind that connects.

use shared::job::schema::{Key, Shape};

/// Keys of `tls`.
pub(in crate::workload) const TLS_KEYS: &[Key] = &[
    Key::optional(
        "ca_file",
        Shape::File,
        "Certificate authorities to trust instead of the system's, in PEM.",
    ),
    Key::optional("cert_file", Shape::File, "The client's certificate with its chain, in PEM."),
    Key::optional("key_file", Shape::Text, "The client's key in PEM, a path on the agent."),
    Key::optional("insecure", Shape::Boolean, "Whether any certificate is taken; default false."),
    Key::optional("resume", Shape::Boolean, "Whether TLS sessions are resumed; default true."),
    Key::optional(
        "server_name",
        Shape::Text,
        "The name that the certificate must bear; default the URL's host.",
    ),
];
