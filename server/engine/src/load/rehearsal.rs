//! A target in which everything is done and nothing stays.
//!
//! All sessions are one: what they commit is a savepoint of the one transaction, which is rolled
//! back at the end, however that comes. Types, tables, rows, keys, triggers and policies are the
//! target's own.

use std::sync::{Arc, PoisonError};

use shared::assessment::Catalog;
use shared::connection::Engine;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{LoadTable, Param, Refused, Session, Target};
use crate::error::Result;

/// A target of another kind, in a transaction that ends in nothing.
pub struct Rehearsal<T: Target> {
    target: Arc<T>,
    session: Arc<Mutex<T::Session>>,
    /// Held by whoever has begun and not ended.
    turn: Arc<Mutex<()>>,
    /// Another session, which only gives out empty pieces: the one above may be at work.
    pieces: Arc<std::sync::Mutex<T::Session>>,
}

impl<T: Target> Rehearsal<T> {
    pub async fn begin(target: T) -> Result<Self> {
        let mut session = target.session().await?;
        session.run_script("begin").await?;
        if target.engine() == Engine::Postgres {
            // It waits for the source, and not for a user who forgot it.
            session.run_script("set local idle_in_transaction_session_timeout = 0").await?;
        }
        let pieces = target.session().await?;
        Ok(Self {
            target: Arc::new(target),
            session: Arc::new(Mutex::new(session)),
            turn: Arc::default(),
            pieces: Arc::new(std::sync::Mutex::new(pieces)),
        })
    }

    /// Has the target check what it would check at a commit. Nothing can be done afterwards when
    /// it refuses.
    pub async fn check(&self) -> Result<()> {
        match self.target.engine() {
            Engine::Postgres => {
                self.session.lock().await.run_script("set constraints all immediate").await
            }
            _ => Ok(()),
        }
    }

    /// Takes everything back. A connection that is lost has done so already.
    pub async fn end(self) -> Result<()> {
        self.session.lock().await.run_script("rollback").await
    }
}

impl<T: Target> Clone for Rehearsal<T> {
    fn clone(&self) -> Self {
        Self {
            target: Arc::clone(&self.target),
            session: Arc::clone(&self.session),
            turn: Arc::clone(&self.turn),
            pieces: Arc::clone(&self.pieces),
        }
    }
}

impl<T: Target> Target for Rehearsal<T>
where
    T::Session: 'static,
{
    type Session = RehearsalSession<T::Session>;
    type Onlooker = T::Onlooker;

    fn engine(&self) -> Engine {
        self.target.engine()
    }

    async fn session(&self) -> Result<Self::Session> {
        Ok(RehearsalSession {
            engine: self.target.engine(),
            session: Arc::clone(&self.session),
            turn: Arc::clone(&self.turn),
            held: None,
            pieces: Arc::clone(&self.pieces),
            transactions: Vec::new(),
        })
    }

    async fn onlooker(&self) -> Result<T::Onlooker> {
        self.target.onlooker().await
    }

    async fn lock(&self) -> Result<Option<Box<dyn Send>>> {
        self.target.lock().await
    }

    async fn lock_verifications(&self) -> Result<Option<Box<dyn Send>>> {
        self.target.lock_verifications().await
    }

    async fn join_verifications(&self) -> Result<Box<dyn Send>> {
        self.target.join_verifications().await
    }
}

pub struct RehearsalSession<S> {
    engine: Engine,
    session: Arc<Mutex<S>>,
    turn: Arc<Mutex<()>>,
    held: Option<OwnedMutexGuard<()>>,
    pieces: Arc<std::sync::Mutex<S>>,
    /// Those in which this session wrote rows.
    transactions: Vec<u32>,
}

const SAVE: &str = "savepoint transfuse_rehearsal";
const KEEP: &str = "release savepoint transfuse_rehearsal";
const UNDO: &str =
    "rollback to savepoint transfuse_rehearsal; release savepoint transfuse_rehearsal";

impl<S: Session> RehearsalSession<S> {
    /// Takes the one session for a statement. A statement by itself fails by itself: what was done
    /// before it stays.
    async fn enter(&self) -> Result<Entered<S>> {
        let turn = match self.held {
            Some(_) => None,
            None => Some(Arc::clone(&self.turn).lock_owned().await),
        };
        let mut session = Arc::clone(&self.session).lock_owned().await;
        if turn.is_some() {
            session.run_script(SAVE).await?;
        }
        Ok(Entered { session, turn })
    }
}

/// The one session, for one statement.
struct Entered<S> {
    session: OwnedMutexGuard<S>,
    /// Held by a statement that is not part of something begun.
    turn: Option<OwnedMutexGuard<()>>,
}

impl<S: Session> Entered<S> {
    async fn leave<V: Send>(mut self, done: Result<V>) -> Result<V> {
        if self.turn.is_none() {
            return done;
        }
        let ending = if done.is_ok() { KEEP } else { UNDO };
        match (done, self.session.run_script(ending).await) {
            (Ok(value), Ok(())) => Ok(value),
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
        }
    }
}

impl<S: Session + 'static> Session for RehearsalSession<S> {
    type Piece = S::Piece;

    fn engine(&self) -> Engine {
        self.engine
    }

    async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        {
            let mut entered = self.enter().await?;
            let done = entered.session.execute(sql, params).await;
            entered.leave(done).await
        }
    }

    async fn run_script(&mut self, sql: &str) -> Result<()> {
        match sql {
            "begin" => {
                self.held = Some(Arc::clone(&self.turn).lock_owned().await);
                self.session.lock().await.run_script(SAVE).await
            }
            "commit" => {
                let ended = self.session.lock().await.run_script(KEEP).await;
                self.held = None;
                ended
            }
            "rollback" => {
                let ended = self.session.lock().await.run_script(UNDO).await;
                self.held = None;
                ended
            }
            sql => {
                let mut entered = self.enter().await?;
                let done = entered.session.run_script(sql).await;
                entered.leave(done).await
            }
        }
    }

    async fn fetch(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Vec<Option<String>>>> {
        if self.engine == Engine::Postgres && sql.starts_with("select setval(") {
            // The one thing that no transaction takes back.
            return Ok(Vec::new());
        }
        {
            let mut entered = self.enter().await?;
            let done = entered.session.fetch(sql, params).await;
            entered.leave(done).await
        }
    }

    async fn fetch_bytes(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Vec<u8>>> {
        {
            let mut entered = self.enter().await?;
            let done = entered.session.fetch_bytes(sql, params).await;
            entered.leave(done).await
        }
    }

    fn take_transactions(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.transactions)
    }

    async fn note_transaction(&mut self) -> Result<()> {
        let mut entered = self.enter().await?;
        let done = entered.session.note_transaction().await;
        self.transactions.extend(entered.session.take_transactions());
        entered.leave(done).await
    }

    async fn catalog(&mut self) -> Result<Catalog> {
        {
            let mut entered = self.enter().await?;
            let done = entered.session.catalog().await;
            entered.leave(done).await
        }
    }

    fn piece(&self, table: &LoadTable) -> Self::Piece {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner).piece(table)
    }

    async fn write(&mut self, table: &LoadTable, piece: &Self::Piece) -> Result<Vec<Refused>> {
        {
            let mut entered = self.enter().await?;
            let done = entered.session.write(table, piece).await;
            self.transactions.extend(entered.session.take_transactions());
            entered.leave(done).await
        }
    }
}
