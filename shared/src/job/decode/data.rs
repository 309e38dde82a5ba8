//! `[data.NAME]` as types.

use std::collections::BTreeMap;

use crate::job::data::{DataColumn, DataOrder, DataSource};
use crate::job::names::text_of;
use crate::job::node::Node;

/// Decodes all columns; those that do not read have been told, and are left out.
pub(in crate::job) fn columns(root: &Node<'_>) -> BTreeMap<String, DataColumn> {
    let data = root.child("data");
    let columns = data.iter().flat_map(Node::entries);
    columns.filter_map(|(name, column)| Some((name.to_owned(), column_of(&column)?))).collect()
}

fn column_of(node: &Node<'_>) -> Option<DataColumn> {
    let order = node.child("order");
    let order = order.and_then(|order| DataOrder::parse(order.text()?).ok()).unwrap_or(DataOrder::Sequential);
    Some(DataColumn { source: source_of(node)?, order })
}

fn source_of(node: &Node<'_>) -> Option<DataSource> {
    if let Some(range) = node.child("range") {
        let mut ends = range.items().map(|end| end.integer());
        return Some(DataSource::Range { first: ends.next()??, last: ends.next()?? });
    }
    if let Some(values) = node.child("values") {
        let text_of = |value: Node<'_>| text_of(&value.json().ok()?);
        return Some(DataSource::Values(values.items().map(text_of).collect::<Option<_>>()?));
    }
    let file = node.child("csv")?.text()?.to_owned();
    Some(DataSource::Csv { file, column: node.child("column")?.text()?.to_owned() })
}
