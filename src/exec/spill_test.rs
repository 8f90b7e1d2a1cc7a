//! Folders and files of spilled chunks.

use super::*;
use crate::chunk::ArrayChunk;

fn chunk(length: usize) -> Chunk {
    let buffer = arrow::buffer::Buffer::from_vec(vec![7_u8; length]);
    let dtype = crate::nd::NdDtype::Num(crate::nd::Elem::U8);
    Chunk::Array(Arc::new(
        ArrayChunk::dense(dtype, vec![length], buffer).expect("dense"),
    ))
}

fn folders(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[test]
fn a_file_lives_as_long_as_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("made").join("on demand");
    let file = SpillFile::write(&chunk(1000), &below).unwrap();
    let [folder] = &folders(&below)[..] else { panic!() };
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with(&format!("dusk-spill-{}-", std::process::id())),
        "{name}"
    );
    assert!(file.path.starts_with(folder) && file.path.exists());
    assert!(file.size() >= 1000);
    let Chunk::Array(array) = file.load().unwrap() else {
        panic!()
    };
    assert_eq!(array.buffer.as_slice(), vec![7; 1000]);
    let path = file.path.clone();
    drop(file);
    assert!(!path.exists());
}

#[test]
#[cfg(unix)]
fn nobody_else_may_read_the_folder() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let _file = SpillFile::write(&chunk(1), directory.path()).unwrap();
    let meta = fs::metadata(&folders(directory.path())[0]).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o700);
}

#[test]
fn stale_folders_go_and_living_ones_stay() {
    let directory = tempfile::tempdir().unwrap();
    let stale = directory.path().join("dusk-spill-1-abc");
    fs::create_dir(&stale).unwrap();
    fs::write(stale.join("lock"), "").unwrap();
    fs::write(stale.join("chunk-0"), "old").unwrap();
    let living = directory.path().join("dusk-spill-1-def");
    fs::create_dir(&living).unwrap();
    let lock = File::create(living.join("lock")).unwrap();
    lock.try_lock().unwrap();
    let broken = directory.path().join("dusk-spill-2-half-removed");
    fs::create_dir(&broken).unwrap();
    let unborn = directory.path().join(".dusk-spill-3-being-made");
    fs::create_dir(&unborn).unwrap();
    let foreign = directory.path().join("something else");
    fs::create_dir(&foreign).unwrap();
    fs::write(directory.path().join("dusk-spill-file"), "").unwrap();
    let file = SpillFile::write(&chunk(1), directory.path()).unwrap();
    assert!(!stale.exists() && !broken.exists());
    assert!(living.exists() && unborn.exists() && foreign.exists() && file.path.exists());
    drop(lock);
    remove_stale_folders(directory.path());
    assert!(!living.exists());
    assert!(file.path.exists(), "our own lock is held");
}

#[test]
fn a_folder_that_was_tidied_away_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let first = SpillFile::write(&chunk(1), directory.path()).unwrap();
    fs::remove_dir_all(&folders(directory.path())[0]).unwrap();
    let error = first.load().unwrap_err();
    assert_eq!(
        (error.kind(), error.path()),
        (Kind::Os, Some(first.path.as_path()))
    );
    let second = SpillFile::write(&chunk(2), directory.path()).unwrap();
    assert!(second.path.exists());
}

#[test]
fn a_failed_write_leaves_no_file_and_names_the_folder() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chunk-0");
    let error = write_or_remove(&path, |mut file| {
        io::Write::write_all(&mut file, b"half").unwrap();
        Err(Error::os(&path, &io::Error::from_raw_os_error(libc::ENOSPC)))
    })
    .unwrap_err();
    assert!(!path.exists());
    let error = full(error, &path);
    assert_eq!((error.kind(), error.errno()), (Kind::Os, Some(libc::ENOSPC)));
    assert!(
        error.notes()[0].contains(&directory.path().display().to_string()),
        "{error}"
    );
}

#[test]
fn a_truncated_file_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let file = SpillFile::write(&chunk(1000), directory.path()).unwrap();
    let whole = fs::read(&file.path).unwrap();
    for length in [0, 5, 40, whole.len() - 500, whole.len() - 1] {
        fs::write(&file.path, &whole[..length]).unwrap();
        let error = file.load().unwrap_err();
        assert_eq!(
            (error.kind(), error.path()),
            (Kind::Os, Some(file.path.as_path()))
        );
    }
}

#[test]
fn a_child_leaves_its_parents_files_alone() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = SpillFile::write(&chunk(1), directory.path()).unwrap();
    file.pid += 1;
    let path = file.path.clone();
    drop(file);
    assert!(path.exists());
}
