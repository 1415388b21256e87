//! Queries of addresses.

/// The path with those of the parameters that are there.
pub(crate) fn with_query<'a>(
    path: &str,
    parameters: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> String {
    let mut url = path.to_owned();
    let mut separator = '?';
    for (name, value) in parameters {
        if let Some(value) = value {
            url.push(separator);
            url.push_str(name);
            url.push('=');
            push_encoded(&mut url, value);
            separator = '&';
        }
    }
    url
}

fn push_encoded(url: &mut String, value: &str) {
    const HEXADECIMAL: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.push(char::from(HEXADECIMAL[usize::from(byte >> 4)]));
            url.push(char::from(HEXADECIMAL[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::with_query;

    #[test]
    fn parameters_that_are_not_there_leave_no_trace() {
        assert_eq!(with_query("/a", [("x", None)]), "/a");
        assert_eq!(with_query("/a", [("x", None), ("y", Some("1"))]), "/a?y=1");
    }

    #[test]
    fn a_value_cannot_end_its_parameter() {
        let url = with_query("/a", [("x", Some("b&c=d ü")), ("y", Some("/p?q"))]);
        assert_eq!(url, "/a?x=b%26c%3Dd%20%C3%BC&y=/p%3Fq");
    }
}
