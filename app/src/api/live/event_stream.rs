//! `text/event-stream`, as bytes come.

/// One message of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// `message` where the server gave none.
    pub(super) name: String,
    pub(super) data: String,
}

/// Puts messages together from pieces that end anywhere, even within a character.
#[derive(Default)]
pub(super) struct EventStream {
    line: Vec<u8>,
    after_carriage_return: bool,
    name: String,
    data: Option<String>,
}

impl EventStream {
    /// The messages that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        for &byte in bytes {
            let ends_a_crlf = byte == b'\n' && self.after_carriage_return;
            self.after_carriage_return = byte == b'\r';
            match byte {
                b'\n' if ends_a_crlf => {}
                b'\n' | b'\r' => messages.extend(self.end_line()),
                _ => self.line.push(byte),
            }
        }
        messages
    }

    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            let data = self.data.take()?;
            let name = if name.is_empty() { "message".to_owned() } else { name };
            return Some(Message { name, data });
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // `id` is in the event itself, `retry` is ours to decide, and a comment is a sign
            // of life.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{EventStream, Message};

    fn message(name: &str, data: &str) -> Message {
        Message { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn a_message_may_come_in_any_pieces() {
        let text = "id: 1\nevent: run\ndata: {\"ü\":1}\n\n: still here\n\ndata: a\ndata: b\n\n";
        for size in 1..text.len() {
            let mut stream = EventStream::default();
            let messages: Vec<_> =
                text.as_bytes().chunks(size).flat_map(|piece| stream.push(piece)).collect();
            assert_eq!(messages, [message("run", "{\"ü\":1}"), message("message", "a\nb")]);
        }
    }

    #[test]
    fn every_line_ending_is_one_line_ending() {
        let mut stream = EventStream::default();
        let messages = stream.push(b"event: run\r\ndata: 1\r\n\r\nevent:run\rdata:2\r\r");
        assert_eq!(messages, [message("run", "1"), message("run", "2")]);
    }

    #[test]
    fn a_message_without_its_empty_line_is_not_there_yet() {
        let mut stream = EventStream::default();
        assert_eq!(stream.push(b"data: 1\n"), []);
        assert_eq!(stream.push(b"\n"), [message("message", "1")]);
    }
}
