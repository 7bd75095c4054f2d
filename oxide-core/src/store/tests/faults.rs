//! Every fault point of the store, hit in a process of its own: killed, or failing with a full disk, a broken disk or a
//! short write. Afterwards what was acknowledged is there, and the work can be done again.

use std::process::Command;

use super::*;

/// The variable that names the control folder to the process that is to fail.
const CONTROL: &str = "OXIDE_TEST_FAULT_CONTROL";

fn contents() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("small.txt", lines(1, 3_000)),
        ("table.csv", lines(2, 1 << 20)),
        ("large.jpg", media(3, (1 << 20) + 1)),
    ]
}

/// Adds the contents, then merges packs. Writes the name of each acknowledged step to the standard output.
fn work(control: &Path) -> Result<()> {
    let store = if control.join("repository").exists() {
        Store::open(control)?
    } else {
        Store::create(control)?
    };
    println!("step created");
    let folder = control.parent().expect("a parent");
    let session = store.begin()?;
    for (name, _) in contents() {
        let path = folder.join(name);
        let file = std::fs::File::open(&path).expect("a file");
        session.put_file(&file, &path, name, &Progress::default())?;
    }
    session.flush()?;
    println!("step flushed");
    for n in 0..9 {
        session.put_content(&noise(n, 2_000), "a.bin")?;
        session.flush()?;
        println!("step {n}");
    }
    store.consolidate()
}

/// Does nothing unless it is run as the process that is to fail.
#[test]
fn child() {
    if let Some(control) = std::env::var_os(CONTROL) {
        if let Err(e) = work(Path::new(&control)) {
            println!("refused {} {e}", e.code.as_str());
        }
    }
}

fn run(control: &Path, variable: &str, value: &str) -> String {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "store::tests::faults::child", "--nocapture"])
        .env(CONTROL, control)
        .env(variable, value)
        .output()
        .expect("a process");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn check(control: &Path, output: &str) {
    if !output.contains("step created") {
        return;
    }
    let store = Store::open(control).expect("the store opens");
    if output.contains("step flushed") {
        for (name, bytes) in contents() {
            let id = hash::digests(&bytes).content;
            let copy = copied(&store, control.parent().expect("a parent"), &id);
            assert!(copy.expect(name) == bytes, "{name}");
        }
    }
    for n in (0..9).filter(|n| output.contains(&format!("step {n}\n"))) {
        let bytes = noise(n, 2_000);
        let id = hash::digests(&bytes).content;
        assert_eq!(store.content(&id).expect("acknowledged"), bytes);
    }
}

#[test]
fn nothing_acknowledged_is_lost_at_any_fault_point() {
    let folder = tempfile::tempdir().expect("a folder");
    let prepare = |name: &str| {
        let tree = folder.path().join(name);
        std::fs::create_dir(&tree).expect("a folder");
        for (name, bytes) in contents() {
            std::fs::write(tree.join(name), bytes).expect("a file");
        }
        tree.join(".oxide")
    };
    let log = folder.path().join("points");
    let output = run(
        &prepare("whole"),
        "OXIDE_FAULT_LOG",
        &log.display().to_string(),
    );
    assert!(
        output.contains("step 8\n") && !output.contains("refused"),
        "{output}"
    );
    let mut points: Vec<(String, usize)> = Vec::new();
    for point in std::fs::read_to_string(&log).expect("the points").lines() {
        match points.iter_mut().find(|(known, _)| known == point) {
            Some((_, passes)) => *passes += 1,
            None => points.push((point.to_string(), 1)),
        }
    }
    for expected in [
        "write.tmp-data",
        "rename.packs",
        "rename.objects",
        "unlink.packs",
    ] {
        assert!(
            points.iter().any(|(point, _)| point == expected),
            "{points:?}"
        );
    }
    let mut cases = Vec::new();
    for (point, passes) in points {
        let actions: &[&str] = match point.starts_with("write") {
            true => &["kill", "enospc", "eio", "short"],
            false => &["kill", "eio"],
        };
        for action in actions {
            cases.push(format!("{point}:{action}:{passes}"));
            // The first pass lies in the beginning, the last in the merging of packs.
            if passes > 1 && *action == "kill" {
                cases.push(format!("{point}:{action}:1"));
            }
        }
    }
    // The processes mostly wait for the disk.
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| loop {
                let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(fault) = cases.get(number) else {
                    break;
                };
                fail_and_repeat(&prepare(&format!("fault-{number}")), fault);
            });
        }
    });
}

/// Fails once as `fault` says, then does the same work again, which must succeed and leave nothing behind.
fn fail_and_repeat(control: &Path, fault: &str) {
    let output = run(control, "OXIDE_FAULT", fault);
    check(control, &output);
    let again = run(control, "OXIDE_UNUSED", "");
    assert!(again.contains("step 8\n"), "{fault}: {again}");
    assert!(!again.contains("refused"), "{fault}: {again}");
    check(control, &again);
    let store = Store::open(control).expect("the store opens");
    let collected = store.collect_temporary(std::time::Duration::ZERO, None);
    collected.expect("collected");
    store.live_sessions().expect("leases");
    assert!(names(&control.join("tmp")).is_empty(), "{fault}");
    assert_eq!(names(&control.join("leases")), ["consolidate.lock"]);
    std::fs::remove_dir_all(control.parent().expect("a parent")).expect("removed");
}
