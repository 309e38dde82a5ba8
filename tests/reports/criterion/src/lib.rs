//! Something to measure.
