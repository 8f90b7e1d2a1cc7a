//! Copies in two steps, where one block of the result would need more blocks at once than the memory budget holds.
//!
//! Cutting rows into columns, or a shuffle, makes each block of parts of all others. Blocks next to each other are then read
//! together, as many as a part of the budget holds, and cut into pieces, which can leave memory one by one; blocks of the
//! result that are next to each other are put together of the pieces that they share. An array that is so many times as large
//! as that part makes the square of that many pieces, whatever its blocks are. The same way keeps graphs small where many
//! small blocks would be made of parts of many others.
//!
//! Covers views and points along axes. What fits into the budget, or needs few blocks at once, goes in one step. Invariant:
//! each block that is read belongs to one group and each block of the result to one, so nothing is read twice for good.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::error::Result;
use crate::expr::array::view::view;
use crate::expr::array::{
    ArrayOp, ArraySchema, AxisPick, BlockCall, Blocks, OutAxis, View, array_of, blocks,
};
use crate::expr::{NodeOp, NodeRef};
use crate::nd::{Axis, Grid};
use crate::op::nd_pick::{PickOp, Points};
use crate::plan::Lowering;

/// Groups of blocks take this part of the budget: two of them, the pieces and what is made next have to fit.
const PART: usize = 4;
/// So many pieces are worth a step between.
const MANY: usize = 1 << 20;
/// When there are so many times fewer blocks.
const FEWER: usize = 16;

/// How the copies of a node are made.
#[derive(Clone, Debug)]
pub(super) enum Copies {
    /// In one step.
    Straight,
    /// From an array between, cut so that its blocks lie in one group of blocks of both.
    Between(NodeRef),
    /// From these nodes, instead of the inputs.
    Inputs(Arc<[NodeRef]>),
}

/// What may be held at once.
#[derive(Clone, Copy)]
struct Room {
    /// By all that is read.
    all: usize,
    /// By a group.
    group: usize,
}

impl Lowering<'_> {
    fn room(&self) -> Room {
        let limit = self.settings.memory_limit;
        Room {
            all: limit / 2,
            group: limit / PART,
        }
    }

    /// How a view is made.
    pub(super) fn copies_of_view(&mut self, node: &NodeRef, own: &View) -> Result<Copies> {
        if let Some(copies) = self.copies.get(&node.token) {
            return Ok(copies.clone());
        }
        let copies = match self.between(node, own)? {
            Some(mid) => {
                self.cutting.insert(mid.token);
                self.copies.insert(mid.token, Copies::Straight);
                Copies::Between(mid)
            }
            None => Copies::Straight,
        };
        self.copies.insert(node.token, copies.clone());
        Ok(copies)
    }

    fn between(&self, node: &NodeRef, own: &View) -> Result<Option<NodeRef>> {
        let input = &node.inputs[0];
        if matches!(&input.op, NodeOp::Array(ArrayOp::Source(source)) if source.in_memory()) {
            return Ok(None);
        }
        let schema = array_of(node)?;
        let Some(grid) = grid_between(
            own,
            &array_of(input)?.grid,
            &schema.grid,
            schema.dtype.itemsize(),
            self.room(),
        ) else {
            return Ok(None);
        };
        view(input, own.clone(), grid, "rechunk-split").map(Some)
    }

    /// How points are made: `picks` are the nodes of consecutive runs of points of one array, or a single one.
    pub(super) fn copies_of_points(&mut self, node: &NodeRef, picks: &[NodeRef]) -> Result<Copies> {
        if let Some(copies) = self.copies.get(&node.token) {
            return Ok(copies.clone());
        }
        let copies = match points_between(picks, self.room())? {
            Some((mids, ends)) => {
                for mid in mids {
                    self.cutting.insert(mid.token);
                    self.copies.insert(mid.token, Copies::Straight);
                }
                for end in &ends {
                    self.copies.insert(end.token, Copies::Straight);
                }
                Copies::Inputs(ends.into())
            }
            None => Copies::Straight,
        };
        self.copies.insert(node.token, copies.clone());
        Ok(copies)
    }
}

/// An axis of the result: where what is read and what is made is cut, in places of the result.
struct Cuts {
    /// Where the elements of each block that is read begin, and the end.
    read: Vec<usize>,
    /// How long the blocks that are read are themselves.
    lens: Vec<usize>,
    /// Where the blocks of the result begin, and the end.
    made: Vec<usize>,
    /// How many consecutive blocks make a group: of those that are read and those that are made.
    together: [usize; 2],
}

impl Cuts {
    /// Where groups begin, and the end.
    fn groups(bounds: &[usize], together: usize) -> Vec<usize> {
        let mut groups: Vec<usize> = bounds[..bounds.len() - 1]
            .iter()
            .step_by(together)
            .copied()
            .collect();
        groups.extend(bounds.last());
        groups
    }

    /// The elements of the largest group.
    fn extent(&self, side: usize, together: usize) -> usize {
        let sums: &mut dyn Iterator<Item = usize> = if side == 0 {
            &mut self.lens.chunks(together).map(|lens| lens.iter().sum())
        } else {
            let groups = Self::groups(&self.made, together);
            let most = groups.windows(2).map(|pair| pair[1] - pair[0]).max();
            return most.unwrap_or(0);
        };
        sums.max().unwrap_or(0)
    }

    fn most_groups(&self, side: usize) -> usize {
        let bounds = if side == 0 { &self.read } else { &self.made };
        (bounds.len() - 1).div_ceil(self.together[side])
    }

    /// Where pieces begin and the end, when groups have so many blocks.
    fn pieces(&self, together: [usize; 2]) -> Vec<usize> {
        let mut bounds = Self::groups(&self.read, together[0]);
        bounds.extend(Self::groups(&self.made, together[1]));
        bounds.sort_unstable();
        bounds.dedup();
        bounds
    }

    /// The elements of the blocks that the largest need of one block of the result reads.
    fn needed(&self) -> usize {
        let mut most = 0;
        for pair in self.made.windows(2) {
            let first = self.read.partition_point(|start| *start <= pair[0]).max(1) - 1;
            let last = self.read.partition_point(|start| *start < pair[1]).max(first + 1);
            most = most.max(self.lens[first..last.min(self.lens.len())].iter().sum());
        }
        most
    }
}

/// The grid of an array between, where a view needs one.
fn grid_between(view: &View, source: &Grid, grid: &Grid, itemsize: usize, room: Room) -> Option<Grid> {
    let cuts = view
        .axes
        .iter()
        .zip(&grid.axes)
        .map(|(from, to)| cuts_of(*from, source, to))
        .collect::<Option<Vec<_>>>()?;
    let mut item = itemsize;
    for (axis, position) in &view.fixed {
        let axis = &source.axes[*axis];
        item = item.saturating_mul(axis.size(axis.locate(*position))?);
    }
    let product = |each: &mut dyn Iterator<Item = usize>| each.fold(item, usize::saturating_mul);
    let total = product(&mut cuts.iter().map(|cut| cut.lens.iter().sum()));
    let needed = product(&mut cuts.iter().map(Cuts::needed));
    let count = |cuts: &[Cuts], changed: usize, together: [usize; 2]| {
        cuts.iter()
            .enumerate()
            .map(|(i, cut)| {
                cut.pieces(if i == changed { together } else { cut.together })
                    .len()
                    - 1
            })
            .fold(1, usize::saturating_mul)
    };
    let straight = count(&cuts, usize::MAX, [1, 1]);
    let ends = source.count() + grid.count();
    let group = if total > room.all && needed > room.group {
        room.group
    } else if straight > MANY && straight / FEWER > ends {
        room.group.min(total / FEWER)
    } else {
        return None;
    };
    let mut cuts = cuts;
    let mut pieces = straight;
    loop {
        let mut best: Option<(usize, usize, [usize; 2])> = None;
        for side in 0..2 {
            let bytes = |cuts: &[Cuts], changed: usize| {
                cuts.iter()
                    .enumerate()
                    .map(|(i, cut)| cut.extent(side, cut.together[side] * if i == changed { 2 } else { 1 }))
                    .fold(if side == 0 { item } else { itemsize }, usize::saturating_mul)
            };
            for i in 0..cuts.len() {
                if cuts[i].most_groups(side) < 2 || bytes(&cuts, i) > group {
                    continue;
                }
                let mut together = cuts[i].together;
                together[side] *= 2;
                let fewer = count(&cuts, i, together);
                if fewer < best.map_or(pieces, |(count, ..)| count) {
                    best = Some((fewer, i, together));
                }
            }
        }
        let Some((fewer, i, together)) = best else { break };
        cuts[i].together = together;
        pieces = fewer;
    }
    // Blocks that are as those that are made, or as those that are read, need no step between.
    let idle =
        |bounds: fn(&Cuts) -> &Vec<usize>| cuts.iter().all(|cut| cut.pieces(cut.together) == *bounds(cut));
    if idle(|cut| &cut.read) || idle(|cut| &cut.made) {
        return None;
    }
    let axes = cuts
        .iter()
        .zip(&grid.axes)
        .zip(&view.axes)
        .map(|((cut, to), from)| {
            if !matches!(from, OutAxis::Affine { .. }) {
                return to.clone();
            }
            let bounds = cut.pieces(cut.together);
            let sizes: Vec<_> = bounds.windows(2).map(|pair| Some(pair[1] - pair[0])).collect();
            Axis::from_sizes(&sizes)
        });
    Some(Grid { axes: axes.collect() })
}

/// None for an axis that only goes block by block, or has no known length.
fn cuts_of(from: OutAxis, source: &Grid, to: &Axis) -> Option<Cuts> {
    let len = to.len()?;
    if len == 0 {
        return None;
    }
    let mut made = vec![0];
    made.extend(to.sizes().into_iter().flatten().scan(0, |at, size| {
        *at += size;
        Some(*at)
    }));
    made.dedup();
    let (read, lens) = match from {
        OutAxis::Affine { axis, start, step } if step != 0 => {
            let axis = &source.axes[axis];
            let mut read = vec![0];
            let mut lens = Vec::new();
            while *read.last()? < len {
                let at = *read.last()?;
                let first = (start as isize + step * at as isize) as usize;
                let block = axis.locate(first);
                let (begin, end) = axis.bounds(block)?;
                let stride = step.unsigned_abs();
                let more = if step > 0 {
                    (end - 1 - first) / stride
                } else {
                    (first - begin) / stride
                };
                read.push((at + more + 1).min(len));
                lens.push(end - begin);
            }
            (read, lens)
        }
        // The same elements everywhere.
        OutAxis::Affine { axis, start, .. } => {
            let axis = &source.axes[axis];
            (vec![0, len], vec![axis.size(axis.locate(start))?])
        }
        OutAxis::New => (vec![0, len], vec![1]),
        OutAxis::Whole(_) | OutAxis::Overlap { .. } => return None,
    };
    Some(Cuts {
        read,
        lens,
        made,
        together: [1, 1],
    })
}

/// The points of one array that a node picks.
struct Pick<'a> {
    axes: &'a [usize],
    place: usize,
    count: usize,
    parts: &'a [Points],
    /// Which block each part is of, counted along the axes of points.
    blocks: Vec<usize>,
    array: &'a NodeRef,
}

impl<'a> Pick<'a> {
    fn of(node: &'a NodeRef) -> Option<Self> {
        let NodeOp::Array(ArrayOp::Blocks(spec)) = &node.op else {
            return None;
        };
        let BlockCall::Pick(op) = &spec.call else {
            return None;
        };
        let PickOp::Points {
            axes,
            place,
            count,
            parts,
        } = &**op
        else {
            return None;
        };
        let array = node.inputs.first()?;
        let counts = array.array.as_ref()?.grid.numblocks();
        let number = |picks: &Vec<AxisPick>| {
            axes.iter().try_fold(0, |number, axis| match picks[*axis] {
                AxisPick::At(block) => Some(number * counts[*axis] + block),
                _ => None,
            })
        };
        let alike = node.inputs.iter().all(|input| input.token == array.token);
        Some(Self {
            axes,
            place: *place,
            count: *count,
            parts,
            blocks: spec.picks.iter().map(number).collect::<Option<_>>()?,
            array,
        })
        .filter(|_| alike)
    }
}

/// The nodes between and those that are made of them, where points need such.
fn points_between(nodes: &[NodeRef], room: Room) -> Result<Option<(Vec<NodeRef>, Vec<NodeRef>)>> {
    let Some(picks) = nodes.iter().map(Pick::of).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let Some(first) = picks.first() else {
        return Ok(None);
    };
    let (array, axes, place) = (first.array, first.axes, first.place);
    if picks
        .iter()
        .any(|pick| pick.array.token != array.token || pick.axes != axes || pick.place != place)
    {
        return Ok(None);
    }
    let schema = array_of(array)?;
    let longest = |axis: &Axis| axis.sizes().into_iter().max().flatten();
    let mut others = schema.dtype.itemsize();
    let mut rest = others;
    for (i, axis) in schema.grid.axes.iter().enumerate() {
        if !axes.contains(&i) {
            let (Some(len), Some(most)) = (axis.len(), longest(axis)) else {
                return Ok(None);
            };
            others = others.saturating_mul(most);
            rest = rest.saturating_mul(len);
        }
    }
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    for block in picks.iter().flat_map(|pick| &pick.blocks) {
        let (mut number, mut size) = (*block, 1_usize);
        for axis in axes.iter().rev() {
            let axis = &schema.grid.axes[*axis];
            size = size.saturating_mul(axis.size(number % axis.count()).unwrap_or(0));
            number /= axis.count();
        }
        sizes.insert(*block, size);
    }
    let bytes = |sum: usize| sum.saturating_mul(others);
    let total = sizes.values().sum::<usize>().saturating_mul(rest);
    let needs = picks
        .iter()
        .map(|pick| pick.blocks.iter().map(|block| sizes[block]).sum());
    let needed = bytes(needs.max().unwrap_or(0));
    if total <= room.all || needed <= room.group {
        return Ok(None);
    }
    let mut read: Vec<usize> = sizes.keys().copied().collect();
    read.sort_unstable();
    let read_in = grouped(read.iter().map(|block| bytes(sizes[block])), room.group);
    let group_of: HashMap<usize, usize> = read.into_iter().zip(read_in).collect();
    let made_in = grouped(picks.iter().map(|pick| bytes(pick.count)), room.group);
    let mut mids = Vec::new();
    let mut ends = Vec::with_capacity(picks.len());
    let mut start = 0;
    while start < picks.len() {
        let len = made_in[start..]
            .iter()
            .take_while(|group| **group == made_in[start])
            .count();
        let (own, new) = split(&picks[start..start + len], &nodes[start..start + len], &group_of)?;
        mids.extend(own);
        ends.extend(new);
        start += len;
    }
    Ok(Some((mids, ends)))
}

/// In which group each of consecutive things is, when a group has no more than so many bytes.
fn grouped(sizes: impl Iterator<Item = usize>, most: usize) -> Vec<usize> {
    let (mut group, mut held) = (0, 0_usize);
    sizes
        .map(|size| {
            if held > 0 && held.saturating_add(size) > most {
                group += 1;
                held = 0;
            }
            held = held.saturating_add(size);
            group
        })
        .collect()
}

/// One array of points between for each group of blocks, in the order of those that are made, and these picked from them.
fn split(
    picks: &[Pick],
    nodes: &[NodeRef],
    group_of: &HashMap<usize, usize>,
) -> Result<(Vec<NodeRef>, Vec<NodeRef>)> {
    /// What comes out of a group of blocks.
    #[derive(Default)]
    struct Piece {
        /// For each block, which positions in it, and where they go.
        parts: Vec<(usize, Vec<Vec<i64>>, Vec<i64>)>,
        index: HashMap<usize, usize>,
        count: usize,
    }
    let mut pieces: std::collections::BTreeMap<usize, Piece> = std::collections::BTreeMap::new();
    // For each of the results: the groups that it has points of, where they begin in the piece, and their places.
    let mut reads: Vec<Vec<(usize, usize, Vec<i64>)>> = Vec::with_capacity(picks.len());
    for pick in picks {
        let mut own: Vec<(usize, usize, Vec<i64>)> = Vec::new();
        let mut order: Vec<usize> = (0..pick.parts.len()).collect();
        order.sort_by_key(|part| group_of[&pick.blocks[*part]]);
        for part in order {
            let (block, points) = (pick.blocks[part], &pick.parts[part]);
            let group = group_of[&block];
            let piece = pieces.entry(group).or_default();
            if own.last().is_none_or(|(last, ..)| *last != group) {
                own.push((group, piece.count, Vec::new()));
            }
            if let Some((.., places)) = own.last_mut() {
                places.extend_from_slice(&points.places);
            }
            let slot = *piece.index.entry(block).or_insert_with(|| {
                piece
                    .parts
                    .push((block, vec![Vec::new(); points.at.len()], Vec::new()));
                piece.parts.len() - 1
            });
            let (_, at, places) = &mut piece.parts[slot];
            for (all, more) in at.iter_mut().zip(&points.at) {
                all.extend_from_slice(more);
            }
            let end = piece.count + points.places.len();
            places.extend((piece.count..end).map(|place| place as i64));
            piece.count = end;
        }
        reads.push(own);
    }
    let (array, axes, place) = (picks[0].array, picks[0].axes, picks[0].place);
    let source = array_of(array)?;
    let mut made: HashMap<usize, NodeRef> = HashMap::new();
    for (group, piece) in pieces {
        let mut grid: Vec<Axis> = Vec::new();
        let mut follow = vec![0; source.grid.axes.len()];
        for (i, axis) in source.grid.axes.iter().enumerate() {
            if !axes.contains(&i) {
                follow[i] = grid.len() + usize::from(grid.len() >= place);
                grid.push(axis.clone());
            }
        }
        grid.insert(place, Axis::single(piece.count));
        let own_picks = piece.parts.iter().map(|(block, ..)| {
            let mut at = follow
                .iter()
                .map(|axis| AxisPick::Follow(*axis))
                .collect::<Vec<_>>();
            let mut number = *block;
            for axis in axes.iter().rev() {
                let count = source.grid.axes[*axis].count();
                at[*axis] = AxisPick::At(number % count);
                number /= count;
            }
            at
        });
        let spec_picks = own_picks.collect();
        let inputs = vec![array.clone(); piece.parts.len()];
        let parts = piece.parts.into_iter().map(|(_, at, places)| Points {
            at: at.into_iter().map(Into::into).collect(),
            places: places.into(),
        });
        let op = PickOp::Points {
            axes: axes.to_vec(),
            place,
            count: piece.count,
            parts: parts.collect(),
        };
        let spec = Blocks {
            call: BlockCall::Pick(Arc::new(op)),
            picks: spec_picks,
        };
        let schema = ArraySchema {
            dtype: source.dtype.clone(),
            grid: Grid { axes: grid },
        };
        made.insert(group, blocks::blocks(inputs, spec, schema, "take-split")?);
    }
    let mut ends = Vec::with_capacity(picks.len());
    for ((pick, node), own) in picks.iter().zip(nodes).zip(reads) {
        let schema = array_of(node)?;
        let each = |(_, start, places): &(usize, usize, Vec<i64>)| Points {
            at: vec![(*start..*start + places.len()).map(|at| at as i64).collect()],
            places: places.as_slice().into(),
        };
        let op = PickOp::Points {
            axes: vec![place],
            place,
            count: pick.count,
            parts: own.iter().map(each).collect(),
        };
        let mut follow: Vec<AxisPick> = (0..schema.grid.axes.len()).map(AxisPick::Follow).collect();
        follow[place] = AxisPick::At(0);
        let spec = Blocks {
            call: BlockCall::Pick(Arc::new(op)),
            picks: vec![follow; own.len()],
        };
        let inputs = own.iter().map(|(group, ..)| made[group].clone()).collect();
        ends.push(blocks::blocks(inputs, spec, (**schema).clone(), &node.prefix)?);
    }
    Ok((made.into_values().collect(), ends))
}
