// Types prints the tables of the types that gitops-drift knows, as one version
// of Kubernetes has them. It is a program of its own, because it is built in a
// fraction of the time that the control plane takes.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"gitops-drift/tests/controlplane/internal/typetable"
)

func main() {
	if err := typetable.Print(os.Stdout, kubernetes()); err != nil {
		fmt.Fprintln(os.Stderr, "types:", err)
		os.Exit(1)
	}
}

// kubernetes is the version of k8s.io/kubernetes that this program is built with.
func kubernetes() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "k8s.io/kubernetes" {
			return module.Version
		}
	}
	return "unknown"
}
