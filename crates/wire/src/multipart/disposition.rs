//! `Content-Disposition` of a form's part.

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disposition<'a> {
    pub(super) name: &'a str,
    pub(super) is_file: bool,
}

impl<'a> Disposition<'a> {
    /// Reads `form-data; name="…"; filename="…"`. None where it is anything else, or where two parsers may read two names:
    /// an escaped quote, a name in two forms, a name of other than letters, digits and `_-.[]`, a key in capitals (a parser that
    /// overlooks `Name=` may find another `name=` inside of a file's name), or a `filename*` with no `filename` before
    /// it: forms must not have it (RFC 7578, section 4.2), and parsers that do not know it overlook what comes behind.
    pub(super) fn read(value: &'a str) -> Option<Self> {
        let (kind, mut rest) = value.split_once(';')?;
        if !kind.trim_end().eq_ignore_ascii_case("form-data") || value.contains("\\\"") {
            return None;
        }
        let (mut name, mut is_file) = (None, false);
        loop {
            let (key, tail) = rest.split_once('=')?;
            let (text, tail) = quoted(tail.trim_start())?;
            let key = key.trim();
            match key {
                "name" if name.replace(text).is_some() => return None,
                "name" => {}
                "filename" => is_file = true,
                "filename*" if is_file => {}
                _ => return None,
            }
            match tail.trim_start() {
                "" => break,
                tail => rest = tail.strip_prefix(';')?,
            }
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
        let name = name.filter(|name| !name.is_empty() && name.bytes().all(plain))?;
        Some(Self { name, is_file })
    }
}

/// A value in quotes, or a bare word, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        return rest.split_once('"');
    }
    let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
    let (word, tail) = text.split_at(end);
    (!word.is_empty() && !word.contains(['"', '='])).then_some((word, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(&str, bool)> {
        Disposition::read(value).map(|read| (read.name, read.is_file))
    }

    #[test]
    fn plain_forms_are_read() {
        assert_eq!(read(r#"form-data; name="model""#), Some(("model", false)));
        assert_eq!(read(r#"Form-Data;name=model"#), Some(("model", false)));
        assert_eq!(read(r#"form-data; name="file"; filename="a; name=model.wav""#), Some(("file", true)));
        assert_eq!(read(r#"form-data; name="file"; filename="""#), Some(("file", true)));
        assert_eq!(
            read(r#"form-data; name="file"; filename="a.wav"; filename*=UTF-8''%C3%A9.wav"#),
            Some(("file", true))
        );
        assert_eq!(read(r#"form-data; name="image[]"; filename="C:\a.png""#), Some(("image[]", true)));
    }

    #[test]
    fn what_two_parsers_may_read_differently_is_not() {
        for value in [
            r#"form-data"#,
            r#"form-data; filename="a""#,
            r#"form-data; name="file"; filename*="a.wav""#,
            r#"form-data; name="file"; filename*="a.wav"; filename="a.wav""#,
            r#"form-data; name="file"; filename*=UTF-8''a.wav"#,
            r#"attachment; name="model""#,
            r#"form-data; name="a"; name="model""#,
            r#"form-data; name="a\"; name=\"model""#,
            r#"form-data; name="file"; filename="a\""; name="model""#,
            r#"form-data; name*=UTF-8''model"#,
            r#"form-data; name="m%6fdel""#,
            r#"form-data; name="mo del""#,
            r#"form-data; name="model"#,
            r#"form-data; name=mo"del""#,
            r#"form-data; name="a"b"#,
            r#"form-data; name="a" name="model""#,
            r#"form-data; name="""#,
            r#"form-data; x="y"; name="model""#,
            r#"form-data; Name="image"; filename="a; name=model""#,
            r#"form-data; name="image"; Filename="a; name=model""#,
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
