//! Which files are read, and what is kept between two readings.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::{Loader, Manifests, Options};

/// A folder with files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, target: &str, name: &str) {
        symlink(target, self.path(name)).unwrap();
    }

    /// Reads the folder.
    fn load(&self, exclude: &[&str]) -> Manifests {
        loader(&[self.0.path()], exclude).load()
    }

    /// A text without the folder's own path.
    fn strip(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
            .replace(&self.0.path().display().to_string(), ".")
    }

    fn problems(&self, manifests: &Manifests) -> Vec<String> {
        manifests
            .problems
            .iter()
            .map(|p| self.strip(&p.to_string()))
            .collect()
    }

    /// The files in which the resources were found.
    fn files(&self, manifests: &Manifests) -> Vec<String> {
        manifests
            .resources
            .iter()
            .map(|r| self.strip(&r.place().file))
            .collect()
    }
}

fn loader(inputs: &[&Path], exclude: &[&str]) -> Loader {
    let options = Options {
        inputs: inputs.iter().map(|path| path.to_path_buf()).collect(),
        exclude: exclude.iter().map(|&glob| glob.to_owned()).collect(),
        namespace: "default".to_owned(),
    };
    Loader::new(options).unwrap()
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

#[test]
fn a_folder_is_walked_in_order() {
    let folder = Folder::new(&[
        ("b.yml", &config_map("b")),
        ("a.yaml", &config_map("a")),
        (
            "z/deep/c.json",
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}}",
        ),
        ("aa/d.yaml", &config_map("d")),
        (".hidden.yaml", "{"),
        (".git/e.yaml", "{"),
        ("notes.txt", "{"),
        ("README.md", "{"),
    ]);
    let manifests = folder.load(&[]);
    assert_eq!(folder.problems(&manifests), [""; 0]);
    assert_eq!(
        folder.files(&manifests),
        ["a.yaml", "aa/d.yaml", "b.yml", "z/deep/c.json"]
    );
    assert_eq!(manifests.files, 4);
}

#[test]
fn a_given_path_is_read_whatever_it_is_called() {
    let folder = Folder::new(&[
        (".config/manifest.txt", &config_map("a")),
        (".config/b.yaml", &config_map("b")),
    ]);
    let manifests = loader(&[&folder.path(".config/manifest.txt")], &["*"]).load();
    assert_eq!(folder.files(&manifests), [".config/manifest.txt"]);
    let manifests = loader(&[&folder.path(".config")], &[]).load();
    assert_eq!(folder.files(&manifests), [".config/b.yaml"]);
}

#[test]
fn what_cannot_be_read_is_a_problem() {
    let folder = Folder::new(&[("a.yaml", &config_map("a"))]);
    folder.link("nowhere", "b.yaml");
    folder.link("nowhere", "c");
    folder.link("nowhere", "d.txt");
    let manifests = loader(&[folder.0.path(), &folder.path("none")], &[]).load();
    assert_eq!(
        folder.problems(&manifests),
        [
            "b.yaml: no such file or folder",
            "c: no such file or folder",
            "none: no such file or folder"
        ]
    );
    assert_eq!(manifests.resources.len(), 1);
}

#[test]
fn a_mounted_config_map_is_read_once() {
    let folder = Folder::new(&[
        ("..2026_01/a.yaml", &config_map("a")),
        ("..2026_01/b.yaml", &config_map("b")),
    ]);
    folder.link("..2026_01", "..data");
    folder.link("..data/a.yaml", "a.yaml");
    folder.link("..data/b.yaml", "b.yaml");
    let manifests = folder.load(&[]);
    assert_eq!(folder.problems(&manifests), [""; 0]);
    assert_eq!(folder.files(&manifests), ["a.yaml", "b.yaml"]);
}

#[test]
fn links_are_followed_once_and_never_in_circles() {
    let folder = Folder::new(&[
        ("repo/x/a.yaml", &config_map("a")),
        ("repo/.worktrees/1/b.yaml", &config_map("b")),
    ]);
    folder.link("repo", "current");
    folder.link(".worktrees/1", "repo/0-now");
    folder.link("x", "repo/0-copy");
    folder.link("..", "repo/x/up");
    folder.link(".", "repo/x/self");
    folder.link("../x/a.yaml", "repo/x/again.yaml");
    let manifests = loader(&[&folder.path("current")], &[]).load();
    assert_eq!(folder.problems(&manifests), [""; 0]);
    assert_eq!(
        folder.files(&manifests),
        ["current/0-now/b.yaml", "current/x/a.yaml"]
    );
}

#[test]
fn a_file_that_is_given_twice_is_read_once() {
    let folder = Folder::new(&[("a.yaml", &config_map("a")), ("b.yaml", &config_map("b"))]);
    let inputs = [
        folder.path("b.yaml"),
        folder.0.path().to_owned(),
        folder.path("./a.yaml"),
    ];
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    let manifests = loader(&inputs, &[]).load();
    assert_eq!(folder.problems(&manifests), [""; 0]);
    assert_eq!(folder.files(&manifests), ["b.yaml", "a.yaml"]);
}

#[test]
fn globs_pass_over_files_and_folders() {
    let names = [
        "a.yaml",
        "b/a.yaml",
        "b/c/d.yaml",
        "e/c/f.yaml",
        "e/g.test.yaml",
    ];
    let files: Vec<(&str, String)> = names
        .iter()
        .enumerate()
        .map(|(i, n)| (*n, config_map(&format!("n{i}"))))
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let folder = Folder::new(&files);
    for (exclude, left) in [
        (
            &["a.yaml"] as &[&str],
            &["b/c/d.yaml", "e/c/f.yaml", "e/g.test.yaml"] as &[&str],
        ),
        (
            &["/a.yaml"],
            &["b/a.yaml", "b/c/d.yaml", "e/c/f.yaml", "e/g.test.yaml"],
        ),
        (&["c/"], &["a.yaml", "b/a.yaml", "e/g.test.yaml"]),
        (
            &["./b/c"],
            &["a.yaml", "b/a.yaml", "e/c/f.yaml", "e/g.test.yaml"],
        ),
        (&["b/**", "*.test.yaml"], &["a.yaml", "e/c/f.yaml"]),
        (&["*/c"], &["a.yaml", "b/a.yaml", "e/g.test.yaml"]),
        (&["b", "e"], &["a.yaml"]),
    ] {
        assert_eq!(folder.files(&folder.load(exclude)), left, "{exclude:?}");
    }
}

#[test]
fn a_bad_glob_is_refused() {
    let options = Options {
        inputs: Vec::new(),
        exclude: vec!["a[".to_owned()],
        namespace: String::new(),
    };
    assert_eq!(
        Loader::new(options).unwrap_err(),
        "bad glob `a[`: unclosed character class; missing ']'"
    );
}

#[test]
fn a_chart_is_passed_over_with_a_notice() {
    let folder = Folder::new(&[
        ("a.yaml", &config_map("a")),
        ("web/Chart.yaml", "apiVersion: v2"),
        ("web/values.yaml", "{"),
        ("web/templates/a.yaml", "{{ x }}"),
    ]);
    let manifests = folder.load(&[]);
    assert_eq!(folder.files(&manifests), ["a.yaml"]);
    assert_eq!(folder.problems(&manifests), [""; 0]);
    let notices: Vec<String> = manifests.notices.iter().map(|n| folder.strip(n)).collect();
    assert_eq!(
        notices,
        [
            "web: a Helm chart, passed over; helm template web | gitops-drift -f - --once compares it"
        ]
    );
}

#[test]
fn a_kustomize_folder_is_compared_and_never_written() {
    let folder = Folder::new(&[
        ("a.yaml", &config_map("a")),
        ("k/kustomization.yaml", "resources: [b.yaml]"),
        ("k/b.yaml", &config_map("b")),
        ("k/sub/c.yaml", &config_map("c")),
    ]);
    let notice = "k: a kustomize folder, compared as it stands and never written; \
                  kubectl kustomize k | gitops-drift -f - --once compares what it makes";
    let reason = Some("kustomize may change it (k)".to_owned());
    let check = |manifests: &Manifests, expected: &[Option<String>]| {
        let notices: Vec<String> = manifests.notices.iter().map(|n| folder.strip(n)).collect();
        assert_eq!(notices, [notice]);
        let unwritable = manifests
            .resources
            .iter()
            .map(|r| r.unwritable.as_deref().map(|u| folder.strip(u)));
        assert_eq!(unwritable.collect::<Vec<_>>(), expected);
        assert_eq!((manifests.problems.len(), manifests.not_objects), (0, 0));
    };
    check(&folder.load(&[]), &[None, reason.clone(), reason.clone()]);
    check(&loader(&[&folder.path("k/b.yaml")], &[]).load(), &[reason]);
    check(
        &loader(&[&folder.path("k/kustomization.yaml")], &[]).load(),
        &[],
    );
}

#[test]
fn what_is_declared_twice_is_not_compared() {
    let unknown = format!("{}nonsense: 1\n", config_map("a"));
    let broken = format!("{}data: 1\n", config_map("b"));
    let folder = Folder::new(&[
        ("1.yaml", &unknown),
        (
            "2.yaml",
            &format!(
                "{}---\n{}",
                config_map("c"),
                config_map("a").replace("name: a", "name: a, namespace: default")
            ),
        ),
        (
            "3.yaml",
            &config_map("a").replace("name: a", "name: a, namespace: other"),
        ),
        ("4.yaml", &config_map("a")),
        ("5.yaml", &config_map("b")),
        ("6.yaml", &broken),
    ]);
    let manifests = folder.load(&[]);
    assert_eq!(folder.files(&manifests), ["2.yaml", "3.yaml"]);
    assert_eq!(
        folder.problems(&manifests),
        [
            "1.yaml:1:1: ConfigMap/a: declared more than once, also at 2.yaml:5:1, 4.yaml:1:1; not compared",
            "1.yaml:4:1: ConfigMap/a: nonsense: unknown field",
            "5.yaml:1:1: ConfigMap/b: declared more than once, also at 6.yaml:1:1; not compared",
            "6.yaml:4:7: ConfigMap/b: data: a map expected, 1 stands here",
        ]
    );
}

#[test]
fn a_resource_that_is_declared_very_often_has_a_short_message() {
    let folder = Folder::new(&[(
        "a.yaml",
        &config_map("a")
            .repeat(20)
            .replace("apiVersion", "---\napiVersion"),
    )]);
    let problems = folder.problems(&folder.load(&[]));
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].ends_with("a.yaml:42:1, 9 places more; not compared"),
        "{}",
        problems[0]
    );
}

#[test]
fn a_file_that_is_too_large_is_a_problem() {
    let folder = Folder::new(&[("a.yaml", &config_map("a"))]);
    let large = fs::File::create(folder.path("b.yaml")).unwrap();
    large.set_len((64 << 20) + 1).unwrap();
    let manifests = folder.load(&[]);
    assert_eq!(
        folder.problems(&manifests),
        ["b.yaml: larger than 64 MiB, which is too large for manifests"]
    );
    assert_eq!(manifests.resources.len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf_8_is_read() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new(&[]);
    let name = std::ffi::OsStr::from_bytes(b"a\xff.yaml");
    fs::write(folder.0.path().join(name), config_map("a")).unwrap();
    let manifests = folder.load(&[]);
    assert_eq!(folder.files(&manifests), ["a\u{fffd}.yaml"]);
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let folder = Folder::new(&[("a.yaml", &config_map("a")), ("b.yaml", &config_map("b"))]);
    let mut loader = loader(&[folder.0.path()], &[]);
    let first = loader.load();
    let second = loader.load();
    assert!(Arc::ptr_eq(&first.resources[0], &second.resources[0]));
    folder.write("a.yaml", &config_map("c"));
    let third = loader.load();
    assert_eq!(third.resources[0].id.name, "c");
    assert!(Arc::ptr_eq(&first.resources[1], &third.resources[1]));
    fs::remove_file(folder.path("b.yaml")).unwrap();
    assert_eq!(loader.load().resources.len(), 1);
    drop((second, third));
    assert_eq!(Arc::strong_count(&first.resources[1]), 1);
    folder.write("Kustomization", "");
    assert!(loader.load().resources[0].unwritable.is_some());
}

#[test]
fn a_run_with_nothing_to_compare_says_why() {
    let skipped = config_map("a").replace(
        "{name: a}",
        "{name: a, annotations: {drift.gitops.io/skip: \"true\"}}",
    );
    for (files, why) in [
        (&[] as &[(&str, &str)], Some("no manifest was found")),
        (
            &[
                ("a.yaml", ""),
                (
                    "b.yaml",
                    "a: b\n---\napiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n",
                ),
            ],
            Some(
                "no Deployment, Service, ConfigMap or Namespace to compare; read 2 file(s) with \
                 objects of other kinds: 2, documents that are no Kubernetes objects: 1",
            ),
        ),
        (
            &[("a.yaml", "# nothing\n")],
            Some(
                "no Deployment, Service, ConfigMap or Namespace to compare; read 1 file(s) with nothing at all",
            ),
        ),
        (
            &[("a.yaml", "{")],
            Some(
                "no Deployment, Service, ConfigMap or Namespace to compare; read 1 file(s) with errors: 1",
            ),
        ),
        (&[("a.yaml", skipped.as_str())], None),
    ] {
        assert_eq!(
            Folder::new(files).load(&[]).nothing_to_compare().as_deref(),
            why
        );
    }
}
