//! How large a file may be before it is refused: a spreadsheet comes from a stranger.

/// Bounds on what one file may make the reader do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of a sheet, header included. ECMA-376 workbooks end at 1,048,576.
    pub rows: u32,
    /// Columns that hold anything.
    pub columns: usize,
    /// Cells that hold anything, in all.
    pub cells: u64,
    /// Bytes of one csv record; an unclosed quote would otherwise swallow the rest of the file.
    pub record_bytes: u64,
    /// Bytes of the whole archive once inflated.
    pub inflated_bytes: u64,
    /// Inflated bytes for each stored byte, of a part larger than 16 MiB. Deflate can reach 1,032; sheets of
    /// real data stay below 50.
    pub inflation: u64,
    /// Bytes of the shared strings once inflated: the one part that is held in memory whole.
    pub shared_string_bytes: u64,
    /// Parts of the archive.
    pub parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1_048_576,
            columns: 1_024,
            cells: 100_000_000,
            record_bytes: 16 << 20,
            inflated_bytes: 4 << 30,
            inflation: 200,
            shared_string_bytes: 1 << 30,
            parts: 10_000,
        }
    }
}
