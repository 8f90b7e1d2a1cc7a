//! Arrow types and arrays, buffer by buffer: what comes back has the very layout of what went in, and so its content hash.
//!
//! For arrays that belong to a schema (categories). Rows travel as chunks, in Arrow's own stream format.

use arrow::array::{Array, ArrayData, ArrayRef, make_array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};

use super::{Decoder, Encoder, Wire, broken};
use crate::error::Result;

impl Wire for DataType {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        let schema = Schema::new(vec![Field::new("", self.clone(), true)]);
        let mut tracker = DictionaryTracker::new(false);
        let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(
            &schema,
            &mut tracker,
            &IpcWriteOptions::default(),
        );
        out.bytes(&encoded.ipc_message);
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let message = arrow_ipc::root_as_message(from.bytes()?).map_err(|_| broken("no Arrow type"))?;
        let schema = message
            .header_as_schema()
            .ok_or_else(|| broken("no Arrow type"))?;
        let schema = arrow_ipc::convert::fb_to_schema(schema);
        match schema.fields().first() {
            Some(field) => Ok(field.data_type().clone()),
            None => Err(broken("no Arrow type")),
        }
    }
}

impl Wire for ArrayRef {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.data_type().encode(out)?;
        encode_data(&self.to_data(), out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let data_type = from.take()?;
        Ok(make_array(decode_data(data_type, from)?))
    }
}

fn encode_data(data: &ArrayData, out: &mut Encoder) -> Result<()> {
    out.number(data.len() as u64);
    out.number(data.offset() as u64);
    match data.nulls() {
        None => out.tag(0),
        Some(nulls) => {
            out.tag(1);
            out.number(nulls.offset() as u64);
            out.buffer(nulls.buffer());
        }
    }
    out.number(data.buffers().len() as u64);
    data.buffers().iter().for_each(|buffer| out.buffer(buffer));
    out.number(data.child_data().len() as u64);
    for child in data.child_data() {
        child.data_type().encode(out)?;
        encode_data(child, out)?;
    }
    Ok(())
}

fn decode_data(data_type: DataType, from: &mut Decoder) -> Result<ArrayData> {
    let len = from.number()? as usize;
    let offset = from.number()? as usize;
    let masked: bool = from.take()?;
    let nulls = if masked {
        let start = from.number()? as usize;
        let bits = from.buffer()?;
        if start
            .checked_add(len)
            .is_none_or(|end| end.div_ceil(8) > bits.len())
        {
            return Err(broken("a mask is too short"));
        }
        Some(NullBuffer::new(BooleanBuffer::new(bits, start, len)))
    } else {
        None
    };
    let mut builder = ArrayData::builder(data_type)
        .len(len)
        .offset(offset)
        .nulls(nulls)
        .align_buffers(true);
    for _ in 0..from.number()? {
        builder = builder.add_buffer(from.buffer()?);
    }
    for _ in 0..from.number()? {
        let data_type = from.take()?;
        builder = builder.add_child_data(decode_data(data_type, from)?);
    }
    builder
        .build()
        .map_err(|error| broken(&format!("no Arrow array ({error})")))
}
