//! Futures run side by side on the harness's own thread.

use async_executor::LocalExecutor;

/// Runs all futures to their end; their outputs, in the order given.
pub(crate) async fn side_by_side<'a, T: 'a>(
    futures: impl IntoIterator<Item = impl Future<Output = T> + 'a>,
) -> Vec<T> {
    let executor = LocalExecutor::new();
    let tasks: Vec<_> = futures.into_iter().map(|future| executor.spawn(future)).collect();
    executor
        .run(async {
            let mut outputs = Vec::with_capacity(tasks.len());
            for task in tasks {
                outputs.push(task.await);
            }
            outputs
        })
        .await
}

#[cfg(test)]
mod tests {
    use async_channel::bounded;
    use futures_lite::future::block_on;

    use super::*;

    #[test]
    fn all_run_at_once_and_keep_their_order() {
        let (sender, receiver) = bounded(1);
        // The first can end only while the second runs.
        let first = async move { receiver.recv().await.unwrap() };
        let second = async move {
            sender.send(1).await.unwrap();
            2
        };
        let futures: [std::pin::Pin<Box<dyn Future<Output = i32>>>; 2] =
            [Box::pin(first), Box::pin(second)];
        assert_eq!(block_on(side_by_side(futures)), [1, 2]);
    }
}
