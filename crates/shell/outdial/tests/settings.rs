//! A site set up from files: people, everything that is configured, and lists that need a second look.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use daemon::{CommandLine, Office, Site, blocking, complaint};
use proto::admin::v1::LoginRequest;
use proto::admin::v1::auth_service_client::AuthServiceClient;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_from_a_file_can_sign_in_and_a_second_run_makes_nobody_again() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let root = CommandLine::new(&daemon, &office.token);
    let file = write(
        site.dir(),
        "team.csv",
        "Login;ФИО;Role;Groups;SIP user;Комната\nAnna;Анна;agent;day,night;301;7\nolga;;;night;;7\nboss;;supervisor;;;1\nкто-то;;;;;\n",
    );
    let kept = site.dir().join("new.csv");
    let kept_text = kept.display().to_string();
    let api = office.channel.clone();
    let passwords = blocking(move || {
        let planned = run(&root, 7, &["user", "import", &file, "--dry-run"]);
        assert_eq!(planned["groups_created"], json!(["day", "night"]));
        assert_eq!(planned["created"].as_array().unwrap().len(), 3);
        assert_eq!(users(&root).len(), 1, "a dry run makes nobody");

        let made = run(&root, 7, &["user", "import", &file, "--to", &kept_text]);
        assert_eq!(made["problems"][0]["row"], 5, "{made}");
        assert_eq!(made["ignored_columns"], json!(["Комната"]));
        assert_eq!(made["created"][0]["login"], "anna");
        assert_eq!(made["created"][0]["sip_user"], "301");
        assert!(
            made["created"][0]["password"].is_null(),
            "they stand in the file"
        );
        let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let again = run(&root, 7, &["user", "import", &file]);
        assert_eq!(again["existing"], json!(["anna", "olga", "boss"]));
        assert_eq!(again["created"], json!([]));
        assert_eq!(users(&root).len(), 4);
        let text = std::fs::read_to_string(&kept).unwrap();
        let lines: Vec<Vec<String>> = text
            .lines()
            .skip(1)
            .map(|l| l.split(',').map(str::to_owned).collect())
            .collect();
        assert_eq!(lines.len(), 3, "{text}");
        lines
    })
    .await;
    for line in passwords {
        let login = LoginRequest {
            login: line[0].clone(),
            password: line[2].clone(),
        };
        let signed_in = AuthServiceClient::new(api.clone()).login(login).await;
        signed_in.unwrap_or_else(|e| panic!("{line:?}: {e:?}"));
        // An agent has a phone with a password, a supervisor has none.
        assert_eq!(line[5].is_empty(), line[0] == "boss", "{line:?}");
    }
    drop(daemon);
}

const EQUIPMENT: &str = r#"
[[trunk_group]]
name = "main"

[[trunk]]
name = "carrier"
trunk_group = "main"
channels = 30
calls_per_second = 5
[trunk.connection]
host = "192.0.2.10"
user = "site"
password_file = "carrier.password"
"#;

const PEOPLE: &str = r#"
[[group]]
name = "day"

[[user]]
login = "Anna"
name = "Anna A."
role = "agent"
groups = ["day"]

[[user]]
login = "boss"
role = "supervisor"
"#;

const CAMPAIGN: &str = r#"
[questionnaire]
name = "after the call"
questions = [{ field = "mood", text = "How was it?", kind = "choice", choices = ["good", "bad"] }]

[campaign]
name = "spring"
seller = "ACME"
purpose = "sales"
mode = "progressive"
groups = ["day"]
trunk_group = "main"
questionnaire = "after the call"
caller = "+74951234567"
profiles = ["demo"]
ring_limit = "20s"
dispositions = [{ code = "sale" }, { code = "declined" }]
[campaign.retry.rules.busy]
after = ["5m", "30m"]
hunt = true
[campaign.retry.rules.no_answer]
after = []
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_files_describe_is_brought_about_once_and_an_export_changes_nothing() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let root = CommandLine::new(&daemon, &office.token);
    let base = site.dir().to_owned();
    blocking(move || {
        let dir = base.join("settings");
        std::fs::create_dir(&dir).unwrap();
        write(&dir, "carrier.password", "a secret of the carrier\n");
        write(&dir, "10-equipment.toml", EQUIPMENT);
        write(&dir, "20-people.toml", PEOPLE);
        write(&dir, "30-campaign.toml", CAMPAIGN);
        let dir_text = dir.display().to_string();
        let apply = |more: &[&str]| {
            let mut args = vec!["apply", "-f", &dir_text];
            args.extend(more);
            root.json(&args)
        };

        let shown = apply(&["--diff"]);
        assert_eq!((&shown["create"], &shown["change"]), (&json!(7), &json!(0)), "{shown}");
        let made = objects(&shown, "create");
        let kinds: Vec<&str> = made.iter().map(|o| o["kind"].as_str().unwrap()).collect();
        assert_eq!(
            kinds,
            ["trunk_group", "trunk", "group", "user", "user", "questionnaire", "campaign"]
        );
        assert_eq!(users(&root).len(), 1, "a diff makes nothing");
        let unasked = root.refused(4, &["apply", "-f", &dir_text]);
        assert!(unasked.contains("--yes"), "{unasked}");
        assert_eq!(users(&root).len(), 1);

        let done = apply(&["--yes"]);
        assert_eq!(done["applied"], true, "{done}");
        let drawn = done["credentials"].as_array().unwrap();
        assert_eq!(drawn.len(), 2, "{done}");
        assert!(drawn.iter().all(|c| c["password"].as_str().unwrap().len() >= 16), "{done}");
        let again = apply(&["--yes"]);
        assert_eq!((&again["create"], &again["change"], &again["unchanged"]), (&json!(0), &json!(0), &json!(7)), "{again}");
        assert!(again["credentials"].is_null());
        let left = objects(&again, "leave_alone");
        assert_eq!(left.len(), 1);
        assert_eq!(left[0]["name"], "root");

        // An export says what is there, without secrets, and applying it changes nothing.
        let out = base.join("exported").display().to_string();
        root.json(&["apply", "--export", &out]);
        for entry in std::fs::read_dir(&out).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(!text.contains("a secret of the carrier"), "{text}");
        }
        let same = root.json(&["apply", "-f", &out, "--yes"]);
        assert_eq!((&same["create"], &same["change"], &same["left_alone"]), (&json!(0), &json!(0), &json!(0)), "{same}");
        assert_eq!(same["unchanged"], 8);

        // A changed questionnaire takes the campaign along.
        let changed = CAMPAIGN
            .replace("\"20s\"", "\"25s\"")
            .replace("\"bad\"", "\"bad\", \"mixed\"");
        write(&dir, "30-campaign.toml", &changed);
        let shown = apply(&["--diff"]);
        let campaign = objects(&shown, "change").into_iter().find(|o| o["kind"] == "campaign").unwrap();
        assert_eq!(
            campaign["changes"],
            json!([
                {"field": "ring_limit", "old": "20s", "new": "25s"},
                {"field": "questionnaire", "old": "after the call (version 1)", "new": "after the call (version 2)"}
            ])
        );
        assert_eq!(campaign["file"], "30-campaign.toml");
        let done = apply(&["--yes"]);
        assert_eq!((&done["change"], &done["applied"]), (&json!(2), &json!(true)), "{done}");
        assert_eq!(apply(&["--diff"])["change"], 0);
        let campaign = &root.json(&["campaign", "show", "spring"])["campaign"];
        assert_eq!((&campaign["ring_limit"], &campaign["version"]), (&json!("25s"), &json!(2)));
        wrong_files_change_nothing(&root, &base);
        prune_removes_what_nothing_uses(&root, &base, &out);
    })
    .await;
    drop(daemon);
}

fn wrong_files_change_nothing(root: &CommandLine, base: &Path) {
    let dir = base.join("wrong");
    std::fs::create_dir(&dir).unwrap();
    write(
        &dir,
        "a.toml",
        "[[group]]\nname = \"new\"\n\n[[user]]\nlogin = \"eva\"\npassword = \"clear\"\n",
    );
    write(
        &dir,
        "b.toml",
        "[campaign]\nname = \"summer\"\nseller = \"\"\npurpose = \"sales\"\nmode = \"progressive\"\ngroups = [\"nobody\"]\n",
    );
    write(
        &dir,
        "c.toml",
        "[campaign]\nname = \"autumn\"\nseller = \"\"\npurpose = \"sales\"\nmode = \"preview\"\ncaller = \"+74951234567\"\nring_limit = \"999s\"\nprofiles = [\"demo\"]\nring_limt = 1\n",
    );
    write(
        &dir,
        "d.toml",
        "[campaign]\nname = \"winter\"\nseller = \"\"\npurpose = \"sales\"\nmode = \"preview\"\ncaller = \"+74951234567\"\nprofiles = [\"demo\"]\nring_limit = \"999s\"\n",
    );
    let told = root.refused(4, &["apply", "-f", &dir.display().to_string(), "--yes"]);
    for part in [
        "a.toml:6",
        "password_env",
        "b.toml:6",
        "no group \"nobody\"",
        "c.toml:9",
        "did you mean ring_limit?",
        "d.toml:3",
        "d.toml:8",
        "nothing was changed",
    ] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    let groups = root.json(&["group", "list"]);
    assert_eq!(groups["groups"].as_array().unwrap().len(), 1, "{groups}");
}

fn prune_removes_what_nothing_uses(root: &CommandLine, base: &Path, exported: &str) {
    root.json(&["group", "add", "spare"]);
    let dir = base.join("few");
    std::fs::create_dir(&dir).unwrap();
    std::fs::copy(
        Path::new(exported).join("users.toml"),
        dir.join("users.toml"),
    )
    .unwrap();
    let few = dir.display().to_string();
    let told = root.refused(4, &["apply", "-f", &few, "--prune", "--yes"]);
    assert!(told.contains("group \"day\" is still used by"), "{told}");
    let pruned = root.json(&["apply", "-f", exported, "--prune", "--diff"]);
    let gone = objects(&pruned, "remove");
    assert_eq!(gone.len(), 1, "{pruned}");
    assert_eq!(
        (&gone[0]["kind"], &gone[0]["name"]),
        (&json!("group"), &json!("spare"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_mostly_unusable_needs_a_yes_and_wide_zones_a_choice() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let root = CommandLine::new(&daemon, &office.token);
    let dir = site.dir().to_owned();
    blocking(move || {
        let german: String = (0..20).map(|n| format!("{n};089 12345{n:03}\n")).collect();
        let file = write(
            &dir,
            "german.csv",
            &format!("id;Phone\n1000;+7 916 123-45-67\n{german}"),
        );
        let told = root.refused(4, &["list", "import", &file]);
        for part in ["20 of 21 rows", "--country DE", "--accept-rejects"] {
            assert!(told.contains(part), "{told}");
        }
        assert_eq!(root.json(&["list", "list"])["lists"], json!([]));
        let kept = run(&root, 7, &["list", "import", &file, "--accept-rejects"]);
        assert_eq!(
            (&kept["accepted"], &kept["causes"][0]["kind"]),
            (&json!(1), &json!("wrong_country"))
        );

        let mobiles: String = (0..9)
            .map(|n| format!("{n};+7 91{n} 123-45-67\n"))
            .collect();
        let file = write(&dir, "mobiles.csv", &format!("id;Телефон\n{mobiles}"));
        let ranges = write(
            &dir,
            "def.csv",
            "from,to,zone\n79100000000,79139999999,Europe/Moscow\n7914,,\n",
        );
        let args = ["list", "import", &file, "--profile", "ru_ads"];
        let plain = root.json(&args);
        assert_eq!(plain["narrow_window"], 9, "{plain}");
        assert_eq!(plain["remedies"].as_array().unwrap().len(), 3);
        let told = root.refused(
            4,
            &[&args[..], &["--name", "b", "--ranges", &ranges]].concat(),
        );
        assert!(told.contains("row 3"), "{told}");
        std::fs::write(
            &ranges,
            "from,to,zone\n79100000000,79139999999,Europe/Moscow\n",
        )
        .unwrap();
        let choices = [
            "--name",
            "b",
            "--ranges",
            &ranges,
            "--assume-zone",
            "Europe/Moscow",
        ];
        let chosen = root.json(&[&args[..], &choices].concat());
        assert_eq!(
            (
                &chosen["placed_by_ranges"],
                &chosen["assumed"],
                &chosen["narrow_window"]
            ),
            (&json!(4), &json!(5), &json!(0)),
            "{chosen}"
        );
        let past = &root.json(&["list", "imports", "b"])["imports"][0];
        assert_eq!(
            (
                &past["imported_by"],
                &past["assumed_zone"],
                &past["assumed"],
                &past["ranges_file"],
                &past["ranges"]
            ),
            (
                &json!("root"),
                &json!("Europe/Moscow"),
                &json!(5),
                &json!("def.csv"),
                &json!(1)
            ),
            "{past}"
        );
    })
    .await;
    drop(daemon);
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path: PathBuf = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A command that prints its document and ends with this code.
fn run(by: &CommandLine, code: i32, args: &[&str]) -> Value {
    let out = by.run(args);
    assert_eq!(
        out.status.code(),
        Some(code),
        "{args:?}: {}",
        complaint(&out)
    );
    serde_json::from_slice(&out.stdout).unwrap()
}

fn users(by: &CommandLine) -> Vec<Value> {
    by.json(&["user", "list"])["users"]
        .as_array()
        .unwrap()
        .clone()
}

fn objects(shown: &Value, action: &str) -> Vec<Value> {
    let all = shown["objects"].as_array().unwrap().iter();
    all.filter(|o| o["action"] == action).cloned().collect()
}
