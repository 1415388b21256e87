//! Cells that were passed on undecoded, and have to be looked at after all.

use shared::data_type::DataType;

use super::binary::Decoder;
use super::typed;
use crate::value::{Batch, Value};

/// What the begin of a binary copy and of a row with one column looks like.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01";

/// The value of a cell in PostgreSQL's binary form; none for types that are only passed on.
pub fn decode_raw(data_type: &DataType, cell: &[u8]) -> Option<Value<'static>> {
    let cell = match data_type {
        DataType::Array(_) | DataType::Named(_) => return None,
        // The form's own version stands before the text.
        DataType::Jsonb => cell.strip_prefix(b"\x01")?,
        _ => cell,
    };
    let length = i32::try_from(cell.len()).ok()?.to_be_bytes();
    let mut batch = Batch::new(1);
    let mut decoder = Decoder::new(vec![typed(data_type)]);
    decoder.feed(&[HEAD, &length, cell].concat(), &mut batch).ok()?;
    (batch.rows() == 1).then(|| batch.row(0).value(0).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::encode;

    #[test]
    fn what_is_encoded_for_a_copy_is_decoded_again() {
        for (data_type, value) in [
            ("bigint", Value::Int(-7)),
            ("text", Value::Text("Zoë".into())),
            ("numeric", Value::Decimal("-12.50".into())),
            ("jsonb", Value::Json("{\"a\": 1}".into())),
            ("date", Value::Date(-1)),
            ("bytea", Value::Bytes(vec![0, 255].into())),
            ("boolean", Value::Bool(true)),
        ] {
            let data_type: DataType = data_type.parse().unwrap();
            let mut field = Vec::new();
            encode::binary(&value, &data_type, &mut field).unwrap();
            assert_eq!(decode_raw(&data_type, &field[4..]), Some(value));
        }
        assert_eq!(decode_raw(&"integer[]".parse().unwrap(), &[0; 20]), None);
        assert_eq!(decode_raw(&DataType::Date, &[0; 3]), None);
    }
}
