//! The wire form of the words of layer 0: names, tokens, scalars, labels, dtypes, schemas, divisions, grids, errors.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Decoder, Encoder, Wire, broken};
use crate::dtype::{Categories, Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Kind, Result};
use crate::host::HostRef;
use crate::nd::{Axis, Elem, Grid, NdDtype};
use crate::scalar::{Literal, Scalar};
use crate::schema::{Column, Division, Divisions, FrameKind, FrameSchema, IndexSchema, Label};
use crate::token::{Name, Token};

/// As people see it: a name is made text only when it leaves.
impl Wire for Name {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.to_string().encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let text: String = from.take()?;
        Ok(text.as_str().into())
    }
}

impl Wire for Token {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.raw(&self.0);
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let mut token = [0; 16];
        token.copy_from_slice(from.raw(16)?);
        Ok(Self(token))
    }
}

/// An object that is data, with its content hash.
impl Wire for HostRef {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.object(self, false);
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.object()
    }
}

/// An object that a content hash is made of: its own hash is worked out first, so that it is the same at the other end.
fn hashed(value: &HostRef, out: &mut Encoder) {
    value.token();
    out.object(value, false);
}

impl Wire for TimeUnit {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.bytes(self.name().as_bytes());
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Self::parse(&from.take::<String>()?).ok_or_else(|| broken("no unit of time"))
    }
}

impl Wire for NumpyType {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.bytes(self.name().as_bytes());
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Self::parse(&from.take::<String>()?).ok_or_else(|| broken("no element type"))
    }
}

impl Wire for Scalar {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Missing => out.tag(0),
            Self::Bool(value) => {
                out.tag(1);
                value.encode(out)?;
            }
            Self::Int(value) => {
                out.tag(2);
                value.encode(out)?;
            }
            Self::Float(value) => {
                out.tag(3);
                value.encode(out)?;
            }
            Self::Str(value) => {
                out.tag(4);
                value.encode(out)?;
            }
            Self::Bytes(value) => {
                out.tag(5);
                out.bytes(value);
            }
            Self::Timestamp { value, unit, tz } => {
                out.tag(6);
                value.encode(out)?;
                unit.encode(out)?;
                tz.encode(out)?;
            }
            Self::Timedelta { value, unit } => {
                out.tag(7);
                value.encode(out)?;
                unit.encode(out)?;
            }
        }
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Missing,
            1 => Self::Bool(from.take()?),
            2 => Self::Int(from.take()?),
            3 => Self::Float(from.take()?),
            4 => Self::Str(from.take()?),
            5 => Self::Bytes(from.bytes()?.into()),
            6 => Self::Timestamp {
                value: from.take()?,
                unit: from.take()?,
                tz: from.take()?,
            },
            7 => Self::Timedelta {
                value: from.take()?,
                unit: from.take()?,
            },
            _ => return Err(broken("no scalar")),
        })
    }
}

impl Wire for Literal {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.value.encode(out)?;
        self.dtype.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            value: from.take()?,
            dtype: from.take()?,
        })
    }
}

impl Wire for Label {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::None => out.tag(0),
            Self::Bool(value) => {
                out.tag(1);
                value.encode(out)?;
            }
            Self::Int(value) => {
                out.tag(2);
                value.encode(out)?;
            }
            Self::Float(bits) => {
                out.tag(3);
                bits.encode(out)?;
            }
            Self::Str(text) => {
                out.tag(4);
                text.encode(out)?;
            }
            Self::Tuple(items) => {
                out.tag(5);
                items.encode(out)?;
            }
            Self::Host(text, value) => {
                out.tag(6);
                text.encode(out)?;
                hashed(value, out);
            }
        }
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::None,
            1 => Self::Bool(from.take()?),
            2 => Self::Int(from.take()?),
            3 => Self::Float(from.take()?),
            4 => Self::Str(from.take()?),
            5 => Self::Tuple(from.take()?),
            6 => Self::Host(from.take()?, from.object()?),
            _ => return Err(broken("no label")),
        })
    }
}

impl Wire for Dtype {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Numpy(kind) => {
                out.tag(0);
                kind.encode(out)
            }
            Self::Str => {
                out.tag(1);
                Ok(())
            }
            Self::String { pyarrow } => {
                out.tag(2);
                pyarrow.encode(out)
            }
            Self::Nullable(kind) => {
                out.tag(3);
                kind.encode(out)
            }
            Self::Datetimetz(unit, tz) => {
                out.tag(4);
                unit.encode(out)?;
                tz.encode(out)
            }
            Self::Category(categories) => {
                out.tag(5);
                out.share(categories, |out| {
                    categories.values.encode(out)?;
                    categories.dtype.encode(out)?;
                    categories.ordered.encode(out)
                })
            }
            Self::Arrow(data_type) => {
                out.tag(6);
                data_type.encode(out)
            }
            Self::Host { name, value } => {
                out.tag(7);
                name.encode(out)?;
                out.tag(u8::from(value.is_some()));
                value.iter().for_each(|value| hashed(value, out));
                Ok(())
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Numpy(from.take()?),
            1 => Self::Str,
            2 => Self::String {
                pyarrow: from.take()?,
            },
            3 => Self::Nullable(from.take()?),
            4 => Self::Datetimetz(from.take()?, from.take()?),
            5 => Self::Category(from.share(|from| {
                Ok(Arc::new(Categories {
                    values: from.take()?,
                    dtype: from.take()?,
                    ordered: from.take()?,
                }))
            })?),
            6 => Self::Arrow(from.take()?),
            7 => Self::Host {
                name: from.take()?,
                value: from.take()?,
            },
            _ => return Err(broken("no dtype")),
        })
    }
}

impl Wire for Column {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.name.encode(out)?;
        self.dtype.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            name: from.take()?,
            dtype: from.take()?,
        })
    }
}

impl Wire for IndexSchema {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Range { name } => {
                out.tag(0);
                name.encode(out)
            }
            Self::Levels(levels) => {
                out.tag(1);
                levels.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Range { name: from.take()? },
            1 => Self::Levels(from.take()?),
            _ => return Err(broken("no index")),
        })
    }
}

impl Wire for FrameKind {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.tag(*self as u8);
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let all = [Self::Frame, Self::Series, Self::Index, Self::Scalar];
        let tag = from.tag()?;
        let found = all.into_iter().find(|kind| *kind as u8 == tag);
        found.ok_or_else(|| broken("no kind of frame"))
    }
}

/// A schema is shared by many nodes and tasks.
impl Wire for Arc<FrameSchema> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| {
            self.kind.encode(out)?;
            self.columns.encode(out)?;
            self.index.encode(out)?;
            self.axis_names.encode(out)?;
            out.tag(u8::from(self.attrs.is_some()));
            self.attrs.iter().for_each(|attrs| hashed(attrs, out));
            Ok(())
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            Ok(Self::new(FrameSchema {
                kind: from.take()?,
                columns: from.take()?,
                index: from.take()?,
                axis_names: from.take()?,
                attrs: from.take()?,
            }))
        })
    }
}

impl Wire for Division {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Value(value) => {
                out.tag(0);
                value.encode(out)
            }
            Self::Host(value) => {
                out.tag(1);
                hashed(value, out);
                Ok(())
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Value(from.take()?),
            1 => Self::Host(from.object()?),
            _ => return Err(broken("no division")),
        })
    }
}

impl Wire for Divisions {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Unknown(count) => {
                out.tag(0);
                count.encode(out)
            }
            Self::Known(values) => {
                out.tag(1);
                values.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Unknown(from.take()?),
            1 => Self::Known(from.take()?),
            _ => return Err(broken("no divisions")),
        })
    }
}

impl Wire for Elem {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.bytes(self.name().as_bytes());
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Self::parse(&from.take::<String>()?).ok_or_else(|| broken("no type of elements"))
    }
}

impl Wire for NdDtype {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Num(elem) => {
                out.tag(0);
                elem.encode(out)
            }
            Self::Raw { descr, itemsize } => {
                out.tag(1);
                descr.encode(out)?;
                itemsize.encode(out)
            }
            Self::Host => {
                out.tag(2);
                Ok(())
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Num(from.take()?),
            1 => Self::Raw {
                descr: from.take()?,
                itemsize: from.take()?,
            },
            2 => Self::Host,
            _ => return Err(broken("no type of elements")),
        })
    }
}

impl Wire for Axis {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Regular { len, chunk } => {
                out.tag(0);
                len.encode(out)?;
                chunk.encode(out)
            }
            Self::Bounds(bounds) => {
                out.tag(1);
                bounds.encode(out)
            }
            Self::Unknown(sizes) => {
                out.tag(2);
                sizes.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Regular {
                len: from.take()?,
                chunk: from.take()?,
            },
            1 => Self::Bounds(from.take()?),
            2 => Self::Unknown(from.take()?),
            _ => return Err(broken("no axis")),
        })
    }
}

impl Wire for Grid {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.axes.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self { axes: from.take()? })
    }
}

const KINDS: [Kind; 16] = [
    Kind::Value,
    Kind::Type,
    Kind::Key,
    Kind::Index,
    Kind::Overflow,
    Kind::Parse,
    Kind::Empty,
    Kind::Decode,
    Kind::NotImplemented,
    Kind::NotNative,
    Kind::Memory,
    Kind::Os,
    Kind::Cancelled,
    Kind::Retyped,
    Kind::Internal,
    Kind::Host,
];

/// All but a user's exception itself, which the host carries.
impl Wire for Error {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        let kind = KINDS.iter().position(|kind| *kind == self.kind());
        out.number(kind.unwrap_or(KINDS.len() - 2) as u64);
        out.bytes(self.message().as_bytes());
        let path = self.path().map(|path| path.to_string_lossy().into_owned());
        path.encode(out)?;
        self.errno().encode(out)?;
        if self.kind() == Kind::Decode {
            out.bytes(self.undecoded().unwrap_or_default());
        }
        out.number(self.notes().len() as u64);
        self.notes().iter().for_each(|note| out.bytes(note.as_bytes()));
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let kind = KINDS.get(from.number()? as usize);
        let kind = *kind.ok_or_else(|| broken("no kind of error"))?;
        let message = from.take::<String>()?;
        let path: Option<String> = from.take()?;
        let errno = from.take()?;
        let mut error = if kind == Kind::Decode {
            Self::undecodable(from.bytes()?.to_vec(), message)
        } else {
            Self::new(kind, message)
        };
        error = error.with_path(path.map(PathBuf::from), errno);
        for note in from.list::<String>()? {
            error = error.note(note);
        }
        Ok(error)
    }
}
