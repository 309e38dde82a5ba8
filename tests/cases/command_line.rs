//! The command line as the contract fixes it: what is answered, and with which exit code.

use fleetmark_tests::cast::Scene;

#[test]
fn an_unknown_option_is_a_usage_error() {
    let said = Scene::new().run(&["run", "--no-such-option"]);
    assert_eq!(said.code, 64, "{said:?}");
}
