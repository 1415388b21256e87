//! What a host's name and addresses tell of the way to a Supabase project.

use std::net::IpAddr;

/// What stands between here and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing: one connection is one session.
    None,
    /// One connection is one session, by a pooler that has IPv4.
    Session,
    /// Every transaction may have another session.
    Transaction,
}

/// What answers at a host of Supabase's; none for all other hosts, of which the name says nothing.
///
/// Supavisor's hosts (`….pooler.supabase.com`) answer in session mode on 5432 and in transaction
/// mode on 6543. A project's own host (`db.….supabase.co`) is the database on 5432 and its
/// `PgBouncer`, in transaction mode, on 6543.
pub fn pooler_of(host: &str, port: u16) -> Option<Pooler> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_shared = host.ends_with(".pooler.supabase.com");
    let is_project = host.starts_with("db.")
        && (host.ends_with(".supabase.co") || host.ends_with(".supabase.net"));
    match (is_shared, is_project, port) {
        (true, _, 6543) | (_, true, 6543) => Some(Pooler::Transaction),
        (true, ..) => Some(Pooler::Session),
        (_, true, _) => Some(Pooler::None),
        _ => None,
    }
}

/// What is wrong with a server's addresses, for a machine with or without IPv6.
pub(super) fn unreachable_family(addresses: &[IpAddr], has_ipv6: bool) -> Option<&'static str> {
    let only_ipv6 = !addresses.is_empty() && addresses.iter().all(IpAddr::is_ipv6);
    let leads_out = addresses.iter().any(|address| !address.is_loopback());
    (only_ipv6 && leads_out && !has_ipv6)
        .then_some("the server has addresses of IPv6 only, and this machine has no way to IPv6")
}

/// Whether this machine would send to an address of IPv6. No packet is sent.
pub(super) fn has_ipv6() -> bool {
    // The address is of the range for documentation: only the route to it is looked up.
    std::net::UdpSocket::bind("[::]:0").and_then(|socket| socket.connect("[2001:db8::1]:9")).is_ok()
}

/// Whether what travels to the host leaves this machine.
pub(super) fn leaves_the_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => !address.is_loopback(),
        Err(_) => !host.eq_ignore_ascii_case("localhost") && !host.starts_with('/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_supabase_tells_what_answers_there() {
        let check = |host: &str, port, expected| assert_eq!(pooler_of(host, port), expected);
        check("db.abcdefgh.supabase.co", 5432, Some(Pooler::None));
        check("db.abcdefgh.supabase.co", 6543, Some(Pooler::Transaction));
        check("aws-0-eu-central-1.pooler.supabase.com", 5432, Some(Pooler::Session));
        check("AWS-1-us-east-1.pooler.supabase.com.", 6543, Some(Pooler::Transaction));
        check("db.example.com", 6543, None);
        check("supabase.co.example.com", 6543, None);
    }

    #[test]
    fn addresses_of_ipv6_only_need_a_way_to_them() {
        let ip =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let only = ip(&["2a05:d014::1"]);
        let both = ip(&["2a05:d014::1", "192.0.2.1"]);

        assert!(unreachable_family(&only, false).is_some());
        assert!(unreachable_family(&only, true).is_none());
        assert!(unreachable_family(&both, false).is_none());
        assert!(unreachable_family(&ip(&["::1"]), false).is_none());
        assert!(unreachable_family(&[], false).is_none());
    }

    #[test]
    fn a_socket_and_a_loopback_stay_on_the_machine() {
        let leaves: Vec<_> =
            ["localhost", "127.0.0.1", "[::1]", "/run/postgresql", "db", "10.0.0.4"]
                .iter()
                .filter(|host| leaves_the_machine(host))
                .collect();
        assert_eq!(leaves, [&"db", &"10.0.0.4"]);
    }
}
