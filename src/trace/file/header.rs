//! The header of a trace file, read so that what it says is bounded before it is kept.

use super::limits::{MOST_DIMENSIONS, MOST_STRINGS, MOST_TENSORS};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::collections::HashMap;
use std::fmt;

/// Where metadata strings stand.
const METADATA: &str = "__metadata__";

/// Reads the JSON of a header. The error is what was found in place of one.
pub(super) fn parse(json: &[u8]) -> Result<Metadata, String> {
    let Header { strings, mut tensors } = serde_json::from_slice(json).map_err(|err| format!("a header with {err}"))?;
    tensors.sort_by_key(|(_, tensor)| tensor.data_offsets);
    Metadata::new(strings, tensors).map_err(|err| format!("a header with {err}"))
}

/// Metadata strings and tensors.
struct Header {
    strings: Option<HashMap<String, String>>,
    tensors: Vec<(String, TensorInfo)>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header { strings: None, tensors: Vec::new() };
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        header.strings = Some(map.next_value::<Strings>()?.0);
                        continue;
                    }
                    let Info { dtype, shape: Shape(shape), data_offsets } = map.next_value()?;
                    if header.tensors.len() == MOST_TENSORS {
                        return Err(A::Error::custom(format_args!("more than {MOST_TENSORS} tensors")));
                    }
                    if header.tensors.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom("a tensor that is there twice"));
                    }
                    header.tensors.push((name, TensorInfo { dtype, shape, data_offsets }));
                }
                Ok(header)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// See [`TensorInfo`].
#[derive(Deserialize)]
struct Info {
    dtype: Dtype,
    shape: Shape,
    data_offsets: (usize, usize),
}

/// A few dimensions.
struct Shape(Vec<usize>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Dimensions;

        impl<'de> Visitor<'de> for Dimensions {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MOST_DIMENSIONS} dimensions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
                let mut shape = Vec::new();
                while let Some(dimension) = seq.next_element()? {
                    if shape.len() == MOST_DIMENSIONS {
                        return Err(A::Error::invalid_length(shape.len() + 1, &self));
                    }
                    shape.push(dimension);
                }
                Ok(Shape(shape))
            }
        }

        deserializer.deserialize_seq(Dimensions)
    }
}

/// A few strings, however long.
struct Strings(HashMap<String, String>);

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Strings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MOST_STRINGS} strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strings, A::Error> {
                let mut strings = HashMap::new();
                while let Some((name, text)) = map.next_entry()? {
                    if strings.len() == MOST_STRINGS {
                        return Err(A::Error::invalid_length(strings.len() + 1, &self));
                    }
                    strings.insert(name, text);
                }
                Ok(Strings(strings))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
