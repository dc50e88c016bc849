//! Reads a 207 while it arrives.

use super::DavEntry;
use super::parser::Parser;
use super::path::FilesRoot;
use super::xml_stream::TokenBudget;
use crate::nextcloud::NextcloudError;
use bytes::Bytes;
use futures::Stream;
use quick_xml::NsReader;
use quick_xml::events::Event;
use std::io;
use tokio_util::io::StreamReader;

/// Hands each entry of the document to `visit`. `Ok` means that the document was complete; the number of entries
/// comes back.
pub(super) async fn read<S>(
    body: S,
    root: &FilesRoot,
    visit: &mut (dyn FnMut(DavEntry) + Send),
) -> Result<u64, NextcloudError>
where
    S: Stream<Item = io::Result<Bytes>> + Send,
{
    let mut reader = NsReader::from_reader(TokenBudget::new(StreamReader::new(Box::pin(body))));
    let mut parser = Parser::new(root);
    let mut buffer = Vec::new();
    let mut entries = 0;
    loop {
        buffer.clear();
        reader.get_mut().renew();
        let event = reader
            .read_event_into_async(&mut buffer)
            .await
            .map_err(unreadable)?;
        if matches!(event, Event::Eof) {
            break;
        }
        let (namespace, event) = reader.resolver().resolve_event(event);
        if let Some(entry) = parser.event(&namespace, &event)? {
            entries += 1;
            visit(entry);
        }
    }
    if parser.is_complete() {
        Ok(entries)
    } else {
        Err(NextcloudError::Malformed("the listing is cut off".to_owned()))
    }
}

/// What the reader could not read: a transport error that our own stream reported, or XML that is none.
fn unreadable(error: quick_xml::Error) -> NextcloudError {
    let quick_xml::Error::Io(error) = error else {
        return NextcloudError::Malformed("the listing is not well-formed XML".to_owned());
    };
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<NextcloudError>())
    {
        Some(NextcloudError::Unreachable(cause)) => NextcloudError::Unreachable(cause.clone()),
        Some(_) => NextcloudError::Malformed("the listing is cut off".to_owned()),
        None => NextcloudError::Malformed("the listing is not readable XML".to_owned()),
    }
}

#[cfg(test)]
mod tests;
