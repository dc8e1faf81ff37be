//! One caption of a file, read so that nothing but its few fields is kept: a file of a hundred million brackets takes no more memory than
//! itself.

use super::generated::{CaptionFormat, Collector};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A value of which only numbers and texts matter.
#[derive(Debug)]
pub(super) enum Field {
    Number(u64),
    Text(String),
    /// What is there instead.
    Other(String),
}

/// A record, whatever it is.
#[derive(Debug)]
pub(super) enum Record {
    Object {
        image_id: Option<Field>,
        image: Option<Field>,
        texts: [Option<Field>; 3],
    },
    /// What is there instead of an object.
    Other(String),
}

impl Record {
    /// The image's id and the text, or what was expected and found.
    pub(super) fn caption(self, key: Option<u64>) -> Result<(u64, String), String> {
        let (image_id, image, texts) = match self {
            Self::Object { image_id, image, texts } => (image_id, image, texts),
            Self::Other(found) => return Err(format!("Expected a JSON object, found {found}")),
        };
        let text = match texts.into_iter().flatten().next() {
            Some(Field::Text(text)) => text,
            Some(Field::Number(number)) => return Err(format!("Expected caption as text, found the number {number}")),
            Some(Field::Other(found)) => return Err(format!("Expected caption as text, found {found}")),
            None => return Err("Expected caption, found no such field".to_owned()),
        };
        let number = match &image_id {
            Some(Field::Number(number)) => Some(*number),
            Some(Field::Text(text)) => text.trim().parse().ok(),
            Some(Field::Other(_)) => None,
            None => {
                let named = image.and_then(|image| match image {
                    Field::Text(name) => number_of_name(&name),
                    Field::Number(number) => Some(number),
                    Field::Other(_) => None,
                });
                let found = named.or(key);
                let found =
                    found.ok_or("Expected image_id, found neither that nor an image name that ends in a number")?;
                return Ok((found, text));
            }
        };
        let expected = |found: String| format!("Expected image_id as a whole number from 0, found {found}");
        match (number, image_id) {
            (Some(number), _) => Ok((number, text)),
            (None, Some(Field::Other(found))) => Err(expected(found)),
            (None, Some(Field::Text(found))) => {
                Err(expected(format!("{:?}", found.chars().take(40).collect::<String>())))
            }
            (None, _) => Err(expected("nothing".to_owned())),
        }
    }
}

/// 226988 of `COCO_val2014_000000226988.jpg`.
fn number_of_name(name: &str) -> Option<u64> {
    let file = name.rsplit(['/', '\\']).next()?;
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let digits = stem.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Reads past the rest of a list.
fn pass_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Reads past the rest of an object.
fn pass_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<(), A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// What is said of values that are not what was expected.
macro_rules! others {
    ($type:ty, $other:expr) => {
        fn visit_bool<E: Error>(self, value: bool) -> Result<$type, E> {
            Ok($other(value.to_string()))
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<$type, E> {
            Ok($other(value.to_string()))
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<$type, E> {
            Ok($other(value.to_string()))
        }
        fn visit_unit<E: Error>(self) -> Result<$type, E> {
            Ok($other("null".to_owned()))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<$type, A::Error> {
            pass_list(list).map(|()| $other("an array".to_owned()))
        }
    };
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    others!(Field, Field::Other);

    fn visit_u64<E: Error>(self, value: u64) -> Result<Field, E> {
        Ok(Field::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Field, E> {
        Ok(Field::Text(value.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Field, A::Error> {
        pass_object(object).map(|()| Field::Other("an object".to_owned()))
    }
}

impl<'de> serde::Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    others!(Record, Record::Other);

    fn visit_u64<E: Error>(self, _: u64) -> Result<Record, E> {
        Ok(Record::Other("a number".to_owned()))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Record, E> {
        Ok(Record::Other("text".to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Record, A::Error> {
        let (mut image_id, mut image, mut texts) = (None, None, [None, None, None]);
        let [caption, text, answer] = &mut texts;
        while let Some(name) = object.next_key::<String>()? {
            let place = match name.as_str() {
                "image_id" => &mut image_id,
                "image" | "file_name" => &mut image,
                "caption" => &mut *caption,
                "text" => &mut *text,
                "answer" => &mut *answer,
                _ => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *place = Some(object.next_value()?);
        }
        Ok(Record::Object { image_id, image, texts })
    }
}

impl<'de> serde::Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RecordVisitor)
    }
}

/// Takes in the records of a list, or of an object whose keys are image ids, one by one.
pub(super) struct Records<'c>(pub(super) &'c mut Collector);

impl<'de> DeserializeSeed<'de> for Records<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of captions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element()? {
            self.0.add(record, None);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some((key, record)) = object.next_entry::<String, Record>()? {
            self.0.add(record, key.parse().ok());
        }
        Ok(())
    }
}

/// An object that holds its records under a name; which form it has, if it has one.
pub(super) struct Whole<'c>(pub(super) &'c mut Collector);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Option<CaptionFormat>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Option<CaptionFormat>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with imgToEval or annotations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut format = None;
        while let Some(name) = object.next_key::<String>()? {
            let found = match name.as_str() {
                "imgToEval" => CaptionFormat::ImgToEval,
                "annotations" => CaptionFormat::Annotations,
                _ => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            object.next_value_seed(Records(self.0))?;
            format = Some(found);
        }
        Ok(format)
    }
}
