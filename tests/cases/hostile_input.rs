//! Whatever is read from others, or from a disk, is refused with words or means what it says: the properties that a fuzzer
//! tries for hours (`fuzz/run`), here on their seeds and on what damage makes of them. Those of rooms that are closed to
//! others stand there (`agent/src/workload/http/properties.rs`).

#[path = "../../fuzz/properties/configuration.rs"]
mod configuration;
#[path = "../../fuzz/properties/credentials.rs"]
mod credentials;
#[path = "../../fuzz/properties/driver.rs"]
mod driver;
#[path = "../../fuzz/properties/job.rs"]
mod job;
#[path = "hostile_input/seeds.rs"]
mod seeds;
#[path = "../../fuzz/properties/store.rs"]
mod store;
#[path = "../../fuzz/properties/template.rs"]
mod template;
#[path = "../../fuzz/properties/token.rs"]
mod token;
#[path = "../../fuzz/properties/wire.rs"]
mod wire;

#[test]
fn no_job_is_too_odd() {
    driver::try_all("job", job::holds);
}

#[test]
fn no_template_is_too_odd() {
    driver::try_all("template", template::holds);
}

#[test]
fn no_configuration_is_too_odd() {
    driver::try_all("configuration", configuration::holds);
}

#[test]
fn no_message_of_the_wire_is_too_odd() {
    seeds::rewrite_if_asked("wire", &seeds::wire);
    driver::try_all("wire", wire::holds);
}

#[test]
fn nothing_that_lies_in_the_store_is_too_odd() {
    seeds::rewrite_if_asked("store", &seeds::store);
    driver::try_all("store", store::holds);
}

#[test]
fn no_token_is_too_odd() {
    seeds::rewrite_if_asked("token", &seeds::token);
    driver::try_all("token", token::holds);
}

#[test]
fn no_credentials_are_too_odd() {
    seeds::rewrite_if_asked("credentials", &seeds::credentials);
    driver::try_all("credentials", credentials::holds);
}
