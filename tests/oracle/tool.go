package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
)

// tool is the program under test.
type tool struct {
	binary, kubeconfig string
}

// report is what the tool prints with --output json. Only what is judged is read.
type report struct {
	Resources []*resourceReport
	Skipped   []any
	Errors    []any
	Summary   map[string]int
	exit      int
	stderr    string
}

type resourceReport struct {
	Kind, Namespace, Name, Action, Reason string
	Fields                                []*fieldReport
	raw                                   json.RawMessage
}

type fieldReport struct {
	Path, Class   string
	Defaulted     bool
	Pointer       struct{ Desired, Live *string }
	Consequences  []string
	Desired, Live json.RawMessage
	LastWriter    *client
	CoOwners      []client
	desired       pointer // in the manifest
	live          pointer // in the object
}

func (r *resourceReport) UnmarshalJSON(text []byte) error {
	type bare resourceReport
	r.raw = append([]byte{}, text...)
	return json.Unmarshal(text, (*bare)(r))
}

func (t tool) run(directory, namespace string, options ...string) (*report, error) {
	args := append([]string{"-f", directory, "-n", namespace, "--once", "--output", "json", "--kubeconfig", t.kubeconfig}, options...)
	command := exec.Command(t.binary, args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	r := &report{exit: command.ProcessState.ExitCode(), stderr: stderr.String()}
	if err := json.Unmarshal(stdout.Bytes(), r); err != nil {
		return nil, fmt.Errorf("%v: exit %d, no report: %w\n%s\n%s", command.Args, r.exit, err, first(stdout.String(), 500), first(stderr.String(), 2000))
	}
	for _, resource := range r.Resources {
		for _, f := range resource.Fields {
			f.point()
		}
	}
	return r, nil
}

// point takes the places from the report as it was printed.
func (f *fieldReport) point() {
	f.desired, f.live = nowhere, nowhere
	if f.Pointer.Desired != nil {
		f.desired = pointer(*f.Pointer.Desired)
	}
	if f.Pointer.Live != nil {
		f.live = pointer(*f.Pointer.Live)
	}
}

func first(text string, n int) string {
	if len(text) > n {
		return text[:n] + "…"
	}
	return text
}

// of finds what the report says about an object, nil where it is in sync.
func (r *report) of(kind, namespace, name string) *resourceReport {
	for _, resource := range r.Resources {
		if resource.Kind == kind && resource.Name == name && resource.Namespace == namespace {
			return resource
		}
	}
	return nil
}
