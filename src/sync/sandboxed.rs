//! Files that take a parser are read in child processes.

use crate::documents::{
    Content, ExtractError, ExtractedText, FileFault, InProcessExtractor, SkipReason, TextExtractor,
    is_candidate,
};
use crate::sandbox::{Sandbox, SandboxError, Task};
use async_trait::async_trait;

/// Reads what needs a parser in a child process, which is fed by a stream; everything else in this one.
#[derive(Debug, Clone)]
pub struct SandboxedExtractor {
    sandbox: Sandbox,
}

impl SandboxedExtractor {
    /// Over `sandbox`, whose places bound how many files are read at a time.
    pub fn new(sandbox: Sandbox) -> Self {
        Self { sandbox }
    }
}

#[async_trait]
impl TextExtractor for SandboxedExtractor {
    async fn text(
        &self,
        content: &dyn Content,
        mime: Option<&str>,
        name: &str,
    ) -> Result<ExtractedText, ExtractError> {
        if !is_candidate(mime, name, None, u64::MAX)?.needs_parser() {
            return InProcessExtractor.text(content, mime, name).await;
        }
        let task = Task::ExtractText {
            mime: mime.map(str::to_owned),
            name: name.to_owned(),
        };
        let place = self.sandbox.place().await.map_err(|error| verdict(&error))?;
        let stream = content
            .open(None)
            .await
            .map_err(|error| ExtractError::Later(error.to_string()))?;
        let answer = place.run(&task, stream).await.map_err(|error| verdict(&error))?;
        read(&answer)
    }
}

/// The answer of a child. Its parser may have been taken over by the file, so it is believed nothing: a text that cannot
/// be stored, because `PostgreSQL` text holds no NUL, is no answer, and asking again would not help.
fn read(answer: &[u8]) -> Result<ExtractedText, ExtractError> {
    let extracted = serde_json::from_slice::<Result<ExtractedText, SkipReason>>(answer)
        .map_err(|_not_ours| FileFault::Crashed)?
        .map_err(ExtractError::Skipped)?;
    if extracted.text.contains('\0') {
        return Err(FileFault::Crashed.into());
    }
    Ok(extracted)
}

/// Whose fault an end without an answer is.
fn verdict(error: &SandboxError) -> ExtractError {
    match error {
        SandboxError::Spawn(_) => ExtractError::Later(error.to_string()),
        // It may have been ended by somebody else, or for the memory of the machine.
        error if error.is_transient() => ExtractError::Failed(error.to_string()),
        SandboxError::OutOfMemory => FileFault::OutOfMemory.into(),
        SandboxError::Timeout => FileFault::TimedOut.into(),
        SandboxError::OutputTooLarge { .. } => SkipReason::TooLargeInside.into(),
        _ => FileFault::Crashed.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_childs_text_that_cannot_be_stored_is_the_files_fault() {
        let answer = |text: &str| {
            let text = ExtractedText {
                text: text.to_owned(),
                markdown: false,
                pages: None,
            };
            serde_json::to_vec(&Ok::<_, SkipReason>(text)).unwrap()
        };
        assert_eq!(read(&answer("text")).unwrap().text, "text");
        for bad in [answer("te\0xt"), b"{}".to_vec()] {
            assert!(matches!(read(&bad), Err(ExtractError::Fault(FileFault::Crashed))));
        }
    }

    #[test]
    fn n01_what_kills_the_child_is_the_files_fault_and_what_keeps_it_away_is_not() {
        let fault = |error| match verdict(&error) {
            ExtractError::Fault(fault) => Some(fault),
            _ => None,
        };
        let crashed = |signal| SandboxError::Crashed { signal, code: None };
        assert_eq!(fault(SandboxError::OutOfMemory), Some(FileFault::OutOfMemory));
        assert_eq!(fault(SandboxError::Timeout), Some(FileFault::TimedOut));
        assert_eq!(fault(crashed(Some(nix::libc::SIGSEGV))), Some(FileFault::Crashed));
        assert_eq!(fault(SandboxError::Garbled), Some(FileFault::Crashed));
        let large = verdict(&SandboxError::OutputTooLarge { limit: 1 });
        assert!(matches!(large, ExtractError::Skipped(SkipReason::TooLargeInside)));
        let unstarted = SandboxError::Spawn(std::io::Error::other("no processes left"));
        assert!(matches!(verdict(&unstarted), ExtractError::Later(_)));
        for unclear in [
            SandboxError::Input("it did not arrive in time".to_owned()),
            crashed(Some(nix::libc::SIGKILL)),
        ] {
            assert!(matches!(verdict(&unclear), ExtractError::Failed(_)));
        }
    }
}
