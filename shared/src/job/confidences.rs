//! What of a job's names must not be told, wherever in the file they stand.

use toml::{Table, Value};

use super::builtin::BuiltIn;
use super::template::Template;
use crate::secret::Confidences;

/// What people read: a name there is only spoken of.
const FOR_PEOPLE: [&str; 3] = ["description", "tags", "claims"];

/// The confidential names in the texts of a job file, its variants included. Of a text that is no job file: none.
pub fn of_job(text: &str) -> Confidences {
    let mut confidences = Confidences::default();
    let job: Table = text.parse().unwrap_or_default();
    for (_, value) in job.iter().filter(|(key, _)| !FOR_PEOPLE.contains(&key.as_str())) {
        read(value, &mut confidences);
    }
    confidences
}

/// The confidential names in one text. Of what is no template: none.
pub fn of_text(text: &str) -> Confidences {
    let mut confidences = Confidences::default();
    read_text(text, &mut confidences);
    confidences
}

fn read_text(text: &str, into: &mut Confidences) {
    let Ok(template) = Template::parse(text) else { return };
    for name in template.names() {
        match BuiltIn::parse(name) {
            Ok(Some(BuiltIn::Secret(name))) => drop(into.secrets.insert(name)),
            Ok(Some(BuiltIn::Environment(name))) => drop(into.variables.insert(name)),
            _ => {}
        }
    }
}

fn read(value: &Value, into: &mut Confidences) {
    match value {
        Value::String(text) => read_text(text, into),
        Value::Array(items) => items.iter().for_each(|item| read(item, into)),
        Value::Table(table) => table.values().for_each(|value| read(value, into)),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_confidential_name_is_found_and_no_other() {
        let found = of_job(
            "name = \"j\"\ndescription = \"{{secret:spoken-of}}\"\n[workload]\nkind = \"http\"\n\
             [[workload.operations]]\nurl = \"/{{id}}/{{secret:A}}\"\nheaders = { x = [\"{{env:B}}{{{{secret:C}}\"] }\n\
             [target]\nstart = [\"x\", \"{{ secret:D }}\"]\n[hooks]\nbefore_run = [{ command = \"y {{env:E}}\" }]\n\
             [[variants]]\nset = { \"workload.operations.read.url\" = \"{{secret:F}}\" }\n",
        );
        let secrets: Vec<&str> = found.secrets.iter().map(|name| name.as_str()).collect();
        assert_eq!(secrets, ["A", "D", "F"]);
        assert_eq!(found.variables.iter().collect::<Vec<_>>(), ["B", "E"]);
        assert_eq!(of_job("no job"), Confidences::default());
    }
}
