//! Rows in the binary format that PostgreSQL's `COPY` reads: no statement for each row, no text, and pages that are written whole.
//! <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use super::{Cell, Insert};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Stands where the number of a row's columns would.
const END: i16 = -1;
/// Stands where a value's length would.
const NULL: i32 = -1;

impl Insert {
    /// The statement that takes rows from the connection. It knows no conflict clause: a row that is there already fails it.
    pub(crate) fn of_copy(&self) -> String {
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.table, self.columns.join(", "))
    }
}

/// Begins a copy: the signature, no flags, no extension.
pub(crate) fn begin(bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(SIGNATURE);
    bytes.extend_from_slice(&[0; 8]);
}

/// Appends a row. Tells whether that was possible: no value may be longer than 2 GiB.
pub(crate) fn row<'c>(bytes: &mut Vec<u8>, cells: impl ExactSizeIterator<Item = Cell<'c>>) -> bool {
    let Ok(columns) = i16::try_from(cells.len()) else { return false };
    bytes.extend_from_slice(&columns.to_be_bytes());
    cells.into_iter().all(|cell| value(bytes, &cell))
}

pub(crate) fn end(bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&END.to_be_bytes());
}

fn value(bytes: &mut Vec<u8>, cell: &Cell<'_>) -> bool {
    let mut put = |value: &[u8]| {
        let Ok(length) = i32::try_from(value.len()) else { return false };
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(value);
        true
    };
    match cell {
        Cell::Id(id) => put(id.as_bytes()),
        Cell::Flag(flag) => put(&[u8::from(*flag)]),
        Cell::Small(number) => put(&number.to_be_bytes()),
        Cell::Number(Some(number)) => put(&number.to_be_bytes()),
        Cell::Text(Some(text)) => put(text.as_bytes()),
        Cell::Bytes(value) => put(value),
        Cell::Number(None) | Cell::Text(None) => {
            bytes.extend_from_slice(&NULL.to_be_bytes());
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_the_manual_describes_them() {
        let insert = Insert { table: "t", columns: &["a", "b", "c", "d"], tail: "ON CONFLICT DO NOTHING".to_owned() };
        assert_eq!(insert.of_copy(), "COPY t (a, b, c, d) FROM STDIN (FORMAT binary)");
        let mut bytes = Vec::new();
        begin(&mut bytes);
        assert!(row(
            &mut bytes,
            [Cell::Flag(true), Cell::Small(-2), Cell::Number(None), Cell::Bytes(b"x")].into_iter()
        ));
        end(&mut bytes);
        let rest = bytes.strip_prefix(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0").expect("begins like one");
        assert_eq!(rest, b"\0\x04\0\0\0\x01\x01\0\0\0\x04\xff\xff\xff\xfe\xff\xff\xff\xff\0\0\0\x01x\xff\xff");
    }
}
