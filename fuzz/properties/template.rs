//! What must hold of any text that says it is a template.

use shared::job::builtin::BuiltIn;
use shared::job::template::Template;

/// Panics unless the text is refused, or is split in the same way again when it is written out, and renders in one way.
pub fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(template) = Template::parse(text) else { return };
    assert_eq!(Template::parse(&template.to_text()).as_ref(), Ok(&template));
    for name in template.names() {
        if let Err(error) = BuiltIn::parse(name) {
            assert!(error.to_string().len() < 1_000, "an error shows the beginning only");
        }
    }
    let value = |name: &str| Some(format!("<{name}>"));
    let late = template.render(&value).expect("every name has a value");
    let early = template.fill(&value, &|_| false).expect("every name has a value");
    assert_eq!(early.render(&|_| None).as_ref(), Ok(&late));
}
