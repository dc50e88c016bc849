//! Untrusted documents in children of the real binary: what such a child cannot do, and what becomes of one that tries.

use crate::harness::{PATIENCE, pause};
use crate::pdf;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use nextcloud_mcp_server::sandbox::{Limits, Sandbox, SandboxError, Task};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

const BINARY: &str = env!("CARGO_BIN_EXE_nextcloud-mcp-server");
const MEGABYTE: u64 = 1024 * 1024;

fn sandbox() -> Sandbox {
    Sandbox::new().with_program(BINARY.into())
}

fn whole(document: impl Into<Bytes>) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin {
    stream::iter([Ok(document.into())])
}

fn text() -> Task {
    Task::ExtractText {
        mime: Some("text/plain".to_owned()),
        name: "a.txt".to_owned(),
    }
}

/// Reads a short text: the sandbox works.
async fn assert_works(sandbox: &Sandbox) {
    let read = sandbox
        .extract_text(None, "a.md".to_owned(), whole("# Terns\r\n\r\nfly."))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((read.text.as_str(), read.markdown), ("# Terns\n\nfly.", true));
}

/// A program in place of the binary; `{dir}` and `{binary}` stand for the test's directory and the real one.
fn stand_in(script: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("program");
    let script = script
        .replace("{dir}", dir.path().to_str().unwrap())
        .replace("{binary}", BINARY);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (dir, path)
}

/// Waits for a file that a stand-in writes.
async fn written(path: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => assert!(Instant::now() < deadline, "{} was never written", path.display()),
        }
        pause().await;
    }
}

async fn until_gone(pid: &str) {
    let deadline = Instant::now() + PATIENCE;
    while Path::new("/proc").join(pid).exists() {
        assert!(Instant::now() < deadline, "process {pid} lives on");
        pause().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_reads_text_and_draws_pages() {
    assert_works(&sandbox()).await;
    let refused = sandbox()
        .extract_text(None, "a.txt".to_owned(), whole(vec![0_u8; 100]))
        .await
        .unwrap();
    assert!(refused.is_err());
    let place = sandbox().place().await.unwrap();
    let document = pdf::pdf(&[pdf::Content::plain("0 g 0 0 50 50 re f")], 0);
    let page = place
        .render_pdf_page(1, 1.0, whole(document))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(page.total_pages, 1);
    assert!(page.png.starts_with(b"\x89PNG"));
}

/// No network, no files, no processes, no environment, no descriptors, no working directory: the child tried.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_can_do_nothing_but_compute() {
    // What a careless library leaves open for children.
    let open = std::fs::File::open(BINARY).unwrap();
    fcntl(&open, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let probe = sandbox().probe().await.unwrap();
    assert!(probe.filtered, "this kernel has no seccomp");
    assert!(probe.powers.is_empty(), "{:?}", probe.powers);
}

/// N01: bombs end their child, not the server.
#[tokio::test(flavor = "multi_thread")]
async fn n01_memory_bombs_end_their_child_only() {
    let limits = Limits {
        memory_bytes: 128 * MEGABYTE,
        ..Limits::default()
    };
    let sandbox = sandbox().with_limits(limits);
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    let endless = stream::repeat_with(move || Ok::<_, io::Error>(piece.clone())).take(1024);
    let large = sandbox.run(&text(), endless).await;
    assert!(matches!(large, Err(SandboxError::OutOfMemory)), "{large:?}");

    let place = sandbox.place().await.unwrap();
    let bomb = place
        .render_pdf_page(1, 1.0, whole(pdf::bomb(300 * 1024 * 1024)))
        .await;
    assert!(matches!(bomb, Err(SandboxError::OutOfMemory)), "{bomb:?}");
    assert!(!bomb.unwrap_err().is_transient());
    assert_works(&sandbox).await;
}

/// N01: the parent's clock.
#[tokio::test(flavor = "multi_thread")]
async fn n01_a_document_that_takes_too_long_is_given_up() {
    let limits = Limits {
        time: Duration::from_millis(300),
        ..Limits::default()
    };
    let sandbox = sandbox().with_limits(limits);
    let place = sandbox.place().await.unwrap();
    let slow = place.render_pdf_page(1, 5.0, whole(pdf::endless())).await;
    assert!(matches!(slow, Err(SandboxError::Timeout)), "{slow:?}");
}

/// N01: the child's own limit on CPU time holds without a parent that looks at the clock.
#[tokio::test(flavor = "multi_thread")]
async fn n01_a_child_ends_itself_after_its_cpu_time() {
    let mut child = tokio::process::Command::new(BINARY)
        // Enough memory for a second of drawing.
        .args(["sandboxed-task", "8589934592", "1"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let task = Task::RenderPdfPage { page: 1, scale: 5.0 };
    let line = serde_json::to_string(&task).unwrap() + "\n";
    stdin.write_all(line.as_bytes()).await.unwrap();
    stdin.write_all(&pdf::endless()).await.unwrap();
    drop(stdin);
    let status = tokio::time::timeout(PATIENCE, child.wait())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(status.signal(), Some(nix::libc::SIGXCPU));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_long_is_cut_off() {
    let limits = Limits {
        output_bytes: 1_000,
        ..Limits::default()
    };
    let long = sandbox()
        .with_limits(limits)
        .run(&text(), whole("tern ".repeat(50_000)))
        .await;
    assert!(
        matches!(long, Err(SandboxError::OutputTooLarge { limit: 1_000 })),
        "{long:?}"
    );
}

/// Killed from outside: tried again, and the next one works.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_child_is_an_error_and_the_next_task_works() {
    let (_dir, program) =
        stand_in("[ -e {dir}/before ] && exec {binary} \"$@\"\n: > {dir}/before\nkill -KILL $$");
    let sandbox = Sandbox::new().with_program(program);
    let killed = sandbox.run(&text(), whole("a tern")).await.unwrap_err();
    assert!(
        matches!(
            killed,
            SandboxError::Crashed {
                signal: Some(nix::libc::SIGKILL),
                ..
            }
        ),
        "{killed:?}"
    );
    assert!(killed.is_transient());
    assert_works(&sandbox).await;
}

/// A document that was cut off is not concluded anything from, and nothing stays behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_says_nothing_about_the_document() {
    let (dir, program) = stand_in("pwd > {dir}/directory\necho $$ > {dir}/pid\nexec {binary} \"$@\"");
    let sandbox = Sandbox::new().with_program(program);
    let broken = stream::iter([
        Ok(Bytes::from_static(b"half a te")),
        Err(io::Error::other("cut off")),
    ]);
    let error = sandbox.run(&text(), broken).await.unwrap_err();
    assert!(
        matches!(&error, SandboxError::Input(why) if why == "cut off"),
        "{error:?}"
    );
    // The script may have been ended before it wrote anything.
    assert_works(&sandbox).await;
    until_gone(&written(&dir.path().join("pid")).await).await;
    let directory = written(&dir.path().join("directory")).await;
    assert!(!Path::new(&directory).exists(), "{directory} is left");
}

/// Nobody waits for the answer any more: the child ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_ends_with_its_caller() {
    let (dir, program) = stand_in("echo $$ > {dir}/pid\nexec {binary} \"$@\"");
    let sandbox = Sandbox::new().with_program(program).with_places(1);
    let never = stream::pending::<io::Result<Bytes>>();
    let (of_task, task) = (sandbox.clone(), text());
    let caller = tokio::spawn(async move { of_task.run(&task, never).await });
    let pid = written(&dir.path().join("pid")).await;
    assert!(Path::new("/proc").join(&pid).exists());
    let second = tokio::time::timeout(Duration::from_millis(50), sandbox.place()).await;
    assert!(second.is_err(), "the only place is taken");
    caller.abort();
    until_gone(&pid).await;
    assert_works(&sandbox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_no_child_is_found_out() {
    let (_dir, program) = stand_in("echo hello");
    let garbled = Sandbox::new()
        .with_program(program)
        .run(&text(), whole("x"))
        .await;
    assert!(matches!(garbled, Err(SandboxError::Garbled)), "{garbled:?}");
    let none = Sandbox::new()
        .with_program("/nonexistent".into())
        .run(&text(), whole("x"))
        .await
        .unwrap_err();
    assert!(
        matches!(none, SandboxError::Spawn(_)) && none.is_transient(),
        "{none:?}"
    );
}

/// The subcommand is nobody's but the server's: without proper limits it does nothing, and no help names it.
#[tokio::test(flavor = "multi_thread")]
async fn the_subcommand_is_hidden() {
    let run = |arguments: &'static [&'static str]| async move {
        tokio::process::Command::new(BINARY)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap()
    };
    assert_eq!(run(&["sandboxed-task"]).await.status.code(), Some(71));
    let help = run(&["--help"]).await;
    assert!(help.status.success());
    assert!(!String::from_utf8_lossy(&help.stdout).contains("sandboxed"));
}
