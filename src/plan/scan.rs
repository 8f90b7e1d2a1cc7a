//! Lowering of scans: a block starts from the end of the one before, or from the totals of all before.

use crate::error::{Error, Result};
use crate::expr::NodeRef;
use crate::expr::array::{Scan, array_of};
use crate::plan::Lowering;
use crate::task::scan::{Scanned, Scanner};
use crate::task::{TaskId, TaskOp};
use crate::token::{Token, Tokenizer};

impl Lowering<'_> {
    /// The task that makes a block of a scan.
    pub(super) fn scan(
        &mut self,
        node: &NodeRef,
        scan: Scan,
        index: &[usize],
        number: usize,
    ) -> Result<TaskId> {
        let at = index[scan.axis];
        let state = if scan.ahead {
            let carry = if at == 0 {
                None
            } else {
                Some(self.before(node, scan, index)?)
            };
            self.scanned(node, scan, index, carry)?
        } else {
            self.along(node, scan, index, at, "scan", |lowering, index, before| {
                lowering.scanned(node, scan, index, before)
            })?
        };
        Ok(self.push(node, number, TaskOp::Part(0), vec![state], 0))
    }

    /// The task that scans a block.
    fn scanned(
        &mut self,
        node: &NodeRef,
        scan: Scan,
        index: &[usize],
        carry: Option<TaskId>,
    ) -> Result<TaskId> {
        let grid = &array_of(node)?.grid;
        let number = grid.number(index);
        let bytes = grid
            .block_shape(index)
            .map_or(0, |shape| shape.iter().product::<usize>() * scan.out.itemsize());
        let mut inputs = vec![self.partition(&node.inputs[0], number)?];
        inputs.extend(carry);
        let op = Scanner {
            scan,
            what: Scanned::Block,
        };
        Ok(self.push(node, number, TaskOp::Scan(op), inputs, bytes))
    }

    /// The total of all blocks before the one at `index`.
    fn before(&mut self, node: &NodeRef, scan: Scan, index: &[usize]) -> Result<TaskId> {
        self.along(
            node,
            scan,
            index,
            index[scan.axis] - 1,
            "total",
            |lowering, index, before| {
                let number = array_of(node)?.grid.number(index);
                let block = lowering.partition(&node.inputs[0], number)?;
                let op = Scanner {
                    scan,
                    what: Scanned::Total,
                };
                let total = lowering.push(node, number, TaskOp::Scan(op), vec![block], 0);
                Ok(match before {
                    None => total,
                    Some(before) => {
                        let merge = TaskOp::MergeReduce(scan.op.total());
                        lowering.push(node, number, merge, vec![before, total], 0)
                    }
                })
            },
        )
    }

    /// What `make` makes of the block at `last` along the scan's axis, from what it makes of the one before; each is made
    /// once.
    fn along(
        &mut self,
        node: &NodeRef,
        scan: Scan,
        index: &[usize],
        last: usize,
        kind: &str,
        make: impl Fn(&mut Self, &[usize], Option<TaskId>) -> Result<TaskId>,
    ) -> Result<TaskId> {
        let mut t = Tokenizer::new();
        let token: Token = t.text(kind).token(node.token).finish();
        let grid = array_of(node)?.grid.clone();
        let mut index = index.to_vec();
        let mut first = last + 1;
        let mut before = None;
        while first > 0 && before.is_none() {
            first -= 1;
            index[scan.axis] = first;
            before = self.done.get(&self.graph, token, grid.number(&index));
        }
        let mut at = if before.is_some() { first + 1 } else { first };
        while at <= last {
            index[scan.axis] = at;
            let task = make(self, &index, before)?;
            self.done.insert(&self.graph, token, grid.number(&index), task);
            before = Some(task);
            at += 1;
        }
        before.ok_or_else(|| Error::internal("a scan of no blocks"))
    }
}
