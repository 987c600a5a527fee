// Package buildscript tests build.sh, with a go command that only pretends.
package buildscript

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeGo counts its builds and takes its time, so that builds can overlap.
const fakeGo = `#!/bin/sh
case $1 in
version) echo "go version ${FAKE_GO_VERSION:-go1.0} fake" ;;
build)
	echo built >>"$FAKE_GO_LOG"
	while [ "$1" != -o ]; do shift; done
	sleep 0.2
	echo whole >"$2"
	chmod +x "$2"
	;;
esac
`

type sandbox struct {
	t             *testing.T
	checkout, bin string
	cache, log    string
}

func newSandbox(t *testing.T) *sandbox {
	root := t.TempDir()
	s := &sandbox{
		t:        t,
		checkout: filepath.Join(root, "checkout"),
		bin:      filepath.Join(root, "bin"),
		cache:    filepath.Join(root, "cache"),
		log:      filepath.Join(root, "log"),
	}
	script, err := os.ReadFile("../../build.sh")
	if err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(s.checkout, "build.sh"), string(script))
	s.write(filepath.Join(s.checkout, "go.mod"), "require (\n\tk8s.io/kubernetes v1.2.3\n)\n")
	s.write(filepath.Join(s.checkout, "main.go"), "package main\n")
	s.write(filepath.Join(s.bin, "go"), fakeGo)
	return s
}

func (s *sandbox) write(path, content string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// build runs build.sh of a checkout and returns what it prints.
func (s *sandbox) build(checkout string, env ...string) string {
	s.t.Helper()
	command := exec.Command(filepath.Join(checkout, "build.sh"))
	command.Env = append(os.Environ(),
		"PATH="+s.bin+":"+os.Getenv("PATH"), "XDG_CACHE_HOME="+s.cache, "FAKE_GO_LOG="+s.log)
	command.Env = append(command.Env, env...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		s.t.Errorf("build.sh: %v\n%s", err, &stderr)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func (s *sandbox) builds() int {
	log, _ := os.ReadFile(s.log)
	return strings.Count(string(log), "built")
}

func TestSecondCallFindsTheBinary(t *testing.T) {
	s := newSandbox(t)
	first := s.build(s.checkout)
	if content, err := os.ReadFile(first); err != nil || string(content) != "whole\n" {
		t.Fatalf("%s: %q, %v", first, content, err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	if err := os.CopyFS(clone, os.DirFS(s.checkout)); err != nil {
		t.Fatal(err)
	}
	for _, checkout := range []string{s.checkout, clone} {
		if again := s.build(checkout); again != first {
			t.Errorf("%s: %s, want %s", checkout, again, first)
		}
	}
	if s.builds() != 1 {
		t.Errorf("%d builds", s.builds())
	}
}

func TestWhatChangesTheHash(t *testing.T) {
	s := newSandbox(t)
	first := s.build(s.checkout)

	s.write(filepath.Join(s.checkout, "main_test.go"), "package main\n")
	s.write(filepath.Join(s.checkout, "README.md"), "text\n")
	if got := s.build(s.checkout); got != first {
		t.Error("tests and texts should not change the hash")
	}

	seen := map[string]bool{first: true}
	check := func(what, got string) {
		if seen[got] {
			t.Errorf("%s should change the hash", what)
		}
		seen[got] = true
	}
	check("the Go version", s.build(s.checkout, "FAKE_GO_VERSION=go1.1"))
	s.write(filepath.Join(s.checkout, "internal", "a.go"), "package a\n")
	check("a new source", s.build(s.checkout))
	s.write(filepath.Join(s.checkout, "go.sum"), "sums\n")
	check("go.sum", s.build(s.checkout))
	s.write(filepath.Join(s.checkout, "go.mod"), "require k8s.io/kubernetes v1.2.4\n")
	check("go.mod", s.build(s.checkout))
}

func TestAPinnedVersionIsBuiltFromItsOwnModules(t *testing.T) {
	s := newSandbox(t)
	newest := s.build(s.checkout)
	pinned := filepath.Join(s.checkout, "versions", "1.1")
	s.write(pinned+".mod", "require k8s.io/kubernetes v1.1.9\n")
	s.write(pinned+".sum", "sums\n")
	if got := s.build(s.checkout); got != newest {
		t.Error("what is pinned should not change the hash of the newest")
	}
	build := func(version string) (string, error) {
		command := exec.Command(filepath.Join(s.checkout, "build.sh"), version)
		command.Env = append(os.Environ(),
			"PATH="+s.bin+":"+os.Getenv("PATH"), "XDG_CACHE_HOME="+s.cache, "FAKE_GO_LOG="+s.log)
		out, err := command.Output()
		return strings.TrimSuffix(string(out), "\n"), err
	}
	if got, err := build("1.2"); err != nil || got != newest {
		t.Errorf("1.2: %q, %v", got, err)
	}
	first, err := build("1.1")
	if err != nil || first == newest {
		t.Errorf("1.1: %q, %v", first, err)
	}
	s.write(pinned+".sum", "other sums\n")
	if got, err := build("1.1"); err != nil || got == first {
		t.Errorf("its sums should change the hash: %q, %v", got, err)
	}
	var exit *exec.ExitError
	if _, err := build("1.0"); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("1.0: %v", err)
	}
}

func TestConcurrentCallsBuildOnce(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("without flock, each call builds")
	}
	s := newSandbox(t)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if content, err := os.ReadFile(s.build(s.checkout)); err != nil || string(content) != "whole\n" {
				t.Errorf("%q, %v", content, err)
			}
		})
	}
	wg.Wait()
	if s.builds() != 1 {
		t.Errorf("%d builds", s.builds())
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	s := newSandbox(t)
	s.write(filepath.Join(s.bin, "go"), "#!/bin/sh\ntest $1 = version\n")
	command := exec.Command(filepath.Join(s.checkout, "build.sh"))
	command.Env = append(os.Environ(), "PATH="+s.bin+":"+os.Getenv("PATH"), "XDG_CACHE_HOME="+s.cache)
	if out, err := command.Output(); err == nil || len(out) > 0 {
		t.Errorf("%q, %v", out, err)
	}
	left, _ := filepath.Glob(filepath.Join(s.cache, "gitops-drift", "*controlplane-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMissingGoIsExitCode3(t *testing.T) {
	s := newSandbox(t)
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	dirname, err := exec.LookPath("dirname")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(dirname, filepath.Join(bin, "dirname")); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(bash, filepath.Join(s.checkout, "build.sh"))
	command.Env = []string{"PATH=" + bin}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || len(out) > 0 {
		t.Errorf("%q, %v", out, err)
	}
	if strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("not one line: %s", &stderr)
	}
}
