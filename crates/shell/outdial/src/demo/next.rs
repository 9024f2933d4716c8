//! What a newcomer may try next.

use std::path::Path;

use super::setup::{ADMIN, PASSWORD, SELLERS, SUPERVISOR};
use crate::serve::Daemon;

/// Against the daemon that goes on.
pub fn with_the_daemon(daemon: &Daemon, directory: &Path, binary: &str) -> String {
    let Daemon {
        api, admin, sip, ..
    } = daemon;
    format!(
        "
The daemon goes on: API {api}, SIP {sip}, metrics http://{admin}/metrics, data and log in {directory}.
Its campaigns are paused and its agents wait. In another terminal:

  export OUTDIAL_SERVER=http://{api} OUTDIAL_PASSWORD={PASSWORD}
  {binary} login {SUPERVISOR}                 # or {ADMIN}, with the same password
  {binary} campaign list
  {binary} campaign explain sales             # why nothing is being dialled
  {binary} campaign resume sales              # the carrier and the agents are still there
  {binary} campaign report sales
  {binary} top                                # what is going on, once a second
  {binary} export sales sales.xlsx
  curl http://{admin}/metrics

Take a call yourself, with any softphone on this machine:

  {binary} login {ADMIN}
  OUTDIAL_NEW_PASSWORD={PASSWORD} {binary} user add you --role agent --group {SELLERS}
  # register the phone at {sip} with the user and password shown
  {binary} agent you                          # your desk; r makes you ready, ? shows all keys

Ctrl-C ends it.
",
        directory = directory.display()
    )
}

/// When all of it has ended.
pub fn without_the_daemon(binary: &str) -> String {
    format!(
        "
Next:
  {binary} demo --keep                        # the same, and the daemon goes on: look around with the CLI
  {binary} demo --agents 40 --prospects 3000 --seconds 120
  {binary} demo --at 2026-12-31T21:00:00Z     # another hour: others are held
  {binary} serve --config outdial.toml        # for real; config/outdial.example.toml explains every key
"
    )
}
