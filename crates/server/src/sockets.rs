//! Sockets that systemd opened for this process (`sd_listen_fds(3)`): descriptors from 3 on, counted in `LISTEN_FDS`.

use std::net::TcpListener;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// The first descriptor that systemd passes.
const FIRST: i32 = 3;
/// Most sockets that are taken.
const SOCKETS_MAX: i32 = 64;

/// The sockets, taken from `LISTEN_PID` and `LISTEN_FDS` as `variable` gives them.
///
/// The descriptors are duplicated through the process' own pidfd: that needs no `unsafe`, and what is no descriptor is an
/// error rather than undefined.
///
/// # Errors
/// Why there are none that can be used.
pub(crate) fn from_systemd(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<TcpListener>, String> {
    let none = "no socket activation file descriptors found";
    let number = |name: &str| variable(name).and_then(|text| text.parse::<i32>().ok());
    let mine = getpid();
    let (Some(pid), Some(count)) = (number("LISTEN_PID"), number("LISTEN_FDS")) else {
        return Err(format!("{none}: LISTEN_PID and LISTEN_FDS are not set"));
    };
    if pid != mine.as_raw_pid() {
        return Err(format!("{none}: LISTEN_PID is another process"));
    }
    if !(1..=SOCKETS_MAX).contains(&count) {
        return Err(format!("{none}: LISTEN_FDS={count}, allowed 1 to {SOCKETS_MAX}"));
    }
    let own = pidfd_open(mine, PidfdFlags::empty()).map_err(|error| format!("pidfd: {error}"))?;
    let take = |number: i32| {
        let failed = |error: &dyn std::fmt::Display| format!("socket {number} of systemd: {error}");
        let fd = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()).map_err(|e| failed(&e))?;
        let listener = TcpListener::from(fd);
        // What is no TCP socket has no such address.
        listener
            .local_addr()
            .and_then(|_| listener.set_nonblocking(true))
            .map_err(|error| failed(&format!("{error}; only TCP sockets can be used")))?;
        Ok(listener)
    };
    (FIRST..FIRST + count).map(take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_passed_is_not_taken() {
        let mine = getpid().as_raw_pid().to_string();
        let taken = |pid: &str, count: &str| {
            let found = from_systemd(|name| {
                let text = if name == "LISTEN_PID" { pid } else { count };
                Some(text.to_owned()).filter(|text| !text.is_empty())
            });
            found.map(|sockets| sockets.len()).unwrap_err()
        };
        let none = "no socket activation file descriptors found";
        assert_eq!(taken("", ""), format!("{none}: LISTEN_PID and LISTEN_FDS are not set"));
        assert_eq!(taken("1", "1"), format!("{none}: LISTEN_PID is another process"));
        assert_eq!(taken(&mine, "0"), format!("{none}: LISTEN_FDS=0, allowed 1 to 64"));
        assert_eq!(taken(&mine, "65"), format!("{none}: LISTEN_FDS=65, allowed 1 to 64"));
    }
}
