//! What deploy/ says of the daemon is true: metrics by name, keys, ports, paths, commands. No image is built here.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use daemon::{Office, Site, campaign, sheet};
use proto::supervisor::v1::Mode;
use serde_json::Value;
use support::{json, outdial};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(deploy().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

fn yaml(file: &str) -> Value {
    serde_yaml_ng::from_str(&text(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Every expression of the dashboard and of the alerts, with where it stands.
fn expressions() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&text("grafana/outdial.json")).unwrap();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let at = format!("panel {}", panel["title"]);
            found.push((at, target["expr"].as_str().unwrap().to_owned()));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        let query = variable["query"]["query"].as_str().unwrap().to_owned();
        found.push((format!("variable {}", variable["name"]), query));
    }
    for group in yaml("prometheus/outdial.rules.yml")["groups"]
        .as_array()
        .unwrap()
    {
        for rule in group["rules"].as_array().unwrap() {
            let at = format!("alert {}", rule["alert"]);
            assert!(
                rule["annotations"]["remedy"].is_string(),
                "{at} says what to do"
            );
            found.push((at, rule["expr"].as_str().unwrap().to_owned()));
        }
    }
    found
}

/// Names of metrics in an expression, with the values asked of the labels `state`, `gate` and `what`.
fn metrics(expression: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = expression.split(|c| !is_name(c));
    words
        .filter(|w| w.starts_with("outdial_") || w.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_of_the_dashboard_and_the_alerts_is_exported_by_a_daemon() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let trunks = office.trunks(&["127.0.0.1:9".parse().unwrap()]).await;
    let group = office.group("sales").await;
    let list = office.import("march", &sheet(0..3)).await.list_id;
    let id = office
        .create(campaign(Mode::Progressive, trunks, group), list)
        .await;
    office.start(id).await;
    let (code, made) = site.run(&["db", "backup"]);
    assert_eq!(code, Some(0), "{made}");
    let (status, page) = daemon.get("/metrics");
    assert_eq!(status, 200);

    let mut exported: BTreeSet<&str> = BTreeSet::new();
    let mut families: BTreeMap<&str, &str> = BTreeMap::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(families.insert(name, kind).is_none(), "{name} twice");
            assert_eq!(
                kind == "counter",
                name.ends_with("_total"),
                "{name} is a {kind}"
            );
        } else if !line.starts_with('#') {
            exported.insert(line.split(['{', ' ']).next().unwrap());
        }
    }
    assert!(families.len() <= 60, "{} families", families.len());
    for name in families.keys() {
        let about_this_product = name.starts_with("outdial_") || name.starts_with("process_");
        assert!(about_this_product, "{name}");
    }
    // Known only with TLS.
    let elsewhere = BTreeSet::from(["outdial_certificate_expiry_timestamp_seconds"]);
    let mut asked = BTreeSet::new();
    for (at, expression) in expressions() {
        let names = metrics(&expression);
        assert!(
            !names.is_empty() || expression.starts_with("up"),
            "{at}: {expression}"
        );
        for name in names {
            let known = exported.contains(name.as_str()) || elsewhere.contains(name.as_str());
            assert!(known, "{at} asks for {name}, which no daemon exports");
            asked.insert(name);
        }
    }
    assert!(asked.len() >= 25, "{asked:?}");
    // The gate that holds a campaign whose agents have not come.
    let gate = "outdial_gate{campaign=\"Spring\",mode=\"progressive\",gate=\"no_ready_agent\"} 1";
    assert!(page.contains(gate), "{page}");
    assert!(page.contains("outdial_campaign_running{campaign=\"Spring\",mode=\"progressive\"} 1"));

    let (code, health) = site.run(&["health"]);
    assert_eq!(
        (code, &health["ready"]),
        (Some(0), &Value::Bool(true)),
        "{health}"
    );
    daemon.drain();
    let (code, said) = site.run(&["health"]);
    assert_eq!(code, Some(6), "{said}");
}

/// Instructions of the Dockerfile, with continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = text("Dockerfile").replace("\\\n", " ");
    let lines = text.lines().map(str::trim);
    lines
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .map(|l| {
            let (name, rest) = l.split_once(' ').unwrap();
            (name.to_owned(), rest.trim().to_owned())
        })
        .collect()
}

#[test]
fn the_image_is_made_from_what_is_there_and_runs_what_there_is() {
    let instructions = instructions();
    let all = |name: &str| {
        let of = instructions.iter().filter(|(n, _)| n == name);
        of.map(|(_, rest)| rest.as_str()).collect::<Vec<_>>()
    };
    let repository = deploy().join("..");
    for copy in all("COPY").iter().filter(|c| !c.starts_with("--from")) {
        let words: Vec<&str> = copy.split_whitespace().collect();
        for source in &words[..words.len() - 1] {
            assert!(repository.join(source).exists(), "COPY {copy}");
        }
    }
    // Whatever the build of the workspace reads must be in the image that builds.
    let members = std::fs::read_to_string(repository.join("Cargo.toml")).unwrap();
    for member in members.lines().filter_map(|l| l.trim().strip_prefix('"')) {
        let top = member.split(['/', '"']).next().unwrap();
        assert!(
            all("COPY").contains(&&*format!("{top} {top}")),
            "{top} is not copied"
        );
    }
    for from in all("FROM") {
        let image = from.split(' ').next().unwrap();
        let tag = image
            .split_once(':')
            .unwrap_or_else(|| panic!("{image} has no tag"))
            .1;
        assert_ne!(tag, "latest", "{image}");
    }
    for run in all("RUN").iter().filter(|r| r.contains("apt-get install")) {
        for needed in [
            "apt-get update",
            "--no-install-recommends",
            "rm -rf /var/lib/apt/lists/*",
        ] {
            assert!(run.contains(needed), "{needed}: {run}");
        }
    }
    assert!(all("ADD").is_empty());
    let user = all("USER");
    assert!(
        user.last().is_some_and(|u| *u != "root" && *u != "0"),
        "{user:?}"
    );
    let words = |json: &str| -> Vec<String> { serde_json::from_str(json).unwrap() };
    let health = all("HEALTHCHECK")[0].split_once("CMD ").unwrap().1;
    let mut serve = words(all("ENTRYPOINT")[0]);
    serve.extend(words(all("CMD")[0]));
    for command in [words(health), serve] {
        assert_eq!(command[0], "outdial");
        let arguments: Vec<&str> = command[1..].iter().map(String::as_str).collect();
        let known = outdial(&[&arguments[..], &["--help"]].concat());
        assert_eq!(known.status.code(), Some(0), "{command:?}");
    }
    // Where the defaults look for them.
    let defaults = json(&["config", "check"]);
    for (section, key) in [
        ("voices", "directory"),
        ("rules", "directory"),
        ("node", "data_dir"),
    ] {
        let place = defaults[section][key].as_str().unwrap();
        let is_there =
            |list: Vec<&str>| list.iter().any(|c| c.split(' ').next_back() == Some(place));
        assert!(is_there(all("COPY")) || is_there(all("VOLUME")), "{place}");
    }
    let exposed: BTreeSet<&str> = all("EXPOSE")[0].split(' ').collect();
    for (section, protocol) in [("sip", "udp"), ("api", "tcp"), ("admin", "tcp")] {
        let listen = defaults[section]["listen"].as_str().unwrap();
        let port = listen.rsplit(':').next().unwrap();
        assert!(
            exposed.contains(format!("{port}/{protocol}").as_str()),
            "{listen}: {exposed:?}"
        );
    }
}

#[test]
fn the_compose_file_sets_keys_that_exist_and_mounts_files_that_are_there() {
    let compose = yaml("compose.yaml");
    let services = compose["services"].as_object().unwrap();
    let volumes = compose["volumes"].as_object().unwrap();
    for (name, service) in services {
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let source = mount.as_str().unwrap().split(':').next().unwrap();
            let there = deploy().join(source).exists() || volumes.contains_key(source);
            assert!(there, "{name}: {mount}");
        }
        if let Some(image) = service["image"].as_str() {
            let tag = image
                .split_once(':')
                .unwrap_or_else(|| panic!("{image} has no tag"))
                .1;
            assert_ne!(tag, "latest", "{image}");
        }
        let published = service["ports"].as_array().into_iter().flatten();
        for port in published.map(|p| p.as_str().unwrap()) {
            let is_of_calls = port.ends_with("/udp");
            assert!(
                is_of_calls || port.starts_with("127.0.0.1:"),
                "{name}: {port} is open to all"
            );
        }
    }
    for (name, wanted) in [
        ("prometheus", "observability"),
        ("grafana", "observability"),
    ] {
        assert_eq!(services[name]["profiles"][0], wanted);
    }
    let daemon = &services["outdial"];
    let dockerfile = daemon["build"]["dockerfile"].as_str().unwrap();
    let context = deploy().join(daemon["build"]["context"].as_str().unwrap());
    assert!(context.join(dockerfile).exists());

    // The daemon itself says whether it could start with these.
    let environment = daemon["environment"].as_object().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_outdial"));
    command.args(["config", "check", "--output", "json"]);
    for (name, value) in environment {
        let value = match value.as_str().unwrap() {
            v if v.contains("${OUTDIAL_ADVERTISED") => "203.0.113.7".to_owned(),
            v => v.to_owned(),
        };
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let config: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ports: BTreeSet<&str> = daemon["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    let rtp = |key: &str| config["rtp"][key].as_u64().unwrap();
    let range = format!("{}-{}", rtp("port_from"), rtp("port_to"));
    assert!(
        ports.contains(format!("{range}:{range}/udp").as_str()),
        "{ports:?}"
    );
    let scraped = yaml("prometheus/prometheus.yml")["scrape_configs"][0].clone();
    assert_eq!(scraped["job_name"], "outdial");
    let admin = config["admin"]["listen"].as_str().unwrap();
    let target = format!("outdial:{}", admin.rsplit(':').next().unwrap());
    assert_eq!(scraped["static_configs"][0]["targets"][0], target.as_str());
    let rules = yaml("prometheus/prometheus.yml")["rule_files"][0].clone();
    let mounted = services["prometheus"]["volumes"].to_string();
    assert!(
        mounted.contains(&format!("/etc/prometheus/{}", rules.as_str().unwrap())),
        "{mounted}"
    );
    // Where Grafana looks for dashboards is where ours is put.
    let provider = yaml("grafana/provisioning/dashboards/outdial.yml")["providers"][0].clone();
    let path = provider["options"]["path"].as_str().unwrap();
    let mounted = services["grafana"]["volumes"].to_string();
    assert!(
        mounted.contains(&format!("./grafana/outdial.json:{path}/")),
        "{mounted}"
    );
    let source = yaml("grafana/provisioning/datasources/outdial.yml")["datasources"][0].clone();
    assert!(text("grafana/outdial.json").contains(&format!("\"uid\": {}", source["uid"])));
}
