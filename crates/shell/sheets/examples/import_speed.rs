//! Measures how fast a file is imported: `cargo run --release -p sheets --example import_speed -- FILE [COUNTRY]`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use sheets::{Importer, Item, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = PathBuf::from(args.next().ok_or("name a file")?);
    let country = args.next().unwrap_or_else(|| "RU".to_owned()).parse()?;
    let begun = Instant::now();
    let mut importer = Importer::open(&path, Options::new(country))?;
    let surveyed = begun.elapsed();
    let mut phones = 0_u64;
    let summary = importer.run(|item| {
        if let Item::Prospect(prospect) = item {
            phones += prospect.phones.len() as u64;
        }
        ControlFlow::Continue(())
    })?;
    let all = begun.elapsed();
    #[expect(clippy::print_stdout, reason = "an example tells what it measured")]
    {
        println!("{summary:#?}");
        println!(
            "{phones} numbers; survey {:.2} s, all {:.2} s, {:.0} rows/s",
            surveyed.as_secs_f64(),
            all.as_secs_f64(),
            summary.rows as f64 / all.as_secs_f64()
        );
    }
    Ok(())
}
