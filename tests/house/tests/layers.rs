//! Dependencies point one way, the core touches nothing outside itself, and every licence is free.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Crates that bring an operating system, a clock or a network with them.
const OUTSIDE_WORLD: &[&str] = &[
    "tokio",
    "mio",
    "socket2",
    "getrandom",
    "rand",
    "rustix",
    "nix",
    "sqlx",
    "sqlx-core",
    "tonic",
    "axum",
    "hyper",
    "async-std",
    "reqwest",
    "tracing-subscriber",
    "tempfile",
];

/// Licences that let anybody use, change and sell the whole.
const FREE_LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "0BSD",
    "BSL-1.0",
    "Unlicense",
    "CDLA-Permissive-2.0",
    "MIT-0",
    "Apache-2.0 WITH LLVM-exception",
    "OpenSSL",
    "MPL-2.0",
];

#[test]
fn the_core_names_no_shell_and_no_workbench_and_the_shell_no_workbench() {
    let graph = Graph::read();
    for (name, layer) in &graph.layers {
        for other in graph.direct(name) {
            let Some(other_layer) = graph.layers.get(&other) else {
                continue;
            };
            let allowed = match layer {
                Layer::Core => *other_layer == Layer::Core,
                Layer::Shell => matches!(other_layer, Layer::Core | Layer::Shell),
                // The binary wires everything, and carries the demo's carrier.
                Layer::Binary => true,
                Layer::Simulator => *other_layer == Layer::Core,
                Layer::Testkit => *other_layer == Layer::Core || other == "proto",
                Layer::Test => true,
            };
            assert!(allowed, "{name} depends on {other}: an arrow the wrong way");
        }
    }
    assert!(
        graph.layers.values().filter(|l| **l == Layer::Core).count() >= 4,
        "the core was not found"
    );
}

#[test]
fn no_core_crate_depends_on_the_outside_world() {
    let graph = Graph::read();
    for (root, _) in graph.layers.iter().filter(|(_, l)| **l == Layer::Core) {
        for name in graph.transitive(root) {
            assert!(
                !OUTSIDE_WORLD.contains(&name.as_str()),
                "core crate {root} depends on {name}"
            );
        }
    }
}

#[test]
fn every_dependency_is_licensed_freely() {
    let graph = Graph::read();
    for (name, licence) in &graph.licences {
        // `A OR B`: one free licence is enough; `A AND B`: all must be.
        let free = licence.replace('/', " OR ").split(" OR ").any(|choice| {
            choice
                .trim_matches(['(', ')', ' '])
                .split(" AND ")
                .all(|one| FREE_LICENCES.contains(&one.trim_matches(['(', ')', ' '])))
        });
        assert!(free, "{name} is licensed as \"{licence}\"");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Core,
    Shell,
    Binary,
    Simulator,
    Testkit,
    Test,
}

struct Graph {
    /// Workspace crates by name.
    layers: BTreeMap<String, Layer>,
    /// Normal and build dependencies by package id.
    edges: BTreeMap<String, BTreeSet<String>>,
    names: BTreeMap<String, String>,
    licences: BTreeMap<String, String>,
}

impl Graph {
    fn read() -> Self {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
        let out = Command::new(cargo)
            .args([
                "metadata",
                "--format-version",
                "1",
                "--locked",
                "--manifest-path",
                manifest,
            ])
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
        let members: BTreeSet<&str> = list(&metadata["workspace_members"])
            .filter_map(Value::as_str)
            .collect();
        let mut graph = Self {
            layers: BTreeMap::new(),
            edges: BTreeMap::new(),
            names: BTreeMap::new(),
            licences: BTreeMap::new(),
        };
        for package in list(&metadata["packages"]) {
            let id = text(&package["id"]);
            let name = text(&package["name"]);
            if members.contains(id.as_str()) {
                graph.layers.insert(
                    name.clone(),
                    layer_of(&name, &text(&package["manifest_path"])),
                );
            } else {
                graph
                    .licences
                    .insert(name.clone(), text(&package["license"]));
            }
            graph.names.insert(id, name);
        }
        for node in list(&metadata["resolve"]["nodes"]) {
            let normal = list(&node["deps"]).filter(|dep| {
                // Development dependencies may reach anywhere: they prove, they do not ship.
                list(&dep["dep_kinds"]).any(|kind| kind["kind"].as_str() != Some("dev"))
            });
            graph.edges.insert(
                text(&node["id"]),
                normal.map(|dep| text(&dep["pkg"])).collect(),
            );
        }
        graph
    }

    fn id_of(&self, name: &str) -> &str {
        self.names
            .iter()
            .find(|(_, n)| *n == name)
            .map(|(id, _)| id.as_str())
            .unwrap()
    }

    fn direct(&self, name: &str) -> Vec<String> {
        self.edges[self.id_of(name)]
            .iter()
            .map(|id| self.names[id].clone())
            .collect()
    }

    fn transitive(&self, name: &str) -> BTreeSet<String> {
        let mut open = vec![self.id_of(name).to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            for next in &self.edges[&id] {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen.iter().map(|id| self.names[id].clone()).collect()
    }
}

fn layer_of(name: &str, manifest: &str) -> Layer {
    match name {
        "outdial" => Layer::Binary,
        "simulator" => Layer::Simulator,
        "testkit" => Layer::Testkit,
        _ if manifest.contains("/crates/core/") => Layer::Core,
        _ if manifest.contains("/crates/shell/") => Layer::Shell,
        _ => Layer::Test,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
