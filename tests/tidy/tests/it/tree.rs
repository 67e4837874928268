//! The files of the repository, as git knows them: tracked files, and new ones that are not ignored.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub(crate) fn find_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Paths of all files, relative to the root, sorted.
pub(crate) fn list_files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(find_root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git can't list the files of the repository: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let listed = String::from_utf8(output.stdout).unwrap();
    let mut files: Vec<String> = listed
        .split('\0')
        // A file that was deleted and not committed yet is still listed.
        .filter(|path| !path.is_empty() && exists(path))
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    assert!(files.len() > 100, "git lists only {} files", files.len());
    files
}

/// Paths of all files with this extension, below one of these folders; an empty folder is the whole repository.
pub(crate) fn list_files_below(folders: &[&str], extension: &str) -> Vec<String> {
    let is_wanted = |path: &String| {
        Path::new(path).extension().is_some_and(|found| found == extension)
            && folders.iter().any(|folder| path.starts_with(folder))
    };
    list_files().into_iter().filter(is_wanted).collect()
}

/// The text of a file. `None` when the file is not UTF-8, such as an archive.
pub(crate) fn read_if_text(path: &str) -> Option<String> {
    String::from_utf8(std::fs::read(find_root().join(path)).unwrap()).ok()
}

/// The text of a file that has to be there.
pub(crate) fn read_text(path: &str) -> String {
    match std::fs::read_to_string(find_root().join(path)) {
        Ok(text) => text,
        Err(error) => panic!("{path} can't be read: {error}"),
    }
}

/// Whether a path, relative to the root, names a file or a folder.
pub(crate) fn exists(path: &str) -> bool {
    find_root().join(path).exists()
}
