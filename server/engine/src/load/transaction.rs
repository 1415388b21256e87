//! A piece of work as one transaction of the target.

use crate::error::Result;
use crate::load::Session;

/// Ends a transaction the way its work ended.
pub(crate) async fn end<S: Session, V>(session: &mut S, done: Result<V>) -> Result<V> {
    match done {
        Ok(value) => session.run_script("commit").await.map(|()| value),
        Err(error) => {
            // The error is what matters; a lost connection has rolled back by itself.
            let _ = session.run_script("rollback").await;
            Err(error)
        }
    }
}
