//! Rows as Parquet: `answers.parquet` with a row an answer, `words.parquet` with a row an object word.
//!
//! Numbers that were measured are columns of their own names: doubles, and lists of floats where a signal has several.
//! The bytes depend on the rows alone.

use super::row::AnswerRow;
use super::signals::{SignalValue, Signals};
use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type};
use ::parquet::errors::Result;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::{PrimitiveTypeBuilder, Type, TypePtr};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

/// Rows of one group: bounds the memory of whoever reads.
const GROUP_ROWS: usize = 50_000;

/// What one cell holds; nothing where it is `None` or an empty list.
enum Cell {
    Text(Option<String>),
    Whole(Option<i64>),
    Number(Option<f64>),
    Truth(Option<bool>),
    List(Option<Vec<f32>>),
    Texts(Vec<String>),
}

/// Kinds of columns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Whole,
    Number,
    Truth,
    List,
    Texts,
}

struct Column<'a, R> {
    name: String,
    kind: Kind,
    cell: Box<dyn Fn(&R) -> Cell + 'a>,
}

fn column<'a, R>(name: &str, kind: Kind, cell: impl Fn(&R) -> Cell + 'a) -> Column<'a, R> {
    Column { name: name.to_owned(), kind, cell: Box::new(cell) }
}

#[expect(clippy::cast_possible_wrap, reason = "counts far below 2^63")]
fn whole(count: usize) -> i64 {
    count as i64
}

/// A row an answer.
pub fn write_answers<W: Write + Send>(rows: &[AnswerRow], out: W) -> Result<()> {
    use Kind::{Number, Text, Texts, Truth, Whole};
    let text = |name, cell: fn(&AnswerRow) -> Option<String>| column(name, Text, move |row| Cell::Text(cell(row)));
    let number = |name, cell: fn(&AnswerRow) -> Option<f64>| column(name, Number, move |row| Cell::Number(cell(row)));
    let count =
        |name, cell: fn(&AnswerRow) -> Option<usize>| column(name, Whole, move |row| Cell::Whole(cell(row).map(whole)));
    let id = |name, cell: fn(&AnswerRow) -> Option<u64>| {
        column(name, Whole, move |row| Cell::Whole(cell(row).and_then(|id| i64::try_from(id).ok())))
    };
    let mut columns = vec![
        text("key", |row| Some(row.key.clone())),
        count("item", |row| Some(row.item)),
        text("setting", |row| Some(row.setting.clone())),
        id("seed", |row| Some(row.seed)),
        id("sampler_seed", |row| row.sampler_seed),
        text("photo", |row| Some(row.photo.clone())),
        text("photo_sha256", |row| row.photo_sha256.clone()),
        id("image_id", |row| row.image_id),
        text("question_id", |row| match &row.question_id {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }),
        text("prompt", |row| Some(row.prompt.clone())),
        text("split", |row| row.split.clone()),
        text("object", |row| row.object.clone()),
        number("object_area", |row| row.object_area),
        text("object_size", |row| row.object_size.clone()),
        text("label", |row| row.label.clone()),
        text("relabel", |row| row.relabel.clone()),
        text("expected", |row| row.expected.clone()),
        id("pair", |row| row.pair),
        text("answer", |row| row.answer.clone()),
        count("num_tokens", |row| row.num_tokens),
        text("ended", |row| row.ended.clone()),
        number("p_yes", |row| row.p_yes),
        number("p_yes_at_least", |row| row.p_yes_bounds.map(|bounds| bounds[0])),
        number("p_yes_at_most", |row| row.p_yes_bounds.map(|bounds| bounds[1])),
        number("mean_logprob", |row| row.mean_logprob),
        text("pre_output", |row| row.pre_output.clone()),
        column("hallucinated", Truth, |row: &AnswerRow| Cell::Truth(row.hallucinated)),
        count("num_objects", |row| row.objects.map(|objects| objects[0])),
        count("num_recalled", |row| row.objects.map(|objects| objects[1])),
        count("num_words", |row| row.num_words),
        count("num_mentions", |row| row.num_words.map(|_| row.words.len())),
        count("num_hallucinated", |row| {
            row.hallucinated.map(|_| row.words.iter().filter(|word| word.status == "hallucinated").count())
        }),
        column("warnings", Texts, |row: &AnswerRow| Cell::Texts(row.warnings.clone())),
        text("error", |row| row.error.clone()),
    ];
    columns.extend(of_signals(rows.iter().map(|row| &row.signals), |row: &AnswerRow| &row.signals));
    write("answers", &columns, rows, out)
}

/// A row an object word.
pub fn write_words<W: Write + Send>(rows: &[AnswerRow], out: W) -> Result<()> {
    use Kind::{Text, Whole};
    type Word<'a> = (&'a AnswerRow, usize, &'a super::row::WordRow);
    let words: Vec<Word<'_>> =
        rows.iter().flat_map(|row| row.words.iter().enumerate().map(move |(idx, word)| (row, idx, word))).collect();
    let text = |name, cell: fn(&Word<'_>) -> String| column(name, Text, move |word| Cell::Text(Some(cell(word))));
    let count = |name, cell: fn(&Word<'_>) -> Option<usize>| {
        column(name, Whole, move |word| Cell::Whole(cell(word).map(whole)))
    };
    let mut columns = vec![
        text("key", |(row, ..)| row.key.clone()),
        count("item", |(row, ..)| Some(row.item)),
        text("setting", |(row, ..)| row.setting.clone()),
        count("seed", |(row, ..)| usize::try_from(row.seed).ok()),
        text("photo", |(row, ..)| row.photo.clone()),
        count("image_id", |(row, ..)| row.image_id.and_then(|id| usize::try_from(id).ok())),
        count("word", |(_, idx, _)| Some(*idx)),
        text("text", |(.., word)| word.text.clone()),
        text("category", |(.., word)| word.category.clone()),
        text("status", |(.., word)| word.status.clone()),
        count("byte_start", |(.., word)| Some(word.bytes[0])),
        count("byte_end", |(.., word)| Some(word.bytes[1])),
        count("first_token", |(.., word)| word.tokens.first().copied()),
        count("num_tokens", |(.., word)| Some(word.tokens.len())),
    ];
    columns.extend(of_signals(words.iter().map(|(.., word)| &word.signals), |(.., word): &Word<'_>| &word.signals));
    write("words", &columns, &words, out)
}

/// A column for every name that any row has.
fn of_signals<'a, R: 'a>(
    all: impl Iterator<Item = &'a Signals>,
    of: impl Fn(&R) -> &Signals + Copy + 'a,
) -> Vec<Column<'a, R>> {
    let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
    for (name, value) in all.flatten() {
        kinds.entry(name).or_insert(match value {
            SignalValue::Number(_) => Kind::Number,
            SignalValue::List(_) => Kind::List,
        });
    }
    let columns = kinds.into_iter().map(|(name, kind)| {
        let key = name.to_owned();
        column(name, kind, move |row: &R| match (kind, of(row).get(&key)) {
            (Kind::List, Some(SignalValue::List(list))) => Cell::List(Some(list.clone())),
            (Kind::List, _) => Cell::List(None),
            (_, Some(SignalValue::Number(number))) => Cell::Number(Some(*number)),
            _ => Cell::Number(None),
        })
    });
    columns.collect()
}

fn of(name: &str, physical: Physical) -> PrimitiveTypeBuilder<'_> {
    Type::primitive_type_builder(name, physical)
}

fn schema<R>(name: &str, columns: &[Column<'_, R>]) -> Result<TypePtr> {
    let optional = |column: &Column<'_, R>| -> Result<Type> {
        let name = column.name.as_str();
        match column.kind {
            Kind::Text => of(name, Physical::BYTE_ARRAY)
                .with_logical_type(Some(LogicalType::String))
                .with_repetition(Repetition::OPTIONAL)
                .build(),
            Kind::Whole => of(name, Physical::INT64).with_repetition(Repetition::OPTIONAL).build(),
            Kind::Number => of(name, Physical::DOUBLE).with_repetition(Repetition::OPTIONAL).build(),
            Kind::Truth => of(name, Physical::BOOLEAN).with_repetition(Repetition::OPTIONAL).build(),
            Kind::List | Kind::Texts => {
                let physical = if column.kind == Kind::List { Physical::FLOAT } else { Physical::BYTE_ARRAY };
                let logical = (column.kind == Kind::Texts).then_some(LogicalType::String);
                let element =
                    of("element", physical).with_logical_type(logical).with_repetition(Repetition::REQUIRED).build()?;
                let list = Type::group_type_builder("list")
                    .with_repetition(Repetition::REPEATED)
                    .with_fields(vec![Arc::new(element)])
                    .build()?;
                Type::group_type_builder(name)
                    .with_logical_type(Some(LogicalType::List))
                    .with_repetition(Repetition::OPTIONAL)
                    .with_fields(vec![Arc::new(list)])
                    .build()
            }
        }
    };
    let fields: Result<Vec<TypePtr>> = columns.iter().map(|column| optional(column).map(Arc::new)).collect();
    Ok(Arc::new(Type::group_type_builder(name).with_fields(fields?).build()?))
}

fn write<R, W: Write + Send>(name: &str, columns: &[Column<'_, R>], rows: &[R], out: W) -> Result<()> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("gazelens {}", env!("CARGO_PKG_VERSION")))
        .build();
    let mut writer = SerializedFileWriter::new(out, schema(name, columns)?, Arc::new(properties))?;
    for group in rows.chunks(GROUP_ROWS) {
        let mut group_writer = writer.next_row_group()?;
        for column in columns {
            write_column(column, group, &mut group_writer)?;
        }
        group_writer.close()?;
    }
    writer.close()?;
    Ok(())
}

fn put<T>(value: Option<T>, values: &mut Vec<T>, levels: &mut Vec<i16>) {
    levels.push(i16::from(value.is_some()));
    values.extend(value);
}

/// Values, and where there are none: definition levels, and repetition levels of lists.
fn write_column<R, W: Write + Send>(
    column: &Column<'_, R>,
    rows: &[R],
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<()> {
    let Some(mut writer) = group.next_column()? else { return Ok(()) };
    let (mut levels, mut repeats) = (Vec::new(), Vec::new());
    let (mut texts, mut wholes, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    let (mut truths, mut floats) = (Vec::new(), Vec::new());
    // 0: no list; 1: an empty one; 2: an element.
    let mut list = |len: Option<usize>, levels: &mut Vec<i16>| match len {
        None => (levels.push(0), repeats.push(0)),
        Some(0) => (levels.push(1), repeats.push(0)),
        Some(len) => {
            levels.extend(std::iter::repeat_n(2, len));
            repeats.extend((0..len).map(|idx| i16::from(idx > 0)));
            ((), ())
        }
    };
    for row in rows {
        match (column.cell)(row) {
            Cell::Text(text) => put(text.map(|text| ByteArray::from(text.into_bytes())), &mut texts, &mut levels),
            Cell::Whole(number) => put(number, &mut wholes, &mut levels),
            Cell::Number(number) => put(number, &mut numbers, &mut levels),
            Cell::Truth(truth) => put(truth, &mut truths, &mut levels),
            Cell::List(values) => {
                list(values.as_ref().map(Vec::len), &mut levels);
                floats.extend(values.into_iter().flatten());
            }
            Cell::Texts(values) => {
                list(Some(values.len()), &mut levels);
                texts.extend(values.into_iter().map(|text| ByteArray::from(text.into_bytes())));
            }
        }
    }
    let levels = Some(levels.as_slice());
    match column.kind {
        Kind::Text => writer.typed::<ByteArrayType>().write_batch(&texts, levels, None)?,
        Kind::Whole => writer.typed::<Int64Type>().write_batch(&wholes, levels, None)?,
        Kind::Number => writer.typed::<DoubleType>().write_batch(&numbers, levels, None)?,
        Kind::Truth => writer.typed::<BoolType>().write_batch(&truths, levels, None)?,
        Kind::List => writer.typed::<FloatType>().write_batch(&floats, levels, Some(&repeats))?,
        Kind::Texts => writer.typed::<ByteArrayType>().write_batch(&texts, levels, Some(&repeats))?,
    };
    writer.close()
}
