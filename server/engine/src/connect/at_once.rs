//! Small messages that go out at once, whatever the driver says of it.

/// Has no TCP connection of this process hold a message back.
///
/// The driver leaves connections as the system makes them: a small message waits until the one
/// before it was acknowledged, which the other side may put off for 40 milliseconds. Every COPY
/// ends with two small ones. The driver shows nobody its sockets, so they are asked for by their
/// numbers; where the system forbids that, connections stay as they are.
#[cfg(target_os = "linux")]
pub(super) fn send_at_once() {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let Ok(process) = pidfd_open(getpid(), PidfdFlags::empty()) else { return };
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else { return };
    for descriptor in descriptors.flatten() {
        let is_socket = std::fs::read_link(descriptor.path())
            .is_ok_and(|link| link.to_string_lossy().starts_with("socket:"));
        let number = descriptor.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number.filter(|_| is_socket)
            && let Ok(socket) = pidfd_getfd(&process, number, PidfdGetfdFlags::empty())
        {
            // One that is not of TCP refuses.
            let _ = socket2::SockRef::from(&socket).set_tcp_nodelay(true);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) const fn send_at_once() {}
