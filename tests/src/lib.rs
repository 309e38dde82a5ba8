//! Holds the tests of the whole system; they stand in `tests/` beside this folder.
