//! Progress of the first sync in the terminal; log lines where no terminal is.

use crate::sync::{PhaseProgress, SyncStatus, SyncStatusService};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const BAR_INTERVAL: Duration = Duration::from_millis(500);
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Shows how far the index is until everything is through once, or until `shutdown`.
pub async fn show_first_sync(status: SyncStatusService, shutdown: CancellationToken) {
    let view = if std::io::stderr().is_terminal() {
        View::bars()
    } else {
        View::Log
    };
    let interval = if matches!(view, View::Log) {
        LOG_INTERVAL
    } else {
        BAR_INTERVAL
    };
    let mut begun = false;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(interval) => (),
        }
        let Ok(now) = status.status(None).await else {
            continue;
        };
        begun |= now.last_sync_time.is_some() || now.pending_documents > 0;
        if !begun {
            continue;
        }
        view.show(&now);
        let waiting = now.keyword.waiting + now.dense.waiting;
        if now.last_sync_time.is_some() && waiting == 0 {
            view.finish(&now);
            return;
        }
    }
}

enum View {
    Bars {
        keyword: ProgressBar,
        dense: ProgressBar,
    },
    Log,
}

impl View {
    fn bars() -> Self {
        let bars = MultiProgress::new();
        let bar = |label: &'static str| {
            let style = ProgressStyle::with_template("{prefix:>16} {bar:40} {pos}/{len} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bars.add(ProgressBar::new(0).with_style(style).with_prefix(label))
        };
        Self::Bars {
            keyword: bar("keyword search"),
            dense: bar("semantic search"),
        }
    }

    fn show(&self, now: &SyncStatus) {
        match self {
            Self::Bars { keyword, dense } => {
                for (bar, phase) in [(keyword, &now.keyword), (dense, &now.dense)] {
                    bar.set_length(u64::try_from(phase.done + phase.waiting).unwrap_or_default());
                    bar.set_position(u64::try_from(phase.done).unwrap_or_default());
                    bar.set_message(pace(phase));
                }
            }
            Self::Log => tracing::info!(
                keyword.done = now.keyword.done,
                keyword.waiting = now.keyword.waiting,
                dense.done = now.dense.done,
                dense.waiting = now.dense.waiting,
                dead_letters = now.dead_letter_count,
                "indexing"
            ),
        }
    }

    fn finish(&self, now: &SyncStatus) {
        if let Self::Bars { keyword, dense } = self {
            keyword.finish_and_clear();
            dense.finish_and_clear();
        }
        tracing::info!(
            documents = now.indexed_documents,
            chunks = now.indexed_chunks,
            dead_letters = now.dead_letter_count,
            "the index is in step with Nextcloud"
        );
    }
}

/// Such as `12.3/s, 4 min left`.
fn pace(phase: &PhaseProgress) -> String {
    match phase.eta_seconds {
        Some(seconds) if seconds >= 90.0 => {
            format!("{:.1}/s, {:.0} min left", phase.per_second, seconds / 60.0)
        }
        Some(seconds) => format!("{:.1}/s, {seconds:.0} s left", phase.per_second),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_is_read_by_people() {
        let phase = |eta_seconds| PhaseProgress {
            per_second: 12.34,
            eta_seconds,
            ..PhaseProgress::default()
        };
        assert_eq!(pace(&phase(Some(30.2))), "12.3/s, 30 s left");
        assert_eq!(pace(&phase(Some(600.0))), "12.3/s, 10 min left");
        assert_eq!(pace(&phase(None)), "");
    }
}
