//! How much memory there is, how much the process uses, and how much its runs hold together.
//!
//! Answers: what the process may use (physical memory, limits of its control group and of the groups above it, resource
//! limits), its resident set, and the bytes that all runs of the process hold. The budget itself is a setting. Does not
//! cover which chunks leave when memory gets short (`state`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::process::PerProcess;

/// The bytes that this process may use: the least of all limits that are known.
#[must_use]
pub fn available() -> usize {
    let limits = [physical(), control_groups(Path::new("/")), resource_limits()];
    limits.into_iter().flatten().min().unwrap_or(UNKNOWN)
}

/// What a machine that tells nothing about its memory is taken to have.
const UNKNOWN: usize = 8 << 30;

/// The process's resident set in bytes; `None` where the system doesn't say.
#[must_use]
pub fn resident() -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        let text = fs::read_to_string("/proc/self/statm").ok()?;
        let pages: usize = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(pages.saturating_mul(page_size()?))
    }
    #[cfg(not(target_os = "linux"))]
    {
        Some(memory_stats::memory_stats()?.physical_mem)
    }
}

/// Above which resident set a run stops admitting tasks beside others: `baseline` is what the process used before the
/// run, to which the budget for chunks comes, but never nearly all that the process may use.
#[must_use]
pub fn ceiling(limit: usize, baseline: usize) -> usize {
    // Asking takes longer than a small run, and limits hardly ever change.
    static AVAILABLE: PerProcess<OnceLock<usize>> = PerProcess::new();
    let most = AVAILABLE.get().get_or_init(available) / 20 * 19;
    baseline.saturating_add(limit).min(most).max(limit)
}

#[cfg(unix)]
fn page_size() -> Option<usize> {
    // SAFETY: sysconf takes a number and touches no memory of ours.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|&size| size > 0)
}

#[cfg(unix)]
fn physical() -> Option<usize> {
    // SAFETY: sysconf takes a number and touches no memory of ours.
    let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
    let pages = usize::try_from(pages).ok().filter(|&pages| pages > 0)?;
    pages.checked_mul(page_size()?)
}

#[cfg(not(unix))]
fn physical() -> Option<usize> {
    None
}

/// The limits that `ulimit` sets on address space and data.
#[cfg(unix)]
fn resource_limits() -> Option<usize> {
    let limits = [libc::RLIMIT_AS, libc::RLIMIT_DATA].map(|resource| {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: `limit` is a valid place for the call to write to, and lives through it.
        let failed = unsafe { libc::getrlimit(resource, &raw mut limit) } != 0;
        let endless = limit.rlim_cur == libc::RLIM_INFINITY;
        (!failed && !endless).then(|| usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX))
    });
    limits.into_iter().flatten().min()
}

#[cfg(not(unix))]
fn resource_limits() -> Option<usize> {
    None
}

/// The least limit of the process's control groups (both versions) and all groups above, in the file system at `root`.
fn control_groups(root: &Path) -> Option<usize> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = mounts(root);
    let mut least: Option<usize> = None;
    // A line is `hierarchy:controllers:path`; version 2 has hierarchy 0 and no controllers.
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(hierarchy), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (kind, files): (_, &[&str]) = if hierarchy == "0" && controllers.is_empty() {
            (Version::Two, &["memory.max", "memory.high"])
        } else if controllers.split(',').any(|name| name == "memory") {
            (Version::One, &["memory.limit_in_bytes"])
        } else {
            continue;
        };
        for mount in mounts.iter().filter(|mount| mount.version == kind) {
            let below = Path::new(path)
                .strip_prefix(&mount.shows)
                .unwrap_or(Path::new(""));
            for group in below.ancestors() {
                for file in files {
                    let limit = read_limit(&mount.at.join(group).join(file));
                    least = least.into_iter().chain(limit).min();
                }
            }
        }
    }
    least
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Where a hierarchy of control groups is mounted, and which of its groups the mount shows as its root.
struct Mount {
    version: Version,
    at: PathBuf,
    shows: PathBuf,
}

fn mounts(root: &Path) -> Vec<Mount> {
    let text = fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    let mut mounts: Vec<Mount> = text
        .lines()
        .filter_map(|line| {
            // `id parent device root mount-point options ... - type source super-options`
            let (left, right) = line.split_once(" - ")?;
            let mut left = left.split(' ').skip(3);
            let (shows, at) = (left.next()?, left.next()?);
            let mut right = right.split(' ');
            let version = match right.next()? {
                "cgroup2" => Version::Two,
                "cgroup" if right.nth(1)?.split(',').any(|option| option == "memory") => Version::One,
                _ => return None,
            };
            Some(Mount {
                version,
                at: below(at),
                shows: PathBuf::from(shows),
            })
        })
        .collect();
    if mounts.is_empty() {
        let usual = [
            (Version::Two, "sys/fs/cgroup"),
            (Version::One, "sys/fs/cgroup/memory"),
        ];
        mounts.extend(usual.map(|(version, at)| Mount {
            version,
            at: below(at),
            shows: PathBuf::from("/"),
        }));
    }
    mounts
}

/// The number in a limit file; `max` and the huge number that version 1 has for it are no limit.
fn read_limit(path: &Path) -> Option<usize> {
    let limit: u64 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    (limit < 1 << 60).then(|| usize::try_from(limit).unwrap_or(usize::MAX))
}

static HELD: PerProcess<AtomicUsize> = PerProcess::new();

/// What one run holds of the memory that all runs of the process share.
#[derive(Debug)]
pub struct Share {
    all: &'static AtomicUsize,
    own: usize,
}

impl Share {
    /// The share of a run that holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            all: HELD.get(),
            own: 0,
        }
    }

    /// Says how much the run holds now.
    pub fn set(&mut self, bytes: usize) {
        if bytes != self.own {
            // Wrapping: the sum of all shares is right whatever the order of the additions.
            self.all
                .fetch_add(bytes.wrapping_sub(self.own), Ordering::Relaxed);
            self.own = bytes;
        }
    }

    /// What the other runs hold.
    #[must_use]
    pub fn others(&self) -> usize {
        self.all.load(Ordering::Relaxed).saturating_sub(self.own)
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn this_machine_says_something() {
        assert!(available() > 1 << 24);
        let resident = resident().unwrap();
        assert!(resident > 1 << 16 && resident < 1 << 44);
    }

    #[test]
    fn the_least_limit_of_nested_groups_counts() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/user/session/job\n"),
            (
                "proc/self/mountinfo",
                "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
            ),
            ("sys/fs/cgroup/user/session/job/memory.max", "max\n"),
            ("sys/fs/cgroup/user/session/memory.max", "4000000\n"),
            ("sys/fs/cgroup/user/memory.max", "9000000\n"),
        ]);
        assert_eq!(control_groups(root.path()), Some(4_000_000));
        fs::write(
            root.path().join("sys/fs/cgroup/user/session/job/memory.high"),
            "3000000\n",
        )
        .unwrap();
        assert_eq!(control_groups(root.path()), Some(3_000_000));
    }

    #[test]
    fn a_container_sees_its_group_as_the_root() {
        // version 2 with a namespace
        let root = tree(&[
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "123456789\n"),
        ]);
        assert_eq!(control_groups(root.path()), Some(123_456_789));
        // version 1: the path is the host's, the mount shows the group
        let root = tree(&[
            (
                "proc/self/cgroup",
                "9:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n",
            ),
            (
                "proc/self/mountinfo",
                "40 30 0:33 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
        ]);
        assert_eq!(control_groups(root.path()), Some(536_870_912));
    }

    #[test]
    fn no_limit_is_none() {
        let root = tree(&[
            ("proc/self/cgroup", "4:memory:/a\n0::/a\nnonsense\n"),
            (
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("sys/fs/cgroup/a/memory.max", "max\n"),
        ]);
        assert_eq!(control_groups(root.path()), None);
        assert_eq!(control_groups(tree(&[]).path()), None);
    }

    #[test]
    fn shares_see_each_other() {
        let (mut a, mut b) = (Share::new(), Share::new());
        let before = a.others();
        b.set(1 << 40);
        assert!(a.others() >= before.saturating_sub(before) + (1 << 40));
        a.set(5);
        b.set(0);
        drop(b);
        assert!(a.others() < 1 << 40);
    }

    #[test]
    fn the_ceiling_leaves_room_for_what_was_there() {
        assert!(ceiling(1 << 20, 1 << 20) >= 1 << 20);
        assert_eq!(
            ceiling(1 << 20, 1 << 20),
            (2 << 20).min((available() / 20 * 19).max(1 << 20))
        );
        assert!(ceiling(usize::MAX, usize::MAX) == usize::MAX);
    }
}
