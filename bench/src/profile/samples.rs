//! Reads what `perf script` prints: for each sample the thread's name and the stack, innermost frame first.

/// A moment of one thread.
pub struct Sample<'a> {
    pub thread: &'a str,
    pub frames: Vec<Frame<'a>>,
}

/// A place in the code.
pub struct Frame<'a> {
    pub address: u64,
    pub symbol: &'a str,
    /// The file it was loaded from, in brackets where it was none.
    pub object: &'a str,
}

/// Every sample of `perf script --fields comm,ip,sym,dso`.
pub fn parse(text: &str) -> Vec<Sample<'_>> {
    let mut samples = Vec::new();
    for part in text.split("\n\n") {
        let mut lines = part.lines().filter(|line| !line.trim().is_empty());
        let Some(thread) = lines.next() else { continue };
        samples.push(Sample { thread: thread.trim(), frames: lines.filter_map(frame).collect() });
    }
    samples
}

/// `    55d0c0ffee hyper::proto::h1 (/usr/bin/weir)`; a symbol may contain anything.
fn frame(line: &str) -> Option<Frame<'_>> {
    let (address, rest) = line.trim().split_once(' ')?;
    let (symbol, object) = rest.rsplit_once(" (")?;
    Some(Frame {
        address: u64::from_str_radix(address, 16).ok()?,
        symbol: symbol.trim(),
        object: object.trim_end_matches(')'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_read_with_symbols_that_look_like_anything() {
        let text = "data-plane \n\tffffffff81e1 __x64_sys_sendto ([kernel.kallsyms])\n\t    55d0c0 <a (b) as c>::d (/usr/bin/weir)\n\nledger\n\t7f01 [unknown] (/usr/lib/libc.so.6)\n\n";
        let samples = parse(text);
        assert_eq!(samples.iter().map(|sample| sample.thread).collect::<Vec<_>>(), ["data-plane", "ledger"]);
        let frame = &samples[0].frames[1];
        assert_eq!((frame.address, frame.symbol, frame.object), (0x0055_d0c0, "<a (b) as c>::d", "/usr/bin/weir"));
        assert_eq!(samples[1].frames.len(), 1);
    }
}
