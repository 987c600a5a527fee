//! Recognises the texts that a `!!timestamp` tag accepts.

/// Whether Go's yaml.v2 reads the text as a timestamp.
pub(super) fn is_timestamp(text: &str) -> bool {
    parse(text.as_bytes()).is_some()
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    /// Reads one to `max` digits as a number in a range.
    fn number(
        &mut self,
        min_len: usize,
        max_len: usize,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let len = self
            .0
            .iter()
            .take(max_len)
            .take_while(|c| c.is_ascii_digit())
            .count();
        if len < min_len {
            return None;
        }
        let value = self.0[..len]
            .iter()
            .fold(0, |n, c| n * 10 + u32::from(c - b'0'));
        self.0 = &self.0[len..];
        range.contains(&value).then_some(value)
    }

    fn take(&mut self, c: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[c])?;
        Some(())
    }
}

fn parse(text: &[u8]) -> Option<()> {
    let mut input = Input(text);
    let year = input.number(4, 4, 0..=9999)?;
    input.take(b'-')?;
    let month = input.number(1, 2, 1..=12)?;
    input.take(b'-')?;
    let day = input.number(1, 2, 1..=31)?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day > days {
        return None;
    }
    let Some(&separator) = input.0.first() else {
        return Some(());
    };
    match separator {
        b'T' | b't' => input.take(separator)?,
        b' ' => {
            // Go's time layouts accept any number of spaces for one.
            let spaces = input.0.iter().take_while(|c| **c == b' ').count();
            input.0 = &input.0[spaces..];
        }
        _ => return None,
    }
    input.number(1, 2, 0..=23)?;
    input.take(b':')?;
    input.number(1, 2, 0..=59)?;
    input.take(b':')?;
    input.number(1, 2, 0..=59)?;
    if matches!(input.0, [b'.' | b',', b'0'..=b'9', ..]) {
        let digits = input.0[1..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count();
        input.0 = &input.0[1 + digits..];
    }
    if separator != b' ' && input.take(b'Z').is_none() {
        let sign = *input.0.first()?;
        if !matches!(sign, b'+' | b'-') {
            return None;
        }
        input.take(sign)?;
        input.number(2, 2, 0..=24)?;
        input.take(b':')?;
        input.number(2, 2, 0..=60)?;
    }
    input.0.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::is_timestamp;

    #[test]
    fn only_real_dates_are_timestamps() {
        for text in [
            "2001-01-01",
            "2001-1-1",
            "2000-02-29",
            "2001-01-01T00:00:00Z",
            "2001-1-1t1:1:1.5+01:00",
            "2001-01-01  1:1:1",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "",
            "2001-02-29",
            "2001-13-01",
            "2001-01-01T00:00:00",
            "2001-01-01 00:00:00Z",
            "2001-01-01T24:00:00Z",
            "20010101",
            "2001-01-01x",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
