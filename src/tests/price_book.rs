//! The price book: signed, imported while servers run, exported and reset, by the command line to what a request costs.

use std::path::PathBuf;
use std::process::Output;

use wire::price::PriceBook;

use crate::harness::{Installation, PASSWORD, Server, text};
use crate::postgres::Postgres;

/// An installation whose commands and servers trust a key of its own.
struct Books {
    installation: Installation,
    keys: String,
}

impl Books {
    async fn new(installation: Installation) -> Self {
        let made = installation.run(&["prices", "keygen", "acme"]).await;
        let keys =
            text(&made.stdout).lines().find_map(|line| line.strip_prefix("WEIR_PRICE_KEYS=")).unwrap().to_owned();
        Self { installation, keys }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.installation.directory.path().join(name)
    }

    /// A book in which gpt-4o-mini costs so much a request.
    fn write(&self, name: &str, as_of: &str, dollars: &str) {
        let row = format!(r#"{{"provider":"openai","model":"gpt-4o-mini","units":{{"per_request":"{dollars}"}}}}"#);
        std::fs::write(self.path(name), format!(r#"{{"version":1,"as_of":"{as_of}","rows":[{row}]}}"#)).unwrap();
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.installation.command(arguments).env("WEIR_PRICE_KEYS", &self.keys).output().await.unwrap()
    }

    /// Runs a command that must do what it says.
    async fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout).to_owned()
    }

    /// Runs a command that must be refused, and say why.
    async fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(!output.status.success(), "{arguments:?}: {}", text(&output.stdout));
        text(&output.stderr).to_owned()
    }

    async fn serve(&self) -> Server {
        self.installation.serve(&[("WEIR_PRICE_KEYS", &self.keys)]).await
    }
}

fn builtin() -> String {
    PriceBook::builtin().as_of().to_string()
}

/// Waits until the request log shows a cost.
async fn costs(server: &Server, cookie: &str, cost: &str) {
    assert_eq!(server.chat("Hello", false).await.status(), 200);
    for _ in 0..2_000 {
        let page = server.get("/acme/requests", Some(cookie)).await.text().await.unwrap();
        if page.contains(cost) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("no request costs {cost}");
}

/// The way of a book from its file to what two servers bill, and back.
async fn from_a_file_to_the_bill(installation: Installation, two: bool) {
    let books = Books::new(installation).await;
    books.installation.apply_member("{}").await;
    let server = books.serve().await;
    let other = if two { Some(books.serve_beside().await) } else { None };
    let cookie = server.sign_in(PASSWORD).await.unwrap();
    books.write("book.json", &builtin(), "7.77");
    assert!(books.refused(&["prices", "import", "book.json"]).await.contains("book.json.sig"), "it is not signed");
    assert!(books.done(&["prices", "sign", "--key", "acme.sec", "book.json"]).await.contains("signs 1 prices"));
    let before = server.readiness().await["config_version"].as_i64();
    let imported = books.done(&["prices", "import", "book.json"]).await;
    assert!(imported.contains("signed by acme") && imported.contains("0 prices are new, 1 are others"), "{imported}");
    for server in [Some(&server), other.as_ref()].into_iter().flatten() {
        server.until(|said| said["config_version"].as_i64() > before).await;
    }
    costs(&server, &cookie, "$7.77").await;
    if let Some(other) = &other {
        costs(other, &cookie, "$7.77").await;
    }
    let page = server.get("/acme/prices", Some(&cookie)).await.text().await.unwrap();
    for part in ["acme", "requests $7.77 each"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(books.done(&["prices", "show"]).await.contains("signed by acme"));
    // What is exported can be imported elsewhere: it is the same file, with its signature.
    books.done(&["prices", "export", "out.json"]).await;
    for name in ["book.json", "book.json.sig"] {
        let out = name.replace("book", "out");
        assert_eq!(std::fs::read(books.path(name)).unwrap(), std::fs::read(books.path(&out)).unwrap());
    }
    let before = server.readiness().await["config_version"].as_i64();
    books.done(&["prices", "reset"]).await;
    server.until(|said| said["config_version"].as_i64() > before).await;
    assert!(books.done(&["prices", "show", "openai/gpt-4o-mini"]).await.contains("part of this program"));
    let audit = server.get("/acme/audit", Some(&cookie)).await.text().await.unwrap();
    assert!(audit.contains("price_book.import") && audit.contains("price_book.reset"), "{audit}");
}

impl Books {
    /// Another server of the same installation, with a data directory of its own.
    async fn serve_beside(&self) -> Server {
        let data = self.path("beside").display().to_string();
        let key = std::fs::read_to_string(self.path("data/master.key")).unwrap();
        let env = [("WEIR_DATA_DIR", data.as_str()), ("WEIR_MASTER_KEY", key.trim()), ("WEIR_PRICE_KEYS", &self.keys)];
        self.installation.serve(&env).await
    }
}

#[tokio::test]
async fn a_signed_book_bills_from_its_import_on_until_it_is_reset() {
    from_a_file_to_the_bill(Installation::new().await, false).await;
}

#[tokio::test]
async fn all_servers_of_an_installation_follow_an_import() {
    let postgres = Postgres::start().await;
    let mut installation = Installation::new().await;
    installation.database_url = Some(postgres.url());
    from_a_file_to_the_bill(installation, true).await;
}

#[tokio::test]
async fn what_may_not_be_imported_is_refused_with_its_reason() {
    let books = Books::new(Installation::new().await).await;
    books.write("book.json", &builtin(), "7");
    books.done(&["prices", "sign", "--key", "acme.sec", "book.json"]).await;
    // Changed after it was signed.
    books.write("book.json", &builtin(), "1");
    assert!(books.refused(&["prices", "import", "book.json"]).await.contains("changed after it was signed"));
    // Signed by somebody whom this server does not know.
    books.write("book.json", &builtin(), "7");
    let stranger = books.installation.run(&["prices", "import", "book.json"]).await;
    assert!(text(&stranger.stderr).contains("not trusted here"), "{}", text(&stranger.stderr));
    // Older than what is in force.
    books.write("old.json", "2026-01-01", "7");
    books.done(&["prices", "sign", "--key", "acme.sec", "old.json"]).await;
    assert!(books.refused(&["prices", "import", "old.json"]).await.contains("--older"));
    // A row that is none, by its name.
    let wrong = format!(r#"{{"version":1,"as_of":"{}","rows":[{{"provider":"p","model":"m"}}]}}"#, builtin());
    std::fs::write(books.path("wrong.json"), wrong).unwrap();
    for arguments in
        [&["prices", "sign", "--key", "acme.sec", "wrong.json"][..], &["prices", "import", "--unsigned", "wrong.json"]]
    {
        let said = books.refused(arguments).await;
        assert!(said.contains("row 1 of the price book (p/m)") && said.contains("`rates`"), "{said}");
    }
    // Larger than is read.
    std::fs::write(books.path("large.json"), vec![b' '; (4 << 20) + 1]).unwrap();
    assert!(books.refused(&["prices", "import", "--unsigned", "large.json"]).await.contains("longer than"));
    assert!(books.done(&["prices", "show"]).await.contains("part of this program"), "nothing was taken");
    // Said to be wanted all the same.
    let unsigned = books.done(&["prices", "import", "--unsigned", "--older", "old.json"]).await;
    assert!(unsigned.contains("as of 2026-01-01, NOT SIGNED"), "{unsigned}");
    // A key is never written over.
    assert!(books.refused(&["prices", "keygen", "acme"]).await.contains("acme.sec"));
}

#[tokio::test]
async fn without_an_installation_the_programs_book_is_shown_and_nothing_is_made() {
    let installation = Installation::new().await;
    let shown = installation.run(&["prices", "show"]).await;
    assert!(text(&shown.stdout).contains("part of this program"), "{}", text(&shown.stderr));
    installation.run(&["prices", "export", "out.json"]).await;
    let out = std::fs::read_to_string(installation.directory.path().join("out.json")).unwrap();
    assert_eq!(out, PriceBook::builtin_text());
    assert!(!installation.directory.path().join("data").exists());
}

#[tokio::test]
async fn a_book_that_is_damaged_gives_way_to_the_programs_own_and_the_server_says_so() {
    let books = Books::new(Installation::new().await).await;
    books.installation.apply_member("{}").await;
    books.write("book.json", &builtin(), "7.77");
    books.done(&["prices", "import", "--unsigned", "book.json"]).await;
    store::fixture::execute(&books.installation.store().await, "UPDATE price_book SET text = x'7b00ff'").await;
    let server = books.serve().await;
    let said = server.readiness().await;
    assert_eq!((said["ready"].as_bool(), said["price_book"].as_str()), (Some(true), Some(builtin().as_str())));
    assert!(said["price_book_problem"].as_str().unwrap().contains("damaged"), "{said}");
    let cookie = server.sign_in(PASSWORD).await.unwrap();
    costs(&server, &cookie, "$0.0000").await;
    for page in ["/acme", "/acme/prices"] {
        let page = server.get(page, Some(&cookie)).await.text().await.unwrap();
        assert!(page.contains("imported price book cannot be used"), "{page}");
    }
    // Going back mends it without a restart.
    books.done(&["prices", "reset"]).await;
    server.until(|said| said["price_book_problem"].is_null()).await;
}
