//! The frame of a PDF around objects written by hand (ISO 32000-1, 7.5).

/// A file of these objects, numbered from 1; the first is the catalogue. `trailer` holds further entries of the trailer.
pub fn assemble(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut pdf = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        offsets.push(format!("{:010} 00000 n \n", pdf.len()));
        let begin = format!("{} 0 obj\n", at + 1);
        pdf.extend([begin.as_bytes(), object, b"\nendobj\n"].concat());
    }
    let (start, count) = (pdf.len(), objects.len() + 1);
    let table = offsets.concat();
    let end = format!(
        "xref\n0 {count}\n0000000000 65535 f \n{table}trailer<</Size {count}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n"
    );
    pdf.extend(end.into_bytes());
    pdf
}

/// A stream with further entries of its dictionary, such as a filter.
pub fn stream(entries: &str, bytes: &[u8]) -> Vec<u8> {
    let begin = format!("<</Length {}{entries}>>stream\n", bytes.len());
    [begin.as_bytes(), bytes, b"\nendstream"].concat()
}
