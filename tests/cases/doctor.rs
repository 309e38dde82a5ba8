//! `fleetmark doctor`: what this host is, for people and for programs.

use fleetmark_tests::cast::Scene;
use fleetmark_tests::readings::text;
use serde_json::Value;

#[test]
fn doctor_tells_what_this_host_is_and_what_to_do() {
    let scene = Scene::new();
    let said = scene.run(&["doctor"]);
    assert_eq!((said.code, said.errors.as_str()), (0, ""), "{said:?}");
    for word in ["This host", "kernel", "topology", "cpu_limit_cores", "Advice"] {
        assert!(said.out.contains(word), "{word} is missing: {}", said.out);
    }
}

#[test]
fn every_field_is_a_value_or_null_with_the_reason() {
    let said = Scene::new().run(&["doctor", "--json"]);
    let answer: Value = serde_json::from_str(&said.out).expect("an answer in JSON");
    let fields = answer["fingerprint"].as_object().expect("a fingerprint");
    for (field, _) in fields.iter().filter(|(_, value)| value.is_null()) {
        let reason = text(&answer["fingerprint"]["unreadable"][field]);
        let word = reason.split(':').next().unwrap_or_default();
        assert!(["absent", "permission", "container", "unreadable"].contains(&word), "{field}: {reason}");
    }
    // The tests are a debug build, which is worth a word.
    assert!(answer["advice"].as_array().is_some_and(|advice| advice.iter().any(|it| it["field"] == "build")));
}

#[test]
fn nothing_tells_one_machine_of_many_by_its_numbers() {
    let said = Scene::new().run(&["doctor", "--json"]);
    let is_address = |word: &str| {
        let parts: Vec<&str> = word.split(':').collect();
        parts.len() == 6 && parts.iter().all(|part| part.len() == 2 && u8::from_str_radix(part, 16).is_ok())
    };
    let words = said.out.split(|letter: char| !(letter.is_ascii_hexdigit() || letter == ':'));
    assert_eq!(words.filter(|word| is_address(word)).collect::<Vec<_>>(), [""; 0]);
}
