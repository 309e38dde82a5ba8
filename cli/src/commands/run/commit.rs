//! The commit of the repository in which a job lies, for histories: asked of git, quietly and within a bound.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long git may take altogether: a run does not wait longer for a word about itself.
const WITHIN: Duration = Duration::from_secs(2);
/// Longest answer that is taken, in bytes: a tag's key or value may have 1,024.
const ANSWER_BYTES_MAX: usize = 256;

/// The tags `commit` (the full id) and `describe` (the nearest tag; `-dirty` when files were changed) of the repository in
/// which a job lies. Empty: it lies in none, git is not here, or does not answer in time.
pub(super) async fn tags(job: &Path) -> BTreeMap<String, String> {
    let folder = job.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let asked = async {
        let commit = ask(folder, &["rev-parse", "--verify", "--quiet", "HEAD"]).await;
        let described = match commit {
            Some(_) => ask(folder, &["describe", "--tags", "--always", "--dirty"]).await,
            None => None,
        };
        [("commit", commit), ("describe", described)]
    };
    let answers = tokio::time::timeout(WITHIN, asked).await.unwrap_or_default();
    answers.into_iter().filter_map(|(key, answer)| Some((key.to_owned(), answer?))).collect()
}

async fn ask(folder: &Path, words: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(words);
    // It must neither ask anybody anything nor write into the repository, whose owner may be at work in it.
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let said = command.output().await.ok().filter(|said| said.status.success())?;
    let answer = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    let is_one_word =
        !answer.is_empty() && !answer.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    (is_one_word && answer.len() <= ANSWER_BYTES_MAX).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, words: &[&str]) {
        let identity = ["-c", "user.name=x", "-c", "user.email=x@example", "-c", "commit.gpgsign=false"];
        let mut command = std::process::Command::new("git");
        command.arg("-C").arg(folder).args(identity).args(words).env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(command.output().unwrap().status.success(), "{words:?}");
    }

    #[tokio::test]
    async fn a_job_in_a_repository_has_its_commit_and_what_git_calls_it() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "--quiet"]);
        let job = folder.path().join("job.toml");
        std::fs::write(&job, "one").unwrap();
        assert_eq!(tags(&job).await, BTreeMap::new(), "there is no commit yet");
        git(folder.path(), &["add", "job.toml"]);
        git(folder.path(), &["commit", "--quiet", "-m", "one"]);
        git(folder.path(), &["tag", "v1"]);
        let clean = tags(&job).await;
        assert_eq!((clean["commit"].len(), clean["describe"].as_str()), (40, "v1"));
        std::fs::write(&job, "two").unwrap();
        assert_eq!(tags(&job).await["describe"], "v1-dirty");
    }

    #[tokio::test]
    async fn a_job_outside_of_any_repository_has_no_commit() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(tags(&folder.path().join("job.toml")).await, BTreeMap::new());
    }
}
