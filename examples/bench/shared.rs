//! one folder of 1,000 files that fifty people read: embedded once, one index.

use crate::support::{Goal, figure};
use crate::world::{Outcome, World};
use nextcloud_sim::{SharePermissions, Simulator};
use std::path::Path;

const FILES: i64 = 1_000;
const READERS: i64 = 50;

/// Runs this part.
pub async fn run() -> Outcome<()> {
    let simulator = Simulator::start().await;
    let sim = simulator.world();
    for file in 0..FILES {
        let text = format!(
            "# Sheet {file}\n\nThe pump of house {file} was serviced in week {}.",
            file % 52
        );
        sim.put_file(
            "alice",
            &format!("/Project/{}/{file}.md", file % 20),
            text.as_bytes(),
        );
    }
    let world = World::start(
        simulator,
        &[
            ("EMBEDDING_PROVIDER", "embedded"),
            ("VECTOR_SYNC_SCAN_INTERVAL", "600"),
        ],
    )
    .await?;
    world.provision("alice").await?;
    world
        .until(|status| status["hybrid_chunks"].as_i64() >= Some(FILES))
        .await?;
    let before = (
        world.number("select max(id) from chunks").await?,
        size(&world.index_directory())?,
    );

    let sim = world.simulator.world();
    for reader in 2..=READERS {
        let reader = format!("reader{reader}");
        sim.add_user(&reader, &reader, "reader-pass-1", &[]);
        sim.share("alice", "/Project", &reader, SharePermissions::default());
        world.provision(&reader).await?;
    }
    let shown = "select count(*) from document_readers";
    let carried = "select count(*) from documents where indexed_access_set_id is distinct from access_set_id";
    while world.number(shown).await? < FILES * READERS || world.number(carried).await? > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let after = (
        world.number("select max(id) from chunks").await?,
        size(&world.index_directory())?,
    );
    #[expect(clippy::cast_precision_loss, reason = "counts and sizes far below 2^52")]
    {
        figure(
            "1,000 files shared with 49 more readers: passages made again",
            (after.0 - before.0) as f64,
            "",
            Goal::AtMost(0.0),
        );
        figure(
            "1,000 files, 50 readers: index against one reader's",
            after.1 as f64 / before.1 as f64,
            "×",
            Goal::AtMost(1.2),
        );
    }
    world.server.stop().await;
    Ok(())
}

/// Bytes on the disk below a directory: segments are sparse files.
fn size(directory: &Path) -> Outcome<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            size(&entry.path())?
        } else {
            entry.metadata()?.blocks() * 512
        };
    }
    Ok(bytes)
}
