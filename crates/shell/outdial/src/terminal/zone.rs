//! The time zone of whoever sits before the screen.

use std::path::Path;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::WallTime;

/// A zone by its name in the tz database.
pub type Zone = Tz;

/// Where Linux keeps the machine's zone: a link into the tz database.
const LOCALTIME: &str = "/etc/localtime";

/// The zone: `TZ` where it names one, else the machine's, else UTC.
pub fn local_zone() -> Zone {
    let from_env = std::env::var("TZ").ok();
    let link = std::fs::read_link(LOCALTIME).ok();
    zone_of(from_env.as_deref(), link.as_deref())
}

fn zone_of(variable: Option<&str>, link: Option<&Path>) -> Zone {
    // POSIX lets TZ begin with a colon before the name of a file.
    let named = variable.map(|tz| tz.trim_start_matches(':'));
    let linked = link.and_then(Path::to_str);
    let linked = linked.and_then(|path| path.split_once("zoneinfo/"));
    [named, linked.map(|(_, name)| name)]
        .into_iter()
        .flatten()
        .find_map(|name| name.parse().ok())
        .unwrap_or(Tz::UTC)
}

/// An instant there.
pub(super) fn there(at: WallTime, zone: Zone) -> DateTime<Tz> {
    let at: DateTime<Utc> = at.utc();
    at.with_timezone(&zone)
}

/// An instant as the clock there shows it, by a format of `chrono`.
pub fn local(at: WallTime, zone: Zone, format: &str) -> String {
    there(at, zone).format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_named_by_the_variable_else_by_the_machine() {
        let link = Some(Path::new("/usr/share/zoneinfo/Europe/Moscow"));
        assert_eq!(zone_of(Some(":Asia/Tokyo"), link), Tz::Asia__Tokyo);
        assert_eq!(zone_of(Some("MSK-3"), link), Tz::Europe__Moscow);
        assert_eq!(zone_of(None, link), Tz::Europe__Moscow);
        assert_eq!(zone_of(None, Some(Path::new("/etc/other"))), Tz::UTC);
    }
}
