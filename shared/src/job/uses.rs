//! What the texts of a workload use: which names, and which files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::template::Template;
use super::{DataColumn, DataSource, OperationSpec, WorkloadSpec};

/// What the texts of a workload use.
#[derive(Debug, Default)]
pub struct Uses {
    /// Names in templates.
    names: BTreeSet<String>,
    /// Texts without names: a file is one of them.
    texts: BTreeSet<String>,
}

impl Uses {
    /// Looks through all settings of a workload whose params are filled in.
    pub fn of(workload: &WorkloadSpec) -> Self {
        let mut uses = Self::default();
        workload.parts().iter().for_each(|part| uses.add_part(part.settings, part.operations));
        uses
    }

    /// Looks through all settings of one workload.
    pub fn of_part(settings: &Map<String, Value>, operations: &[OperationSpec]) -> Self {
        let mut uses = Self::default();
        uses.add_part(settings, operations);
        uses
    }

    /// The columns that are used.
    pub fn data(&self, columns: &BTreeMap<String, DataColumn>) -> BTreeMap<String, DataColumn> {
        let used = columns.iter().filter(|(name, _)| self.names.contains(*name));
        used.map(|(name, column)| (name.clone(), column.clone())).collect()
    }

    /// The files that are used, also by these columns.
    pub fn files(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        columns: &BTreeMap<String, DataColumn>,
    ) -> BTreeMap<String, Vec<u8>> {
        let is_of_column = |path: &String| {
            let mut sources = columns.values().map(|column| &column.source);
            sources.any(|source| matches!(source, DataSource::Csv { file, .. } if file == path))
        };
        let used = files.iter().filter(|(path, _)| self.texts.contains(*path) || is_of_column(path));
        used.map(|(path, content)| (path.clone(), content.clone())).collect()
    }

    fn add_part(&mut self, settings: &Map<String, Value>, operations: &[OperationSpec]) {
        self.add_map(settings);
        operations.iter().for_each(|operation| self.add_map(&operation.settings));
    }

    fn add_map(&mut self, map: &Map<String, Value>) {
        map.values().for_each(|value| self.add(value));
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add_text(text),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(map) => self.add_map(map),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        // A text that is no template is refused where it is filled in.
        let Ok(template) = Template::parse(text) else { return };
        match template.render(&|_| None) {
            Ok(literal) => drop(self.texts.insert(literal)),
            Err(_) => self.names.extend(template.names().map(str::to_owned)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kinds, parse};
    use super::*;

    #[test]
    fn only_what_is_named_is_used() {
        let job = parse(
            "name = \"j\"\n[workload]\nkind = \"http\"\ntls = { ca_file = \"ca.pem\" }\n\
             [[workload.operations]]\nbody_file = \"{{{{a.json\"\nurls = [\"/{{id}}\"]\n\
             [data.id]\ncsv = \"ids.csv\"\ncolumn = \"id\"\n[data.city]\ncsv = \"cities.csv\"\ncolumn = \"name\"\n",
            Kinds::Unchecked,
        )
        .unwrap();
        let uses = Uses::of(&job.workload);
        let data = uses.data(&job.data);
        assert_eq!(data.keys().collect::<Vec<_>>(), ["id"]);
        let sent = ["ca.pem", "cities.csv", "{{a.json", "ids.csv", "other"];
        let files = sent.map(|path| (path.to_owned(), Vec::new())).into();
        let kept = uses.files(&files, &data);
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["ca.pem", "ids.csv", "{{a.json"]);
    }
}
