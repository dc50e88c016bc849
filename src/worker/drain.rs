//! Working until nothing is due, or until a time box ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// After this long a drain makes room for other jobs and asks to be woken again.
const TIME_BOX: Duration = Duration::from_secs(30);

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Nothing is due any more, or another drain of this kind runs and will look again.
    Idle,
    /// The time box ended with work left.
    TimeBoxed,
}

/// At most one drain of a kind at a time in this process; wake-ups during a drain make it look once more.
#[derive(Debug, Default)]
pub struct Drain {
    running: Mutex<()>,
    again: AtomicBool,
}

impl Drain {
    /// Repeats `turn` until it reports that nothing was done.
    pub async fn run<F, E>(&self, mut turn: impl FnMut() -> F) -> Result<Drained, E>
    where
        F: Future<Output = Result<bool, E>>,
    {
        self.again.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        loop {
            let Ok(guard) = self.running.try_lock() else {
                return Ok(Drained::Idle);
            };
            while self.again.swap(false, Ordering::SeqCst) {
                while turn().await? {
                    if begun.elapsed() >= TIME_BOX {
                        return Ok(Drained::TimeBoxed);
                    }
                }
            }
            drop(guard);
            // A wake-up between the last look and the release would otherwise be lost.
            if !self.again.load(Ordering::SeqCst) {
                return Ok(Drained::Idle);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn a_drain_goes_on_until_nothing_is_due() {
        let drain = Drain::default();
        let left = AtomicUsize::new(3);
        let turn = || std::future::ready(Ok::<_, Infallible>(take_one(&left)));
        assert_eq!(drain.run(turn).await.unwrap(), Drained::Idle);
        assert_eq!(left.load(Ordering::SeqCst), 0);
    }

    fn take_one(left: &AtomicUsize) -> bool {
        left.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
    }

    #[tokio::test]
    async fn a_wake_up_during_a_drain_makes_it_look_again() {
        let drain = Arc::new(Drain::default());
        let (turns, inside, go) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Notify::new()),
            Arc::new(Notify::new()),
        );
        let first = tokio::spawn({
            let (drain, turns, inside, go) = (
                Arc::clone(&drain),
                Arc::clone(&turns),
                Arc::clone(&inside),
                Arc::clone(&go),
            );
            async move {
                drain
                    .run(|| async {
                        if turns.fetch_add(1, Ordering::SeqCst) == 0 {
                            inside.notify_one();
                            go.notified().await;
                        }
                        Ok::<_, Infallible>(false)
                    })
                    .await
            }
        });
        inside.notified().await;
        let second = drain.run(|| async { Ok::<_, Infallible>(true) }).await.unwrap();
        assert_eq!(
            second,
            Drained::Idle,
            "the second wake-up does not work beside the first"
        );
        go.notify_one();
        first.await.unwrap().unwrap();
        assert_eq!(turns.load(Ordering::SeqCst), 2, "the first one looked again");
    }
}
