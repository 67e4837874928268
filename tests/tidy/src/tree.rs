//! The files of the repository, as git knows them: tracked files, and new files that are not ignored.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub fn find_root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// Paths of all files, relative to the root, sorted.
pub fn list_files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(find_root())
        .output()
        .unwrap();
    assert!(output.status.success(), "git can't list the files: {output:?}");
    let listed = String::from_utf8(output.stdout).unwrap();
    let mut files: Vec<String> = listed.split_terminator('\0').map(str::to_owned).collect();
    // A file that was deleted and not committed yet is still listed.
    files.retain(|path| find_root().join(path).exists());
    files.sort();
    files.dedup();
    assert!(files.len() > 100, "git lists only {} files", files.len());
    files
}

/// The extension of a path; empty when the path has none.
pub fn get_extension(path: &str) -> &str {
    let extension = Path::new(path).extension();
    extension.and_then(|name| name.to_str()).unwrap_or_default()
}

/// Path and text of all files with this extension below a folder; an empty folder is the whole repository.
pub fn read_files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let mut files = list_files();
    files.retain(|path| path.starts_with(folder) && get_extension(path) == extension);
    let texts: Vec<String> = files.iter().map(|path| read_text(path)).collect();
    files.into_iter().zip(texts).collect()
}

/// The text of a file. `None` when the file is not UTF-8, such as an archive.
pub fn read_if_text(path: &str) -> Option<String> {
    String::from_utf8(std::fs::read(find_root().join(path)).unwrap()).ok()
}

/// The text of a file that has to be there.
pub fn read_text(path: &str) -> String {
    std::fs::read_to_string(find_root().join(path))
        .unwrap_or_else(|error| panic!("{path} can't be read: {error}"))
}
