// Controlplane is a Kubernetes control plane in one program, for the tests and
// benchmarks of gitops-drift: a server to test against, a kubectl and the
// controllers of the same version, and what only Kubernetes' own code can tell.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"

	"gitops-drift/tests/controlplane/internal/floor"
	"gitops-drift/tests/controlplane/internal/lifetime"
	"gitops-drift/tests/controlplane/internal/readyaml"
	"gitops-drift/tests/controlplane/internal/serve"
	"gitops-drift/tests/controlplane/internal/typetable"
)

const usage = `usage: controlplane COMMAND [ARGUMENTS]

  serve               run etcd and kube-apiserver
  controller-manager  run kube-controller-manager
  kubectl             run kubectl
  types               print the tables of the types that gitops-drift knows
  read-yaml           read manifests as kubectl does
  floor               time the fetching of objects
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	stderr := os.Stderr // serve points it elsewhere
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintf(stderr, "controlplane %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(command string, args []string) error {
	switch command {
	case "serve":
		return serve.Command(args)
	case "controller-manager":
		os.Exit(runControllerManager(args))
	case "kubectl":
		runKubectl(args)
	case "types":
		return typetable.Print(os.Stdout, version.Get().GitVersion)
	case "read-yaml":
		return readYAML(args)
	case "floor":
		return floor.Command(args)
	case "help", "-h", "--help":
		fmt.Print(usage)
	default:
		return fmt.Errorf("no such command\n\n%s", usage)
	}
	return nil
}

// runControllerManager passes args on. What stands before a "--" says what it
// must not outlive.
func runControllerManager(args []string) int {
	for i, arg := range args {
		if arg == "--" {
			var ties lifetime.Ties
			fs := flag.NewFlagSet("controller-manager", flag.ExitOnError)
			ties.AddFlags(fs)
			fs.Parse(args[:i])
			ties.Watch(func() { os.Exit(0) })
			args = args[i+1:]
			break
		}
	}
	manager := controllermanager.NewControllerManagerCommand()
	manager.SetArgs(args)
	return cli.Run(manager)
}

// runKubectl does what kubectl's own main does. kubectl looks at os.Args while
// it is built.
func runKubectl(args []string) {
	os.Args = append([]string{"kubectl"}, args...)
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}

func readYAML(args []string) error {
	fs := flag.NewFlagSet("read-yaml", flag.ExitOnError)
	batch := fs.Bool("batch", false, "read many files from standard input, each after a line with its length")
	fs.Parse(args)
	if *batch {
		return readyaml.Batch(os.Stdin, os.Stdout)
	}
	file, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	return readyaml.Write(os.Stdout, readyaml.Read(bytes.NewReader(file)))
}
