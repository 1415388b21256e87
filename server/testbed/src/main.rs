//! `testbed run -- COMMAND…`: runs a command that finds a PostgreSQL and a MariaDB server through
//! its environment, and ends both servers with it.

use std::{
    env,
    process::{Command, ExitCode},
    thread,
};

use testbed::{Durability, Product};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [run, separator, program, rest @ ..] = arguments.as_slice() else { return usage() };
    if run != "run" || separator != "--" {
        return usage();
    }

    let servers = [Product::Postgres, Product::MariaDb]
        .map(|product| thread::spawn(move || testbed::private(product, Durability::Fast)))
        .map(thread::JoinHandle::join);
    let [Ok(postgres), Ok(mariadb)] = servers else {
        // The thread said why when it panicked.
        return ExitCode::FAILURE;
    };

    // The command has no use for itself without the servers.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program).args(rest);
    for server in [&postgres, &mariadb] {
        command.env(server.product().setting(), server.administrator_url());
    }
    let status = command.status();
    postgres.end();
    mariadb.end();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            ExitCode::from(code)
        }
        Err(error) => {
            eprintln!("testbed: running {}: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: testbed run -- COMMAND [ARGUMENT…]");
    ExitCode::from(2)
}
