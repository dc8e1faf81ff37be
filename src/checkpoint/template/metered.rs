//! The tree of a template with a meter at every place where values grow.
//!
//! The engine counts steps, and 40 steps of `x = x ~ x` make a terabyte. It has no hook for its operators, but it lets
//! the tree be read before it becomes instructions. So each operator, literal, slice, loop and call that makes or walks
//! a value is put between filters of [`super::registered`], whose names no template can write: `a + b` becomes
//! `(a|+weighed + b|+weighed)|+made`. Nothing else changes, so what a template gives stays what the engine gives.

use minijinja::Value;
use minijinja::machinery::ast::{
    AutoEscape, BinOp, BinOpKind, Block, Call, CallArg, CallBlock, Compare, CompareOp, CompareOpKind, Const, Do,
    EmitExpr, Expr, Filter, FilterBlock, ForLoop, GetAttr, GetItem, IfCond, IfExpr, List, Macro, Map, Set, SetBlock,
    Slice, Spanned, Stmt, Template, Test, Tuple, UnaryOp, UnaryOpKind, Var, WithBlock,
};

/// Charges for the operand, which is walked but not copied.
pub(super) const WEIGHED: &str = "+weighed";
/// Charges for the operand as text.
pub(super) const PRINTED: &str = "+printed";
/// Charges for a string, in which an index is counted from the start.
pub(super) const INDEXED: &str = "+indexed";
/// Charges for what an operation has made, and makes all of it at once where the engine would make it whenever it is
/// looked at.
pub(super) const MADE: &str = "+made";
/// Refuses what is no text, number, list or map: objects of the engine hold others, themselves too.
pub(super) const PLAIN: &str = "+plain";
/// A copy of a plain value: a namespace is the one thing that changes, so nothing in it may lead back to it.
pub(super) const STORED: &str = "+stored";
/// The operator `%`: a remainder, or a text with fields.
pub(super) const PERCENT: &str = "+percent";
/// The operator `*`.
pub(super) const TIMES: &str = "+times";

/// The same statement, metered. Fails for statements that read other templates.
pub(super) fn statement<'a>(stmt: &Stmt<'a>) -> Result<Stmt<'a>, String> {
    Ok(match stmt {
        Stmt::Template(node) => Stmt::Template(spanned(node, Template { children: statements(&node.children)? })),
        Stmt::EmitExpr(node) => {
            // The engine has a shorter way for calls that are printed at once; their output is charged as it is
            // printed.
            let expr = match &node.expr {
                Expr::Call(inner) => Expr::Call(spanned(inner, call(inner))),
                other => expr(other),
            };
            Stmt::EmitExpr(spanned(node, EmitExpr { expr }))
        }
        Stmt::EmitRaw(node) => {
            let text = Expr::Const(Spanned::new(Const { value: Value::from(node.raw) }, node.span()));
            Stmt::EmitExpr(spanned(node, EmitExpr { expr: text }))
        }
        Stmt::ForLoop(node) => Stmt::ForLoop(spanned(
            node,
            ForLoop {
                target: target(&node.target),
                iter: through(WEIGHED, expr(&node.iter)),
                filter_expr: node.filter_expr.as_ref().map(expr),
                recursive: node.recursive,
                body: statements(&node.body)?,
                else_body: statements(&node.else_body)?,
            },
        )),
        Stmt::IfCond(node) => Stmt::IfCond(spanned(
            node,
            IfCond {
                expr: expr(&node.expr),
                true_body: statements(&node.true_body)?,
                false_body: statements(&node.false_body)?,
            },
        )),
        Stmt::WithBlock(node) => {
            let assignments = node.assignments.iter().map(|(to, value)| (target(to), assigned(to, value))).collect();
            Stmt::WithBlock(spanned(node, WithBlock { assignments, body: statements(&node.body)? }))
        }
        Stmt::Set(node) => {
            Stmt::Set(spanned(node, Set { target: target(&node.target), expr: assigned(&node.target, &node.expr) }))
        }
        Stmt::SetBlock(node) => Stmt::SetBlock(spanned(
            node,
            SetBlock {
                target: target(&node.target),
                filter: node.filter.as_ref().map(expr),
                body: statements(&node.body)?,
            },
        )),
        Stmt::AutoEscape(node) => {
            Stmt::AutoEscape(spanned(node, AutoEscape { enabled: expr(&node.enabled), body: statements(&node.body)? }))
        }
        Stmt::FilterBlock(node) => {
            Stmt::FilterBlock(spanned(node, FilterBlock { filter: expr(&node.filter), body: statements(&node.body)? }))
        }
        Stmt::Block(node) => Stmt::Block(spanned(
            node,
            Block { name: node.name, required: node.required, body: statements(&node.body)? },
        )),
        Stmt::Macro(node) => Stmt::Macro(spanned(node, macro_of(node)?)),
        Stmt::CallBlock(node) => Stmt::CallBlock(spanned(
            node,
            CallBlock {
                call: spanned(&node.call, call(&node.call)),
                macro_decl: spanned(&node.macro_decl, macro_of(&node.macro_decl)?),
            },
        )),
        Stmt::Continue(node) => Stmt::Continue(spanned(node, minijinja::machinery::ast::Continue)),
        Stmt::Break(node) => Stmt::Break(spanned(node, minijinja::machinery::ast::Break)),
        Stmt::Do(node) => Stmt::Do(spanned(node, Do { call: spanned(&node.call, call(&node.call)) })),
        Stmt::Import(_) | Stmt::FromImport(_) | Stmt::Extends(_) | Stmt::Include(_) => {
            return Err("a statement that reads another template".to_owned());
        }
    })
}

fn statements<'a>(list: &[Stmt<'a>]) -> Result<Vec<Stmt<'a>>, String> {
    list.iter().map(statement).collect()
}

fn macro_of<'a>(node: &Macro<'a>) -> Result<Macro<'a>, String> {
    Ok(Macro {
        name: node.name,
        args: node.args.iter().map(target).collect(),
        defaults: node.defaults.iter().map(expr).collect(),
        body: statements(&node.body)?,
    })
}

fn spanned<S, T>(node: &Spanned<S>, inner: T) -> Spanned<T> {
    Spanned::new(inner, node.span())
}

/// Where a value goes: names, attributes of namespaces, and lists of them.
fn target<'a>(to: &Expr<'a>) -> Expr<'a> {
    match to {
        Expr::List(node) => Expr::List(spanned(node, List { items: node.items.iter().map(target).collect() })),
        Expr::GetAttr(node) => Expr::GetAttr(spanned(node, GetAttr { expr: target(&node.expr), name: node.name })),
        other => expr(other),
    }
}

fn assigned<'a>(to: &Expr<'a>, value: &Expr<'a>) -> Expr<'a> {
    match to {
        Expr::Var(_) => expr(value),
        // An attribute may be one of several.
        _ => through(STORED, expr(value)),
    }
}

fn through<'a>(name: &'static str, expr: Expr<'a>) -> Expr<'a> {
    with_argument(name, expr, None)
}

fn with_argument<'a>(name: &'static str, expr: Expr<'a>, argument: Option<Expr<'a>>) -> Expr<'a> {
    let span = expr.span();
    let args = argument.map(CallArg::Pos).into_iter().collect();
    Expr::Filter(Spanned::new(Filter { name, expr: Some(expr), args }, span))
}

/// An operand through a filter; literals are as long as they stand in the template.
fn operand<'a>(name: &'static str, of: &Expr<'a>) -> Expr<'a> {
    match of {
        Expr::Const(_) => expr(of),
        _ => through(name, expr(of)),
    }
}

fn expr<'a>(of: &Expr<'a>) -> Expr<'a> {
    let optional = |part: &Option<Expr<'a>>| part.as_ref().map(expr);
    match of {
        Expr::Var(node) => Expr::Var(spanned(node, Var { id: node.id })),
        Expr::Const(node) => Expr::Const(spanned(node, Const { value: node.value.clone() })),
        Expr::Slice(node) => {
            let (start, stop, step) = (optional(&node.start), optional(&node.stop), optional(&node.step));
            through(MADE, Expr::Slice(spanned(node, Slice { expr: operand(WEIGHED, &node.expr), start, stop, step })))
        }
        Expr::UnaryOp(node) => {
            #[expect(clippy::needless_match, reason = "the engine's own type cannot be copied")]
            let op = match node.op {
                UnaryOpKind::Not => UnaryOpKind::Not,
                UnaryOpKind::Neg => UnaryOpKind::Neg,
            };
            Expr::UnaryOp(spanned(node, UnaryOp { op, expr: expr(&node.expr) }))
        }
        Expr::BinOp(node) => binary(node),
        Expr::Compare(node) => {
            let compared = |op: &CompareOp<'a>| CompareOp {
                op: op.op,
                expr: operand(if is_in(op.op) { PRINTED } else { WEIGHED }, &op.expr),
            };
            let ops = node.ops.iter().map(compared).collect();
            Expr::Compare(spanned(node, Compare { expr: operand(PRINTED, &node.expr), ops }))
        }
        Expr::IfExpr(node) => Expr::IfExpr(spanned(
            node,
            IfExpr {
                test_expr: expr(&node.test_expr),
                true_expr: expr(&node.true_expr),
                false_expr: optional(&node.false_expr),
            },
        )),
        // Filters and tests are metered where they are registered: other filters call them by name too.
        Expr::Filter(node) => Expr::Filter(spanned(
            node,
            Filter { name: node.name, expr: optional(&node.expr), args: arguments(&node.args, None) },
        )),
        Expr::Test(node) => Expr::Test(spanned(
            node,
            Test { name: node.name, expr: expr(&node.expr), args: arguments(&node.args, None) },
        )),
        Expr::GetAttr(node) => Expr::GetAttr(spanned(node, GetAttr { expr: expr(&node.expr), name: node.name })),
        Expr::GetItem(node) => {
            let subscript_expr = operand(WEIGHED, &node.subscript_expr);
            Expr::GetItem(spanned(node, GetItem { expr: operand(INDEXED, &node.expr), subscript_expr }))
        }
        Expr::Call(node) => through(MADE, Expr::Call(spanned(node, call(node)))),
        Expr::List(node) => {
            made_of(&node.items, Expr::List(spanned(node, List { items: node.items.iter().map(expr).collect() })))
        }
        Expr::Tuple(node) => {
            made_of(&node.items, Expr::Tuple(spanned(node, Tuple { items: node.items.iter().map(expr).collect() })))
        }
        Expr::Map(node) => {
            let (keys, values) = (node.keys.iter().map(expr).collect(), node.values.iter().map(expr).collect());
            let map = Expr::Map(spanned(node, Map { keys, values }));
            if are_literals(&node.keys) { made_of(&node.values, map) } else { through(MADE, map) }
        }
    }
}

fn is_in(op: CompareOpKind) -> bool {
    matches!(op, CompareOpKind::In | CompareOpKind::NotIn)
}

fn are_literals(items: &[Expr<'_>]) -> bool {
    items.iter().all(|item| matches!(item, Expr::Const(_)))
}

fn made_of<'a>(items: &[Expr<'a>], made: Expr<'a>) -> Expr<'a> {
    if are_literals(items) { made } else { through(MADE, made) }
}

fn binary<'a>(node: &Spanned<BinOp<'a>>) -> Expr<'a> {
    use BinOpKind as Op;
    let both = |left: &'static str, right: &'static str| {
        let (left, right) = (operand(left, &node.left), operand(right, &node.right));
        Expr::BinOp(spanned(node, BinOp { op: node.op, left, right }))
    };
    match node.op {
        Op::Add => through(MADE, both(WEIGHED, WEIGHED)),
        Op::Concat => through(MADE, both(PRINTED, PRINTED)),
        Op::Mul => with_argument(TIMES, expr(&node.left), Some(expr(&node.right))),
        Op::Rem => with_argument(PERCENT, expr(&node.left), Some(expr(&node.right))),
        Op::Eq | Op::Ne | Op::Lt | Op::Lte | Op::Gt | Op::Gte => both(WEIGHED, WEIGHED),
        Op::In => both(PRINTED, WEIGHED),
        // Numbers only, or one of the two operands as it is.
        Op::Sub | Op::Div | Op::FloorDiv | Op::Pow | Op::ScAnd | Op::ScOr => {
            let (left, right) = (expr(&node.left), expr(&node.right));
            Expr::BinOp(spanned(node, BinOp { op: node.op, left, right }))
        }
    }
}

fn call<'a>(node: &Call<'a>) -> Call<'a> {
    // Methods of the engine's objects keep what they are given.
    let through = if matches!(node.expr, Expr::GetAttr(_)) { PLAIN } else { WEIGHED };
    Call { expr: expr(&node.expr), args: arguments(&node.args, Some(through)) }
}

fn arguments<'a>(args: &[CallArg<'a>], through: Option<&'static str>) -> Vec<CallArg<'a>> {
    let one = |of: &Expr<'a>| through.map_or_else(|| expr(of), |name| operand(name, of));
    args.iter()
        .map(|arg| match arg {
            CallArg::Pos(of) => CallArg::Pos(one(of)),
            CallArg::Kwarg(name, of) => CallArg::Kwarg(name, one(of)),
            // What is spread over the arguments is walked.
            CallArg::PosSplat(of) => CallArg::PosSplat(operand(through.unwrap_or(WEIGHED), of)),
            CallArg::KwargSplat(of) => CallArg::KwargSplat(operand(through.unwrap_or(WEIGHED), of)),
        })
        .collect()
}
