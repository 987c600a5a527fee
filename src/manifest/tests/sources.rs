//! Which files are read, and what is kept between two readings.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::{Loader, ManifestOptions, Manifests};

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

    fn notices(&self, manifests: &Manifests) -> Vec<String> {
        manifests.notices.iter().map(|n| self.strip(n)).collect()
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
    let options = ManifestOptions {
        inputs: inputs.iter().map(|path| path.to_path_buf()).collect(),
        exclude: exclude.iter().map(|&glob| glob.to_owned()).collect(),
        namespace: "default".to_owned(),
        with_declared: true,
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
fn a_given_path_is_read_whatever_its_name() {
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
fn an_unreadable_path_is_a_problem() {
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
fn links_are_followed_once_and_never_in_cycles() {
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
fn globs_exclude_files_and_folders() {
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
    let options = ManifestOptions {
        inputs: Vec::new(),
        exclude: vec!["a[".to_owned()],
        namespace: String::new(),
        with_declared: false,
    };
    assert_eq!(
        Loader::new(options).unwrap_err().to_string(),
        "bad glob `a[`: unclosed character class; missing ']'"
    );
}

#[test]
fn a_chart_is_skipped_with_a_notice() {
    let folder = Folder::new(&[
        ("a.yaml", &config_map("a")),
        ("web/Chart.yaml", "apiVersion: v2"),
        ("web/values.yaml", "{"),
        ("web/templates/a.yaml", "{{ x }}"),
    ]);
    let manifests = folder.load(&[]);
    assert_eq!(folder.files(&manifests), ["a.yaml"]);
    assert_eq!(folder.problems(&manifests), [""; 0]);
    let notice = "skipped the Helm chart in web; to compare it: helm template web | gitops-drift -f - --once";
    assert_eq!(folder.notices(&manifests), [notice]);
}

/// A repository with a base, two overlays, a component and a file that no kustomization names.
fn kustomized() -> Folder {
    Folder::new(&[
        ("base/kustomization.yaml", "resources: [web.yaml]"),
        ("base/web.yaml", &config_map("web")),
        ("base/loose.yaml", &config_map("loose")),
        (
            "overlays/a/kustomization.yaml",
            "resources: [../../base, ../../teams, own.yaml]\ncomponents: [../../debug]\n\
             patches: [{path: patch.yaml}]\nconfigMapGenerator: [{name: g, files: [key=made.yaml]}]\n",
        ),
        ("overlays/a/own.yaml", &config_map("own")),
        ("overlays/a/patch.yaml", &config_map("web")),
        ("overlays/a/made.yaml", "{{ no manifest }}"),
        (
            "overlays/b/kustomization.yml",
            "bases: [../../base]\npatchesStrategicMerge: [../patch-of-both.yaml]\n",
        ),
        ("overlays/patch-of-both.yaml", &config_map("web")),
        (
            "debug/kustomization.yaml",
            "kind: Component\nresources: [tools.yaml]\npatches: [{path: p.yaml}]",
        ),
        ("debug/tools.yaml", &config_map("tools")),
        ("debug/p.yaml", &config_map("web")),
        ("teams/deep/s.yaml", &config_map("teams")),
        (
            "flux/kustomization.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\n",
        ),
        ("plain.yaml", &config_map("plain")),
    ])
}

/// What is compared: the file, and the kustomization for which it is never written.
fn compared(folder: &Folder, manifests: &Manifests) -> Vec<(String, String)> {
    let reason = |unwritable: &Option<String>| {
        let reason = unwritable.as_deref().unwrap_or_default();
        let folder = folder.strip(reason);
        folder.replace("kustomize may change it ", "")
    };
    let files = folder.files(manifests).into_iter();
    let reasons = manifests.resources.iter().map(|r| reason(&r.unwritable));
    files.zip(reasons).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(file, reason): &(&str, &str)| ((*file).to_owned(), (*reason).to_owned());
    expected.iter().map(owned).collect()
}

#[test]
fn what_kustomizations_name_decides_what_is_compared_and_what_is_written() {
    let folder = kustomized();
    let manifests = folder.load(&[]);
    assert_eq!(folder.problems(&manifests), [""; 0]);
    let expected = [
        ("base/loose.yaml", ""),
        ("base/web.yaml", "(base)"),
        ("overlays/a/own.yaml", "(overlays/a)"),
        ("plain.yaml", ""),
        ("teams/deep/s.yaml", "(overlays/a)"),
    ];
    assert_eq!(compared(&folder, &manifests), pairs(&expected));
    assert_eq!(manifests.no_resources, 5);
    let kinds: Vec<&str> = manifests.other_kinds.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["kustomize.toolkit.fluxcd.io/v1 Kustomization"]);
    assert_eq!(
        folder.notices(&manifests),
        [
            "4 kustomizations (base, debug, overlays/a and 1 more): resources are compared without patches and are \
             never written; to compare the result: kubectl kustomize DIR | gitops-drift -f - --once"
        ]
    );
    let details: Vec<String> = manifests.details.iter().map(|d| folder.strip(d)).collect();
    assert_eq!(details.len(), 4);
    assert_eq!(details[3], "overlays/b: folder with a kustomization");
}

#[test]
fn an_overlay_reaches_files_outside_of_its_path() {
    let folder = kustomized();
    let read = |paths: &[&str]| {
        let paths: Vec<PathBuf> = paths.iter().map(|path| folder.path(path)).collect();
        let inputs: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        loader(&inputs, &[]).load()
    };
    let alone = read(&["teams", "overlays/b"]);
    assert_eq!(
        compared(&folder, &alone),
        pairs(&[("teams/deep/s.yaml", "")])
    );
    let together = read(&["teams", "overlays/a"]);
    let expected = [
        ("teams/deep/s.yaml", "(overlays/a)"),
        ("overlays/a/own.yaml", "(overlays/a)"),
    ];
    assert_eq!(compared(&folder, &together), pairs(&expected));
    assert_eq!(
        read(&["overlays/b"]).nothing_to_compare().unwrap(),
        "no manifest was found"
    );
    let debug = read(&["debug"]);
    assert_eq!(
        compared(&folder, &debug),
        pairs(&[("debug/tools.yaml", "(debug)")])
    );
    assert_eq!(read(&["overlays/a", "debug"]).no_resources, 4);
}

#[test]
fn a_given_file_is_read_though_it_is_a_patch_but_never_written() {
    let folder = kustomized();
    let patch = folder.path("overlays/a/patch.yaml");
    let manifests = loader(&[&patch], &[]).load();
    let expected = [("overlays/a/patch.yaml", "(overlays/a)")];
    assert_eq!(compared(&folder, &manifests), pairs(&expected));
    let kustomization = folder.path("base/kustomization.yaml");
    let manifests = loader(&[&kustomization], &[]).load();
    assert_eq!(compared(&folder, &manifests), []);
    let flux = folder.path("flux/kustomization.yaml");
    assert_eq!(loader(&[&flux], &[]).load().other_kinds.len(), 1);
}

#[test]
fn where_a_kustomization_cannot_be_read_its_folder_is_compared_and_never_written() {
    let folder = Folder::new(&[
        ("a.yaml", &config_map("a")),
        (
            "k/kustomization.yaml",
            "resources: [b.yaml\npatches: [{path: sub/c.yaml}]\n",
        ),
        ("k/b.yaml", &config_map("b")),
        ("k/sub/c.yaml", &config_map("c")),
        ("two/Kustomization", ""),
        ("two/kustomization.yml", ""),
        ("two/d.yaml", &config_map("d")),
    ]);
    let manifests = folder.load(&[]);
    let expected = [
        ("a.yaml", ""),
        ("k/b.yaml", "(k)"),
        ("k/sub/c.yaml", "(k)"),
        ("two/d.yaml", "(two)"),
    ];
    assert_eq!(compared(&folder, &manifests), pairs(&expected));
    let problems = folder.problems(&manifests);
    let end = "; the manifests in its folder are never written";
    assert!(
        problems[0].starts_with("k/kustomization.yaml: line 2: ") && problems[0].ends_with(end)
    );
    assert_eq!(
        problems[1],
        format!("two/kustomization.yml: more than one kustomization in this folder{end}")
    );
    assert_eq!(problems.len(), 2);
}

#[test]
fn only_regular_files_are_read_below_a_given_path() {
    let folder = Folder::new(&[("a.yaml", &config_map("a"))]);
    for pipe in ["b.yaml", "k/kustomization.yaml"] {
        let path = folder.path(pipe);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    }
    folder.link("/dev/zero", "c.yaml");
    folder.link("self", "self");
    folder.link("self.yaml", "self.yaml");
    let manifests = folder.load(&[]);
    let problems = folder.problems(&manifests);
    assert_eq!(problems.len(), 5, "{problems:?}");
    assert!(problems.contains(&"b.yaml: not a regular file or a folder".to_owned()));
    assert_eq!(manifests.resources.len(), 1);
}

#[test]
fn a_resource_that_is_declared_twice_is_not_compared() {
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
            "6.yaml:4:7: ConfigMap/b: data: expected a map, found 1",
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
        problems[0].ends_with("a.yaml:42:1, 9 more places; not compared"),
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
        ["b.yaml:1:1: expected at most 64 MiB, found a larger file"]
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
fn unchanged_files_are_not_checked_again() {
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
    folder.write("Kustomization", "resources: [a.yaml]");
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
                "no ConfigMap, Deployment, Namespace or Service to compare; read 2 file(s) with \
                 objects of other kinds: 2, documents that are not Kubernetes objects: 1",
            ),
        ),
        (
            &[("a.yaml", "# nothing\n")],
            Some(
                "no ConfigMap, Deployment, Namespace or Service to compare; read 1 file(s) with no documents",
            ),
        ),
        (
            &[("a.yaml", "{")],
            Some(
                "no ConfigMap, Deployment, Namespace or Service to compare; read 1 file(s) with errors: 1",
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

#[test]
fn what_files_declare_is_known_whatever_becomes_of_it() {
    let folder = Folder::new(&[
        ("a.yaml", &config_map("plain")),
        (
            "b.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: skipped\n  namespace: two\n  annotations: {drift.gitops.io/skip: 'true'}\n---\n\
             apiVersion: v1\nkind: Service\nmetadata: {name: hook, annotations: {helm.sh/hook: pre-install}}\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong}\ndata: {k: 1}\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {name: secret}\nsops: {mac: ENC}\n---\n\
             apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: old}\n---\n\
             apiVersion: apps/v1\nkind: Deploymnet\nmetadata: {name: typo, namespace: three}\n---\n\
             apiVersion: v1\nkind: Namespace\nmetadata: {name: four}\n---\n\
             apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: other, namespace: five}\n",
        ),
        ("twice/a.yaml", &config_map("twice")),
        ("twice/b.yaml", &config_map("twice")),
        (
            "unparsable.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: unparsable\ndata: [\n",
        ),
        (
            "old/deep/x.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: excluded, namespace: six}\n",
        ),
        ("old/.hidden/x.yaml", &config_map("hidden")),
        ("k/kustomization.yaml", "patches: [{path: patch.yaml}]"),
        ("k/patch.yaml", &config_map("patched")),
    ]);
    let declared = |manifests: &Manifests| {
        let mut declared: Vec<String> =
            manifests.declared.iter().map(ToString::to_string).collect();
        declared.sort();
        declared
    };
    let expected = [
        "ConfigMap/patched (ns: default)",
        "ConfigMap/plain (ns: default)",
        "ConfigMap/secret (ns: default)",
        "ConfigMap/skipped (ns: two)",
        "ConfigMap/twice (ns: default)",
        "ConfigMap/unparsable (ns: default)",
        "ConfigMap/wrong (ns: default)",
        "Deployment/old (ns: default)",
        "Deployment/typo (ns: three)",
        "Namespace/four",
        "Service/excluded (ns: six)",
        "Service/hook (ns: default)",
    ];
    let mut loader = loader(&[&folder.path("")], &["old"]);
    for _ in 0..2 {
        let manifests = loader.load();
        assert_eq!(declared(&manifests), expected);
        let namespaces: Vec<&str> = manifests.namespaces.keys().map(String::as_str).collect();
        assert_eq!(namespaces, ["default", "three", "two"]);
        assert!(manifests.namespaces["default"].ends_with("a.yaml"));
    }
    folder.write("old/deep/x.yaml", &config_map("renamed"));
    let manifests = loader.load();
    assert!(declared(&manifests).contains(&"ConfigMap/renamed (ns: default)".to_owned()));
    assert_eq!(declared(&manifests).len(), expected.len());
}
