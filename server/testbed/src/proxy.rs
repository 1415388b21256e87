//! A way to a server that can be cut, as networks are.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use url::Url;

/// Passes bytes on between clients and a server, until it is told to break.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Both ends of every connection.
    streams: Mutex<Vec<TcpStream>>,
    /// Bytes that may still pass before a connection is cut; nothing is cut below zero.
    until_cut: AtomicI64,
    cuts: AtomicU32,
    /// How long a client's bytes are held back, in milliseconds.
    delay_ms: AtomicU32,
    closed: AtomicBool,
}

const NEVER: i64 = -1;

impl Proxy {
    /// A way to the server that a URL names.
    pub fn to(url: &str) -> Self {
        let url = Url::parse(url).expect("a URL");
        let server = url.port().expect("a port");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State { until_cut: AtomicI64::new(NEVER), ..State::default() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.closed.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(client) = client {
                    // A client that cannot be connected sees its connection end.
                    let _ = connect(client, server, &shared);
                }
            }
        });
        Self { port, state }
    }

    /// The URL of a database behind the server, by this way.
    pub fn url(&self, direct: &str) -> String {
        let mut url = Url::parse(direct).expect("a URL");
        url.set_port(Some(self.port)).expect("a URL with a port");
        url.into()
    }

    /// Cuts every connection now. New ones are let through.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// Cuts every connection as soon as so many more bytes have passed, in both ways together.
    pub fn cut_after(&self, bytes: u32) {
        self.state.until_cut.store(bytes.into(), Ordering::Relaxed);
    }

    /// From now on, what clients send arrives so much later: a server that takes long to answer.
    pub fn delay(&self, milliseconds: u32) {
        self.state.delay_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// How often connections were cut.
    pub fn cuts(&self) -> u32 {
        self.state.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::Relaxed);
        self.state.cut();
        // Wakes whoever waits for the next client.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl State {
    fn cut(&self) {
        self.cuts.fetch_add(1, Ordering::Relaxed);
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in streams.drain(..) {
            // One that is closed already cannot be closed again.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Counts bytes that are about to pass.
    fn pass(&self, bytes: usize) {
        if self.until_cut.load(Ordering::Relaxed) == NEVER {
            return;
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let before = self.until_cut.fetch_sub(bytes, Ordering::Relaxed);
        if before >= 0 && before < bytes {
            self.until_cut.store(NEVER, Ordering::Relaxed);
            self.cut();
        }
    }
}

fn connect(client: TcpStream, server: u16, state: &Arc<State>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    let ends = [
        (client.try_clone()?, server.try_clone()?, Way::ToServer),
        (server.try_clone()?, client.try_clone()?, Way::ToClient),
    ];
    state.streams.lock().unwrap_or_else(PoisonError::into_inner).extend([client, server]);
    for (from, to, way) in ends {
        let state = Arc::clone(state);
        thread::spawn(move || {
            // Either end may go at any time; the other one is to see that.
            let _ = pass_on(&from, &to, way, &state);
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream, way: Way, state: &State) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => {
                if way == Way::ToServer {
                    let milliseconds = state.delay_ms.load(Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(milliseconds.into()));
                }
                state.pass(count);
                to.write_all(&buffer[..count])?;
            }
        }
    }
}
