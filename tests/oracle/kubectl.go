package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// versus holds the tool against kubectl diff on the same objects: first as they
// were made, where every report is a false alarm, then each after one change.
func (r *run) versus(controlplane string, size int, w io.Writer) error {
	namespace := fmt.Sprintf("oracle-%d-kubectl", r.seed)
	if err := r.makeNamespace(namespace); err != nil {
		return err
	}
	objects, err := r.make(namespace, size)
	if err != nil {
		return err
	}
	// Each has a folder of its own, as kubectl gives up on all when it fails on one.
	directory := filepath.Join(r.directory, namespace)
	var folders []string
	for _, o := range objects {
		folders = append(folders, filepath.Join(directory, o.name))
		if err := writeManifests(folders[len(folders)-1], []*object{o}); err != nil {
			return err
		}
	}
	if err := r.refresh(namespace, objects, func(o *object, live map[string]any) { o.live = live }); err != nil {
		return err
	}
	diff := func() (map[string]bool, error) {
		found := map[string]bool{}
		const step = 20
		for i := 0; i < len(folders); i += step {
			if err := r.kubectlDiff(controlplane, folders[i:min(i+step, len(folders))], namespace, found); err != nil {
				return nil, err
			}
		}
		return found, nil
	}
	before, err := diff()
	if err != nil {
		return err
	}
	quiet, err := r.bothModes(directory, namespace)
	if err != nil {
		return err
	}
	r.stats.rank()
	results := make([]*mutated, len(objects))
	err = inParallel(len(objects), func(i int) error {
		o := objects[i]
		o.g.Rand = newRand(r.seed, uint64(i), 5)
		o.g.serial = 5000
		var err error
		results[i], _, err = r.mutateOnce(o)
		return err
	})
	if err != nil {
		return err
	}
	live := map[*object]map[string]any{}
	if err := r.refresh(namespace, objects, func(o *object, now map[string]any) { live[o] = now }); err != nil {
		return err
	}
	after, err := diff()
	if err != nil {
		return err
	}
	loud, err := r.bothModes(directory, namespace)
	if err != nil {
		return err
	}
	rows := []string{
		"unchanged objects (every report is a false alarm)",
		"declared fields changed",
		"only undeclared fields changed",
		"only what is nobody's business changed",
		"changed where either answer is right",
	}
	var counts [5][4]int // row; objects, kubectl, default, strict
	for i, o := range objects {
		count := func(row int, kubectl map[string]bool, reports [2]*report) {
			counts[row][0]++
			if kubectl[kubectlName(o)] {
				counts[row][1]++
			}
			for mode, report := range reports {
				if report.of(o.kind.kind, o.namespace, o.name) != nil {
					counts[row][2+mode]++
				}
			}
		}
		count(0, before, quiet)
		if results[i] == nil {
			continue
		}
		found := map[due]bool{}
		byDefault := false
		for _, d := range compareObjects(o.kind.root, o.live, live[o], o.manifest, results[i].matching) {
			found[verdictOn(d, o.manifest, true)] = true
			byDefault = byDefault || verdictOn(d, o.manifest, false) == must
		}
		switch {
		case byDefault:
			count(1, after, loud)
		case found[must]:
			count(2, after, loud)
		case found[may]:
			count(4, after, loud)
		default:
			count(3, after, loud)
		}
	}
	fmt.Fprintf(w, "%-52s %8s %13s %13s %13s\n", "", "objects", "kubectl diff", "gitops-drift", "with --strict")
	for row, title := range rows {
		fmt.Fprintf(w, "%-52s %8d %13d %13d %13d\n", title, counts[row][0], counts[row][1], counts[row][2], counts[row][3])
	}
	return nil
}

// mutateOnce makes a single edit.
func (r *run) mutateOnce(o *object) (*mutated, []edit, error) {
	for range 20 {
		chosen := []edit{pickOne(o.g, edits(o.kind, o.live, o.manifest, r.unreachable))}
		body, m := cloneMap(o.live), matching{}
		if !chosen[0].apply(o.g, body, m) {
			continue
		}
		mendAfter(o.kind, body)
		a, err := r.replace(o, body, "somebody")
		if err != nil || a.accepted() {
			return &mutated{edits: chosen, matching: m}, nil, err
		}
	}
	return nil, nil, nil
}

func (r *run) bothModes(directory, namespace string) (reports [2]*report, err error) {
	for i, mode := range modes {
		if reports[i], err = r.tool.run(directory, namespace, mode.options...); err != nil {
			return
		}
	}
	return
}

var diffHeader = regexp.MustCompile(`(?m)^diff .*/(\S+)$`)

// kubectlDiff finds the objects that kubectl shows a difference of. Those that it
// cannot compare are named on standard error, and count as not found.
func (r *run) kubectlDiff(controlplane string, folders []string, namespace string, found map[string]bool) error {
	args := []string{"kubectl", "diff", "--kubeconfig", r.tool.kubeconfig, "-n", namespace}
	for _, folder := range folders {
		args = append(args, "-f", folder)
	}
	command := exec.Command(controlplane, args...)
	command.Env = append(os.Environ(), "KUBECTL_EXTERNAL_DIFF=diff -u -N")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if command.ProcessState.ExitCode() > 1 {
		if len(folders) == 1 {
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			fmt.Fprintf(os.Stderr, "kubectl diff fails on %s: %s\n", filepath.Base(folders[0]), first(lines[len(lines)-1], 200))
			return nil
		}
		for i := range folders {
			if err := r.kubectlDiff(controlplane, folders[i:i+1], namespace, found); err != nil {
				return err
			}
		}
		return nil
	}
	for _, match := range diffHeader.FindAllStringSubmatch(stdout.String(), -1) {
		found[match[1]] = true
	}
	return nil
}

// kubectlName is the name of the file that kubectl hands to diff.
func kubectlName(o *object) string {
	return strings.ReplaceAll(o.kind.apiVersion, "/", ".") + "." + o.kind.kind + "." + o.namespace + "." + o.name
}
