// Bench measures gitops-drift against a control plane, side by side with what
// else could be used, and with the least that any client needs.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

type bench struct {
	tool, controlPlane, kubectl []string
	// against is another build of the tool, run beside it; none if empty.
	against              string
	objects              int
	pairs, kubectlRounds int
	cycles               int
	folder               string
}

// cases are what can be measured, by name.
var cases = map[string]func(*bench) error{
	"sync":    (*bench).inSync,
	"drift":   (*bench).drift,
	"one":     (*bench).one,
	"foreign": (*bench).foreign,
	"growth":  (*bench).growth,
	"loop":    (*bench).loop,
	"hold":    (*bench).hold,
}

func main() {
	if len(os.Args) > 3 && os.Args[1] == "exec" {
		code, err := execute(os.Args[2], os.Args[3:])
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		}
		os.Exit(code)
	}
	b := &bench{}
	tool := flag.String("tool", "", "gitops-drift's `binary`")
	flag.StringVar(&b.against, "against", "", "another build's `binary`, run in turns with the tool")
	controlPlane := flag.String("controlplane", "", "the control plane's `binary`")
	flag.IntVar(&b.objects, "objects", 1000, "how many `objects` there are")
	flag.IntVar(&b.pairs, "pairs", 9, "`rounds` of the tool and the floor in turns")
	flag.IntVar(&b.kubectlRounds, "kubectl-rounds", 5, "`rounds` of kubectl diff")
	flag.IntVar(&b.cycles, "cycles", 120, "`cycles` of the loop, a second each")
	flag.Parse()
	if err := b.main(*tool, *controlPlane, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func (b *bench) main(tool, controlPlane string, names []string) error {
	b.tool, b.controlPlane = []string{tool}, []string{controlPlane}
	// Not the one on PATH: that may be of any version.
	b.kubectl = []string{controlPlane, "kubectl"}
	folder, err := os.MkdirTemp("", "gitops-drift-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	fmt.Printf("%d cores, %s, %s; the control plane's own kubectl: %s\n", runtime.NumCPU(), version(b.tool, "--version"),
		time.Now().UTC().Format(time.DateOnly), version(b.kubectl, "version", "--client"))
	for i, name := range names {
		run, ok := cases[name]
		if !ok {
			return fmt.Errorf("no case %q", name)
		}
		b.folder = filepath.Join(folder, fmt.Sprint(i))
		if err := run(b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func version(command []string, args ...string) string {
	output, _ := exec.Command(command[0], append(slices.Clone(command[1:]), args...)...).Output()
	line, _, _ := strings.Cut(string(output), "\n")
	return line
}

// scene is a server with objects in it, and manifests of them.
type scene struct {
	*server
	folder string
	// planted is what has drifted: a Deployment in the middle.
	planted []object
}

// setUp starts a server that has the wanted objects and the foreign ones, and
// writes manifests of those that are wanted, one of them changed.
func (b *bench) setUp(name string, wanted, foreign []object) (*scene, error) {
	folder := filepath.Join(b.folder, name)
	if err := write(filepath.Join(folder, "manifests"), wanted); err != nil {
		return nil, err
	}
	server, err := startServer(b.controlPlane[0], filepath.Join(folder, "server"))
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := server.create(append(slices.Clone(wanted), foreign...)); err != nil {
		server.stop()
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: %d objects created in %s\n", name, len(wanted)+len(foreign), seconds(time.Since(start)))
	s := &scene{server: server, folder: folder}
	if err := s.plant(wanted); err != nil {
		server.stop()
		return nil, err
	}
	return s, nil
}

// ours is the tool, on all manifests or on some.
func (b *bench) ours(s *scene, name, below string, compared int, drifted []object) command {
	return command{
		name: name,
		args: append(slices.Clone(b.tool), "--once", "--output=json", "--kubeconfig=KUBECONFIG",
			"--manifests="+filepath.Join(s.folder, "manifests", below)),
		user:      "reader",
		rounds:    b.pairs,
		userAgent: "gitops-drift/",
		check: func(stdout []byte, _ int) (time.Duration, error) {
			r, err := readReport(stdout)
			if err != nil {
				return 0, err
			}
			return 0, r.holds(compared, drifted)
		},
	}
}

// asText is the same command with the report as text.
func (c command) asText(drifted int) command {
	c.name += ", as text"
	c.args = append(slices.Clone(c.args), "--output=text")
	c.args = slices.DeleteFunc(c.args, func(arg string) bool { return arg == "--output=json" })
	c.check = func(stdout []byte, _ int) (time.Duration, error) {
		if total := fmt.Sprintf("Total: %d resource(s) drifted", drifted); !strings.Contains(string(stdout), total) {
			return 0, fmt.Errorf("the report does not say %q", total)
		}
		return 0, nil
	}
	return c
}

// besides are the commands, each of the tool's followed by the same one of the
// other build, if there is one.
func (b *bench) besides(commands []command) []command {
	var all []command
	for _, c := range commands {
		all = append(all, c)
		if b.against != "" && c.args[0] == b.tool[0] {
			c.name, c.args, c.beside = c.name+", other build", append([]string{b.against}, c.args[1:]...), true
			all = append(all, c)
		}
	}
	return all
}

// floor fetches and drops. Its wall time is its own, without the start of the process.
func (b *bench) floor(name string, args ...string) command {
	return command{
		name:      name,
		args:      append(append(slices.Clone(b.controlPlane), "floor", "--kubeconfig=KUBECONFIG"), args...),
		user:      "reader",
		rounds:    b.pairs,
		userAgent: "Go-http-client",
		check: func(stdout []byte, requests int) (time.Duration, error) {
			var own struct {
				Seconds  float64 `json:"seconds"`
				Requests int     `json:"requests"`
			}
			if err := json.Unmarshal(stdout, &own); err != nil {
				return 0, err
			}
			if own.Requests != requests {
				return 0, fmt.Errorf("%d requests, %d in the audit log", own.Requests, requests)
			}
			return time.Duration(own.Seconds * 1e9), nil
		},
	}
}

func (b *bench) kubectlCommand(name string, exits []int, args ...string) command {
	return command{
		name:      name,
		args:      append(append(slices.Clone(b.kubectl), "--kubeconfig=KUBECONFIG"), args...),
		user:      "admin",
		rounds:    b.kubectlRounds,
		userAgent: "kubectl",
		exits:     exits,
	}
}

// plant makes one of the objects drift.
func (s *scene) plant(wanted []object) error {
	var some []object
	for _, o := range wanted {
		if o.kind == "Deployment" {
			some = append(some, o)
		}
	}
	o := some[len(some)/2]
	s.planted = []object{o}
	o.change()
	return write(filepath.Join(s.folder, "manifests"), s.planted)
}

// hold fills a control plane for whoever wants to profile a run, until standard input ends.
func (b *bench) hold() error {
	s, err := b.setUp("hold", objects(b.objects), nil)
	if err != nil {
		return err
	}
	defer s.stop()
	command := b.ours(s, "", "", 0, nil)
	fmt.Println(strings.ReplaceAll(strings.Join(command.args, " "), "KUBECONFIG", s.kubeconfig(command.user)))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// inSync compares objects of which a single one has drifted.
func (b *bench) inSync() error {
	s, err := b.setUp("sync", objects(b.objects), nil)
	if err != nil {
		return err
	}
	defer s.stop()
	commands := []command{
		b.ours(s, "gitops-drift", "", b.objects, s.planted),
		b.floor("floor: LIST, read and drop"),
	}
	if b.objects <= 1000 && b.kubectlRounds > 0 {
		manifests := filepath.Join(s.folder, "manifests")
		for _, concurrency := range []string{"1", "8"} {
			c := b.kubectlCommand("kubectl diff --concurrency="+concurrency, []int{1},
				"diff", "--recursive", "--concurrency="+concurrency, "--filename="+manifests)
			c.check = func(stdout []byte, _ int) (time.Duration, error) {
				if strings.Count(string(stdout), "\n+++ ") != 1 || !strings.Contains(string(stdout), "-changed") {
					return 0, fmt.Errorf("it did not find the one change:\n%s", stdout)
				}
				return 0, nil
			}
			commands = append(commands, c)
		}
	}
	return b.show(s, fmt.Sprintf("%d objects, one of them drifted", b.objects), commands)
}

func (b *bench) show(s *scene, title string, commands []command) error {
	results, err := s.inTurns(b.besides(commands))
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n\n%s", title, table(results))
	fmt.Print(comparison(results))
	return nil
}

// drift compares objects of which one, each hundredth and each has drifted.
func (b *bench) drift() error {
	s, err := b.setUp("drift", objects(b.objects), nil)
	if err != nil {
		return err
	}
	defer s.stop()
	var commands []command
	for _, state := range []struct {
		name, folder string
		each         int
	}{
		{"one drifted", "one", b.objects},
		{"each hundredth drifted", "some", 100},
		{"all drifted", "all", 1},
	} {
		all := objects(b.objects)
		var drifted []object
		for i, o := range all {
			if i%state.each == state.each/2 {
				o.change()
				drifted = append(drifted, o)
			}
		}
		below := filepath.Join("..", state.folder)
		if err := write(filepath.Join(s.folder, "manifests", below), all); err != nil {
			return err
		}
		ours := b.ours(s, state.name, below, b.objects, drifted)
		commands = append(commands, ours)
		if state.each == 1 {
			commands = append(commands, ours.asText(len(drifted)))
		}
	}
	commands = append(commands, b.floor("floor: LIST, read and drop"))
	return b.show(s, fmt.Sprintf("%d objects, more and more of them drifted", b.objects), commands)
}

// one compares a single Deployment, where there are many.
func (b *bench) one() error {
	s, err := b.setUp("one", objects(b.objects), nil)
	if err != nil {
		return err
	}
	defer s.stop()
	o := s.planted[0]
	file := filepath.Join(o.namespace, "deployment-"+o.name+".yaml")
	get := b.kubectlCommand("kubectl get deployment NAME -o json", nil,
		"get", "deployment", o.name, "--namespace="+o.namespace, "--output=json")
	get.check = func(stdout []byte, _ int) (time.Duration, error) {
		if !strings.Contains(string(stdout), o.name) {
			return 0, fmt.Errorf("it printed something else")
		}
		return 0, nil
	}
	commands := []command{
		b.ours(s, "gitops-drift", file, 1, s.planted),
		get,
		b.floor("floor: GET, read and drop", "--get="+o.id()),
	}
	for i := range commands {
		commands[i].rounds = 2*b.pairs + 1
	}
	return b.show(s, "one Deployment", commands)
}

// foreign compares few objects whose namespaces have many others.
func (b *bench) foreign() error {
	const wantedCount, foreignCount, spaces = 100, 20_000, 10
	var wanted, foreign []object
	var ids strings.Builder
	for i := range spaces {
		foreign = append(foreign, namespace(spaceName(i)))
	}
	for i := range wantedCount {
		o := deployment(spaceName(i%spaces), i)
		if i%2 == 1 {
			o = configMap(spaceName(i%spaces), fmt.Sprintf("settings-%05d", i), i)
		}
		wanted = append(wanted, o)
		fmt.Fprintln(&ids, o.id())
	}
	for i := range foreignCount {
		space := spaceName(i % spaces)
		if i%20 == 0 {
			foreign = append(foreign, deployment(space, wantedCount+i))
		} else {
			foreign = append(foreign, configMap(space, fmt.Sprintf("foreign-%05d", i), i))
		}
	}
	s, err := b.setUp("foreign", wanted, foreign)
	if err != nil {
		return err
	}
	defer s.stop()
	gets := filepath.Join(s.folder, "gets")
	if err := os.WriteFile(gets, []byte(ids.String()), 0o644); err != nil {
		return err
	}
	commands := []command{
		b.ours(s, "gitops-drift", "", wantedCount, s.planted),
		b.floor("floor: 100 GETs", "--gets-file="+gets),
		b.floor("LIST of all, read and drop"),
	}
	title := fmt.Sprintf("%d objects among %d others in the same %d namespaces", wantedCount, foreignCount, spaces)
	return b.show(s, title, commands)
}

// growth compares more and more objects, each number on a server of its own.
func (b *bench) growth() error {
	fmt.Printf("\nmore and more objects, one of them drifted\n\n%s",
		strings.Replace(tableHead, "| |", "| objects |", 1))
	for _, n := range []int{100, 300, 1000, 3000, 10_000, 30_000} {
		s, err := b.setUp(fmt.Sprintf("growth-%d", n), objects(n), nil)
		if err != nil {
			return err
		}
		commands := []command{
			b.ours(s, fmt.Sprint(n), "", n, s.planted),
			b.floor(fmt.Sprintf("%d, floor", n)),
		}
		results, err := s.inTurns(commands)
		s.stop()
		if err != nil {
			return err
		}
		fmt.Print(strings.TrimPrefix(table(results), tableHead))
	}
	return nil
}
