//! The directory of `--data`: the table and the secrets of the local stack, kept from one run to the next. One process uses it at a
//! time. Whoever may read its files has the credentials in them, so only their owner may.

use anyhow::{Context as _, anyhow, bail};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Version of what the directory looks like.
const SCHEMA: u32 = 1;
/// The file that a process holds locked while it uses the directory.
const LOCK: &str = "lock";
/// The file that holds the version.
const VERSION: &str = "schema";
/// DynamoDB's file; SQLite puts more beside it, with the same permissions.
const TABLE: &str = "table.sqlite";
/// The secrets' file.
const SECRETS: &str = "secrets.json";

/// A directory that this process uses.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Locked until it is closed, however the process ends.
    _lock: File,
}

impl Directory {
    /// Opens the directory, and makes it if it is not there.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Self::locked(path).with_context(|| format!("the data directory {} can't be used", path.display()))
    }

    fn locked(path: &Path) -> anyhow::Result<Self> {
        let mut made = DirBuilder::new();
        made.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut made, 0o700);
        made.create(path).context("it can't be made")?;
        // Before anything is written: somebody else's directory stays as it is.
        is_begun(path)?;
        let lock = owners(OpenOptions::new().create(true).truncate(false).write(true))
            .open(path.join(LOCK))
            .context("it can't be written")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another process uses it"),
            Err(TryLockError::Error(error)) => return Err(error).context("it can't be locked"),
        }
        let directory = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        // Whoever had it until now may have begun it.
        if !is_begun(path)? {
            directory.replace(VERSION, format!("{SCHEMA}\n").as_bytes())?;
        }
        Ok(directory)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// DynamoDB's file, made if it is not there, so that it is the owner's alone.
    pub(crate) fn table(&self) -> anyhow::Result<String> {
        let path = self.path.join(TABLE);
        owners(OpenOptions::new().create(true).truncate(false).write(true))
            .open(&path)
            .with_context(|| path.display().to_string())?;
        path.into_os_string()
            .into_string()
            .map_err(|path| anyhow!("{} is no UTF-8", path.display()))
    }

    /// What the secrets' file holds; nothing before the first was written.
    pub(crate) fn secrets(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let path = self.path.join(SECRETS);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// Writes the secrets' file.
    pub(crate) fn keep_secrets(&self, bytes: &[u8]) -> anyhow::Result<()> {
        self.replace(SECRETS, bytes)
    }

    /// Puts a whole new file in the place of an old one: whoever reads finds the one or the other.
    fn replace(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let (part, whole) = (self.path.join(part_of(name)), self.path.join(name));
        let written = || {
            let mut file = owners(OpenOptions::new().create(true).truncate(true).write(true)).open(&part)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&part, &whole)?;
            File::open(&self.path)?.sync_all()
        };
        written().with_context(|| format!("{} can't be written", whole.display()))
    }
}

fn part_of(name: &str) -> String {
    format!("{name}.part")
}

/// Whether a directory is one of ours, of a version that is known here, and no empty one. Somebody else's is an error.
fn is_begun(path: &Path) -> anyhow::Result<bool> {
    let found = match std::fs::read_to_string(path.join(VERSION)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            refuse_others(path)?;
            return Ok(false);
        }
        Err(error) => return Err(error).context("its file \"schema\" can't be read"),
    };
    let found: u32 = found
        .trim()
        .parse()
        .context("its file \"schema\" holds no number")?;
    if found > SCHEMA {
        bail!("it is of a newer version ({found}, known here: {SCHEMA})");
    }
    Ok(true)
}

/// Refuses a directory that holds anything else than what a process leaves that was killed while it began.
fn refuse_others(path: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(path).context("it can't be read")? {
        let name = entry.context("it can't be read")?.file_name();
        if name != LOCK && name.to_str() != Some(&part_of(VERSION)) {
            bail!(
                "it holds {}, and is none of the connector's",
                name.to_string_lossy()
            );
        }
    }
    Ok(())
}

/// A file that is made so is its owner's alone.
fn owners(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
