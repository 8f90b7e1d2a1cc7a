//! Views go below what they look at: only elements that are shown get computed, and sources show them themselves.
//!
//! A view of a view is one view; of an elementwise operation, the operation on views of its inputs; of a reduction, when it
//! picks from the axes that stay, the reduction of fewer elements; of a source that can show any part of itself (memory),
//! another source, and so of a file, where its storage chunks say that less is read that way. A view stays where it is when something else reads what is below it (that would be computed twice), when
//! it shows elements more than once, and when blocks of several inputs would have to be put together instead of one.
//!
//! Each node is asked for as it is or for views of it, by those that read it. Nodes are decided on from the roots down and
//! built from the leaves up, both without recursion.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::chunk::array_source::ViewAxis;
use crate::error::Result;
use crate::expr::array::compose::{composed, is_identity, is_local, multiplies, normal, of_input};
use crate::expr::array::view::view;
use crate::expr::array::{ArrayOp, ArraySchema, BlockCall, Blocks, OutAxis, Reduce, View, array_of, node};
use crate::expr::frame::with_inputs;
use crate::expr::{HostCall, Node, NodeOp, NodeRef};
use crate::nd::{Grid, NdDtype};
use crate::opt::reading::reads_less;
use crate::opt::topological;
use crate::token::{Token, Tokenize, Tokenizer};

/// A view that somebody wants of a node.
#[derive(Debug)]
struct Wish {
    view: View,
    grid: Grid,
    prefix: Arc<str>,
    token: Token,
}

/// A node as it is, or a view of it.
type Want = Option<Arc<Wish>>;

/// What a wish is known by, among those for one node.
fn key(want: &Want) -> Option<Token> {
    want.as_ref().map(|wish| wish.token)
}

/// How a node is given as it is wanted.
enum Way {
    /// Itself, over its inputs.
    Same,
    /// A view of itself.
    Above(Arc<Wish>),
    /// Its input, wanted so.
    Input(Want),
    /// This node.
    Source(NodeRef),
    /// The same operation, cut so, over inputs that are wanted so.
    Elementwise(Vec<Want>, Grid),
    /// The same reduction over an input that is wanted so, and its elements and results are cut so.
    Reduce(Want, Box<(Arc<Reduce>, Grid)>),
}

pub(super) fn run(roots: &[NodeRef]) -> Result<Vec<NodeRef>> {
    let order = topological(roots);
    let is_view = |node: &NodeRef| matches!(node.op, NodeOp::Array(ArrayOp::View(_)));
    if !order.iter().any(is_view) {
        return Ok(roots.to_vec());
    }
    let mut pushing = Pushing::of(&order);
    for root in roots {
        pushing.want(root, None);
    }
    for node in order.iter().rev() {
        pushing.decide(node)?;
    }
    pushing.build(&order)?;
    let done = |root: &NodeRef| pushing.done[&(root.token, None)].clone();
    Ok(roots.iter().map(done).collect())
}

struct Pushing {
    wants: HashMap<Token, Vec<Want>>,
    known: HashSet<(Token, Option<Token>)>,
    ways: HashMap<Token, Vec<(Want, Way)>>,
    /// Nodes whose elements are at hand in memory, so that views of them cost nothing.
    free: HashSet<Token>,
    /// Inputs that several reductions read over the same axes: they share a pass.
    shared: HashSet<Token>,
    done: HashMap<(Token, Option<Token>), NodeRef>,
}

impl Pushing {
    fn of(order: &[NodeRef]) -> Self {
        let mut free = HashSet::new();
        let mut reduced: HashMap<Token, usize> = HashMap::new();
        for node in order {
            let inputs = || node.inputs.iter().all(|input| free.contains(&input.token));
            let is_free = match &node.op {
                NodeOp::Array(ArrayOp::Source(source)) => source.in_memory(),
                NodeOp::Array(ArrayOp::View(_) | ArrayOp::Elementwise(_)) => inputs(),
                NodeOp::Array(ArrayOp::Reduce(_)) => {
                    for input in &node.inputs {
                        *reduced.entry(input.token).or_default() += 1;
                    }
                    false
                }
                _ => false,
            };
            if is_free {
                free.insert(node.token);
            }
        }
        reduced.retain(|_, readers| *readers > 1);
        Self {
            wants: HashMap::new(),
            known: HashSet::new(),
            ways: HashMap::new(),
            free,
            shared: reduced.into_keys().collect(),
            done: HashMap::new(),
        }
    }

    fn want(&mut self, node: &NodeRef, want: Want) {
        if self.known.insert((node.token, key(&want))) {
            self.wants.entry(node.token).or_default().push(want);
        }
    }

    /// Decides how a node is given to all that want it; they have been decided on before.
    fn decide(&mut self, node: &NodeRef) -> Result<()> {
        let wants = self.wants.remove(&node.token).unwrap_or_default();
        let alone = Self::alone(node, &wants);
        let mut ways = Vec::with_capacity(wants.len());
        let mut as_it_is = false;
        for want in wants {
            let way = match &node.op {
                NodeOp::Array(op) => self.through(node, op, &want, alone)?,
                _ => None,
            };
            let way = way.unwrap_or_else(|| {
                as_it_is |= want.is_some();
                want.clone().map_or(Way::Same, Way::Above)
            });
            ways.push((want, way));
        }
        if as_it_is && !ways.iter().any(|(want, _)| want.is_none()) {
            let way = match &node.op {
                NodeOp::Array(op) => self.through(node, op, &None, false)?,
                _ => None,
            };
            ways.push((None, way.unwrap_or(Way::Same)));
        }
        for (_, way) in &ways {
            match way {
                Way::Same => {
                    for input in &node.inputs {
                        self.want(input, None);
                    }
                }
                Way::Input(want) | Way::Reduce(want, _) => self.want(&node.inputs[0], want.clone()),
                Way::Elementwise(wants, _) => {
                    for (input, want) in node.inputs.iter().zip(wants) {
                        self.want(input, want.clone());
                    }
                }
                Way::Above(_) | Way::Source(_) => {}
            }
        }
        self.ways.insert(node.token, ways);
        Ok(())
    }

    /// The way below the node, if there is one and it pays.
    fn through(&self, node: &NodeRef, op: &ArrayOp, want: &Want, alone: bool) -> Result<Option<Way>> {
        let Some(wish) = want else {
            let ArrayOp::View(own) = op else {
                return Ok(None);
            };
            let base = &array_of(&node.inputs[0])?.grid;
            return Ok(Some(Way::Input(wish_of(
                own.as_ref(),
                &array_of(node)?.grid,
                base,
                &node.prefix,
            ))));
        };
        let schema = array_of(node)?;
        Ok(match op {
            ArrayOp::View(own) => {
                let input = &node.inputs[0];
                let base = &array_of(input)?.grid;
                composed(&wish.view, &wish.grid, own, &schema.grid, base)
                    .map(|view| Way::Input(wish_of(&view, &wish.grid, base, &wish.prefix)))
            }
            ArrayOp::Source(source) if alone => axes_of(wish)
                .zip(wish.grid.shape())
                .and_then(|(axes, shape)| source.viewed(&axes, &wish.view.fixed, &shape))
                .map(|source| as_wanted(node, wish, ArrayOp::Source(source))),
            ArrayOp::Blocks(own) if alone && node.inputs.is_empty() => {
                shown_by_call(own, &schema.grid, wish).map(|op| as_wanted(node, wish, op))
            }
            ArrayOp::Elementwise(_) if alone && !multiplies(&wish.view, &wish.grid) => {
                self.below_elementwise(node, &schema.grid, wish)?
            }
            ArrayOp::Reduce(spec) if alone => self.below_reduction(node, spec, wish)?,
            _ => None,
        })
    }

    /// Whether a node may be given apart to all that want it: nothing is computed or read twice then.
    fn alone(node: &Node, wants: &[Want]) -> bool {
        let Some(schema) = &node.array else {
            return wants.len() == 1;
        };
        let shown = || {
            let views = wants.iter();
            views.map(|want| want.as_ref().map(|wish| (&wish.view, &wish.grid)))
        };
        match &node.op {
            NodeOp::Array(ArrayOp::Source(source)) if source.in_memory() => true,
            NodeOp::Array(ArrayOp::Source(source)) => source
                .grain()
                .is_some_and(|grain| reads_less(grain, &schema.grid, shown())),
            // How what a function reads is stored, only it knows.
            NodeOp::Array(ArrayOp::Blocks(_)) if node.inputs.is_empty() => {
                reads_less(&vec![1; schema.grid.axes.len()], &schema.grid, shown())
            }
            _ => wants.len() == 1,
        }
    }

    fn below_elementwise(&self, node: &NodeRef, middle: &Grid, wish: &Wish) -> Result<Option<Way>> {
        let mut costly = 0;
        for input in &node.inputs {
            let own = &array_of(input)?.grid;
            let shift = middle.axes.len() - own.axes.len();
            let cut_alike = (own.axes.iter().enumerate())
                .all(|(i, axis)| axis.len() == Some(1) || *axis == middle.axes[i + shift]);
            if !cut_alike {
                return Ok(None); // an input whose lengths aren't known, though others' are
            }
            let full = *own == *middle;
            costly += usize::from(full && !self.free.contains(&input.token));
        }
        let size = |grid: &Grid| grid.shape().map(|shape| shape.iter().product::<usize>());
        let few = match (size(&wish.grid), size(middle)) {
            (Some(shown), Some(all)) => shown <= all / 2,
            _ => false,
        };
        if costly > 1 && !few && !is_local(&wish.view, middle, &wish.grid) {
            return Ok(None);
        }
        let mut wants = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            let own = &array_of(input)?.grid;
            let (view, grid) = of_input(&wish.view, &wish.grid, middle, own);
            wants.push(wish_of(&view, &grid, own, &wish.prefix));
        }
        Ok(Some(Way::Elementwise(wants, wish.grid.clone())))
    }

    /// A view that picks from the axes that stay, block by block and in their order.
    fn below_reduction(&self, node: &NodeRef, spec: &Reduce, wish: &Wish) -> Result<Option<Way>> {
        let [input] = node.inputs.as_slice() else {
            return Ok(None);
        };
        let (kept, base) = (&array_of(node)?.grid, &array_of(input)?.grid);
        if spec.flat
            || spec.keepdims
            || base.axes.len() != spec.source.axes.len()
            || self.shared.contains(&input.token)
        {
            return Ok(None);
        }
        let fewer = match (kept.shape(), wish.grid.shape()) {
            (Some(all), Some(shown)) => shown.iter().product::<usize>() < all.iter().product::<usize>(),
            _ => false,
        };
        let read: Vec<usize> = wish
            .view
            .axes
            .iter()
            .map_while(|axis| match axis {
                OutAxis::Affine { axis, .. } | OutAxis::Whole(axis) => Some(*axis),
                OutAxis::New | OutAxis::Overlap { .. } => None,
            })
            .collect();
        let picks = fewer
            && read.len() == wish.view.axes.len()
            && read.is_sorted()
            && !multiplies(&wish.view, &wish.grid)
            && is_local(&wish.view, kept, &wish.grid);
        if !picks {
            return Ok(None);
        }
        // The axes of the elements in their order, each reduced or as the view has it; those that are fixed go.
        let (mut axes, mut fixed, mut cuts, mut reduced) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut staying = 0;
        for (i, axis) in spec.source.axes.iter().enumerate() {
            if spec.axes.contains(&i) {
                reduced.push(axes.len());
                axes.push(if axis.len().is_some() {
                    OutAxis::Affine {
                        axis: i,
                        start: 0,
                        step: 1,
                    }
                } else {
                    OutAxis::Whole(i)
                });
                cuts.push(axis.clone());
                continue;
            }
            if let Some((_, position)) = wish.view.fixed.iter().find(|(axis, _)| *axis == staying) {
                fixed.push((i, *position));
            } else if let Some(at) = read.iter().position(|axis| *axis == staying) {
                axes.push(match wish.view.axes[at] {
                    OutAxis::Affine { start, step, .. } => OutAxis::Affine { axis: i, start, step },
                    _ => OutAxis::Whole(i),
                });
                cuts.push(wish.grid.axes[at].clone());
            }
            staying += 1;
        }
        let source = Grid { axes: cuts };
        let want = wish_of(&View { axes, fixed }, &source, base, &wish.prefix);
        let spec = Reduce {
            source,
            axes: reduced,
            ..spec.clone()
        };
        Ok(Some(Way::Reduce(
            want,
            Box::new((Arc::new(spec), wish.grid.clone())),
        )))
    }

    fn build(&mut self, order: &[NodeRef]) -> Result<()> {
        for node in order {
            let mut ways = self.ways.remove(&node.token).unwrap_or_default();
            // What is as it is comes first: views of it are made of that.
            ways.sort_by_key(|(_, way)| matches!(way, Way::Above(_)));
            for (want, way) in ways {
                let new = self.made(node, way)?;
                self.done.insert((node.token, key(&want)), new);
            }
        }
        Ok(())
    }

    fn made(&self, node: &NodeRef, way: Way) -> Result<NodeRef> {
        let given = |input: &NodeRef, want: &Want| self.done[&(input.token, key(want))].clone();
        let cut = |op: ArrayOp, inputs: Vec<NodeRef>, grid: Grid| -> Result<NodeRef> {
            let dtype = array_of(node)?.dtype.clone();
            Ok(self::node(op, inputs, ArraySchema { dtype, grid }, &node.prefix))
        };
        match way {
            Way::Same => with_inputs(
                node,
                node.inputs.iter().map(|input| given(input, &None)).collect(),
            ),
            Way::Above(wish) => view(
                &self.done[&(node.token, None)],
                wish.view.clone(),
                wish.grid.clone(),
                &wish.prefix,
            ),
            Way::Input(want) => {
                let new = given(&node.inputs[0], &want);
                Ok(match &node.key {
                    Some(key) => new.keyed(Some(key.clone())),
                    None => new,
                })
            }
            Way::Source(new) => Ok(new),
            Way::Elementwise(wants, grid) => {
                let NodeOp::Array(op) = &node.op else {
                    return Ok(node.clone());
                };
                let inputs = node
                    .inputs
                    .iter()
                    .zip(&wants)
                    .map(|(input, want)| given(input, want));
                cut(op.clone(), inputs.collect(), grid)
            }
            Way::Reduce(want, made) => {
                let (spec, grid) = *made;
                cut(ArrayOp::Reduce(spec), vec![given(&node.inputs[0], &want)], grid)
            }
        }
    }
}

/// A node in place of one that reads, which shows what is wanted of it.
fn as_wanted(node: &NodeRef, wish: &Wish, op: ArrayOp) -> Way {
    let dtype = node
        .array
        .as_ref()
        .map_or(NdDtype::Host, |schema| schema.dtype.clone());
    let grid = wish.grid.clone();
    Way::Source(self::node(op, vec![], ArraySchema { dtype, grid }, &node.prefix))
}

/// Where the elements that are wanted of a source come from; none where that goes block by block.
fn axes_of(wish: &Wish) -> Option<Vec<ViewAxis>> {
    let axes = wish.view.axes.iter();
    axes.map(|axis| match *axis {
        OutAxis::Affine { axis, start, step } => Some(Some((axis, start, step))),
        OutAxis::New => Some(None),
        OutAxis::Whole(_) | OutAxis::Overlap { .. } => None,
    })
    .collect()
}

/// A call that reads parts of its blocks only, when it can: one part of a block for each that is wanted.
fn shown_by_call(own: &Blocks, grid: &Grid, wish: &Wish) -> Option<ArrayOp> {
    let BlockCall::Host(call) = &own.call else {
        return None;
    };
    let axes = axes_of(wish)?;
    let fewer = axes
        .iter()
        .zip(&wish.grid.axes)
        .all(|(axis, to)| axis.is_none_or(|(axis, ..)| to.count() <= grid.axes[axis].count()));
    if !fewer || multiplies(&wish.view, &wish.grid) || !is_local(&wish.view, grid, &wish.grid) {
        return None;
    }
    let function = call.function.viewed(&axes, &wish.view.fixed, &wish.grid)?;
    Some(ArrayOp::Blocks(Arc::new(Blocks {
        call: BlockCall::Host(HostCall {
            function,
            output: call.output.clone(),
        }),
        picks: vec![],
    })))
}

/// The wish for a view of a node cut as `base`; none when that shows the node as it is.
fn wish_of(view: &View, grid: &Grid, base: &Grid, prefix: &Arc<str>) -> Want {
    let view = normal(view, base, grid);
    if is_identity(&view, base, grid) {
        return None;
    }
    let mut t = Tokenizer::new();
    view.tokenize(&mut t);
    grid.tokenize(&mut t);
    let token = t.finish();
    Some(Arc::new(Wish {
        view,
        grid: grid.clone(),
        prefix: prefix.clone(),
        token,
    }))
}
