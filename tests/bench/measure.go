package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// command is one that is measured.
type command struct {
	name string
	// args begin with the program; KUBECONFIG is replaced by the path of one.
	args []string
	// beside is whether it is compared with the command before it.
	beside bool
	user   string
	// rounds are how often it is run.
	rounds int
	// userAgent is how its requests begin to call themselves.
	userAgent string
	// exits are the codes that it may end with.
	exits []int
	// check looks at what it printed. A figure of its own may replace the wall time.
	check func(stdout []byte, requests int) (time.Duration, error)
}

// sample is what one run took.
type sample struct {
	wall, cpu, server time.Duration
	rss               int64 // bytes
	requests          int
}

// Measured is what the process says that runs a command.
type Measured struct {
	Wall, CPU time.Duration
	RSS       int64
}

// execute runs a command, writes what it took into a file, and gives its exit code.
func execute(file string, args []string) (int, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	start := time.Now()
	if err := cmd.Run(); cmd.ProcessState == nil {
		return 1, err
	}
	own := Measured{
		Wall: time.Since(start),
		CPU:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		RSS:  cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * 1024,
	}
	text, err := json.Marshal(own)
	if err != nil {
		return 1, err
	}
	return cmd.ProcessState.ExitCode(), os.WriteFile(file, text, 0o644)
}

func (s *server) run(c command, kubeconfig string) (sample, error) {
	self, err := os.Executable()
	if err != nil {
		return sample{}, err
	}
	args := slices.Clone(c.args)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "KUBECONFIG", kubeconfig)
	}
	since, before := s.auditEnd(), s.cpu()
	// Through a small process, because what a process has in memory when it starts another counts as the other's.
	measured := filepath.Join(s.folder, "measured.json")
	cmd := exec.Command(self, append([]string{"exec", measured}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+s.folder) // kubectl's cache
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	failed := func(cause error) (sample, error) {
		return sample{}, fmt.Errorf("%s: %w: the figure is void\n%s", c.name, cause, stderr.String())
	}
	if cmd.ProcessState == nil || !slices.Contains(append(c.exits, 0), cmd.ProcessState.ExitCode()) {
		return failed(err)
	}
	text, err := os.ReadFile(measured)
	if err != nil {
		return failed(err)
	}
	var own Measured
	if err := json.Unmarshal(text, &own); err != nil {
		return failed(err)
	}
	result := sample{wall: own.Wall, cpu: own.CPU, rss: own.RSS}
	time.Sleep(30 * time.Millisecond) // the last lines of the audit log may still be on their way
	result.server = s.cpu() - before
	requests, err := s.audit(since, c.userAgent)
	if err != nil {
		return failed(err)
	}
	result.requests = len(requests)
	if len(requests) == 0 {
		return failed(fmt.Errorf("no request in the audit log"))
	}
	for _, r := range requests {
		if r.Verb != "get" && r.Verb != "list" && c.user == "reader" {
			return failed(fmt.Errorf("it asked to %s %s", r.Verb, r.URI))
		}
	}
	if c.check != nil {
		own, err := c.check(stdout.Bytes(), len(requests))
		if err != nil {
			return failed(err)
		}
		if own != 0 {
			result.wall = own
		}
	}
	return result, nil
}

// result is what all rounds of a command took.
type result struct {
	name    string
	beside  bool
	samples []sample
	bytes   int64
}

// inTurns runs the commands one after the other, round after round. A command
// takes part in as many rounds as it wants.
func (s *server) inTurns(commands []command) ([]result, error) {
	results := make([]result, len(commands))
	for i, c := range commands {
		results[i].name, results[i].beside = c.name, c.beside
		// Once for warming up; it also counts the bytes.
		t, kubeconfig, err := s.startTap(c.user)
		if err != nil {
			return nil, err
		}
		_, err = s.run(c, kubeconfig)
		t.listener.Close()
		if err != nil {
			return nil, err
		}
		results[i].bytes = t.received.Load()
	}
	most := slices.MaxFunc(commands, func(a, b command) int { return a.rounds - b.rounds }).rounds
	for round := range most {
		for i, c := range commands {
			if round >= c.rounds {
				continue
			}
			sample, err := s.run(c, s.kubeconfig(c.user))
			if err != nil {
				return nil, err
			}
			results[i].samples = append(results[i].samples, sample)
		}
	}
	return results, nil
}

func middle[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func (r result) median(of func(sample) time.Duration) time.Duration {
	var values []time.Duration
	for _, s := range r.samples {
		values = append(values, of(s))
	}
	return middle(values)
}

func (r result) requests() int {
	var values []int
	for _, s := range r.samples {
		values = append(values, s.requests)
	}
	return middle(values)
}

func (r result) least() time.Duration {
	return slices.MinFunc(r.samples, func(a, b sample) int { return int(a.wall - b.wall) }).wall
}

func (r result) rss() int64 {
	return slices.MaxFunc(r.samples, func(a, b sample) int { return int(a.rss - b.rss) }).rss
}

// ratio is the median of the ratios of each round's two runs, so that what else
// the machine does counts for both.
func ratio(of, to result, figure func(sample) int64) float64 {
	var values []float64
	for i := range min(len(of.samples), len(to.samples)) {
		values = append(values, float64(figure(of.samples[i]))/float64(figure(to.samples[i])))
	}
	return middle(values)
}

func wall(s sample) int64   { return int64(s.wall) }
func cpu(s sample) int64    { return int64(s.cpu) }
func memory(s sample) int64 { return s.rss }

// comparison writes one line for each command that was run beside the one
// before it: the figures of the latter divided by its own.
func comparison(results []result) string {
	text := ""
	for i, r := range results {
		if !r.beside {
			continue
		}
		if text == "" {
			text = "\n| beside the other build | wall | CPU | peak memory |\n|---|---|---|---|\n"
		}
		ours := results[i-1]
		text += fmt.Sprintf("| %s | %.3f | %.3f | %.3f |\n", ours.name, ratio(ours, r, wall), ratio(ours, r, cpu), ratio(ours, r, memory))
	}
	return text
}

const tableHead = `| | wall (least) | CPU | peak memory | requests | received | server's CPU | times the first |
|---|---|---|---|---|---|---|---|
`

// table writes one line for each command, compared with the first.
func table(results []result) string {
	text := tableHead
	for i, r := range results {
		compared := ""
		if i > 0 {
			compared = fmt.Sprintf("%.3g", ratio(r, results[0], wall))
		}
		text += fmt.Sprintf("| %s | %s (%s) | %s | %d MB | %d | %.1f MB | %s | %s |\n",
			r.name, seconds(r.median(func(s sample) time.Duration { return s.wall })), seconds(r.least()),
			seconds(r.median(func(s sample) time.Duration { return s.cpu })), r.rss()/1_000_000,
			r.requests(), float64(r.bytes)/1e6,
			seconds(r.median(func(s sample) time.Duration { return s.server })), compared)
	}
	return text
}

func seconds(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	default:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
}

// report is what of the tool's output says that it did its work.
type report struct {
	Resources []struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"resources"`
	Summary struct {
		Compared int `json:"compared"`
		Drifted  int `json:"drifted"`
		Errors   int `json:"errors"`
	} `json:"summary"`
}

// holds says whether a report compared as many and found just these.
func (r report) holds(compared int, drifted []object) error {
	s := r.Summary
	if s.Compared != compared || s.Drifted != len(drifted) || s.Errors != 0 {
		return fmt.Errorf("compared %d of %d, %d of %d drifted, %d errors",
			s.Compared, compared, s.Drifted, len(drifted), s.Errors)
	}
	found := map[string]bool{}
	for _, r := range r.Resources {
		found[r.Kind+"/"+r.Namespace+"/"+r.Name] = true
	}
	for _, o := range drifted {
		if !found[o.id()] {
			return fmt.Errorf("the change of %s was not found", o.id())
		}
	}
	return nil
}

func readReport(stdout []byte) (report, error) {
	var r report
	err := json.Unmarshal(stdout, &r)
	return r, err
}
