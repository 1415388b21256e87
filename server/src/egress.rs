//! Where the server itself may connect to: databases that connections name, and webhooks.
//!
//! Whoever can make this server connect to a place of their choice can reach what only the server
//! reaches. A host's name proves nothing, since its owner can let it point anywhere at any moment:
//! the name is resolved here, every address is checked, and the connection then goes to an address
//! that was checked, or to a name that the other side has to prove by its certificate.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use shared::settings::{FilePolicy, HostSettings, ServerPolicy};
use tokio::net::lookup_host;
use tokio::time::timeout;

/// Why a place may not be connected to. It says nothing of what is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("the host {host} is not among those that this installation may connect to")]
    Host { host: String },
    #[error("the host {host} has no address")]
    Unknown { host: String },
    #[error("this file or folder is not among those that this installation may use")]
    File,
}

/// Which places are allowed.
#[derive(Debug, Clone)]
pub struct Rules {
    servers: ServerPolicy,
    listed: Vec<Pattern>,
    files: FilePolicy,
    folders: Vec<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Name(String),
    /// Any name that ends so, with its dot.
    Under(String),
    Network(IpNet),
}

impl Rules {
    pub fn new(settings: &HostSettings) -> Self {
        Self {
            servers: settings.servers,
            listed: settings.listed.iter().map(|text| Pattern::parse(text)).collect(),
            files: settings.files,
            folders: settings.folders.iter().map(PathBuf::from).collect(),
        }
    }

    /// For webhooks, whatever databases may be connected to: a message to the outside has no
    /// business with this machine itself.
    pub fn for_webhooks(settings: &HostSettings) -> Self {
        let servers = match settings.servers {
            ServerPolicy::Any => ServerPolicy::Public,
            other => other,
        };
        Self { servers, ..Self::new(settings) }
    }

    /// Whether a connection to a host may go to an address. The host is as the URL has it.
    pub fn allow(&self, host: &str, address: IpAddr) -> bool {
        let address = canonical(address);
        let is_listed = self.listed.iter().any(|pattern| pattern.names(host, address));
        match self.servers {
            _ if is_never_a_service(address) => {
                // Only by its address: nobody names such a place by mistake.
                self.listed
                    .iter()
                    .any(|it| matches!(it, Pattern::Network(net) if net.contains(&address)))
            }
            ServerPolicy::Any => true,
            ServerPolicy::Public => is_listed || is_public(address),
            ServerPolicy::Listed => is_listed,
        }
    }

    /// The addresses of a host, all of them allowed.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Forbidden> {
        let unknown = || Forbidden::Unknown { host: host.to_owned() };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: BTreeSet<SocketAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => [SocketAddr::new(address, port)].into(),
            Err(_) => timeout(Duration::from_secs(10), lookup_host((bare, port)))
                .await
                .map_err(|_| unknown())?
                .map_err(|_| unknown())?
                .collect(),
        };
        if found.is_empty() {
            return Err(unknown());
        }
        // One bad address among good ones is how a name is bent.
        if found.iter().all(|address| self.allow(bare, address.ip())) {
            Ok(found.into_iter().collect())
        } else {
            Err(Forbidden::Host { host: host.to_owned() })
        }
    }

    /// Whether hosts are restricted at all, so that a connection has to go to a checked address.
    pub fn restrict_servers(&self) -> bool {
        self.servers != ServerPolicy::Any
    }

    /// Whether a socket of this machine may be used, which has no address to check.
    pub fn allow_sockets(&self) -> bool {
        self.servers == ServerPolicy::Any
    }

    /// Whether a file or folder may be read or written. `own` are the installation's.
    pub fn allow_path(&self, path: &Path, own: &[PathBuf]) -> Result<(), Forbidden> {
        let path = real(path).ok_or(Forbidden::File)?;
        if own.iter().filter_map(|own| real(own)).any(|own| path == own || is_beside(&path, &own)) {
            return Err(Forbidden::File);
        }
        let is_listed = || {
            let folders = self.folders.iter().filter_map(|folder| real(folder));
            folders.into_iter().any(|folder| path.starts_with(folder))
        };
        match self.files {
            FilePolicy::Any => Ok(()),
            FilePolicy::Listed if is_listed() => Ok(()),
            FilePolicy::Listed | FilePolicy::None => Err(Forbidden::File),
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        if let Ok(network) = text.parse::<IpNet>() {
            return Self::Network(network);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Self::Network(address.into());
        }
        match text.strip_prefix('*') {
            Some(ending) if ending.starts_with('.') => Self::Under(ending.to_owned()),
            _ => Self::Name(text.trim_end_matches('.').to_owned()),
        }
    }

    fn names(&self, host: &str, address: IpAddr) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Name(name) => host == *name,
            Self::Under(ending) => host.ends_with(ending) && host.len() > ending.len(),
            Self::Network(network) => network.contains(&address),
        }
    }
}

/// An address of IPv4 that is written as one of IPv6 is what it is.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => {
            let embedded = v6.to_ipv4_mapped().or_else(|| behind_translation(v6));
            embedded.map_or(address, IpAddr::V4)
        }
        IpAddr::V4(_) => address,
    }
}

/// `64:ff9b::/96` and `2002::/16` carry an address of IPv4, to which the network delivers.
fn behind_translation(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = address.segments();
    let of = |high: u16, low: u16| {
        let ([one, two], [three, four]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(one, two, three, four)
    };
    match parts[..2] {
        [0x64, 0xff9b] if parts[2..6] == [0; 4] => Some(of(parts[6], parts[7])),
        [0x2002, high] => Some(of(high, parts[2])),
        _ => None,
    }
}

/// Where no database or webhook is, and where a cloud tells machines their secrets.
fn is_never_a_service(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.octets()[0] == 0
                || v4 == Ipv4Addr::new(100, 100, 100, 200)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private() || v4.is_loopback() || v4.is_documentation() || a >= 240
                // Behind a carrier's translation; benchmarks; protocol assignments.
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
                || (a == 192 && b == 0 && c == 0))
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            // Global unicast, without what is reserved for documentation.
            (0x2000..0x4000).contains(&a) && !(a == 0x2001 && b == 0xdb8)
        }
    }
}

/// The path without links and detours; where it is not there yet, from its nearest folder that is.
fn real(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    if let Ok(real) = path.canonicalize() {
        return Some(real);
    }
    // `..` after something that is not there would mean anything.
    if path.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let parent = real(path.parent()?)?;
    Some(parent.join(path.file_name()?))
}

/// The files that SQLite keeps beside a database: `control.db-wal`.
fn is_beside(path: &Path, own: &Path) -> bool {
    let (Some(path), Some(own)) = (path.to_str(), own.to_str()) else { return false };
    path.strip_prefix(own).is_some_and(|ending| ending.starts_with('-'))
}

/// Makes ring what TLS is made with, as in the rest of the program. A second call changes nothing.
pub fn use_ring() {
    // An error means that there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(servers: ServerPolicy, listed: &[&str]) -> Rules {
        let listed = listed.iter().map(|it| (*it).to_owned()).collect();
        Rules::new(&HostSettings { servers, listed, ..HostSettings::default() })
    }

    #[track_caller]
    fn check(rules: &Rules, host: &str, address: &str, expected: bool) {
        let allowed = rules.allow(host, address.parse().expect("an address"));
        assert_eq!(allowed, expected, "{host} at {address}");
    }

    #[test]
    fn without_restrictions_only_places_without_databases_are_forbidden() {
        let any = rules(ServerPolicy::Any, &[]);
        for address in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "8.8.8.8", "::1", "fd12::1"] {
            check(&any, "db", address, true);
        }
        for address in [
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "fe80::1",
            "::",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
        ] {
            check(&any, "db", address, false);
        }
    }

    #[test]
    fn public_means_the_internet_and_what_is_listed() {
        let public = rules(ServerPolicy::Public, &["10.1.0.0/16", "db.clinic.example"]);
        for address in ["8.8.8.8", "2600::1"] {
            check(&public, "db", address, true);
        }
        for address in [
            "127.0.0.1",
            "10.2.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "198.18.0.1",
            "::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
        ] {
            check(&public, "db", address, false);
        }
        check(&public, "db", "10.1.2.3", true);
        check(&public, "DB.clinic.example.", "10.2.0.1", true);
    }

    #[test]
    fn listed_means_listed() {
        let listed = rules(ServerPolicy::Listed, &["*.clinic.example", "192.0.2.7"]);
        check(&listed, "db.clinic.example", "10.0.0.1", true);
        check(&listed, "clinic.example", "10.0.0.1", false);
        check(&listed, "db.clinic.example.evil.example", "10.0.0.1", false);
        check(&listed, "evilclinic.example", "10.0.0.1", false);
        check(&listed, "other", "192.0.2.7", true);
        check(&listed, "db.clinic.example", "169.254.169.254", false);
    }

    #[tokio::test]
    async fn a_host_is_resolved_and_every_address_is_checked() {
        let public = rules(ServerPolicy::Public, &[]);
        for host in ["localhost", "127.0.0.1", "[::1]", "127.1", "0x7f000001", "2130706433"] {
            let refused = public.resolve(host, 5432).await.unwrap_err();
            assert!(refused.to_string().contains(host), "{refused}");
        }
        let any = rules(ServerPolicy::Any, &[]);
        assert!(!any.resolve("localhost", 5432).await.unwrap().is_empty());
        assert_eq!(
            any.resolve("no-such-host.invalid", 1).await.unwrap_err(),
            Forbidden::Unknown { host: "no-such-host.invalid".to_owned() }
        );
    }

    #[test]
    fn files_of_the_installation_are_nobodys_database() {
        let folder = tempfile::tempdir().unwrap();
        let own = [folder.path().join("control.db"), folder.path().join("key")];
        std::fs::write(&own[0], "").unwrap();
        std::fs::write(&own[1], "").unwrap();
        std::os::unix::fs::symlink(&own[0], folder.path().join("innocent.db")).unwrap();
        let any = rules(ServerPolicy::Any, &[]);

        for name in
            ["control.db", "control.db-wal", "key", "innocent.db", "../x/control.db", "a/../key"]
        {
            let path = folder.path().join(name);
            // A detour over a folder that is not there leads nowhere.
            assert_eq!(any.allow_path(&path, &own), Err(Forbidden::File), "{name}");
        }
        assert_eq!(any.allow_path(&folder.path().join("legacy.db"), &own), Ok(()));
    }

    #[test]
    fn listed_folders_cannot_be_left_by_a_detour_or_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let exports = folder.path().join("exports");
        std::fs::create_dir(&exports).unwrap();
        std::fs::write(folder.path().join("secret.db"), "").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret.db"), exports.join("link.db"))
            .unwrap();
        let settings = HostSettings {
            files: FilePolicy::Listed,
            folders: vec![exports.display().to_string()],
            ..HostSettings::default()
        };
        let rules = Rules::new(&settings);

        assert_eq!(rules.allow_path(&exports.join("a.db"), &[]), Ok(()));
        for name in ["../secret.db", "link.db", "nowhere/../../secret.db"] {
            assert_eq!(rules.allow_path(&exports.join(name), &[]), Err(Forbidden::File), "{name}");
        }
        assert_eq!(rules.allow_path(Path::new("/etc/passwd"), &[]), Err(Forbidden::File));
    }

    proptest::proptest! {
        /// However an address is written, what lies behind it decides.
        #[test]
        fn an_address_in_another_form_is_judged_alike(bytes: [u8; 4]) {
            let v4 = Ipv4Addr::from(bytes);
            let public = rules(ServerPolicy::Public, &[]);
            let plain = public.allow("db", IpAddr::V4(v4));
            let mapped = public.allow("db", IpAddr::V6(v4.to_ipv6_mapped()));
            proptest::prop_assert_eq!(plain, mapped);
        }
    }
}
