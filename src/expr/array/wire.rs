//! The wire form of array nodes.

use std::sync::Arc;

use crate::error::Result;
use crate::expr::array::reduce::Reduce;
use crate::expr::array::{ArrayOp, ArraySchema, AxisPick, BlockCall, Blocks, OutAxis, Scan, View};
use crate::wire::{Decoder, Encoder, Wire, broken};

impl Wire for Arc<ArraySchema> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| {
            self.dtype.encode(out)?;
            self.grid.encode(out)
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            Ok(Self::new(ArraySchema {
                dtype: from.take()?,
                grid: from.take()?,
            }))
        })
    }
}

impl Wire for ArrayOp {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Source(source) => {
                out.tag(0);
                source.encode(out)
            }
            Self::View(view) => {
                out.tag(1);
                view.axes.encode(out)?;
                view.fixed.encode(out)
            }
            Self::Concat(axis) => {
                out.tag(2);
                axis.encode(out)
            }
            Self::Blocks(blocks) => {
                out.tag(3);
                match &blocks.call {
                    BlockCall::Host(call) => {
                        out.tag(0);
                        call.encode(out)?;
                    }
                    BlockCall::Pick(op) => {
                        out.tag(1);
                        op.encode(out)?;
                    }
                }
                blocks.picks.encode(out)
            }
            Self::Join => {
                out.tag(4);
                Ok(())
            }
            Self::Elementwise(expr) => {
                out.tag(5);
                expr.encode(out)
            }
            Self::Reduce(reduce) => {
                out.tag(6);
                reduce.encode(out)
            }
            Self::Contract(spec) => {
                out.tag(7);
                spec.encode(out)
            }
            Self::Scan(scan) => {
                out.tag(8);
                scan.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Source(from.take()?),
            1 => Self::View(Arc::new(View {
                axes: from.take()?,
                fixed: from.take()?,
            })),
            2 => Self::Concat(from.take()?),
            3 => Self::Blocks(Arc::new(Blocks {
                call: match from.tag()? {
                    0 => BlockCall::Host(from.take()?),
                    1 => BlockCall::Pick(Arc::new(from.take()?)),
                    _ => return Err(broken("no call for blocks")),
                },
                picks: from.take()?,
            })),
            4 => Self::Join,
            5 => Self::Elementwise(from.take()?),
            6 => Self::Reduce(from.take()?),
            7 => Self::Contract(from.take()?),
            8 => Self::Scan(from.take()?),
            tag => return Err(broken(&format!("no array node has number {tag}"))),
        })
    }
}

/// A reduction is shared by the tasks of its blocks.
impl Wire for Arc<Reduce> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| {
            self.op.encode(out)?;
            self.state.encode(out)?;
            self.expr.encode(out)?;
            self.elem.encode(out)?;
            self.source.encode(out)?;
            self.axes.encode(out)?;
            self.keepdims.encode(out)?;
            self.flat.encode(out)
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            Ok(Self::new(Reduce {
                op: from.take()?,
                state: from.take()?,
                expr: from.take()?,
                elem: from.take()?,
                source: from.take()?,
                axes: from.take()?,
                keepdims: from.take()?,
                flat: from.take()?,
            }))
        })
    }
}

impl Wire for Scan {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.op.encode(out)?;
        self.axis.encode(out)?;
        self.elem.encode(out)?;
        self.out.encode(out)?;
        self.ahead.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            op: from.take()?,
            axis: from.take()?,
            elem: from.take()?,
            out: from.take()?,
            ahead: from.take()?,
        })
    }
}

impl Wire for OutAxis {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Affine { axis, start, step } => {
                out.tag(0);
                axis.encode(out)?;
                start.encode(out)?;
                step.encode(out)
            }
            Self::Whole(axis) => {
                out.tag(1);
                axis.encode(out)
            }
            Self::New => {
                out.tag(2);
                Ok(())
            }
            Self::Overlap { axis, before, after } => {
                out.tag(3);
                axis.encode(out)?;
                before.encode(out)?;
                after.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Affine {
                axis: from.take()?,
                start: from.take()?,
                step: from.take()?,
            },
            1 => Self::Whole(from.take()?),
            2 => Self::New,
            3 => Self::Overlap {
                axis: from.take()?,
                before: from.take()?,
                after: from.take()?,
            },
            _ => return Err(broken("no axis of a view")),
        })
    }
}

impl Wire for AxisPick {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Follow(axis) => {
                out.tag(0);
                axis.encode(out)
            }
            Self::All => {
                out.tag(1);
                Ok(())
            }
            Self::Group { axis, size } => {
                out.tag(2);
                axis.encode(out)?;
                size.encode(out)
            }
            Self::At(block) => {
                out.tag(3);
                block.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Follow(from.take()?),
            1 => Self::All,
            2 => Self::Group {
                axis: from.take()?,
                size: from.take()?,
            },
            3 => Self::At(from.take()?),
            _ => return Err(broken("no choice of blocks")),
        })
    }
}
