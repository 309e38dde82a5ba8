//! Durations, sizes and shares as people write them: `5s`, `1m30s`, `250us`, `16MiB`, `5%`.
