package main

import (
	"fmt"
	"io"

	"sigs.k8s.io/yaml"
)

// cover prints so many manifests that between them declare every field that the
// server stores, and one more for each field that it drops.
func (r *run) cover(wanted int, w io.Writer) error {
	var objects []*object
	for range 6 {
		namespace := fmt.Sprintf("cover-%d-%d", r.seed, r.batches)
		if err := r.makeNamespace(namespace); err != nil {
			return err
		}
		made, err := r.make(namespace, wanted)
		if err != nil {
			return err
		}
		objects = append(objects, made...)
		r.batches++
	}
	covered := map[string]bool{}
	chosen := map[*object]bool{}
	for {
		var best *object
		var most []string
		for _, o := range objects {
			if fresh := uncovered(o, covered); !chosen[o] && len(fresh) > len(most) {
				best, most = o, fresh
			}
		}
		if best == nil {
			break
		}
		chosen[best] = true
		for _, hint := range most {
			covered[hint] = true
		}
	}
	for i := 0; len(chosen) < wanted-len(r.exceptions); i++ {
		chosen[objects[i]] = true
	}
	var manifests []map[string]any
	for _, o := range objects {
		if chosen[o] {
			manifests = append(manifests, o.manifest)
		}
	}
	for _, e := range r.exceptions {
		if e.why == "dropped" {
			manifests = append(manifests, r.example(e, "dropped", "dropped").manifest)
		}
	}
	for i, manifest := range manifests {
		metadata := asMap(manifest["metadata"])
		delete(metadata, "namespace")
		metadata["name"] = fmt.Sprintf("case-%d", i)
		text, err := yaml.JSONToYAML(writeJSON(manifest))
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "---\n%s", text)
	}
	return nil
}

// uncovered lists the fields of Go types that an object declares and no other
// one so far.
func uncovered(o *object, covered map[string]bool) []string {
	seen := map[string]bool{}
	var fresh []string
	for _, p := range places(o.kind.root, o.manifest) {
		hint := p.node.hint
		if p.value != nil && !covered[hint] && !seen[hint] {
			seen[hint] = true
			fresh = append(fresh, hint)
		}
	}
	return fresh
}
