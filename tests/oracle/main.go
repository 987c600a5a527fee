// Oracle proves gitops-drift against the API server itself: it makes random
// manifests, changes the objects made from them, and holds what the tool says
// against what the server says. README.md tells how.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	r := &run{}
	kubeconfig := flag.String("kubeconfig", "", "of the server under test, with all rights")
	binary := flag.String("tool", "", "the gitops-drift to test")
	flag.IntVar(&r.wanted.objects, "objects", 100, "how many objects to make")
	flag.IntVar(&r.wanted.mutations, "mutations", 1000, "how many changes to make to them")
	flag.Uint64Var(&r.seed, "seed", 1, "the same seed makes the same objects and changes")
	flag.BoolVar(&r.repair, "repair", false, "let the tool repair what was changed, too")
	flag.StringVar(&r.directory, "dir", "", "folder for manifests and failures")
	controlplane := flag.String("controlplane", "", "the binary with kubectl in it")
	versus := flag.Int("versus-kubectl", 0, "only compare the tool with kubectl diff on so many objects")
	cover := flag.Int("cover", 0, "only print so many manifests that between them declare every field")
	flag.Parse()
	failed, err := r.main(*kubeconfig, *binary, *controlplane, *versus, *cover)
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(2)
	}
	if failed {
		os.Exit(1)
	}
}

func (r *run) main(kubeconfig, binary, controlplane string, versus, cover int) (failed bool, err error) {
	if r.server, err = connect(kubeconfig); err != nil {
		return
	}
	r.tool = tool{binary, kubeconfig}
	if r.schemas, err = loadSchemas(r.server); err != nil {
		return
	}
	if r.minor, err = r.server.minor(); err != nil {
		return
	}
	if r.exceptions, err = loadExceptions(r.schemas, r.minor); err != nil {
		return
	}
	log, err := os.Create(filepath.Join(r.directory, "failures.txt"))
	if err != nil {
		return
	}
	defer log.Close()
	r.stats = newStatistics(log)
	if cover > 0 {
		r.tidy = true
		return false, r.cover(cover, os.Stdout)
	}
	if versus > 0 {
		r.tidy = true
		return false, r.versus(controlplane, versus, os.Stdout)
	}
	err = r.all()
	r.stats.print(os.Stdout, r)
	if r.stats.failed() > 0 {
		fmt.Fprintln(os.Stderr, "oracle: the failures are in", log.Name())
	}
	return r.stats.failed() > 0, err
}
