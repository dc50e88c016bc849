//! The two lines of JSON between parent and child.

use super::{Limits, SandboxError, Task};
use bytes::{Buf, Bytes};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};
use std::time::Duration;

/// The argument that makes a process a child.
pub(super) const CHILD_ARGUMENT: &str = "sandboxed-task";
/// Longest line; a file's name is the longest thing in one.
pub(super) const MAX_LINE: u64 = 64 * 1024;

/// The first line of the child's output.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Length of the answer that follows.
    pub(super) bytes: u64,
    /// Whether the kernel refuses the child's other system calls.
    pub(super) filtered: bool,
}

/// The limits as a child's arguments, without the one on its output, which the parent sees to.
pub(super) fn arguments(limits: &Limits) -> [String; 2] {
    let seconds = limits.time.as_secs() + u64::from(limits.time.subsec_nanos() > 0);
    [limits.memory_bytes.to_string(), seconds.max(1).to_string()]
}

/// The limits out of a child's arguments.
pub(super) fn limits(mut arguments: impl Iterator<Item = String>) -> Option<Limits> {
    let mut number = || arguments.next()?.parse().ok();
    Some(Limits {
        memory_bytes: number()?,
        time: Duration::from_secs(number()?),
        ..Limits::default()
    })
}

/// The line that asks for `task`.
pub(super) fn request(task: &Task) -> io::Result<Bytes> {
    let mut line = serde_json::to_vec(task)?;
    line.push(b'\n');
    Ok(line.into())
}

/// Reads the task and the document.
pub(super) fn read_request(mut input: impl BufRead) -> io::Result<(Task, Vec<u8>)> {
    let mut line = Vec::new();
    input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
    let task = serde_json::from_slice(&line)?;
    let mut document = Vec::new();
    input.read_to_end(&mut document)?;
    Ok((task, document))
}

/// Writes an answer.
pub(super) fn write_answer(mut output: impl Write, filtered: bool, answer: &[u8]) -> io::Result<()> {
    let header = Header {
        bytes: answer.len() as u64,
        filtered,
    };
    serde_json::to_writer(&mut output, &header)?;
    output.write_all(b"\n")?;
    output.write_all(answer)?;
    output.flush()
}

/// Takes apart what a child that ended well has written.
pub(super) fn read_answer(mut output: Bytes) -> Result<(Header, Bytes), SandboxError> {
    let line = output
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or(SandboxError::Garbled)?;
    let header: Header =
        serde_json::from_slice(&output[..line]).map_err(|_no_header| SandboxError::Garbled)?;
    output.advance(line + 1);
    if header.bytes == output.len() as u64 {
        Ok((header, output))
    } else {
        Err(SandboxError::Garbled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_and_its_document_arrive_as_they_were_sent() {
        let task = Task::ExtractText {
            mime: None,
            name: "two\nlines.txt".to_owned(),
        };
        let mut sent = request(&task).unwrap().to_vec();
        sent.extend_from_slice(b"\nthe document\n");
        let (read, document) = read_request(sent.as_slice()).unwrap();
        assert_eq!(
            (read, document.as_slice()),
            (task, b"\nthe document\n".as_slice())
        );
    }

    #[test]
    fn an_answer_that_is_cut_or_too_long_is_none() {
        let mut output = Vec::new();
        write_answer(&mut output, true, b"a\nb").unwrap();
        let (header, answer) = read_answer(output.clone().into()).unwrap();
        assert!(header.filtered && answer == b"a\nb".as_slice());
        let cut = output[..output.len() - 1].to_vec();
        output.push(b'!');
        for wrong in [cut, output, Vec::new(), b"hello\n".to_vec()] {
            assert!(matches!(read_answer(wrong.into()), Err(SandboxError::Garbled)));
        }
    }

    #[test]
    fn the_limits_go_along_as_arguments() {
        let sent = Limits {
            memory_bytes: 7,
            time: Duration::from_millis(1500),
            output_bytes: 9,
        };
        let read = limits(arguments(&sent).into_iter()).unwrap();
        assert_eq!((read.memory_bytes, read.time), (7, Duration::from_secs(2)));
        assert!(limits(["7".to_owned(), "x".to_owned()].into_iter()).is_none());
    }
}
