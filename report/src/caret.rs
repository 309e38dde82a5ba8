//! Job errors as people like to read them: file, line, column, and a caret under the value.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use shared::job::{JobError, JobErrors};

/// All errors of a job, each with its place in the text of `file`.
pub fn render(file: &str, text: &str, errors: &JobErrors, is_coloured: bool) -> String {
    let renderer = if is_coloured { Renderer::styled() } else { Renderer::plain() };
    let mut rendered = String::new();
    for error in &errors.0 {
        rendered.push_str(&renderer.render(&[group(file, text, error)]));
        rendered.push_str("\n\n");
    }
    let count = errors.0.len();
    rendered
        .push_str(&format!("{file}: {count} error{}; nothing was run", if count == 1 { "" } else { "s" }));
    rendered
}

fn group<'a>(file: &'a str, text: &'a str, error: &'a JobError) -> Group<'a> {
    let path = if error.path.is_empty() { String::new() } else { format!("{}: ", error.path) };
    let title = Level::ERROR.primary_title(format!("{path}{}", error.message));
    let group = match &error.span {
        Some(span) => {
            let place = AnnotationKind::Primary.span(visible(text, span));
            title.element(Snippet::source(text).path(file).annotation(place))
        }
        None => Group::with_title(title).element(annotate_snippets::Origin::path(file)),
    };
    match &error.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

/// A span that lies within the text, on characters, and is not empty, so that a caret can stand under it.
fn visible(text: &str, span: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    let boundary =
        |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let start = boundary(span.start);
    let end = boundary(span.end).max(start);
    let next = text[start..].chars().next().map_or(start, |character| start + character.len_utf8());
    start..end.max(next)
}

#[cfg(test)]
mod tests {
    use shared::job::{Kinds, parse};

    use super::*;

    #[test]
    fn every_error_shows_its_line_with_a_caret_and_a_proposal() {
        let text = "name = \"a\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"http://127.0.0.1:1/\"\n[load]\ndration = \"5s\"\nworkers = \"x\"\n";
        let errors = parse(text, Kinds::Unchecked).unwrap_err();
        let rendered = render("job.toml", text, &errors, false);
        assert!(rendered.contains("job.toml:7:1"), "{rendered}");
        assert!(rendered.contains("^^^^^^^"), "{rendered}");
        assert!(rendered.contains("duration"), "{rendered}");
        assert!(rendered.contains("job.toml:8:11"), "{rendered}");
        assert!(rendered.contains("2 errors"), "{rendered}");
    }

    #[test]
    fn an_error_at_the_end_of_the_file_is_shown_too() {
        let errors = parse("name = ", Kinds::Unchecked).unwrap_err();
        assert!(render("job.toml", "name = ", &errors, false).contains("job.toml:1:"));
    }
}
