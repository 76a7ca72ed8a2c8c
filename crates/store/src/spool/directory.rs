//! The files of a spool.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{SpoolError, SpoolId};

const EXTENSION: &str = "segment";

/// A spool directory, held by this process.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    pub(super) id: SpoolId,
    /// Locked as long as it is open; the operating system lets go of it when the process ends, however it ends.
    _lock: File,
}

/// A segment file as found on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) len: u64,
}

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        std::fs::create_dir_all(path)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        Ok(Self { path: path.to_owned(), id: read_or_make_id(path)?, _lock: lock })
    }

    /// Every segment, oldest first.
    pub(super) fn segments(&self) -> io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let path = entry.path();
            let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            if let (Some(number), true) = (number, path.extension().is_some_and(|extension| extension == EXTENSION)) {
                segments.push(Segment { number, len: entry.metadata()?.len() });
            }
        }
        segments.sort_unstable_by_key(|segment| segment.number);
        Ok(segments)
    }

    /// Makes a segment file that must not exist yet.
    pub(super) fn create(&self, number: u64) -> io::Result<File> {
        OpenOptions::new().create_new(true).append(true).open(self.segment(number))
    }

    pub(super) fn open_segment(&self, number: u64) -> io::Result<File> {
        File::open(self.segment(number))
    }

    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        std::fs::remove_file(self.segment(number))
    }

    pub(super) fn set_aside(&self, number: u64) -> io::Result<()> {
        std::fs::rename(self.segment(number), self.set_aside_as(number))
    }

    /// Keeps a segment under the name of one that was set aside, whatever becomes of it under its own.
    pub(super) fn keep(&self, number: u64) -> io::Result<()> {
        match std::fs::hard_link(self.segment(number), self.set_aside_as(number)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    fn set_aside_as(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:016}.damaged"))
    }

    /// Names of the segments that were set aside and that nobody has taken away, in order.
    pub(super) fn damaged(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".damaged") {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Where the attempts are written down that are under way.
    pub(super) fn intents(&self) -> PathBuf {
        self.path.join("intents")
    }

    /// Hands over to the disk which files there are.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:016}.{EXTENSION}"))
    }
}

/// The id is written to another name first: a crash in between must not leave half an id, which would make the
/// database forget how far it has read.
fn read_or_make_id(dir: &Path) -> Result<SpoolId, SpoolError> {
    let path = dir.join("id");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| SpoolError::BadId),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = Uuid::now_v7();
            let draft = dir.join("id.new");
            let mut file = File::create(&draft)?;
            writeln!(file, "{id}")?;
            file.sync_all()?;
            std::fs::rename(&draft, &path)?;
            Ok(id)
        }
        Err(error) => Err(error.into()),
    }
}
