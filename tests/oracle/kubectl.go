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
	directory := filepath.Join(r.directory, namespace)
	if err := writeManifests(directory, objects); err != nil {
		return err
	}
	if err := r.refresh(namespace, objects, func(o *object, live map[string]any) { o.live = live }); err != nil {
		return err
	}
	diff := func() (map[string]bool, error) { return r.kubectlDiff(controlplane, directory, namespace) }
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
		a, err := r.replace(o, body)
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

// kubectlDiff gives the objects that kubectl shows a difference of.
func (r *run) kubectlDiff(controlplane, directory, namespace string) (map[string]bool, error) {
	command := exec.Command(controlplane, "kubectl", "diff", "--kubeconfig", r.tool.kubeconfig, "-n", namespace, "-R", "-f", directory)
	command.Env = append(os.Environ(), "KUBECTL_EXTERNAL_DIFF=diff -u -N")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	// It goes on after an object that it cannot compare.
	for _, line := range strings.Split(stderr.String(), "\n") {
		if strings.HasPrefix(line, "error:") || strings.HasPrefix(line, "The ") {
			fmt.Fprintln(os.Stderr, "kubectl diff:", first(line, 200))
		}
	}
	found := map[string]bool{}
	for _, match := range diffHeader.FindAllStringSubmatch(stdout.String(), -1) {
		found[match[1]] = true
	}
	return found, nil
}

// kubectlName is the name of the file that kubectl hands to diff.
func kubectlName(o *object) string {
	return strings.ReplaceAll(o.kind.apiVersion, "/", ".") + "." + o.kind.kind + "." + o.namespace + "." + o.name
}
