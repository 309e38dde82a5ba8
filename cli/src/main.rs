//! fleetmark
fn main() {}
