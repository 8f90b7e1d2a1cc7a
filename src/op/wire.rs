//! The wire form of operations and of expression trees.

use std::sync::Arc;

use crate::error::Result;
use crate::op::agg::{AggCall, AggOp, AggOptions, AggSpec};
use crate::op::nd::{NdExpr, NdOp, NdScalar, NdValue};
use crate::op::nd_pick::{PickOp, Points};
use crate::op::nd_product::Contract;
use crate::op::nd_reduce::{ReduceOp, ScanOp};
use crate::op::scalar::ScalarOp;
use crate::op::tree::{Expr, ExprRef};
use crate::wire::{Decoder, Encoder, Wire, broken};

/// Operations without parameters go by their name.
impl Wire for ScalarOp {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Round(decimals) => {
                out.tag(1);
                decimals.encode(out)
            }
            Self::IsIn(values) => {
                out.tag(2);
                values.encode(out)
            }
            Self::Cast(dtype) => {
                out.tag(3);
                dtype.encode(out)
            }
            plain => {
                out.tag(0);
                out.bytes(plain.name().as_bytes());
                Ok(())
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => {
                let name: String = from.take()?;
                Self::parse(&name).ok_or_else(|| broken(&format!("no operation {name:?}")))?
            }
            1 => Self::Round(from.take()?),
            2 => Self::IsIn(from.take()?),
            3 => Self::Cast(from.take()?),
            _ => return Err(broken("no operation")),
        })
    }
}

/// Trees share branches, and what is shared stays so.
impl Wire for ExprRef {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| match &**self {
            Expr::Column(position) => {
                out.tag(0);
                position.encode(out)
            }
            Expr::Index(level) => {
                out.tag(1);
                level.encode(out)
            }
            Expr::Literal(literal) => {
                out.tag(2);
                literal.encode(out)
            }
            Expr::Input(input) => {
                out.tag(3);
                input.encode(out)
            }
            Expr::Call(op, args) => {
                out.tag(4);
                op.encode(out)?;
                args.encode(out)
            }
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            Ok(Arc::new(match from.tag()? {
                0 => Expr::Column(from.take()?),
                1 => Expr::Index(from.take()?),
                2 => Expr::Literal(from.take()?),
                3 => Expr::Input(from.take()?),
                4 => Expr::Call(from.take()?, from.take()?),
                _ => return Err(broken("no expression")),
            }))
        })
    }
}

/// By name, with all options that any aggregation takes.
impl Wire for AggOp {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        let options = self.options();
        out.bytes(self.name().as_bytes());
        options.skipna.encode(out)?;
        options.dropna.encode(out)?;
        options.ddof.encode(out)?;
        options.min_count.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let name: String = from.take()?;
        let options = AggOptions {
            skipna: from.take()?,
            dropna: from.take()?,
            ddof: from.take()?,
            min_count: from.take()?,
        };
        Self::parse(&name, options).ok_or_else(|| broken(&format!("no aggregation {name:?}")))
    }
}

impl Wire for AggCall {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.op.encode(out)?;
        self.arg.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            op: from.take()?,
            arg: from.take()?,
        })
    }
}

impl Wire for Arc<AggSpec> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.keys.encode(out)?;
        self.calls.encode(out)?;
        for flag in [self.sort, self.dropna, self.observed, self.as_index] {
            flag.encode(out)?;
        }
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self::new(AggSpec {
            keys: from.take()?,
            calls: from.take()?,
            sort: from.take()?,
            dropna: from.take()?,
            observed: from.take()?,
            as_index: from.take()?,
        }))
    }
}

impl Wire for NdScalar {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self.value {
            NdValue::Bool(value) => {
                out.tag(0);
                value.encode(out)?;
            }
            NdValue::Int(value) => {
                out.tag(1);
                value.encode(out)?;
            }
            NdValue::Float(value) => {
                out.tag(2);
                value.encode(out)?;
            }
            NdValue::Complex(re, im) => {
                out.tag(3);
                re.encode(out)?;
                im.encode(out)?;
            }
        }
        self.elem.encode(out)?;
        self.weak.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            value: match from.tag()? {
                0 => NdValue::Bool(from.take()?),
                1 => NdValue::Int(from.take()?),
                2 => NdValue::Float(from.take()?),
                3 => NdValue::Complex(from.take()?, from.take()?),
                _ => return Err(broken("no number")),
            },
            elem: from.take()?,
            weak: from.take()?,
        })
    }
}

/// Expressions of arrays share branches too.
impl Wire for Arc<NdExpr> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| match &**self {
            NdExpr::Input(position) => {
                out.tag(0);
                position.encode(out)
            }
            NdExpr::Const(value) => {
                out.tag(1);
                value.encode(out)
            }
            NdExpr::Call(op, args) => {
                out.tag(2);
                out.bytes(op.name().as_bytes());
                args.encode(out)
            }
            NdExpr::Cast(elem, expr) => {
                out.tag(3);
                elem.encode(out)?;
                expr.encode(out)
            }
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            Ok(Self::new(match from.tag()? {
                0 => NdExpr::Input(from.take()?),
                1 => NdExpr::Const(from.take()?),
                2 => {
                    let name: String = from.take()?;
                    let op = NdOp::parse(&name).ok_or_else(|| broken(&format!("no operation {name:?}")))?;
                    NdExpr::Call(op, from.take()?)
                }
                3 => NdExpr::Cast(from.take()?, from.take()?),
                _ => return Err(broken("no expression")),
            }))
        })
    }
}

/// By name, with what any reduction is told.
impl Wire for ReduceOp {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        let (ddof, order) = match *self {
            Self::Var { ddof, .. } | Self::Std { ddof, .. } => (ddof, 0),
            Self::Moment { order, ddof } => (ddof, order),
            _ => (0.0, 0),
        };
        out.bytes(self.name().as_bytes());
        ddof.encode(out)?;
        order.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let name: String = from.take()?;
        let op = Self::parse(&name, from.take()?, from.take()?);
        op.ok_or_else(|| broken(&format!("no reduction {name:?}")))
    }
}

/// By name.
impl Wire for ScanOp {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.bytes(self.name().as_bytes());
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let name: String = from.take()?;
        Self::parse(&name).ok_or_else(|| broken(&format!("no running reduction {name:?}")))
    }
}

impl Wire for Arc<Contract> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| {
            self.batch.encode(out)?;
            self.summed.encode(out)?;
            self.left.encode(out)?;
            self.right.encode(out)
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            Ok(Self::new(Contract {
                batch: from.take()?,
                summed: from.take()?,
                left: from.take()?,
                right: from.take()?,
            }))
        })
    }
}

impl Wire for Points {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.at.encode(out)?;
        self.places.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            at: from.take()?,
            places: from.take()?,
        })
    }
}

impl Wire for PickOp {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Points {
                axes,
                place,
                count,
                parts,
            } => {
                out.tag(0);
                axes.encode(out)?;
                place.encode(out)?;
                count.encode(out)?;
                parts.encode(out)
            }
            Self::Repeat { axis, times } => {
                out.tag(1);
                axis.encode(out)?;
                times.encode(out)
            }
            Self::Triangle { lower, k } => {
                out.tag(2);
                lower.encode(out)?;
                k.encode(out)
            }
            Self::Compress { axis } => {
                out.tag(3);
                axis.encode(out)
            }
            Self::Select => {
                out.tag(4);
                Ok(())
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Points {
                axes: from.take()?,
                place: from.take()?,
                count: from.take()?,
                parts: from.take()?,
            },
            1 => Self::Repeat {
                axis: from.take()?,
                times: from.take()?,
            },
            2 => Self::Triangle {
                lower: from.take()?,
                k: from.take()?,
            },
            3 => Self::Compress { axis: from.take()? },
            4 => Self::Select,
            _ => return Err(broken("no choice of elements")),
        })
    }
}
