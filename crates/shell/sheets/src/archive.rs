//! A workbook is a zip archive: its parts are measured before anything believes them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use crate::{Limits, SheetError};

/// The longest run of XML without a `<`. A cell holds at most 32,767 characters (Excel specifications and
/// limits), which is under 1 MiB in any escape; the XML reader holds one such run in memory.
const LONGEST_RUN: usize = 1 << 20;

/// Parts up to this size may be compressed as well as they like.
const SMALL_PART: u64 = 16 << 20;

/// What the measuring saw on its way.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Some sheet has merged cells, so looking them up is worth a pass.
    pub(crate) has_merged_cells: bool,
}

/// Inflates every part once, counting: sizes in the directory may lie, the inflated bytes do not.
pub(crate) fn measure(path: &Path, file: File, limits: &Limits) -> Result<Measured, SheetError> {
    let too_large = |what: String| SheetError::TooLarge {
        path: path.to_owned(),
        what,
    };
    let mut archive =
        ZipArchive::new(BufReader::new(file)).map_err(|e| SheetError::workbook(path, e))?;
    if archive.len() > limits.parts {
        return Err(too_large(format!(
            "{} parts in its archive, over the limit of {}",
            archive.len(),
            limits.parts
        )));
    }
    let mut measured = Measured::default();
    let mut total = 0_u64;
    let mut buffer = vec![0; 64 << 10];
    for index in 0..archive.len() {
        let mut part = archive
            .by_index(index)
            .map_err(|e| SheetError::workbook(path, e))?;
        let stored = part.compressed_size().max(1);
        let name = part
            .name()
            .map(|n| n.to_ascii_lowercase())
            .unwrap_or_default();
        let is_xml = name.ends_with(".xml") || name.ends_with(".rels");
        let is_sheet = name.contains("worksheets/");
        let limit_of_part = if name.ends_with("sharedstrings.xml") {
            limits.shared_string_bytes
        } else {
            limits.inflated_bytes
        };
        let mut inflated = 0_u64;
        let mut run = RunScan::default();
        loop {
            let read = part
                .read(&mut buffer)
                .map_err(|e| SheetError::workbook(path, e))?;
            let Some(bytes) = buffer.get(..read).filter(|b| !b.is_empty()) else {
                break;
            };
            inflated += read as u64;
            total += read as u64;
            if total > limits.inflated_bytes || inflated > limit_of_part {
                return Err(too_large(format!(
                    "a part that inflates beyond {} bytes",
                    limit_of_part.min(limits.inflated_bytes)
                )));
            }
            if inflated > SMALL_PART && inflated / stored > limits.inflation {
                return Err(too_large(format!(
                    "a part that inflates more than {} times, as no real sheet does",
                    limits.inflation
                )));
            }
            if is_xml {
                run.feed(bytes);
                if run.longest > LONGEST_RUN {
                    return Err(too_large(format!(
                        "a cell or tag longer than {LONGEST_RUN} bytes"
                    )));
                }
            }
        }
        measured.has_merged_cells |= is_sheet && run.saw_merged_cells;
    }
    Ok(measured)
}

/// Looks at XML in chunks for the longest stretch without `<` and for a `<mergeCells` tag.
#[derive(Default)]
struct RunScan {
    current: usize,
    longest: usize,
    /// The last bytes of the chunk before, so that a tag cut in two is still seen.
    tail: Vec<u8>,
    saw_merged_cells: bool,
}

impl RunScan {
    fn feed(&mut self, bytes: &[u8]) {
        const TAG: &[u8] = b"mergeCells";
        for (i, piece) in bytes.split(|b| *b == b'<').enumerate() {
            if i > 0 {
                self.current = 0;
                self.saw_merged_cells |= piece.starts_with(TAG);
            }
            self.current += piece.len();
            self.longest = self.longest.max(self.current);
        }
        let cut = bytes.len().min(TAG.len());
        let (head, _) = bytes.split_at(cut);
        self.tail.extend_from_slice(head);
        self.saw_merged_cells |= self.tail.windows(TAG.len()).any(|w| w == TAG);
        // After a chunk shorter than the tag, `tail` goes on growing by it.
        if bytes.len() > cut {
            let (_, end) = bytes.split_at(bytes.len() - cut);
            self.tail.clear();
            self.tail.extend_from_slice(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_cut_in_two_by_the_chunks_is_seen() {
        let xml = b"<a><mergeCells count='1'><b/></mergeCells></a>";
        for cut in 0..xml.len() {
            let mut scan = RunScan::default();
            let (one, two) = xml.split_at(cut);
            scan.feed(one);
            scan.feed(two);
            assert!(scan.saw_merged_cells, "cut at {cut}");
        }
        let mut scan = RunScan::default();
        scan.feed(b"<a><b>mer</b></a>");
        assert!(!scan.saw_merged_cells);
    }

    #[test]
    fn a_run_is_measured_across_chunks() {
        let mut scan = RunScan::default();
        for _ in 0..10 {
            scan.feed(&[b'x'; 100]);
        }
        scan.feed(b"<y>");
        assert_eq!(scan.longest, 1_000);
    }
}
