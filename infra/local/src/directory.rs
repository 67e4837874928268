//! The directory of `--data`: table and secrets of the local stack, kept from one run to the next. One process uses it at a time.
//! Its files hold credentials, so only their owner may read them.

use anyhow::{Context as _, anyhow, bail};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Version of the directory's layout.
const SCHEMA: u32 = 1;
/// Name of the file that a process locks while it uses the directory.
const LOCK: &str = "lock";
/// Name of the file that holds the layout's version.
const VERSION: &str = "schema";
/// Name of DynamoDB's file. SQLite creates further files beside it, with the same permissions.
const TABLE: &str = "table.sqlite";
/// Name of the secrets' file.
const SECRETS: &str = "secrets.json";

/// A directory that is locked for this process.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// The lock file. The operating system releases the lock when the process ends, however that happens.
    _lock: File,
}

impl Directory {
    /// Opens the directory and locks it for this process. A directory that does not exist is created.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Self::lock_and_prepare(path)
            .with_context(|| format!("the data directory {} can't be used", path.display()))
    }

    fn lock_and_prepare(path: &Path) -> anyhow::Result<Self> {
        let mut made = DirBuilder::new();
        made.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut made, 0o700);
        made.create(path).context("it can't be made")?;
        // Checked before anything is written, so that a directory that is not ours stays as it is.
        is_begun(path)?;
        let lock = owner_only(OpenOptions::new().create(true).truncate(false).write(true))
            .open(path.join(LOCK))
            .context("it can't be written")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another process uses it"),
            Err(TryLockError::Error(error)) => return Err(error).context("it can't be locked"),
        }
        let directory = Self { path: path.to_owned(), _lock: lock };
        // Checked again under the lock: another process may have created the layout in the meantime.
        if !is_begun(path)? {
            directory.replace_file(VERSION, format!("{SCHEMA}\n").as_bytes())?;
        }
        Ok(directory)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of DynamoDB's file. The file is created here with permissions for its owner alone, before SQLite would create it with
    /// others.
    pub(crate) fn prepare_table_file(&self) -> anyhow::Result<String> {
        let path = self.path.join(TABLE);
        owner_only(OpenOptions::new().create(true).truncate(false).write(true))
            .open(&path)
            .with_context(|| path.display().to_string())?;
        path.into_os_string().into_string().map_err(|path| anyhow!("{} is no UTF-8", path.display()))
    }

    /// Content of the secrets' file; `None` while there is no file.
    pub(crate) fn read_secrets(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let path = self.path.join(SECRETS);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    pub(crate) fn write_secrets(&self, bytes: &[u8]) -> anyhow::Result<()> {
        self.replace_file(SECRETS, bytes)
    }

    /// Replaces a file by writing a new one and renaming it, so that after a crash the file is either the old or the new one,
    /// whole.
    fn replace_file(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let (part, whole) = (self.path.join(part_name(name)), self.path.join(name));
        let written = || {
            let mut file =
                owner_only(OpenOptions::new().create(true).truncate(true).write(true)).open(&part)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&part, &whole)?;
            File::open(&self.path)?.sync_all()
        };
        written().with_context(|| format!("{} can't be written", whole.display()))
    }
}

fn part_name(name: &str) -> String {
    format!("{name}.part")
}

/// Whether the directory holds our layout. `false`: it is empty. A foreign directory or a newer layout is an error.
fn is_begun(path: &Path) -> anyhow::Result<bool> {
    let found = match std::fs::read_to_string(path.join(VERSION)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            refuse_foreign_files(path)?;
            return Ok(false);
        }
        Err(error) => return Err(error).context("its file \"schema\" can't be read"),
    };
    let found: u32 = found.trim().parse().context("its file \"schema\" holds no number")?;
    if found > SCHEMA {
        bail!("it is of a newer version ({found}, known here: {SCHEMA})");
    }
    Ok(true)
}

/// Refuses a directory that holds foreign files. The lock and a part of the version file are allowed: a process that was killed
/// while it created the layout leaves them.
fn refuse_foreign_files(path: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(path).context("it can't be read")? {
        let name = entry.context("it can't be read")?.file_name();
        if name != LOCK && name.to_str() != Some(&part_name(VERSION)) {
            bail!("it holds {}, and is none of the connector's", name.to_string_lossy());
        }
    }
    Ok(())
}

/// Options that create a file with read and write permission for its owner alone.
fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
