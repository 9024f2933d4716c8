//! Makes the spreadsheet of the demo again, or a larger one:
//! `cargo run -p sheets --example demo_workbook -- config/demo/prospects.xlsx [ROWS [SEED]]`.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = PathBuf::from(args.next().ok_or("say where to write the workbook")?);
    let rows = args.next().map_or(Ok(300), |a| a.parse())?;
    let seed = args.next().map_or(Ok(1), |a| a.parse())?;
    let facts = sheets::sample::write_demo_workbook(&path, rows, seed)?;
    #[expect(clippy::print_stdout, reason = "an example tells what it did")]
    {
        println!("{facts:#?}");
    }
    Ok(())
}
