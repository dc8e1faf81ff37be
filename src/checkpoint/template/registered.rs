//! Everything that a template may call, metered: what Jinja has and this engine knows, Python's methods, and the
//! filters that stand for operators.

use super::meter::{Cost, charge, made, metered, plain, printed, refused, stored, times, weighed};
use super::metered::{INDEXED, MADE, PERCENT, PLAIN, PRINTED, STORED, TIMES, WEIGHED};
use super::{dumps, jinja, percent, python};
use minijinja::functions::Function;
use minijinja::value::{DynObject, FunctionArgs, FunctionResult, Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters, functions, tests};

fn add_filter<F, Rv, Args>(environment: &mut Environment<'static>, name: &'static str, kind: Cost, filter: F)
where
    F: Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    let filter = Value::from_function(filter);
    environment.add_filter(name, move |state: &mut State, args: Rest<ValueOrKwargs>| {
        metered(state, kind, &args.into_values(), |state, args| filter.call(state, args))
    });
}

fn add_test<F, Rv, Args>(environment: &mut Environment<'static>, names: &[&'static str], kind: Cost, test: F)
where
    F: Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    let test = Value::from_function(test);
    for name in names {
        let test = test.clone();
        environment.add_test(*name, move |state: &mut State, args: Rest<ValueOrKwargs>| {
            metered(state, kind, &args.into_values(), |state, args| test.call(state, args)).map(|value| value.is_true())
        });
    }
}

/// Registers everything that Jinja has and this engine knows, metered, and the filters that [`super::metered`] puts in.
pub(super) fn register(environment: &mut Environment<'static>) {
    add_operators(environment);
    add_filters(environment);
    add_tests(environment);
    environment.add_function("range", functions::range);
    environment.add_function("dict", functions::dict);
    environment.add_function("namespace", namespace);
    environment.add_function("cycler", |state: &mut State, items: Rest<Value>| {
        jinja::cycler(items.iter().map(|item| stored(state, item)).collect::<Result<Vec<Value>, Error>>()?)
    });
    environment.add_function("joiner", |state: &mut State, between: Option<Value>, named: Kwargs| {
        let between = between.map_or_else(|| named.get::<Option<Value>>("sep"), |between| Ok(Some(between)))?;
        named.assert_all_used()?;
        stored(state, &between.unwrap_or_else(|| Value::from(", "))).map(jinja::joiner)
    });
    environment.set_unknown_method_callback(method);
    environment.set_formatter(|out, state, value| {
        printed(state, value)?;
        minijinja::escape_formatter(out, state, value)
    });
}

fn add_operators(environment: &mut Environment<'static>) {
    environment.add_filter(WEIGHED, |state: &mut State, value: Value| weighed(state, &value).map(|_| value));
    environment.add_filter(PRINTED, |state: &mut State, value: Value| printed(state, &value).map(|()| value));
    environment.add_filter(INDEXED, |state: &mut State, value: Value| {
        // Characters are stepped over one by one.
        charge(state, value.as_str().map_or(0, str::len).saturating_mul(4)).map(|()| value)
    });
    environment.add_filter(MADE, made);
    environment.add_filter(PLAIN, |state: &mut State, value: Value| {
        weighed(state, &value)?;
        plain(&value, true).map(|_| value)
    });
    environment.add_filter(STORED, |state: &mut State, value: Value| stored(state, &value));
    environment.add_filter(TIMES, |state: &mut State, a: Value, b: Value| times(state, &a, &b));
    environment.add_filter(PERCENT, |state: &mut State, a: Value, b: Value| {
        if a.as_str().is_none() {
            return percent::remainder(&a, &b);
        }
        metered(state, Cost::Percent, &[a, b], |_, args| match args {
            [a, b] => percent::remainder(a, b),
            _ => Err(Error::from(ErrorKind::MissingArgument)),
        })
    });
}

fn add_filters(environment: &mut Environment<'static>) {
    use Cost::{Items, Padding, Percent, Print, Replace, Sum, Times, Walk};
    let env = environment;
    add_filter(env, "safe", Print(1), filters::safe);
    add_filter(env, "escape", Print(8), filters::escape);
    add_filter(env, "e", Print(8), filters::escape);
    add_filter(env, "lower", Print(3), filters::lower);
    add_filter(env, "upper", Print(3), filters::upper);
    add_filter(env, "title", Print(3), filters::title);
    add_filter(env, "capitalize", Print(3), filters::capitalize);
    add_filter(env, "replace", Replace, filters::replace);
    add_filter(env, "length", Walk, filters::length);
    add_filter(env, "count", Walk, filters::length);
    add_filter(env, "dictsort", Times(32), filters::dictsort);
    add_filter(env, "items", Times(3), filters::items);
    add_filter(env, "reverse", Items(1), filters::reverse);
    add_filter(env, "trim", Print(1), filters::trim);
    add_filter(env, "join", Cost::Join { items: 0, between: 1 }, filters::join);
    add_filter(env, "split", Items(2), filters::split);
    add_filter(env, "lines", Items(2), filters::lines);
    add_filter(env, "default", Walk, filters::default);
    add_filter(env, "d", Walk, filters::default);
    add_filter(env, "round", Walk, filters::round);
    add_filter(env, "abs", Walk, filters::abs);
    add_filter(env, "int", Walk, filters::int);
    add_filter(env, "float", Walk, filters::float);
    add_filter(env, "attr", Walk, filters::attr);
    add_filter(env, "first", Walk, filters::first);
    add_filter(env, "last", Items(1), filters::last);
    add_filter(env, "min", Items(2), filters::min);
    add_filter(env, "max", Items(2), filters::max);
    add_filter(env, "sort", Items(32), filters::sort);
    add_filter(env, "list", Items(1), filters::list);
    add_filter(env, "string", Print(1), filters::string);
    add_filter(env, "bool", Walk, filters::bool);
    add_filter(env, "batch", Padding, filters::batch);
    add_filter(env, "slice", Padding, filters::slice);
    add_filter(env, "sum", Sum, filters::sum);
    add_filter(env, "indent", Padding, filters::indent);
    add_filter(env, "select", Items(1), filters::select);
    add_filter(env, "reject", Items(1), filters::reject);
    add_filter(env, "selectattr", Items(1), filters::selectattr);
    add_filter(env, "rejectattr", Items(1), filters::rejectattr);
    add_filter(env, "map", Items(1), filters::map);
    add_filter(env, "groupby", Items(32), filters::groupby);
    add_filter(env, "unique", Items(32), filters::unique);
    add_filter(env, "chain", Items(1), filters::chain);
    add_filter(env, "zip", Items(2), filters::zip);
    add_filter(env, "pprint", Print(1), filters::pprint);
    add_filter(env, "format", Percent, jinja::format);
    add_filter(env, "tojson", Padding, dumps::tojson);
    add_filter(env, "center", Cost::Width, jinja::center);
    add_filter(env, "filesizeformat", Walk, jinja::filesizeformat);
    add_filter(env, "random", Walk, jinja::random);
    add_filter(env, "truncate", Print(2), jinja::truncate);
    add_filter(env, "wordcount", Print(2), jinja::wordcount);
}

fn add_tests(environment: &mut Environment<'static>) {
    let env = environment;
    // They look at the kind of a value only, and templates ask them of whole conversations.
    env.add_test("undefined", tests::is_undefined);
    env.add_test("defined", tests::is_defined);
    env.add_test("none", tests::is_none);
    env.add_test("boolean", tests::is_boolean);
    env.add_test("number", tests::is_number);
    env.add_test("integer", tests::is_integer);
    env.add_test("int", tests::is_integer);
    env.add_test("float", tests::is_float);
    env.add_test("string", tests::is_string);
    env.add_test("sequence", tests::is_sequence);
    env.add_test("mapping", tests::is_mapping);
    env.add_test("true", tests::is_true);
    env.add_test("false", tests::is_false);
    add_test(env, &["safe", "escaped"], Cost::Walk, tests::is_safe);
    add_test(env, &["odd"], Cost::Walk, tests::is_odd);
    add_test(env, &["even"], Cost::Walk, tests::is_even);
    add_test(env, &["divisibleby"], Cost::Walk, tests::is_divisibleby);
    add_test(env, &["iterable"], Cost::Walk, tests::is_iterable);
    add_test(env, &["startingwith"], Cost::Print(1), tests::is_startingwith);
    add_test(env, &["endingwith"], Cost::Print(1), tests::is_endingwith);
    add_test(env, &["lower"], Cost::Print(1), tests::is_lower);
    add_test(env, &["upper"], Cost::Print(1), tests::is_upper);
    add_test(env, &["sameas"], Cost::Walk, tests::is_sameas);
    add_test(env, &["eq", "equalto", "=="], Cost::Walk, tests::is_eq);
    add_test(env, &["ne", "!="], Cost::Walk, tests::is_ne);
    add_test(env, &["lt", "lessthan", "<"], Cost::Walk, tests::is_lt);
    add_test(env, &["le", "<="], Cost::Walk, tests::is_le);
    add_test(env, &["gt", "greaterthan", ">"], Cost::Walk, tests::is_gt);
    add_test(env, &["ge", ">="], Cost::Walk, tests::is_ge);
    add_test(env, &["in"], Cost::Print(1), tests::is_in);
    add_test(env, &["filter"], Cost::Walk, tests::is_filter);
    add_test(env, &["test"], Cost::Walk, tests::is_test);
}

/// `namespace(...)`, whose values are copies as those that are set later are.
fn namespace(state: &mut State, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let mut pairs = Vec::new();
    for arg in args.into_values() {
        let arg = stored(state, &arg)?;
        if arg.kind() != ValueKind::Map {
            return Err(refused(format!("expected object or keyword arguments, got {}", arg.kind())));
        }
        pairs.extend(arg.as_object().and_then(DynObject::try_iter_pairs).into_iter().flatten());
    }
    Value::from_function(functions::namespace).call(state, &[Value::from_pairs(pairs)])
}

/// Python's methods of strings, lists and maps.
fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let kind = match name {
        "replace" => Cost::Replace,
        "join" => Cost::Join { items: 1, between: 0 },
        "format" | "format_map" => Cost::Format,
        "split" | "rsplit" | "splitlines" => Cost::Items(2),
        "casefold" | "upper" | "lower" | "keys" | "values" | "items" => Cost::Times(3),
        // They hold every character as a value of its own meanwhile.
        "title" | "capitalize" | "swapcase" => Cost::Times(8),
        "ljust" | "rjust" | "center" | "zfill" => Cost::Width,
        "expandtabs" => Cost::Tabs,
        // They look into the value and give a part of it.
        "get" => return python::method(state, value, name, args),
        _ => Cost::Times(1),
    };
    let all: Vec<Value> = std::iter::once(value).chain(args).cloned().collect();
    metered(state, kind, &all, |state, all| match all.split_first() {
        Some((value, args)) => python::method(state, value, name, args),
        None => Err(Error::from(ErrorKind::UnknownMethod)),
    })
}
