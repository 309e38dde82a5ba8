//! A coordinator with pages, and those who ask for them: strangers, people who have signed in, programs.

use crate::browser::{Answer, Browser};
use crate::cast::{Coordinator, Scene};
use crate::membership::{encrypted, log_in, token};

/// An address of this machine that is asked over TLS.
pub const PAGES: [&str; 2] = ["--http", "127.0.0.2:0"];

/// How the machine's own user calls.
pub const STORE: [&str; 2] = ["--store", "store"];
/// How a viewer calls who has joined.
pub const VIEWER: [&str; 2] = ["--context", "viewer"];
/// How an operator calls who has joined.
pub const OPERATOR: [&str; 2] = ["--context", "operator"];

/// A coordinator with pages, and who asks for them.
#[derive(Debug)]
pub struct Site {
    /// Where it plays.
    pub scene: Scene,
    /// The coordinator.
    pub coordinator: Coordinator,
    /// Somebody who has not signed in.
    pub browser: Browser,
}

impl Site {
    /// Everything over TLS.
    ///
    /// # Panics
    /// When it does not listen in time.
    pub fn encrypted() -> Self {
        let scene = Scene::new();
        let coordinator = encrypted(&scene, &PAGES);
        let browser = Browser::of(&scene, "store");
        Self { scene, coordinator, browser }
    }

    /// On loopback, in plain text; `more` are further words of the coordinator's.
    ///
    /// # Panics
    /// When it does not listen in time.
    pub fn plain(more: &[&str]) -> Self {
        let scene = Scene::new();
        let words = [&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], more].concat();
        let coordinator = Coordinator::start_under(&scene, "store", &[], &words);
        let browser = Browser::of(&scene, "store");
        Self { scene, coordinator, browser }
    }

    /// Logs somebody in on the command line, under the name of a role.
    ///
    /// # Panics
    /// When that is refused.
    pub fn join(&self, role: &str) {
        assert_eq!(log_in(&self.scene, &token(&self.scene, role, &[]), role).code, 0);
    }

    /// What `web-login` prints, as JSON.
    ///
    /// # Panics
    /// When it is refused.
    pub fn web_login(&self, place: &[&str], more: &[&str]) -> serde_json::Value {
        let said = self.scene.run(&[&["web-login", "--json"], place, more].concat());
        assert_eq!(said.code, 0, "{said:?}");
        said.json()
    }

    /// A program that shows a token.
    ///
    /// # Panics
    /// When it is given none.
    pub fn program(&self, place: &[&str]) -> Browser {
        let given = self.web_login(place, &["--bearer"]);
        let token = given["token"].as_str().expect("a token");
        self.browser.clone().with("authorization", &format!("Bearer {token}"))
    }

    /// The token of a link.
    ///
    /// # Panics
    /// When it is given none.
    pub fn link(&self, place: &[&str]) -> String {
        let given = self.web_login(place, &[]);
        let link = given["link"].as_str().expect("a link");
        assert!(link.starts_with(&format!("{}/login/", self.browser.url)), "{link}");
        link.rsplit('/').next().expect("a token").to_owned()
    }

    /// A browser that has signed in.
    ///
    /// # Panics
    /// When it is given none.
    pub fn signed_in(&self, place: &[&str]) -> Browser {
        let answer = self.sign_in(&self.link(place));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
        self.browser.clone().with("cookie", &answer.cookie())
    }

    /// Signs a browser in by the token of a link, if that counts.
    pub fn sign_in(&self, token: &str) -> Answer {
        self.browser.clone().with("sec-fetch-site", "same-origin").post("/login", &format!("token={token}"))
    }
}

/// Whether an answer carries what all of them do.
///
/// # Panics
/// When it does not.
pub fn assert_sealed(answer: &Answer) {
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    let files = ["css", "svg", "javascript"];
    let is_file =
        answer.header("content-type").is_some_and(|kind| files.iter().any(|file| kind.contains(file)));
    assert_eq!(answer.header("cache-control") == Some("no-store"), !is_file, "{answer:?}");
    assert_eq!(answer.header("strict-transport-security"), None);
}
