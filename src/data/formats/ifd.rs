//! Directories of tags: what TIFF files and EXIF blocks are made of.
//!
//! **Source**: Pillow, `TiffImagePlugin.py`, `ImageFileDirectory_v2`: which headers are taken, which entries are passed
//! over, and where a directory ends that is cut off.
//!
//! **Differs** for `BigTIFF` in big-endian order, whose header Pillow takes for one of the small kind.

use std::collections::BTreeMap;

/// Order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self == Self::Little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        if self == Self::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    }

    fn u64(self, bytes: [u8; 8]) -> u64 {
        if self == Self::Little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) }
    }
}

/// What a file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) order: Order,
    /// Offsets and counts of 64 bits.
    is_big: bool,
    /// Place of the first directory.
    first: u64,
}

impl Header {
    /// Whether bytes begin as one.
    pub(super) fn is_one(bytes: &[u8]) -> bool {
        Self::kind(bytes).is_some()
    }

    fn kind(bytes: &[u8]) -> Option<(Order, bool)> {
        match bytes.first_chunk::<4>()? {
            // The second of each is wrong, and people have it.
            b"II*\0" | b"II\0*" => Some((Order::Little, false)),
            b"MM\0*" | b"MM*\0" => Some((Order::Big, false)),
            b"II+\0" => Some((Order::Little, true)),
            b"MM\0+" => Some((Order::Big, true)),
            _ => None,
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (order, is_big) = Self::kind(bytes)?;
        let first = if is_big {
            order.u64(*bytes.get(8..)?.first_chunk()?)
        } else {
            u64::from(order.u32(*bytes.get(4..)?.first_chunk()?))
        };
        Some(Self { order, is_big, first })
    }
}

/// A tag's value, where it lies.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    /// Number of the type.
    kind: u16,
    bytes: &'a [u8],
}

/// The tags of a directory.
#[derive(Debug)]
pub(super) struct Directory<'a> {
    order: Order,
    /// At most as many as there are numbers of tags.
    entries: BTreeMap<u16, Entry<'a>>,
}

/// Bytes that one value of a type takes; `None` for types that do not exist.
fn unit(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 => Some(8),
        _ => None,
    }
}

impl<'a> Directory<'a> {
    /// The first directory of a file. What is cut off ends it, and what lies outside of the file is passed over.
    pub(super) fn first(bytes: &'a [u8], header: Header) -> Self {
        let mut directory = Self { order: header.order, entries: BTreeMap::new() };
        // Where reading stops does not matter: what came before it counts.
        let _ = directory.load(bytes, header);
        directory
    }

    fn load(&mut self, bytes: &'a [u8], header: Header) -> Option<()> {
        let order = self.order;
        let rest = bytes.get(usize::try_from(header.first).ok()?..)?;
        let (count, rest, entry_len) = if header.is_big {
            let (count, rest) = rest.split_first_chunk::<8>()?;
            (order.u64(*count), rest, 20)
        } else {
            let (count, rest) = rest.split_first_chunk::<2>()?;
            (u64::from(order.u16(*count)), rest, 12)
        };
        let mut outside: u64 = 0;
        for entry in rest.chunks_exact(entry_len).take(usize::try_from(count).unwrap_or(usize::MAX)) {
            let (tag, entry) = entry.split_first_chunk::<2>()?;
            let (kind, entry) = entry.split_first_chunk::<2>()?;
            let (tag, kind) = (order.u16(*tag), order.u16(*kind));
            // The first of several counts.
            let (std::collections::btree_map::Entry::Vacant(place), Some(unit)) = (self.entries.entry(tag), unit(kind))
            else {
                continue;
            };
            let (count, value) = if header.is_big {
                let (count, value) = entry.split_first_chunk::<8>()?;
                (order.u64(*count), value)
            } else {
                let (count, value) = entry.split_first_chunk::<4>()?;
                (u64::from(order.u32(*count)), value)
            };
            let len = count.saturating_mul(unit);
            let value = if len <= value.len() as u64 {
                value.get(..usize::try_from(len).ok()?)?
            } else {
                // All that lies outside of the entries should fit the file together: otherwise values overlap.
                outside = outside.saturating_add(len);
                if outside > bytes.len() as u64 {
                    continue;
                }
                let len = usize::try_from(len).ok()?;
                let offset = if header.is_big {
                    order.u64(*value.first_chunk()?)
                } else {
                    u64::from(order.u32(*value.first_chunk()?))
                };
                let offset = usize::try_from(offset).ok()?;
                bytes.get(offset..offset.checked_add(len)?)?
            };
            if !value.is_empty() {
                place.insert(Entry { kind, bytes: value });
            }
        }
        Some(())
    }

    /// Whether a tag is there, whatever its value.
    pub(super) fn contains(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }

    /// The bytes of a tag.
    pub(super) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.entries.get(&tag).map(|entry| entry.bytes)
    }

    /// A tag's numbers of whatever numeric type; empty for bytes and texts, which Pillow does not count as numbers.
    pub(super) fn numbers(&self, tag: u16) -> impl Iterator<Item = f64> + '_ {
        let entry = self.entries.get(&tag).copied().unwrap_or(Entry { kind: 0, bytes: &[] });
        let (order, kind) = (self.order, entry.kind);
        let width = match kind {
            1 | 2 | 7 => 0,
            kind => unit(kind).and_then(|unit| usize::try_from(unit).ok()).unwrap_or_default(),
        };
        let bytes = if width == 0 { &[] } else { entry.bytes };
        bytes.chunks_exact(width.max(1)).map(move |value| number(order, kind, value))
    }

    /// A tag's whole numbers of any type that has no signs, bytes among them.
    pub(super) fn integers(&self, tag: u16) -> impl Iterator<Item = u64> + '_ {
        let entry = self.entries.get(&tag).copied().unwrap_or(Entry { kind: 0, bytes: &[] });
        let order = self.order;
        let width = match entry.kind {
            1 => 1,
            3 => 2,
            4 | 13 => 4,
            16 => 8,
            _ => 0,
        };
        let bytes = if width == 0 { &[] } else { entry.bytes };
        bytes.chunks_exact(width.max(1)).map(move |value| match value {
            &[byte] => u64::from(byte),
            &[a, b] => u64::from(order.u16([a, b])),
            &[a, b, c, d] => u64::from(order.u32([a, b, c, d])),
            value => value.first_chunk().map_or(0, |value| order.u64(*value)),
        })
    }

    /// The first whole number of a tag.
    pub(super) fn integer(&self, tag: u16) -> Option<u64> {
        self.integers(tag).next()
    }
}

fn number(order: Order, kind: u16, value: &[u8]) -> f64 {
    let short = || value.first_chunk().map_or(0, |value| order.u16(*value));
    let long = |at: usize| value.get(at..).and_then(|value| value.first_chunk()).map_or(0, |value| order.u32(*value));
    let wide = || value.first_chunk().map_or(0, |value| order.u64(*value));
    match kind {
        3 => f64::from(short()),
        4 | 13 => f64::from(long(0)),
        5 => f64::from(long(0)) / f64::from(long(4)),
        6 => value.first().map_or(0.0, |&byte| f64::from(byte.cast_signed())),
        8 => f64::from(short().cast_signed()),
        9 => f64::from(long(0).cast_signed()),
        10 => f64::from(long(0).cast_signed()) / f64::from(long(4).cast_signed()),
        11 => f64::from(f32::from_bits(long(0))),
        12 => f64::from_bits(wide()),
        _ => wide() as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory at place 8 of these entries: tag, type, count, value.
    fn file(order: Order, entries: &[(u16, u16, u32, [u8; 4])]) -> Vec<u8> {
        let little = order == Order::Little;
        let two = |n: u16| if little { n.to_le_bytes() } else { n.to_be_bytes() };
        let four = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut bytes = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        bytes.extend(four(8));
        bytes.extend(two(u16::try_from(entries.len()).expect("a few")));
        for &(tag, kind, count, value) in entries {
            bytes.extend(two(tag).into_iter().chain(two(kind)).chain(four(count)).chain(value));
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Directory<'_> {
        Directory::first(bytes, Header::read(bytes).expect("a header"))
    }

    #[test]
    fn the_first_of_several_entries_counts_and_unknown_types_are_passed_over() {
        let bytes = file(
            Order::Big,
            &[
                (274, 99, 1, [0, 9, 0, 0]),
                (274, 3, 1, [0, 6, 0, 0]),
                (274, 3, 1, [0, 8, 0, 0]),
                (256, 3, 0, [0, 7, 0, 0]),
            ],
        );
        let directory = read(&bytes);
        assert_eq!(directory.numbers(274).collect::<Vec<_>>(), [6.0], "the first of a type that exists");
        assert!(!directory.contains(256), "no values, no tag");
    }

    #[test]
    fn a_directory_that_is_cut_off_keeps_what_came_before() {
        let mut bytes =
            file(Order::Little, &[(274, 3, 1, [6, 0, 0, 0]), (256, 4, 2, [200, 0, 0, 0]), (257, 3, 1, [5, 0, 0, 0])]);
        let directory = read(&bytes);
        assert_eq!(directory.integer(274), Some(6), "before");
        assert!(!directory.contains(256) && !directory.contains(257), "a value outside of the file ends it");
        bytes.truncate(bytes.len() - 13);
        assert_eq!(read(&bytes).integer(274), Some(6), "half an entry too");
        bytes.truncate(9);
        assert!(!read(&bytes).contains(274), "half a count");
    }

    #[test]
    fn numbers_of_every_type_are_read() {
        for (kind, value, expected) in [
            (3, [6, 0, 0, 0], Some(6.0)),
            (4, [6, 0, 1, 0], Some(65542.0)),
            (6, [0xfa, 0, 0, 0], Some(-6.0)),
            (8, [0xfa, 0xff, 0, 0], Some(-6.0)),
            (9, [0xfa, 0xff, 0xff, 0xff], Some(-6.0)),
            (11, 6.0_f32.to_le_bytes(), Some(6.0)),
            (13, [6, 0, 0, 0], Some(6.0)),
            (1, [6, 0, 0, 0], None),
            (2, *b"6\0\0\0", None),
            (7, [6, 0, 0, 0], None),
        ] {
            let bytes = file(Order::Little, &[(274, kind, 1, value)]);
            assert_eq!(read(&bytes).numbers(274).next(), expected, "type {kind}");
        }
        // Eight bytes lie elsewhere.
        for (kind, value) in [
            (5, [12_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat()),
            (10, [(-12_i32).to_le_bytes(), (-2_i32).to_le_bytes()].concat()),
            (12, 6.0_f64.to_le_bytes().to_vec()),
            (16, 6_u64.to_le_bytes().to_vec()),
        ] {
            let mut bytes = file(Order::Little, &[(274, kind, 1, [22, 0, 0, 0])]);
            bytes.extend(value);
            assert_eq!(read(&bytes).numbers(274).next(), Some(6.0), "type {kind}");
        }
    }
}
