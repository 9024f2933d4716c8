//! Makes the workbook of the demo again, or a larger one:
//! `cargo run -p sheets --example demo_workbook -- config/demo/prospects.xlsx [PROSPECTS [SEED]]`.

use std::path::PathBuf;

use sheets::sample::{SHIPPED_PROSPECTS, SHIPPED_SEED, write_demo_workbook};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = PathBuf::from(args.next().ok_or("say where to write the workbook")?);
    let prospects = args.next().map_or(Ok(SHIPPED_PROSPECTS), |a| a.parse())?;
    let seed = args.next().map_or(Ok(SHIPPED_SEED), |a| a.parse())?;
    let facts = write_demo_workbook(&path, prospects, seed)?;
    #[expect(clippy::print_stdout, reason = "an example tells what it did")]
    {
        println!("{facts:#?}");
    }
    Ok(())
}
