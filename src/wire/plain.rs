//! The wire form of plain values: numbers, text, options, lists, pairs.

use std::sync::Arc;

use super::{Decoder, Encoder, Wire, broken};
use crate::error::Result;

macro_rules! numbers {
    ($($type:ty),*) => { $(
        impl Wire for $type {
            fn encode(&self, out: &mut Encoder) -> Result<()> {
                out.number(*self as u64);
                Ok(())
            }

            fn decode(from: &mut Decoder) -> Result<Self> {
                <$type>::try_from(from.number()?).map_err(|_| broken("a number is too large"))
            }
        }
    )* };
}
numbers!(u8, u32, u64, usize);

macro_rules! fixed {
    ($($type:ty),*) => { $(
        impl Wire for $type {
            fn encode(&self, out: &mut Encoder) -> Result<()> {
                out.raw(&self.to_le_bytes());
                Ok(())
            }

            fn decode(from: &mut Decoder) -> Result<Self> {
                let mut bytes = [0; size_of::<$type>()];
                bytes.copy_from_slice(from.raw(size_of::<$type>())?);
                Ok(<$type>::from_le_bytes(bytes))
            }
        }
    )* };
}
fixed!(i32, i64, i128, u128, f64);

/// As 64 bits, whatever the machine's own width.
impl Wire for isize {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        (*self as i64).encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(from.take::<i64>()? as Self)
    }
}

impl Wire for bool {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.tag(u8::from(*self));
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(from.tag()? != 0)
    }
}

impl Wire for String {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.bytes(self.as_bytes());
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let bytes = from.bytes()?.to_vec();
        Self::from_utf8(bytes).map_err(|_| broken("text isn't UTF-8"))
    }
}

impl Wire for Arc<str> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.bytes(self.as_bytes());
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(from.take::<String>()?.into())
    }
}

impl<T: Wire> Wire for Option<T> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.tag(u8::from(self.is_some()));
        self.as_ref().map_or(Ok(()), |item| item.encode(out))
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        match from.tag()? {
            0 => Ok(None),
            _ => from.take().map(Some),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.list(self)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.list()
    }
}

impl<T: Wire> Wire for Arc<[T]> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.list(self)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(from.list()?.into())
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.0.encode(out)?;
        self.1.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok((from.take()?, from.take()?))
    }
}
